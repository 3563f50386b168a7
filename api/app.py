"""The node as a Starlette application."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.auth import Members
from api.execution import Executor, clock
from api.explorer.asking import Desk
from api.explorer.routes import explorer_routes
from api.explorer.site import Site
from api.following import following
from api.graphiql import GRAPHIQL
from api.observing.metrics import Metrics
from api.observing.middleware import Observed
from api.observing.routes import routes
from api.observing.state import Probes
from api.observing.statements import Watched, watch
from api.observing.traces import Traces, traces
from api.publishing import publishing
from api.reads.stores import store
from api.retaining import retaining
from api.schema.build import sdl
from api.tiles import log_routes
from api.transport import GraphQL, Straight
from api.witnessing import witness_routes
from governance.database import Database
from governance.settings import Settings, read_settings


def create_app(
    settings: Settings | None = None,
    *,
    now: Callable[[], datetime] = clock,
    spans: Traces | None = None,
) -> Starlette:
    """The application of a node. Settings are read from the environment where none are given."""
    settings = settings or read_settings()
    keys = settings.keys()
    sequencer = settings.sequencer()
    database = Database(settings.database_url, sequencer)
    watch(database.engine)
    reads = Watched(store(settings.database_url, settings.connections, settings.statement_seconds))
    executor = Executor(settings, database, reads, keys, now)
    members, site = Members(database, reads, now), Site(Desk(executor))
    metrics, probes, spans = Metrics(), Probes(settings.database_url), spans or traces(settings)
    metrics.watch("documents", lambda: executor.documents.kept)
    metrics.watch("plans", lambda: executor.reader.planner.plans)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await reads.open()
        await executor.quotas.write()
        try:
            async with anyio.create_task_group() as keeping:
                keeping.start_soon(retaining, database, now)
                keeping.start_soon(following, database, settings, now)
                if settings.witnesses:
                    keeping.start_soon(publishing, database, settings)
                keeping.start_soon(executor.quotas.keep)
                yield
                keeping.cancel_scope.cancel()  # and waits for their threads
        finally:
            await executor.quotas.write()
            await reads.close()
            await members.close()
            database.close()
            probes.close()
            if spans is not None:
                spans.close()

    async def schema(request: Request) -> Response:
        return PlainTextResponse(sdl(), media_type="application/graphql; charset=utf-8")

    graphql = Route("/graphql", GraphQL(executor, members, settings.max_body_bytes))
    app = Starlette(
        routes=[
            graphql,
            Route("/schema.graphql", schema),
            *routes(settings, metrics, probes, now),
            *GRAPHIQL,
            *explorer_routes(site),
            *log_routes(database, sequencer),
            *witness_routes(database, settings.cosigner(), executor.rates, now),
        ],
        middleware=[Middleware(Observed, metrics, spans), Middleware(Straight, graphql)],
        exception_handlers={404: site.absent},
        lifespan=lifespan,
    )
    app.state.executor = executor
    return app

"""The node as a Starlette application."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from api.auth import Members
from api.downloads import download_routes
from api.execution import Executor, clock
from api.explorer.asking import Desk
from api.explorer.routes import explorer_routes
from api.explorer.site import Site, compile_all
from api.exporting import exporting, own_folder
from api.express import EXPRESS, PATH, Express
from api.following import following
from api.graphiql import GRAPHIQL
from api.observing.feeds import Followed
from api.observing.metrics import Metrics
from api.observing.middleware import Observed
from api.observing.operations import Operations
from api.observing.routes import routes
from api.observing.state import Probes
from api.observing.statements import Watched, watch
from api.observing.traces import Traces, traces
from api.peering import peer_routes
from api.publishing import publishing
from api.push.delivering import delivering
from api.push.management import stream_routes
from api.push.polling import poll_routes
from api.push.transmitters import Transmitter
from api.reads.stores import store
from api.reporting import report_routes
from api.research.links import selection_routes
from api.research.making import selecting
from api.retaining import retaining
from api.schema.build import sdl
from api.subscriptions.feeds import Feed
from api.subscriptions.heads import Head
from api.subscriptions.seats import Seats
from api.subscriptions.sockets import Sockets
from api.subscriptions.wakes import wakes
from api.subscriptions.wires import DROPPED, STOP
from api.tallying import tallying
from api.tiles import log_routes
from api.transport import GraphQL, Straight
from api.witnessing import witness_routes
from governance.database import Database
from governance.settings import Settings, read_settings


class Node(Starlette):
    """An application whose first endpoint stands before all else, and around which one middleware
    stands: it answers what went wrong, so none of Starlette's own has to."""

    def __init__(
        self, straight: Route, around: Callable[[ASGIApp], ASGIApp], **options: Any
    ) -> None:
        self._straight, self._around = straight, around
        super().__init__(**options)

    def build_middleware_stack(self) -> ASGIApp:
        routed = ExceptionMiddleware(self.router, handlers=self.exception_handlers)
        return self._around(Straight(routed, self._straight))


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
    members, desk = Members(database, reads, now), Desk(executor)
    site = Site(desk)
    metrics, probes, spans = Metrics(), Probes(settings.database_url), spans or traces(settings)
    feed = Feed(executor, reads, wakes(settings.database_url), now)
    seats = Seats(members=settings.streams_of_member, public=settings.streams_of_public)
    followed = Followed(metrics)
    metrics.watch("documents", lambda: executor.documents.kept)
    metrics.watch("plans", lambda: executor.reader.planner.plans)

    folder = own_folder(settings.export_folder) if settings.export_folder else None

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        await reads.open()
        await executor.quotas.write()
        try:
            async with anyio.create_task_group() as keeping:
                keeping.start_soon(anyio.to_thread.run_sync, compile_all)
                keeping.start_soon(retaining, database, now)
                keeping.start_soon(tallying, database, now)
                keeping.start_soon(following, database, settings, now)
                if folder is not None:
                    keeping.start_soon(exporting, database, sequencer, folder, now)
                keeping.start_soon(selecting, database, settings, now)
                keeping.start_soon(delivering, executor, database, settings, feed.head, now)
                if settings.witnesses:
                    keeping.start_soon(publishing, database, settings)
                keeping.start_soon(executor.quotas.keep)
                keeping.start_soon(feed.keep)
                yield {STOP: feed.stop, DROPPED: followed.dropped, **express}
                keeping.cancel_scope.cancel()  # and waits for their threads
        finally:
            await executor.quotas.write()
            await feed.close()
            await reads.close()
            await members.close()
            database.close()
            probes.close()
            if spans is not None:
                spans.close()

    async def schema(request: Request) -> Response:
        return PlainTextResponse(sdl(), media_type="application/graphql; charset=utf-8")

    most_bytes, express = settings.max_body_bytes, {}
    if spans is None:
        express[EXPRESS] = Express(executor, members, metrics, most_bytes)
    graphql = Route(PATH, GraphQL(executor, members, feed, seats, followed, most_bytes))
    operations = Operations(metrics, spans, PATH)
    sockets = Sockets(executor, members, feed, seats, followed, operations)
    app = Node(
        graphql,
        lambda app: Observed(app, metrics, spans),
        routes=[
            graphql,
            WebSocketRoute(PATH, sockets),
            Route("/schema.graphql", schema),
            *routes(settings, metrics, probes, now),
            *GRAPHIQL,
            *explorer_routes(site, keys, members),
            *log_routes(database, sequencer, feed.head),
            *selection_routes(database, keys, executor.rates, settings.selection_path, now),
            *download_routes(settings.export_folder),
            *report_routes(database, executor.rates, now),
            *peer_routes(database, sequencer, members, executor.rates, now),
            *_token_routes(executor, database, members, feed.head, settings),
            *witness_routes(database, settings.cosigner(), executor.rates, now),
        ],
        exception_handlers={404: site.absent, 405: site.unmoved},
        lifespan=lifespan,
    )
    app.state.executor, app.state.feed, app.state.desk = executor, feed, desk
    return app


def _token_routes(
    executor: Executor, database: Database, members: Members, head: Head, settings: Settings
) -> list[Route]:
    """Streams of security event tokens; none where the node has no address or no keys for them."""
    tokens = settings.token_keys()
    if tokens is None or not settings.public_url:
        return []
    transmitter = Transmitter(executor, database, members, head, settings, tokens)
    return [*stream_routes(transmitter), *poll_routes(transmitter, settings)]

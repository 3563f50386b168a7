"""The node as a Starlette application."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp

from api.auth import Members
from api.core import Core
from api.downloads import download_routes
from api.execution import Executor, clock
from api.explorer.routes import passed, personal_routes, public_routes
from api.explorer.site import Site, compile_all
from api.explorer.statics import Statics
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
from api.observing.traces import Traces, traces
from api.peering import peer_routes
from api.publishing import publishing
from api.push.delivering import delivering
from api.push.management import stream_routes
from api.push.polling import poll_routes
from api.push.transmitters import Transmitter
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


class Plain(Starlette):
    """An application around which whoever asks it answers what went wrong, so that none of
    Starlette's own has to."""

    def build_middleware_stack(self) -> ASGIApp:
        return ExceptionMiddleware(self.router, handlers=self.exception_handlers)


class Node(Plain):
    """An application whose first endpoint stands before all else, and around which one middleware
    stands."""

    def __init__(
        self, straight: Route, around: Callable[[ASGIApp], ASGIApp], **options: Any
    ) -> None:
        self._straight, self._around = straight, around
        super().__init__(**options)

    def build_middleware_stack(self) -> ASGIApp:
        return self._around(Straight(super().build_middleware_stack(), self._straight))


def create_app(
    settings: Settings | None = None,
    *,
    now: Callable[[], datetime] = clock,
    spans: Traces | None = None,
    pages: str | None = None,
) -> Starlette:
    """The application of a node. Settings are read from the environment where none are given, and
    `pages` is the socket of the process that makes those, where it is another one."""
    settings = settings or read_settings()
    core = Core(settings, now)
    database, sequencer, executor = core.database, core.sequencer, core.executor
    members = Members(database, core.reads, now)
    metrics, probes, spans = Metrics(), Probes(settings.database_url), spans or traces(settings)
    feed = Feed(executor, core.reads, wakes(settings.database_url), now)
    seats = Seats(members=settings.streams_of_member, public=settings.streams_of_public)
    followed = Followed(metrics)
    metrics.watch("documents", lambda: executor.documents.kept)
    metrics.watch("plans", lambda: executor.reader.planner.plans)
    metrics.watch("pieces", lambda: executor.reader.planner.pieces)

    folder = own_folder(settings.export_folder) if settings.export_folder else None

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with core.opened():
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
                await members.close()
                probes.close()
                if spans is not None:
                    spans.close()

    async def schema(request: Request) -> Response:
        return PlainTextResponse(sdl(), media_type="application/graphql; charset=utf-8")

    public = public_routes(core.site)
    if pages is not None:
        public = passed(public, pages, core.site)
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
            *public,
            *personal_routes(core.site, core.keys, members),
            Mount("/static", Statics()),
            *log_routes(database, sequencer, feed.head),
            *selection_routes(database, core.keys, executor.rates, settings.selection_path, now),
            *download_routes(settings.export_folder),
            *report_routes(database, executor.rates, now),
            *peer_routes(database, sequencer, members, executor.rates, now),
            *_token_routes(executor, database, members, feed.head, settings),
            *witness_routes(database, settings.cosigner(), executor.rates, now),
        ],
        exception_handlers=_problems(core.site),
        lifespan=lifespan,
    )
    app.state.executor, app.state.feed, app.state.desk = executor, feed, core.desk
    return app


def create_pages() -> Starlette:
    """The application of a process that makes public pages and nothing else. It writes nothing,
    since others would wait for it to end that while they keep the processor from it."""
    core = Core(read_settings(), clock)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with core.opened():
            await anyio.to_thread.run_sync(compile_all)
            yield

    return Plain(
        routes=public_routes(core.site),
        exception_handlers=_problems(core.site),
        lifespan=lifespan,
    )


def _problems(site: Site) -> Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    return {404: site.absent, 405: site.unmoved}


def _token_routes(
    executor: Executor, database: Database, members: Members, head: Head, settings: Settings
) -> list[Route]:
    """Streams of security event tokens; none where the node has no address or no keys for them."""
    tokens = settings.token_keys()
    if tokens is None or not settings.public_url:
        return []
    transmitter = Transmitter(executor, database, members, head, settings, tokens)
    return [*stream_routes(transmitter), *poll_routes(transmitter, settings)]

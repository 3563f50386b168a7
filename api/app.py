"""The node as a Starlette application."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.auth import Members
from api.execution import Executor, clock
from api.home import HOME, HOME_HEADERS
from api.reads.stores import store
from api.schema.build import sdl
from api.transport import GraphQL
from governance.database import Database
from governance.migrations import is_current
from governance.settings import Settings, read_settings


def create_app(
    settings: Settings | None = None, *, now: Callable[[], datetime] = clock
) -> Starlette:
    """The application of a node. Settings are read from the environment where none are given."""
    settings = settings or read_settings()
    keys = settings.keys()
    database = Database(settings.database_url)
    reads = store(settings.database_url, settings.connections)
    executor = Executor(settings, database, reads, keys, now)
    members = Members(database, reads, now)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await reads.open()
        try:
            yield
        finally:
            await reads.close()
            await members.close()
            database.close()

    async def ready(request: Request) -> Response:
        """200 once the node can serve: database reached, migrations done."""
        try:
            is_ready = await anyio.to_thread.run_sync(is_current, database)
        except Exception:
            is_ready = False
        status = 200 if is_ready else 503
        return JSONResponse({"status": "ready" if is_ready else "unavailable"}, status)

    async def schema(request: Request) -> Response:
        return PlainTextResponse(sdl(), media_type="application/graphql; charset=utf-8")

    async def home(request: Request) -> Response:
        return HTMLResponse(HOME, headers=HOME_HEADERS)

    app = Starlette(
        routes=[
            Route("/", home),
            Route(
                "/graphql",
                GraphQL(executor, members, settings.max_body_bytes).answer,
                methods=["GET", "POST", "PUT", "DELETE", "PATCH"],
            ),
            Route("/schema.graphql", schema),
            Route("/health/ready", ready),
        ],
        lifespan=lifespan,
    )
    app.state.executor = executor
    return app

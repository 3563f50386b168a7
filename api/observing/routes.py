"""Health, for whoever starts and stops nodes, and figures, for Prometheus."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from hmac import compare_digest
from ipaddress import ip_address

import anyio.to_thread
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.observing.metrics import Metrics
from api.observing.state import Probes, printed, read_state
from governance.migrations import is_current
from governance.settings import Settings

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def routes(
    settings: Settings, metrics: Metrics, probes: Probes, now: Callable[[], datetime]
) -> list[Route]:
    """What isn't for the callers of the node but for its operator."""

    async def live(request: Request) -> Response:
        """200 while this process answers; asks nothing of the database."""
        return JSONResponse({"status": "live"})

    async def ready(request: Request) -> Response:
        """200 once the node can serve: database reached, migrations done."""
        if await probes.ask(is_current):
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "unavailable"}, 503)

    async def figures(request: Request) -> Response:
        """The figures of all workers. To others than the operator there is no such page."""
        if not _may_scrape(request, settings.metrics_token):
            return PlainTextResponse("Not Found", 404)
        instant = now()
        state = await probes.ask(partial(read_state, now=instant))
        counted = await anyio.to_thread.run_sync(metrics.printed)
        return Response(counted + printed(state, instant), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", figures),
    ]


def _may_scrape(request: Request, token: str) -> bool:
    """With a token set, whoever brings it; else this machine, unless it asks for somebody."""
    if token:
        given = request.headers.get("authorization", "")
        return compare_digest(given.encode(), f"Bearer {token}".encode())
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False

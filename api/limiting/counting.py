"""Requests that GraphQL doesn't count: of other routes, by credential, or else by address."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import ip_address, ip_network

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from api.auth import Members
from api.limiting.rates import LimitRefused, Rates, refused_headers
from governance.errors import Unauthenticated
from governance.membership import Actor

Endpoint = Callable[[Request], Awaitable[Response]]


def address_of(connection: HTTPConnection) -> str:
    """Whose budget the requests of somebody without a credential are counted in."""
    return network_of(connection.client.host if connection.client else "")


@lru_cache(1_024)
def network_of(host: str) -> str:
    """Whose budget an address is: of IPv6 the whole network that one customer has (RFC 6177)."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((host, 64), strict=False)) if address.version == 6 else host


async def counted_member(request: Request, members: Members, rates: Rates) -> Actor | None:
    """Who asks, counted; wrong credentials are counted by address. LimitRefused beyond the limit,
    Unauthenticated where a credential isn't live."""
    given = request.headers.get("authorization")
    try:
        actor = await members.actor(given.encode("latin-1") if given else None)
    except Unauthenticated:
        rates.request(address_of(request), is_member=False)
        raise
    caller = actor.token_id if actor else address_of(request)
    rates.request(caller, is_member=actor is not None)
    return actor


def counted(rates: Rates, handle: Endpoint) -> Endpoint:
    """A public route whose requests are counted by address."""

    async def answer(request: Request) -> Response:
        try:
            rates.request(address_of(request), is_member=False)
        except LimitRefused as limit:
            return too_many(limit)
        return await handle(request)

    return answer


def too_many(limit: LimitRefused) -> Response:
    """What is told in words where there are no errors of GraphQL."""
    return PlainTextResponse(f"{limit.message}\n", 429, refused_headers(limit))

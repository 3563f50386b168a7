"""What every route of a transmitter of security event tokens shares: who asks, of which issuer, and
how a refusal is told."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from sqlmodel import Session, col, select
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from api import threads
from api.auth import Members
from api.bodies import BadRequest, body_of
from api.execution import Executor
from api.limiting.counting import counted_member
from api.limiting.rates import LimitRefused, refused_headers
from api.outward import Outside
from api.subscriptions.heads import Head
from api.threads import Found
from governance.database import Database
from governance.errors import Busy, InvalidInput, NotFound, RefusalCode, Refused, Unauthenticated
from governance.membership import Actor
from governance.peers import followed_platforms
from governance.platforms import Platform
from governance.settings import Keys, Settings
from governance.tokens import TokenKeys

LARGEST_REQUEST = 64 * 1024  # bytes
STATUSES = {429: "too_many_requests", 401: "authentication_failed", 403: "access_denied"}
_STATUSES = {
    RefusalCode.FORBIDDEN: 403,
    RefusalCode.NOT_FOUND: 404,
    RefusalCode.CONFLICT: 409,
}
Handler = Callable[["Call"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks, of which issuer, with what."""

    actor: Actor
    issuer: Platform
    body: bytes
    stream_id: str | None


class Transmitter:
    """What the routes share."""

    def __init__(
        self,
        executor: Executor,
        database: Database,
        members: Members,
        head: Head,
        settings: Settings,
        tokens: TokenKeys,
    ) -> None:
        self.executor, self.database, self.base = executor, database, settings.public_url
        self.keys: Keys = settings.keys()
        self.tokens, self.outside = tokens, Outside(settings)
        self._members, self.head = members, head

    def now(self) -> datetime:
        return self.executor.now()

    async def issuer(self, domain: str) -> Platform:
        # Nothing is issued in the name of a platform that another node speaks for.
        is_own = col(Platform.id).not_in(followed_platforms())
        query = select(Platform).where(Platform.domain == domain, is_own)
        found = await self.reading(lambda session: session.exec(query).first())
        if found is None:
            raise NotFound("no platform of this domain on this node")
        return found

    async def reading(self, question: Callable[[Session], Found]) -> Found:
        return await threads.reading(self.database, question)

    async def writing(self, change: Callable[[Session], Found]) -> Found:
        return await threads.writing(self.database, change)

    def endpoint(self, handle: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A route: who asks is known and counted, and what was refused is told as JSON."""

        async def answer(request: Request) -> Response:
            try:
                return await handle(await self._call(request))
            except Refused as refused:
                return refused_as(refused)
            except BadRequest as bad:
                return told(bad.status, "invalid_request", bad.message)
            except LimitRefused as limit:
                return told(429, STATUSES[429], limit.message, refused_headers(limit))
            except Busy:
                return told(503, "busy", "others kept the writers' turn: try again")
            except ClientDisconnect:
                return Response(status_code=400)

        return answer

    async def _call(self, request: Request) -> Call:
        actor = await counted_member(request, self._members, self.executor.rates)
        if actor is None:
            raise Unauthenticated("this takes a member's credential")
        issuer = await self.issuer(request.path_params["domain"])
        body = await body_of(request, LARGEST_REQUEST)
        stream_id = request.path_params.get("stream_id") or request.query_params.get("stream_id")
        return Call(actor, issuer, body, stream_id)


AnyRequest = TypeVar("AnyRequest", bound=BaseModel)


def parsed(kind: type[AnyRequest], body: bytes) -> AnyRequest:
    """The body; InvalidInput names the first field that isn't right."""
    try:
        return kind.model_validate(orjson.loads(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "body"
        raise InvalidInput(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
    except ValueError:
        raise InvalidInput("expected JSON") from None


def told(
    status: int, error: str, words: str, more: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error, as RFC 8935 section 2.3 writes them."""
    return JSONResponse({"err": error, "description": words}, status, more)


def refused_as(refused: Refused) -> JSONResponse:
    if isinstance(refused, Unauthenticated):
        wanted = {"WWW-Authenticate": "Bearer"}
        return told(401, STATUSES[401], refused.message, wanted)
    status = _STATUSES.get(refused.code, 400)
    return told(status, STATUSES.get(status, "invalid_request"), refused.message)

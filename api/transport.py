"""GraphQL over HTTP, as the GraphQL-over-HTTP specification draft has it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api.asking import Answer, Request
from api.auth import Members, key_of
from api.bodies import LARGE, LONGEST_WAIT, BadRequest, Encoded, Turns, json_of, whole_body
from api.errors import identified
from api.execution import Accepted, Executor
from api.limiting.counting import network_of
from api.media import GRAPHQL, JSON, accepted, is_json
from api.observing.feeds import Followed
from api.observing.notes import current
from api.shortcut import Shortcut
from api.subscriptions.events import EventStream
from api.subscriptions.feeds import Feed
from api.subscriptions.seats import Full, Seats
from api.trusting import Untrusted
from governance.errors import Unauthenticated

Told = Sequence[tuple[bytes, bytes]]  # fields of an answer's header, as they are sent
VARY = (b"vary", b"Accept")
# Whoever sends too much or too slowly is not read to the end (RFC 9110, 15.5.9 and 15.5.14).
CLOSE = {"Connection": "close"}
BEARER = ((b"www-authenticate", b'Bearer realm="comity"'),)
WAIT = ((b"retry-after", b"60"),)
DECODED = ((b"accept-encoding", b"identity"),)
_CLOSE = ((b"connection", b"close"),)
_TOLD: dict[int, Told] = {  # by status
    405: ((b"allow", b"GET, POST"),),
    408: _CLOSE,
    413: _CLOSE,
    429: ((b"retry-after", b"%d" % LONGEST_WAIT),),
}
_CODES = {429: "RATE_LIMITED"}  # by status
_TYPES = {m: (b"content-type", f"{m}; charset=utf-8".encode()) for m in (GRAPHQL, JSON)}

Fields = Mapping[bytes, bytes]  # of a request's header, by name


def header(body: bytes, media: str, told: Told) -> Told:
    """The fields of a header, before the server's own."""
    return [(b"content-length", b"%d" % len(body)), _TYPES[media], VARY, *told]


@dataclass(slots=True)
class Reply:
    """What is sent: a status, a body, its media type, and other fields of the header."""

    body: bytes
    status: int
    media: str
    told: Told = ()

    async def send(self, send: Send) -> None:
        fields = header(self.body, self.media, self.told)
        await send({"type": "http.response.start", "status": self.status, "headers": fields})
        await send({"type": "http.response.body", "body": self.body})


class GraphQL:
    """The endpoint, an ASGI application: negotiates, reads, answers with the right status."""

    def __init__(
        self,
        executor: Executor,
        members: Members,
        feed: Feed,
        seats: Seats,
        followed: Followed,
        most_bytes: int,
    ) -> None:
        self._executor, self._shortcut = executor, Shortcut(executor)
        self._members = members
        self._feed, self._seats, self._followed = feed, seats, followed
        self._most_bytes, self._turns = most_bytes, Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields, client = fields_of(scope["headers"]), scope.get("client")
        address = network_of(client[0] if client else "")
        reply = await self._reply(scope, fields, address, receive)
        note = current()
        if note.size >= LARGE and note.errors:
            self._turns.slow(_caller(fields, address))
        await reply.send(send)

    async def _reply(
        self, scope: Scope, fields: Fields, address: str, receive: Receive
    ) -> Reply | EventStream:
        media, may_stream = accepted(fields.get(b"accept", b""))
        if media is None and not may_stream:
            return _error(f"expected to accept {GRAPHQL} or {JSON}", 406, JSON)
        shown = fields.get(b"authorization")
        key = key_of(shown)
        try:
            known = self._members.recalled(key, self._executor.now())
            actor = known.actor if known else await self._members.actor(shown)
            try:
                query, variables, name = await self._operation(scope, fields, address, receive)
            except (BadRequest, Untrusted):
                if known is not None:
                    await self._members.actor(shown)  # whose token is dead is told that first
                raise
            # It may have taken its time to come.
            now = self._executor.now()
            proof = self._members.recalled(key, now)
            if proof is None:
                actor = await self._members.actor(shown)
            is_read_only = scope["method"] == "GET"
            request = Request(query, variables, name, actor, address, is_read_only)
            if media is not None and (actor is None or proof is not None):
                answer = await self._shortcut.answer(request, proof, now)
                if answer is not None:
                    return _answered(answer, media)
            if proof is not None:
                request = replace(request, actor=await self._members.actor(shown))
        except Unauthenticated as refused:
            if (limited := self._executor.limited(address)) is not None:
                return _answered(limited, media or JSON)
            return _error(refused.message, 401, media or JSON, "UNAUTHENTICATED", BEARER)
        except BadRequest as bad:
            # A body that can't be read is answered 200 in the older media type's convention
            # only once it is GraphQL; before that it is a plain 4xx in either.
            told = DECODED if isinstance(bad, Encoded) else _TOLD.get(bad.status, ())
            code = _CODES.get(bad.status, "BAD_REQUEST")
            return _error(bad.message, bad.status, media or JSON, code, told)
        except Untrusted as untrusted:
            # A request of GraphQL, except where nothing says which document is meant.
            is_one = untrusted.code != "BAD_REQUEST" and media == JSON
            return _error(untrusted.message, 200 if is_one else 400, media or JSON, untrusted.code)
        except ClientDisconnect:
            return Reply(b"", 400, media or JSON)
        outcome = await self._executor.accepted(request)
        if media is None or (may_stream and _is_subscription(outcome)):
            return self._stream(outcome, fields.get(b"last-event-id"), receive)
        if isinstance(outcome, Accepted):
            outcome = await self._executor.executed(outcome)
        return _answered(outcome, media)

    def _stream(
        self, outcome: Accepted | Answer, last_seen: bytes | None, receive: Receive
    ) -> Reply | EventStream:
        """An answer by events, which takes a seat for as long as it lasts."""
        executor, kept = self._executor, ExitStack()
        if isinstance(outcome, Accepted):
            request = outcome.context.request
            seat = self._seats.taken(request.caller, is_member=request.actor is not None)
            try:
                kept.enter_context(seat)
            except Full as full:
                return _error(full.message, 429, JSON, "RATE_LIMITED", WAIT)
        cursor = None if last_seen is None else last_seen.decode("latin-1")
        return EventStream(executor, self._feed, self._followed, outcome, cursor, receive, kept)

    async def _operation(
        self, scope: Scope, fields: Fields, address: str, receive: Receive
    ) -> tuple[str, Mapping[str, Any], str | None]:
        if scope["method"] == "GET":
            given: dict[str, Any] = dict(QueryParams(scope["query_string"]))
            for name in ("variables", "extensions"):
                if name in given:
                    given[name] = json_of(given[name].encode(), f"expected {name} to be JSON")
        elif scope["method"] == "POST":
            if not is_json(fields.get(b"content-type", b"")):
                raise BadRequest(f"expected Content-Type: {JSON}", 415)
            body = await whole_body(fields, receive, self._most_bytes)
            current().size = len(body)
            caller = _caller(fields, address)
            given = await self._turns.json(body, "expected a body of JSON", caller, receive)
        else:
            raise BadRequest("expected GET or POST", 405)
        text, variables, operation, extensions = parameters(given)
        return self._executor.trusted.text(text, extensions), variables, operation


class Straight:
    """ASGI middleware: one path's requests go to their endpoint at once. The router, with what
    it stands behind, takes a tenth of the time of a whole request."""

    def __init__(self, app: ASGIApp, route: Route) -> None:
        self._app, self._route = app, route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_it = scope["type"] == "http" and scope["path"] == self._route.path
        if not is_it or scope.get("root_path"):
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        await self._route.app(scope, receive, send)


def _caller(fields: Fields, address: str) -> bytes | str:
    """Who asks, as far as that is known before anybody is looked for."""
    return key_of(fields.get(b"authorization")) or address


def fields_of(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    """The first of each name, but all that is accepted (RFC 9110, 5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in fields:
            fields[name] = value
        elif name == b"accept":
            fields[name] += b"," + value
    return fields


def parameters(
    given: Any,
) -> tuple[str | None, Mapping[str, Any], str | None, Mapping[str, Any] | None]:
    if not isinstance(given, dict):
        raise BadRequest("expected an object with a query; batches aren't offered")
    query, variables = given.get("query"), given.get("variables")
    name, extensions = given.get("operationName"), given.get("extensions")
    if query is not None and not isinstance(query, str):
        raise BadRequest("expected query to be a string")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest("expected variables to be an object")
    if name is not None and not isinstance(name, str):
        raise BadRequest("expected operationName to be a string")
    if extensions is not None and not isinstance(extensions, dict):
        raise BadRequest("expected extensions to be an object")
    return query, variables or {}, name or None, extensions


def _is_subscription(outcome: Accepted | Answer) -> bool:
    return isinstance(outcome, Accepted) and outcome.is_subscription


def _answered(answer: Answer, media: str) -> Reply:
    # The older media type answers 200 to any well-formed request; the newer one tells a
    # document that could not be executed by its status. A wrong method is HTTP's to tell.
    status = 200 if media == JSON and answer.status == 400 else answer.status
    told = answer.fields if status != 405 else [*answer.fields, (b"allow", b"POST")]
    return Reply(answer.body, status, media, told)


def _error(
    message: str,
    status: int,
    media: str,
    code: str = "BAD_REQUEST",
    told: Told = (),
) -> Reply:
    current().errors[code] += 1
    errors = [{"message": message, "extensions": {"code": code}}]
    body = {"errors": errors, "extensions": identified()}
    return Reply(orjson.dumps(body), status, media, told)

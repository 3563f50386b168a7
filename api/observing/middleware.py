"""Around every request: its id, its line, its figures, and an answer where all else failed."""

import logging
from time import perf_counter
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.asking import Answer
from api.errors import code_of, masked
from api.media import GRAPHQL, JSON
from api.observing import logs
from api.observing.logs import BrokenOff
from api.observing.metrics import Metrics, outcome, release
from api.observing.notes import UNTRACED, Note, current, noting, request_id
from api.observing.traces import Traces
from api.transport import Reply

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"})
SOCKET = "WEBSOCKET"  # told as a method
STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")
QUIET = ("/health/", "/metrics")  # asked all day by machines: logged at debug
AWAY = ((b"retry-after", b"5"),)  # seconds
LEFT = 499  # told of who left before an answer began, as nginx does


class Observed:
    """ASGI middleware; answers what nothing else could, and passes everything on."""

    def __init__(self, app: ASGIApp, metrics: Metrics, traces: Traces | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lived(scope, receive, send)
            return
        begun = perf_counter()
        note = Note(request_id(scope["headers"]), self._traces)
        with noting(note):
            try:
                await self._answered(scope, receive, send, note)
            finally:
                method = scope.get("method", SOCKET)
                route = getattr(scope.get("route"), "path", None)
                tell(self._metrics, note, method, route, perf_counter() - begun)

    async def _answered(self, scope: Scope, receive: Receive, send: Send, note: Note) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "websocket.close" and not note.status:
                # No route took the socket: the server's own words for that name no request.
                await sending({"type": "websocket.http.response.start", "status": 403})
                message = {"type": "websocket.http.response.body", "body": b""}
            if message["type"] in STARTS:
                note.status = message.get("status", 101)
                named = [(b"x-request-id", note.request_id.encode())]
                message["headers"] = [*message.get("headers", ()), *named]
            await send(message)

        spans = self._traces
        with spans.request(Headers(scope=scope), note) if spans else UNTRACED:
            await guarded(self._app, scope, receive, sending, note)
            note.status = note.status or LEFT

    async def _lived(self, scope: Scope, receive: Receive, send: Send) -> None:
        """From start to stop. The reason of a start that failed is told by us, without words
        that came from outside."""

        async def sending(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                logs.tell(logging.INFO, "started", version=release())
            elif message["type"] == "lifespan.shutdown.complete":
                logs.tell(logging.INFO, "stopped")
            await send({key: value for key, value in message.items() if key != "message"})

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            logs.unexpected(error, "failed to start or stop")
            raise


async def guarded(app: ASGIApp, scope: Scope, receive: Receive, send: Send, note: Note) -> None:
    """Has the application answer, and answers what it can't; BrokenOff where it is too late for
    that, so that the server breaks the connection off."""
    try:
        await app(scope, receive, send)
    except BrokenOff:
        raise
    except Exception as error:
        answer = failed(error)
        if note.status or scope["type"] != "http":
            raise BrokenOff from error
        await _send(answer, scope, send)


def tell(metrics: Metrics, note: Note, method: str, route: str | None, seconds: float) -> None:
    """Counts and logs a request that was answered."""
    if route == "/graphql" and note.status >= 400 and not note.errors:
        note.errors["UNAUTHENTICATED" if note.status == 401 else "BAD_REQUEST"] += 1
    is_socket = method == SOCKET  # whose operations are told one by one
    how = outcome(note)
    if not is_socket:
        metrics.add(note, operation_of(note, route), how, seconds)
    event, level = "socket" if is_socket else "request", level_of(how, route)
    if logs.is_told(level):
        logs.tell(level, event, **line_of(note, method, route, seconds))


def failed(error: Exception) -> Answer:
    """Notes and logs what nothing could answer: a masked error in GraphQL's shape, whatever was
    asked for."""
    logs.unexpected(error)
    code = code_of(error)
    current().errors[code] += 1
    body = orjson.dumps({"errors": [masked(code)]})
    return Answer(body, 503, AWAY) if code == "UNAVAILABLE" else Answer(body, 500)


async def _send(answer: Answer, scope: Scope, send: Send) -> None:
    accepts = Headers(scope=scope).get("accept", "")
    media = GRAPHQL if GRAPHQL in accepts.lower() else JSON
    await Reply(answer.body, answer.status, media, answer.fields).send(send)


def operation_of(note: Note, route: str | None) -> str:
    """What a request is counted as."""
    if note.kind:
        return f"{note.kind} {note.root}"
    return "invalid" if route == "/graphql" else (route or "other")


def level_of(how: str, route: str | None) -> int:
    if how == "fault":
        return logging.ERROR
    return logging.DEBUG if route and route.startswith(QUIET) else logging.INFO


def line_of(note: Note, method: str, route: str | None, seconds: float) -> dict[str, Any]:
    """What is logged of a request. A path that is no route of ours could be anything."""
    line = {
        "method": method if method in METHODS or method == SOCKET else "other",
        "path": route or "other",
        "status": note.status,
        "durationMs": round(seconds * 1_000, 3),
        "statements": note.statements,
    }
    if note.kind:
        line |= {"operationType": note.kind, "operation": note.root, "operationName": note.name}
    if note.second_path:
        line["secondPath"] = note.second_path
    if note.refusals:
        line["refusals"] = dict(note.refusals)
    if note.errors:
        line["errors"] = dict(note.errors)
    return line

"""GraphQL over WebSocket: the sub-protocol `graphql-transport-ws` (graphql-ws, PROTOCOL.md).

Every operation on a socket is answered as it would be over HTTP, its token asked about anew.
"""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
from graphql import GraphQLError
from starlette.types import Receive, Scope, Send

from api.asking import Answer, Request, refusal
from api.auth import Members
from api.errors import code_of, identified, located, masked, public
from api.execution import Accepted, Executor
from api.limiting.counting import network_of
from api.limiting.rates import LimitRefused
from api.observing import logs
from api.observing.feeds import Followed
from api.observing.notes import current
from api.observing.operations import Operations
from api.subscriptions import messages
from api.subscriptions.feeds import Feed
from api.subscriptions.heads import ENDED, Stopping
from api.subscriptions.messages import SUBPROTOCOL, Closed, Sent
from api.subscriptions.seats import Full, Seats
from api.subscriptions.streams import Batch, gathered
from api.trusting import Untrusted
from governance.errors import Unauthenticated
from governance.membership import Actor

INIT_SECONDS = 10.0  # for connection_init to come
FRAMES = "comity.frames"  # an extension of ASGI: frames that are encoded already
RETRY_AFTER = 60  # seconds, told to who has too many sockets open

Errors = list[dict[str, Any]]


class Gone(Exception):
    """The client can't be told any more."""


class Sockets:
    """The endpoint, an ASGI application: refuses foreign pages and who has too much open."""

    def __init__(
        self,
        executor: Executor,
        members: Members,
        feed: Feed,
        seats: Seats,
        followed: Followed,
        operations: Operations,
    ) -> None:
        self.executor, self.members, self.feed, self.seats = executor, members, feed, seats
        self.followed, self.operations = followed, operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        fields = dict(reversed(scope["headers"]))
        if _is_foreign(fields.get(b"origin"), fields.get(b"host", b"")):
            await _refuse(send, 403, "expected an Origin of this node's own, or none")
            return
        client = scope.get("client")
        address = network_of(client[0] if client else "")
        with ExitStack() as seat, self.followed.socket():
            try:
                seat.enter_context(self.seats.taken(address, is_member=False))
            except Full as full:
                await _refuse(send, 429, full.message)
                return
            authorization = fields.get(b"authorization")
            await Socket(self, scope, receive, send, address, authorization, seat).serve()


class Socket:
    """One client's socket: what it is told goes out in the order of each operation."""

    def __init__(
        self,
        sockets: Sockets,
        scope: Scope,
        receive: Receive,
        send: Send,
        address: str,
        authorization: bytes | None,
        seat: ExitStack,
    ) -> None:
        self._sockets, self._receive, self._send = sockets, receive, send
        self._address, self._authorization = address, authorization
        self._is_offered = SUBPROTOCOL in scope.get("subprotocols", ())
        self._has_frames = FRAMES in (scope.get("extensions") or {})
        self._is_acknowledged = self._is_asked = False
        self._actor: Actor | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}  # by the ids that are taken
        self._tasks: set[asyncio.Task[None]] = set()
        self._following: dict[str, asyncio.Task[None] | None] = {}  # the ones without an end
        self._ending: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()
        self._seat = seat  # the address's; a member has one of its own
        self._kept = ExitStack()  # for as long as the socket is open

    async def serve(self) -> None:
        """Until either side closes the socket."""
        subprotocol = SUBPROTOCOL if self._is_offered else None
        await self._out({"type": "websocket.accept", "subprotocol": subprotocol})
        if not self._is_offered:
            await self._close(Closed(messages.NOT_ACCEPTABLE, f"expected {SUBPROTOCOL}"))
            return
        loop = asyncio.get_running_loop()
        late = Closed(messages.TOO_LATE, "Connection initialisation timeout")
        timer = loop.call_later(INIT_SECONDS, self._late, late)
        endings = self._sockets.feed.endings
        endings.add(self._stop)
        if self._sockets.feed.is_stopping:
            self._stop()
        reading = loop.create_task(self._read())
        try:
            ways: list[asyncio.Future[Any]] = [reading, self._ending]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            endings.discard(self._stop)
            closed = await self._ended(reading)
            self._kept.close()
        if closed is not None:
            await self._close(closed)

    async def _ended(self, reading: asyncio.Task[None]) -> Closed | None:
        """Lets go of everything; how the socket is to be closed, if the client hasn't done it."""
        reading.cancel()
        [outcome] = await asyncio.gather(reading, return_exceptions=True)
        closed = self._ending.result() if self._ending.done() else None
        if isinstance(outcome, Closed):
            closed = outcome
        elif isinstance(outcome, Exception) and not isinstance(outcome, Gone):
            logs.unexpected(outcome)
            closed = Closed(messages.BROKEN, "Internal server error")
        following = dict(self._following)
        is_stop = closed is not None and closed.code == messages.GOING_AWAY
        for task in self._tasks:
            # What was begun to be written is answered before a stop, as it is over HTTP.
            if not is_stop or task in following.values():
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if closed is not None and closed.code == messages.FORBIDDEN:
            with suppress(Gone):
                for ident in following:
                    await self._fail(ident, [public(refusal(closed.reason, "UNAUTHENTICATED"))])
        return closed

    async def _close(self, closed: Closed) -> None:
        with suppress(Gone):
            await self._out(
                {"type": "websocket.close", "code": closed.code, "reason": closed.reason}
            )

    def _end(self, closed: Closed) -> None:
        if not self._ending.done():
            self._ending.set_result(closed)

    def _late(self, closed: Closed) -> None:
        if not self._is_acknowledged:
            self._end(closed)

    def _stop(self) -> None:
        self._end(Closed(messages.GOING_AWAY, "the node is being stopped"))

    # What the client sends

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return
            sent = messages.read(message)
            if sent.type != "subscribe":  # which is counted as the request that it is
                self._count()
            await self._taken(sent)

    def _count(self) -> None:
        caller = self._actor.token_id if self._actor else self._address
        try:
            self._sockets.executor.rates.request(caller, is_member=self._actor is not None)
        except LimitRefused as limit:
            raise Closed(messages.TRY_AGAIN_LATER, limit.message) from None

    async def _taken(self, sent: Sent) -> None:
        if sent.type == "connection_init":
            await self._acknowledge(sent.payload)
        elif sent.type == "ping":
            await self._tell({"type": "pong", "payload": sent.payload})
        elif sent.type == "complete" and sent.id in self._operations:
            self._following.pop(sent.id, None)
            self._operations.pop(sent.id).cancel()
        elif sent.type == "subscribe":
            self._begin(sent)

    async def _acknowledge(self, payload: Mapping[str, Any]) -> None:
        if self._is_asked:
            raise Closed(messages.TOO_MANY, "Too many initialisation requests")
        self._is_asked = True
        given = payload.get("Authorization", payload.get("authorization"))
        if isinstance(given, str):
            self._authorization = given.encode("latin-1", "replace")
        elif given is not None:
            raise Closed(messages.FORBIDDEN, "expected Authorization to be a string")
        try:
            self._actor = await self._sockets.members.actor(self._authorization)
        except Unauthenticated as refused:
            self._count()
            raise Closed(messages.FORBIDDEN, refused.message) from None
        if self._actor is not None:
            self._take_seat(self._actor)
        self._kept.enter_context(self._sockets.feed.head.watching(self._actor, self._revoked))
        self._is_acknowledged = True
        await self._tell({"type": "connection_ack"})

    def _take_seat(self, actor: Actor) -> None:
        try:
            self._kept.enter_context(self._sockets.seats.taken(actor.token_id, is_member=True))
        except Full as full:
            raise Closed(messages.TRY_AGAIN_LATER, full.message) from None
        self._seat.close()

    def _revoked(self) -> None:
        self._end(Closed(messages.FORBIDDEN, ENDED))

    def _begin(self, sent: Sent) -> None:
        if not self._is_acknowledged:
            raise Closed(messages.UNAUTHORIZED, "Unauthorized")
        if sent.id in self._operations:
            raise Closed(messages.TAKEN, f"Subscriber for {sent.id} already exists")
        task = self._operations[sent.id] = asyncio.create_task(self._operate(sent))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What it is told

    async def _operate(self, sent: Sent) -> None:
        """One operation, to its end."""
        sockets = self._sockets
        with sockets.operations.observed(current().request_id):
            try:
                with ExitStack() as kept:
                    actor = await sockets.members.actor(self._authorization)
                    caller = actor.token_id if actor else self._address
                    is_member = actor is not None
                    kept.enter_context(sockets.seats.taken(caller, is_member=is_member))
                    errors = await self._answered(sent, actor)
            except Unauthenticated as refused:
                self._revoked()
                errors = [public(located(refused))]
            except Full as full:
                errors = [public(refusal(full.message, "RATE_LIMITED"))]
            except GraphQLError as error:
                errors = [public(error)]
            except (Stopping, Gone):
                return
            except Exception as error:
                logs.unexpected(error)
                errors = [masked(code_of(error))]
                current().errors[code_of(error)] += 1
            if self._operations.get(sent.id) is not asyncio.current_task():
                return  # the client has completed it
            del self._operations[sent.id]  # the id is free before its client can know that
            self._following.pop(sent.id, None)
            with suppress(Gone):
                if errors:
                    await self._fail(sent.id, errors)
                else:
                    await self._tell({"type": "complete", "id": sent.id})

    async def _answered(self, sent: Sent, actor: Actor | None) -> Errors:
        """Answers an operation; the errors instead for which it isn't executed."""
        executor, payload = self._sockets.executor, sent.payload
        try:
            text = executor.trusted.text(payload.get("query"), payload.get("extensions"))
        except Untrusted as untrusted:
            return [public(refusal(untrusted.message, untrusted.code))]
        request = Request(
            text,
            payload.get("variables") or {},
            payload.get("operationName") or None,
            actor,
            self._address,
        )
        accepted = await executor.accepted(request)
        if isinstance(accepted, Accepted):
            if accepted.is_subscription:
                await self._follow(sent.id, accepted)  # without an end
            accepted = await executor.executed(accepted)
        if accepted.status != 200:
            errors: Errors = orjson.loads(accepted.body)["errors"]
            return errors
        await self._out({"type": "websocket.send", "text": _next(sent.id, accepted)})
        return []

    async def _follow(self, ident: str, accepted: Accepted) -> None:
        """Tells of events until the task is cancelled, or following fails."""
        self._following[ident] = asyncio.current_task()
        before = b'{"id":%b,"type":"next","payload":' % orjson.dumps(ident)
        followed = self._sockets.followed
        async with self._sockets.feed.following(accepted) as follower:
            with followed.subscription():
                while True:
                    batch = await follower.next()
                    if self._ending.done():
                        await asyncio.get_running_loop().create_future()  # until it is cancelled
                    await self._deliver(before, batch)
                    followed.delivered(len(batch.messages))

    async def _deliver(self, before: bytes, batch: Batch) -> None:
        if not self._has_frames:
            for message in batch.messages:
                text = (before + message.json + b"}").decode()
                await self._out({"type": "websocket.send", "text": text})
            return
        for frames in gathered(message.framed(before) for message in batch.messages):
            await self._out({"type": FRAMES, "frames": frames})

    async def _fail(self, ident: str, errors: Errors) -> None:
        await self._tell({"type": "error", "id": ident, "payload": errors})

    async def _tell(self, message: Mapping[str, Any]) -> None:
        await self._out({"type": "websocket.send", "text": orjson.dumps(message).decode()})

    async def _out(self, message: dict[str, Any]) -> None:
        try:
            await self._send(message)
        except OSError:
            raise Gone from None


def _next(ident: str, answer: Answer) -> str:
    """The one result of a query or a mutation; a text, since clients can't read binary frames."""
    before = b'{"id":%b,"type":"next","payload":' % orjson.dumps(ident)
    return (before + answer.body + b"}").decode()


def _is_foreign(origin: bytes | None, host: bytes) -> bool:
    """Whether a page of another site opens the socket. Browsers always say; nobody else has to."""
    if origin is None:
        return False
    try:
        parts = urlsplit(origin.decode("latin-1").lower())
    except ValueError:
        return True
    port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return host.decode("latin-1").lower().removesuffix(port) != parts.netloc.removesuffix(port)


async def _refuse(send: Send, status: int, message: str) -> None:
    """An answer in place of a socket."""
    code = "RATE_LIMITED" if status == 429 else "BAD_REQUEST"
    errors = [{"message": message, "extensions": {"code": code}}]
    body = orjson.dumps({"errors": errors, "extensions": identified()})
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
    ]
    if status == 429:
        headers.append((b"retry-after", b"%d" % RETRY_AFTER))
    start = {"type": "websocket.http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body})

"""Bodies of requests: whole, not too long, in time; and read, the large ones in turn."""

import asyncio
from collections.abc import Awaitable, Generator, Mapping
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

BODY_SECONDS = 30  # for a body to arrive whole
LARGE = 64 * 1_024  # bytes; to read so many takes as long as an answer
PAUSE = 0.25  # seconds between large bodies of a caller whose last one was refused
LONGEST_WAIT = 10  # seconds, for a body that came whole to be read
MOST_SLOWED = 10_000  # callers
LENGTH, ENCODING = b"content-length", b"content-encoding"


class BadRequest(Exception):
    """What came can't be read as a GraphQL request; says so with a status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class Encoded(BadRequest):
    """A body came in a content coding; which ones are read says Accept-Encoding, as it does in no
    other answer (RFC 9110 12.5.3)."""

    def __init__(self) -> None:
        super().__init__("expected a body without Content-Encoding", 415)


async def body_of(request: Request, most: int) -> bytes:
    """The body of a request that Starlette reads."""
    return await whole_body(dict(request.headers.raw), request.receive, most)


async def whole_body(fields: Mapping[bytes, bytes], receive: Receive, most: int) -> bytes:
    """The body of a request with these fields; BadRequest if it has more bytes than `most`, takes
    too long, or is encoded."""
    if fields.get(ENCODING, b"identity").lower() != b"identity":
        raise Encoded
    declared = fields.get(LENGTH, b"")
    if declared.isdigit() and int(declared) > most:
        raise BadRequest(f"expected at most {most:,} bytes", 413)
    first = _Begun(receive())
    message = first.message
    if message is not None and not message.get("more_body"):
        return _part(message, most, most)  # it was there already, as most are: a timer takes longer
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            message = message or await first
            body += _part(message, most, most)
            while message.get("more_body"):
                message = await receive()
                body += _part(message, most - len(body), most)
    except TimeoutError:
        late = f"expected the whole body within {BODY_SECONDS} seconds"
        raise BadRequest(late, 408) from None
    return bytes(body)


def _part(message: Message, left: int, most: int) -> bytes:
    """What came of a body, of which so much is left at most."""
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    part: bytes = message.get("body", b"")
    if len(part) > left:
        raise BadRequest(f"expected at most {most:,} bytes", 413)
    return part


class _Begun:
    """A message that is awaited: begun at once, its rest to be awaited if it isn't there yet."""

    message: Message | None = None

    def __init__(self, coming: Awaitable[Message]) -> None:
        self._coming = coming.__await__()
        try:
            self._waits_for = next(self._coming)
        except StopIteration as done:
            self.message = done.value

    def __await__(self) -> Generator[Any, Any, Message]:
        waits_for = self._waits_for
        while True:
            try:
                try:
                    sent = yield waits_for
                except BaseException as thrown:
                    waits_for = self._coming.throw(thrown)
                else:
                    waits_for = self._coming.send(sent)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]


class Turns:
    """Reads bodies of JSON. Of large ones it reads one in a turn of the event loop, so that others
    wait for one of them and not for all that came at once; and of callers whose large bodies come
    to nothing, a few in a second."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._next: dict[bytes | str, float] = {}  # when a body of theirs is read, by caller

    async def json(self, body: bytes, expected: str, caller: bytes | str, receive: Receive) -> Any:
        """What a body holds. BadRequest tells what was expected, or that too many wait already;
        who leaves meanwhile gives up the turn."""
        if len(body) < LARGE:
            return json_of(body, expected)
        await self._waited(caller, receive)
        async with self._turn:
            await asyncio.sleep(0)
            return json_of(body, expected)

    def slow(self, caller: bytes | str) -> None:
        """Has the next large body of a caller wait, since one was read in vain."""
        now = asyncio.get_running_loop().time()
        if len(self._next) >= MOST_SLOWED:
            self._next = {c: due for c, due in self._next.items() if due > now}
        self._next[caller] = max(now + PAUSE, self._next.get(caller, 0))

    async def _waited(self, caller: bytes | str, receive: Receive) -> None:
        now = asyncio.get_running_loop().time()
        due = self._next.pop(caller, 0)
        if due <= now:
            return
        if due > now + LONGEST_WAIT:
            self._next[caller] = due
            raise BadRequest(
                "expected fewer large bodies at once, since the last were refused", 429
            )
        self._next[caller] = due + PAUSE
        try:
            async with asyncio.timeout_at(due):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return
        if caller in self._next:
            self._next[caller] -= PAUSE
        raise ClientDisconnect


def json_of(data: bytes, expected: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BadRequest(expected) from None

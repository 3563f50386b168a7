"""Bodies of requests: whole, not too long, in time."""

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

BODY_SECONDS = 30  # for a body to arrive whole


class BadRequest(Exception):
    """What came can't be read as a GraphQL request; says so with a status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status


async def whole_body(declared: bytes, receive: Receive, most: int) -> bytes:
    """A request's body, whose length may be declared; BadRequest if it has more bytes than `most`,
    or takes too long."""
    if declared.isdigit() and int(declared) > most:
        raise BadRequest(f"expected at most {most:,} bytes", 413)
    body = bytearray()
    first = _Begun(receive())
    if first.message is not None and not _is_more(first.message, body, most):
        return bytes(body)  # it was there already, as most are: a timer would take longer
    try:
        async with asyncio.timeout(BODY_SECONDS):
            is_more = first.message is not None or _is_more(await first, body, most)
            while is_more:
                is_more = _is_more(await receive(), body, most)
    except TimeoutError:
        late = f"expected the whole body within {BODY_SECONDS} seconds"
        raise BadRequest(late, 408) from None
    return bytes(body)


def _is_more(message: Message, body: bytearray, most: int) -> bool:
    """Adds what came to the body; whether there is more of it."""
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body += message.get("body", b"")
    if len(body) > most:
        raise BadRequest(f"expected at most {most:,} bytes", 413)
    return bool(message.get("more_body", False))


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

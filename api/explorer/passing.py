"""How requests for pages get to the process that makes those, and its answers back.

Each takes a connection of its own, over which the messages of ASGI go: first the scope, at last
what was noted. A message is its length in four bytes and what `marshal` makes of it, which both
ends, being of one version of Python, read alike.
"""

import asyncio
import contextlib
import marshal
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.explorer.asking import Problem
from api.explorer.site import Site
from api.observing.logs import BrokenOff
from api.observing.middleware import guarded
from api.observing.notes import Note, current, noting

SCOPE = (
    *("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "root_path"),
    *("query_string", "headers", "client", "server"),
)
NOTED = "comity.noted"  # the type of the last message
GONE = OSError, IncompleteReadError  # when the other end is no longer there, or says nothing
MOST_AT_ONCE = 65_536  # bytes
LONGEST_WAIT = 30.0  # seconds until an answer begins
BUSY = Problem(503, "Busy", "there is no time for pages now: try again", {"Retry-After": "5"})

Handler = Callable[[StreamReader, StreamWriter], Awaitable[None]]


class Passed:
    """An ASGI endpoint that another process answers; this one while there is no other."""

    def __init__(self, path: str, here: ASGIApp, site: Site) -> None:
        self._path, self._here, self._site = path, here, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
        except (FileNotFoundError, ConnectionRefusedError):
            await self._here(scope, receive, send)
            return
        except OSError:  # too many wait
            await self._busy(scope, receive, send)
            return
        asking = asyncio.create_task(_ask(scope, receive, writer))
        is_begun = False
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                message = await _read(reader)
            while message["type"] != NOTED:
                # Not before what follows is here: with the last message of an answer all is over.
                after = await _read(reader)
                if after["type"] == NOTED:
                    current().add(after["note"])
                is_begun = True
                await send(message)
                message = after
        except GONE:
            if asking.done():
                return
            if is_begun:
                current().errors["INTERNAL"] += 1
                raise BrokenOff from None
            await self._busy(scope, receive, send)
        finally:
            asking.cancel()
            writer.close()

    async def _busy(self, scope: Scope, receive: Receive, send: Send) -> None:
        current().errors["BUSY"] += 1
        await self._site.problem(Request(scope), BUSY)(scope, receive, send)


async def _ask(scope: Scope, receive: Receive, writer: StreamWriter) -> None:
    """Passes the request on, its body as it comes; ends once who asks has left."""
    message: Message = {"id": current().request_id, "scope": {name: scope[name] for name in SCOPE}}
    while message.get("type") != "http.disconnect":
        with contextlib.suppress(*GONE):
            await _write(writer, message)
        message = await receive()
    writer.close()


def passing(app: ASGIApp) -> Handler:
    """Has the application answer what is passed on, a request a connection."""

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        async def receive() -> Message:
            try:
                return await _read(reader)
            except GONE:
                return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            note.status = message.get("status", note.status)
            with contextlib.suppress(*GONE):  # as servers have it: who left is told of otherwise
                await _write(writer, message)

        asked = await _read(reader)
        note = Note(asked["id"])
        with noting(note):
            await guarded(app, asked["scope"], receive, send, note)
        await send({"type": NOTED, "note": note.told()})
        # Who asked closes: where the rest of a request is not read, an answer that is under way
        # may be lost with it.
        while await reader.read(MOST_AT_ONCE):
            pass

    async def handled(reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(Exception):  # which was told
            await answer(reader, writer)

    return handled


async def _write(writer: StreamWriter, message: Message) -> None:
    if not writer.is_closing():
        data = marshal.dumps(dict(message))
        writer.write(len(data).to_bytes(4, "big") + data)
    await writer.drain()


async def _read(reader: StreamReader) -> Message:
    length = int.from_bytes(await reader.readexactly(4), "big")
    message: Message = marshal.loads(await reader.readexactly(length))
    return message

"""Connections are shared by the processes of a node: whoever has fewest takes the next one.

By itself each process takes all that wait as soon as it hears of one: a partner's eight, opened at
once, would all be one process's, and stay so.
"""

import asyncio
import socket
from collections.abc import Callable, Sized
from typing import Any

import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.observing.logs import unexpected

LONGEST_LEFT = 0.01  # seconds that a process with many connections leaves a new one to others
MANY = 8  # connections with which it is left for half as long
SHARE = 16  # of what it has, a process takes at once: where many come, waiting for each is too long
EXHAUSTED = 1.0  # seconds until it tries again where the system has none left to give


class Sharing(uvloop.Loop):
    """A loop whose servers listen where other processes do."""

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], HttpToolsProtocol],
        *,
        sock: socket.socket,
        ssl: None = None,  # TLS is for who stands before a node
        backlog: int = 100,
    ) -> "Acceptor":
        sock.setblocking(False)
        sock.listen(backlog)
        return Acceptor(self, protocol_factory, sock)


class Acceptor:
    """Takes connections from a socket until it is closed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        factory: Callable[[], HttpToolsProtocol],
        listening: socket.socket,
    ) -> None:
        self._loop, self._factory, self._listening = loop, factory, listening
        self._held: Sized = ()  # the connections of this process
        self._beginning = set[asyncio.Task[Any]]()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._listen()

    def close(self) -> None:
        self._is_closed = True
        self._loop.remove_reader(self._listening)
        if self._timer is not None:
            self._timer.cancel()

    async def wait_closed(self) -> None:
        """There is nothing to wait for: a server waits for its connections itself."""

    @property
    def _has(self) -> int:
        return len(self._held) + len(self._beginning)

    def _listen(self) -> None:
        self._loop.add_reader(self._listening, self._leave)

    def _leave(self) -> None:
        """Leaves to others who have fewer what has come."""
        self._loop.remove_reader(self._listening)
        has = self._has
        self._timer = self._loop.call_later(LONGEST_LEFT * has / (has + MANY), self._take)

    def _take(self) -> None:
        try:
            for _ in range(1 + self._has // SHARE):
                connection, _address = self._listening.accept()
                beginning = self._loop.create_task(self._begin(connection))
                self._beginning.add(beginning)
                beginning.add_done_callback(self._beginning.discard)
        except (BlockingIOError, ConnectionAbortedError):  # another process's, or nobody's any more
            self._listen()
        except OSError as error:
            unexpected(error, "no connection can be taken")
            self._timer = self._loop.call_later(EXHAUSTED, self._listen)
        else:
            self._listen()

    async def _begin(self, connection: socket.socket) -> None:
        protocol = self._factory()
        self._held = protocol.connections
        connection.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, connection)
        except OSError:  # it is gone
            connection.close()
        else:
            if self._is_closed:  # the server has told its connections already
                protocol.shutdown()

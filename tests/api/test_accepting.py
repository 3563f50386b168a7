"""Processes that listen on one socket share what comes, whoever hears of it first."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from api import accepting
from api.accepting import Acceptor


class Server:
    """What listens in one process, as far as an acceptor sees of it."""

    def __init__(self, listening: socket.socket) -> None:
        self.connections = set[asyncio.Protocol]()
        self.told = list[asyncio.Protocol]()
        self.listening = listening.dup()
        self.acceptor = Acceptor(asyncio.get_running_loop(), self._made, self.listening)

    def _made(self) -> Any:
        server = self

        class Protocol(asyncio.Protocol):
            connections = server.connections

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport
                self.connections.add(self)

            def connection_lost(self, _: Exception | None) -> None:
                self.connections.discard(self)

            def shutdown(self) -> None:
                server.told.append(self)
                self.transport.close()

        return Protocol()


@pytest.fixture
async def listening() -> AsyncIterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=2_000) as made:
        made.setblocking(False)
        yield made


@pytest.fixture
async def servers(listening: socket.socket) -> AsyncIterator[list[Server]]:
    """Yield two that listen on one socket."""
    made = [Server(listening), Server(listening)]
    yield made
    for server in made:
        server.acceptor.close()
        server.listening.close()


async def opened(stack: AsyncExitStack, listening: socket.socket, count: int) -> None:
    for _ in range(count):
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        stack.callback(writer.close)
        assert reader is not None


async def settled(servers: list[Server], count: int) -> list[int]:
    """How many connections each has, once all are taken."""
    async with asyncio.timeout(20):
        while sum(len(server.connections) for server in servers) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return [len(server.connections) for server in servers]


async def test_whoever_has_fewest_takes_the_next(
    listening: socket.socket, servers: list[Server]
) -> None:
    async with AsyncExitStack() as stack:
        await opened(stack, listening, 8)
        assert min(await settled(servers, 8)) >= 3
        for connection in list(servers[0].connections):
            connection.shutdown()  # type: ignore[attr-defined]
        await settled(servers[1:], 4)
        await asyncio.sleep(0.05)  # for the first to hear that its own are closed
        await opened(stack, listening, 4)
        assert min(await settled(servers, 8)) >= 3


async def test_many_at_once_are_taken_soon_and_about_evenly(
    listening: socket.socket, servers: list[Server]
) -> None:
    async with AsyncExitStack() as stack:
        await opened(stack, listening, 400)
        found = await settled(servers, 400)
        assert min(found) >= 100


async def test_what_is_taken_while_it_closes_is_told_so(servers: list[Server]) -> None:
    ours, theirs = socket.socketpair()
    acceptor = servers[0].acceptor
    acceptor.close()
    await acceptor._begin(ours)
    assert len(servers[0].told) == 1
    theirs.close()


async def test_it_tries_again_where_the_system_had_no_files_left(
    listening: socket.socket,
    servers: list[Server],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Exhausted:
        def accept(self) -> None:
            raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(accepting, "EXHAUSTED", 0.01)
    servers[1].acceptor.close()
    first = servers[0].acceptor
    real, first._listening = first._listening, Exhausted()  # type: ignore[assignment]
    first._take()
    first._listening = real
    async with AsyncExitStack() as stack:
        await opened(stack, listening, 1)
        assert await settled(servers, 1) == [1, 0]
    assert "no connection can be taken" in caplog.text

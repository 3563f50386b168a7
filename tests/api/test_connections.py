"""Connections that never come to a request are closed; requests under way are not."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from api.connections import LONGEST_HEAD, MOST_GATHERED, Connection, Gathered
from api.express import EXPRESS
from api.transport import Told

HEAD = b"POST / HTTP/1.1\r\nHost: a.example\r\n"
PATIENCE = 30.0  # seconds
ASKING = b"POST /graphql HTTP/1.1\r\nHost: a.example\r\n"
LENGTH = b"Content-Length: 1\r\n\r\n"
AT_ONCE, AFTER = b"\r\n\r\nat once", b"\r\n\r\n1"  # how answers of either way end

Express = Callable[[Told, bytes, str], tuple[Told, bytes] | None]


def express(headers: Told, body: bytes, host: str) -> tuple[Told, bytes] | None:
    """Answers one body at once."""
    assert (b"host", b"a.example") in headers
    assert host == "127.0.0.1"
    return ([(b"content-length", b"7")], b"at once") if body == b"!" else None


class Hasty(Connection):
    """Gives heads hardly any time."""

    head_seconds = 0.1


class Steady(Connection):
    """Gives heads more time than a busy machine takes between two."""

    head_seconds = 2.0


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body, once that is there."""
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    body = str(length).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Watched(Connection):
    """Counts how often it read while requests waited."""

    late = 0

    def data_received(self, data: bytes) -> None:
        self.late += bool(self.pipeline)
        super().data_received(data)


@dataclass(slots=True)
class Client:
    """A client's end of a connection, and the node's."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    kept: list[Connection]

    async def rest(self) -> bytes:
        """All that comes until the node closes."""
        came = b""
        with suppress(ConnectionResetError):  # where the node didn't read all that was sent
            while part := await self.reader.read(1_000):
                came += part
        return came

    async def until(self, end: bytes) -> bytes:
        return await self.reader.readuntil(end)


@asynccontextmanager
async def connected(
    kind: type[Connection], express: Express | None = None
) -> AsyncIterator[Client]:
    config = Config(app, http=kind, log_config=None)
    config.load()
    kept: list[Connection] = []
    state = {} if express is None else {EXPRESS: express}

    def connection() -> Connection:
        kept.append(kind(config=config, server_state=ServerState(), app_state=state))
        return kept[-1]

    listening = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.get_running_loop().create_server(connection, sock=listening)
    client = Client(*await asyncio.open_connection(*listening.getsockname()), kept)
    try:
        async with asyncio.timeout(PATIENCE):
            yield client
    finally:
        client.writer.close()
        server.close()
        for one in kept:
            one.transport.close()
        with suppress(ConnectionResetError):
            await client.writer.wait_closed()


@pytest.mark.parametrize("begun", [b"", b"\r\n", HEAD, HEAD + b"X-Slow: a"])
async def test_a_head_that_does_not_come_is_not_waited_for(begun: bytes) -> None:
    async with connected(Hasty) as client:
        client.writer.write(begun)
        assert await client.rest() == b""


async def test_a_next_head_that_does_not_come_is_not_waited_for() -> None:
    async with connected(Hasty) as client:
        client.writer.write(HEAD + b"Content-Length: 1\r\n\r\na")
        assert (await client.until(b"\r\n\r\n1")).startswith(b"HTTP/1.1 200 ")
        client.writer.write(HEAD)
        assert await client.rest() == b""


async def test_each_head_has_its_own_time() -> None:
    async with connected(Steady) as client:
        for _ in range(4):
            await asyncio.sleep(Steady.head_seconds / 3)
            client.writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
            assert (await client.until(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200 ")
        client.writer.write(HEAD)
        assert await client.rest() == b""


async def test_a_body_is_waited_for_by_whoever_reads_it() -> None:
    async with connected(Hasty) as client:
        client.writer.write(HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await asyncio.sleep(2 * Hasty.head_seconds)
        client.writer.write(b"ab")
        assert (await client.until(b"\r\n\r\n2")).startswith(b"HTTP/1.1 200 ")


async def test_a_head_of_any_length_is_not_read() -> None:
    async with connected(Connection) as client:
        client.writer.write(HEAD + b"X-Long: ")
        for _ in range(20):
            client.writer.write(b"a" * LONGEST_HEAD)
        came = await client.rest()
        assert not came or came.startswith(b"HTTP/1.1 400 ")


async def test_bodies_and_many_requests_are_no_head() -> None:
    size = 3 * LONGEST_HEAD
    request = HEAD + b"Content-Length: %d\r\n\r\n" % size
    async with connected(Connection) as client:
        for _ in range(3):
            client.writer.write(request + b"a" * size)
            assert (await client.until(b"\r\n\r\n%d" % size)).startswith(b"HTTP/1.1 200 ")
        client.writer.write((HEAD + b"Content-Length: 0\r\n\r\n") * 4_000)
        for _ in range(4_000):
            await client.until(b"\r\n\r\n0")


async def test_no_more_is_read_while_requests_wait() -> None:
    count = 10_000
    async with connected(Watched) as client:
        client.writer.write((HEAD + b"Content-Length: 0\r\n\r\n") * count)
        for _ in range(count):
            await client.until(b"\r\n\r\n0")
        [kept] = client.kept
        assert isinstance(kept, Watched)
        assert not kept.late


class Written(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.packets.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


async def test_what_is_written_in_one_turn_goes_out_at_once() -> None:
    transport, loop = Written(), asyncio.get_running_loop()
    gathered = Gathered(transport, loop)
    for turn in (b"head body", b"next"):
        for part in turn.split():
            gathered.write(part)
        assert not transport.packets or transport.packets[-1] == b"headbody"
        await asyncio.sleep(0)
    assert transport.packets == [b"headbody", b"next"]
    gathered.write(b"much" * MOST_GATHERED)
    assert len(transport.packets.pop()) == 4 * MOST_GATHERED
    gathered.write(b"last")
    gathered.close()
    assert transport.packets[-1] == b"last"
    assert transport.is_closed
    gathered.write(b"nobody reads it")
    await asyncio.sleep(0)
    assert len(transport.packets) == 3


async def test_a_head_with_a_length_goes_out_with_its_body_and_no_later() -> None:
    transport = Written()
    gathered = Gathered(transport, asyncio.get_running_loop())
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"
    for end in (partial(gathered.write, b"body"), gathered.flush, gathered.close):
        gathered.write(head)
        assert not transport.packets
        end()
        assert transport.packets.pop().startswith(head)
        assert not transport.packets


async def test_a_request_that_comes_whole_is_answered_at_once() -> None:
    async with connected(Connection, express) as client:
        for body, end in [(b"!", AT_ONCE), (b"a", AFTER)] * 2:
            client.writer.write(ASKING + LENGTH + body)
            assert (await client.until(end)).startswith(b"HTTP/1.1 200 OK\r\n")
        assert client.kept[0].server_state.total_requests == 4


@pytest.mark.parametrize(
    "head",
    [
        HEAD,
        ASKING.replace(b"POST", b"PUT"),
        ASKING.replace(b"1.1", b"1.0"),
        ASKING.replace(b"graphql", b"graphql?a=b"),
        ASKING + b"Connection: close\r\n",
        ASKING + b"Expect: 100-continue\r\n",
    ],
)
async def test_another_request_is_not(head: bytes) -> None:
    async with connected(Connection, express) as client:
        client.writer.write(head + LENGTH + b"!")
        assert b" 200 OK\r\n" in await client.until(AFTER)


async def test_a_body_that_comes_later_is_the_applications() -> None:
    async with connected(Connection, express) as client:
        for parts in ([ASKING, LENGTH, b"!"], [ASKING + LENGTH, b"!"]):
            for part in parts:
                client.writer.write(part)
                await asyncio.sleep(0.05)
            await client.until(AFTER)
        client.writer.write(ASKING + b"Transfer-Encoding: chunked\r\n\r\n1\r\n!\r\n0\r\n\r\n")
        await client.until(AT_ONCE)


async def test_of_many_requests_each_has_its_turn() -> None:
    first, second = ASKING + LENGTH + b"!", ASKING + LENGTH + b"a"
    async with connected(Connection, express) as client:
        client.writer.write((first + second) * 100)
        for end in [AT_ONCE] + [AFTER] * 199:
            assert (await client.until(end)).count(b"HTTP/1.1 200 OK") == 1
        client.writer.write(first)
        await client.until(AT_ONCE)


async def test_what_is_no_request_is_refused_all_the_same() -> None:
    async with connected(Connection, express) as client:
        client.writer.write(ASKING + b"Transfer-Encoding: chunked\r\n\r\nno length\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


async def test_an_idle_connection_is_closed_after_an_answer_at_once() -> None:
    async with connected(Connection, express) as client:
        client.kept[0].timeout_keep_alive = 0
        client.writer.write(ASKING + LENGTH + b"!")
        assert (await client.rest()).endswith(AT_ONCE)


async def test_what_follows_an_answer_at_once_is_not_idle() -> None:
    async with connected(Connection, express) as client:
        client.kept[0].timeout_keep_alive = 0
        client.writer.write(ASKING + LENGTH + b"!" + HEAD + b"Content-Length: 2\r\n\r\na")
        await client.until(AT_ONCE)
        await asyncio.sleep(0.05)
        client.writer.write(b"b")
        await client.until(b"\r\n\r\n2")


async def test_a_body_is_no_request_where_another_protocol_is_asked_for() -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n" % len(HEAD)
    async with connected(Connection, express) as client:
        client.writer.write(HEAD + upgrade)
        await asyncio.sleep(0.05)
        client.writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
        came = await client.rest()
        assert came.count(b"HTTP/1.1 ") == 1
        assert b"connection: close" in came

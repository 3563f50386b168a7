"""Connections that never come to a request are closed; requests under way are not."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from api.connections import LONGEST_HEAD, MOST_GATHERED, Connection, Gathered
from api.express import EXPRESS, Answered
from api.transport import Told

HEAD = b"POST / HTTP/1.1\r\nHost: a.example\r\n"
PATIENCE = 30.0  # seconds
ASKING = b"POST /graphql HTTP/1.1\r\nHost: a.example\r\n"
LENGTH = b"Content-Length: 1\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
EXPRESSED, AFTER = b"\r\n\r\nexpress", b"\r\n\r\n1"  # how answers of either way end


@dataclass(frozen=True, slots=True)
class Head:
    """Of a request, known by the length of its body."""

    length: int


class Express:
    """Knows the heads that it learned, and answers one body: at once, or when it is told to."""

    def __init__(self, *, is_at_once: bool = True) -> None:
        self.is_at_once = is_at_once
        self.may_go = asyncio.Event()
        self.heads: dict[bytes, Head] = {}

    def recalled(self, head: bytes) -> Head | None:
        return self.heads.get(head)

    def learn(self, head: bytes, headers: Told, length: int) -> None:
        assert (b"host", b"a.example") in headers
        self.heads[head] = Head(length)

    def answer(self, head: Head, body: bytes, host: str) -> Answered | None:
        assert host == "127.0.0.1"
        return (200, [(b"content-length", b"7")], b"express") if body == b"!" else None

    async def waited(self, head: Head, body: bytes, host: str) -> Answered | None:
        await self.may_go.wait()
        return self.answer(head, body, host)


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


@pytest.mark.parametrize("hosts", [b"", b"Host: a.example\r\nhost: a.example\r\n"])
async def test_a_request_of_no_one_host_is_none(hosts: bytes) -> None:
    async with connected(Connection) as client:
        client.writer.write(b"POST / HTTP/1.1\r\n" + hosts + LENGTH + b"a")
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


async def test_older_clients_tell_no_host() -> None:
    async with connected(Connection) as client:
        client.writer.write(b"POST / HTTP/1.0\r\n" + LENGTH + b"a")
        assert (await client.rest()).startswith(b"HTTP/1.1 200 ")


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


@pytest.fixture(params=[True, False], ids=["at once", "waited for"])
def express(request: pytest.FixtureRequest) -> Express:
    """Return an express that needn't wait, and one that must, though not for long."""
    made = Express(is_at_once=request.param)
    made.may_go.set()
    return made


async def test_a_request_whose_head_is_known_goes_express(express: Express) -> None:
    async with connected(Connection, express) as client:
        client.writer.write(ASKING + LENGTH + b"!")
        await client.until(AFTER)
        for body, end in [(b"!", EXPRESSED), (b"a", AFTER)] * 2:
            client.writer.write(ASKING + LENGTH + body)
            assert (await client.until(end)).startswith(b"HTTP/1.1 200 OK\r\n")
        assert client.kept[0].server_state.total_requests == 5


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + LENGTH + b"!",
        ASKING.replace(b"POST", b"PUT") + LENGTH + b"!",
        ASKING.replace(b"1.1", b"1.0") + LENGTH + b"!",
        ASKING.replace(b"graphql", b"graphql?a=b") + LENGTH + b"!",
        ASKING + b"Connection: close\r\n" + LENGTH + b"!",
        ASKING + b"Expect: 100-continue\r\n" + LENGTH + b"!",
        ASKING + b"Transfer-Encoding: chunked\r\n\r\n1\r\n!\r\n0\r\n\r\n",
        (ASKING + LENGTH + b"!") * 2,
        ASKING + LENGTH + b"!" + HEAD,
        b"\r\n\r\n" + ASKING + LENGTH + b"!",
        ASKING + LENGTH + b"!\r\n",
        # What follows the first head is as long as the second tells.
        ASKING + LENGTH + b"!" + ASKING + UPGRADE + b"Content-Length: 106\r\n\r\n",
    ],
)
async def test_other_heads_are_not_learned(request_: bytes) -> None:
    express = Express()
    async with connected(Connection, express) as client:
        client.writer.write(request_)
        assert b" 200 OK\r\n" in await client.until(AFTER)
        assert not express.heads


async def test_what_does_not_come_whole_is_the_parsers(express: Express) -> None:
    async with connected(Connection, express) as client:
        whole = ASKING + LENGTH + b"!"
        client.writer.write(whole)
        await client.until(AFTER)
        for parts in ([ASKING, LENGTH + b"!"], [ASKING + LENGTH, b"!"], [whole[:-1], b"!" + whole]):
            for part in parts:
                client.writer.write(part)
                await asyncio.sleep(0.05)
            for _ in range(b"".join(parts).count(ASKING)):
                await client.until(AFTER)
        assert len(express.heads) == 1
        # To the parser this is the end of a field's value, then a body.
        for begun in (b"POST / HTTP/1.1\r\nX: ", HEAD + b"Content-Length: %d\r\n\r\n" % len(whole)):
            client.writer.write(begun)
            await asyncio.sleep(0.05)
            client.writer.write(whole)
            await client.until(AFTER if begun.endswith(b"X: ") else b"\r\n\r\n%d" % len(whole))


async def test_of_many_requests_each_has_its_turn(express: Express) -> None:
    first, second = ASKING + LENGTH + b"!", ASKING + LENGTH + b"a"
    async with connected(Connection, express) as client:
        client.writer.write((first + second) * 100)
        for _ in range(200):
            assert (await client.until(AFTER)).count(b"HTTP/1.1 200 OK") == 1
        for end in AFTER, EXPRESSED, EXPRESSED:
            client.writer.write(first)
            await client.until(end)


async def test_what_comes_while_an_answer_is_waited_for_has_its_turn() -> None:
    express = Express(is_at_once=False)
    async with connected(Connection, express) as client:
        client.writer.write(ASKING + LENGTH + b"!")
        await client.until(AFTER)
        for body, end in (b"!", EXPRESSED), (b"a", AFTER):
            express.may_go.clear()
            for part in (ASKING + LENGTH + body, ASKING, LENGTH, b"b" + ASKING, LENGTH + b"c"):
                client.writer.write(part)
                await asyncio.sleep(0.02)
            express.may_go.set()
            for one in (end, AFTER, AFTER):
                await client.until(one)
            client.writer.write(ASKING + LENGTH + b"!")
            await client.until(EXPRESSED)


@pytest.mark.parametrize(("body", "end"), [(b"!", EXPRESSED), (b"a", AFTER)])
@pytest.mark.parametrize("later", [b"", ASKING + LENGTH + b"!", (ASKING + LENGTH + b"a") * 2])
async def test_a_stop_waits_for_answers(body: bytes, end: bytes, later: bytes) -> None:
    express = Express(is_at_once=False)
    async with connected(Connection, express) as client:
        client.writer.write(ASKING + LENGTH + body)
        await client.until(AFTER)
        for part in ASKING + LENGTH + body, later:
            client.writer.write(part)
            await asyncio.sleep(0.05)
        client.kept[0].shutdown()
        express.may_go.set()
        came = await client.until(end) + await client.rest()
        answers = came.split(b"HTTP/1.1 200 OK\r\n")[1:]
        assert len(answers) == 1 + later.count(ASKING)
        assert [b"connection: close\r\n" in one for one in answers].index(True) == len(answers) - 1


async def test_empty_lines_are_no_part_of_a_next_head(express: Express) -> None:
    async with connected(Connection, express) as client:
        client.writer.write(ASKING + LENGTH + b"!")
        await client.until(AFTER)
        for _ in range(3):
            client.writer.write(b"\r\n" * (LONGEST_HEAD // 5))
            await asyncio.sleep(0.05)
            client.writer.write(ASKING + LENGTH + b"!")
            await client.until(EXPRESSED)


async def test_an_answer_to_who_is_gone_is_dropped() -> None:
    express = Express(is_at_once=False)
    async with connected(Connection, express) as client:
        client.writer.write(ASKING + LENGTH + b"a")
        await client.until(AFTER)
        client.writer.write(ASKING + LENGTH + b"a")
        await asyncio.sleep(0.05)
        client.writer.transport.abort()
        await asyncio.sleep(0.05)
        express.may_go.set()
        [asking] = client.kept[0].tasks
        await asking
        assert client.kept[0].server_state.total_requests == 1


async def test_what_is_no_request_is_refused_all_the_same(express: Express) -> None:
    async with connected(Connection, express) as client:
        client.writer.write(ASKING + b"Transfer-Encoding: chunked\r\n\r\nno length\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


async def test_an_idle_connection_is_closed_after_an_express_answer(express: Express) -> None:
    async with connected(Connection, express) as client:
        client.writer.write(ASKING + LENGTH + b"!")
        await client.until(AFTER)
        client.kept[0].timeout_keep_alive = 0
        client.writer.write(ASKING + LENGTH + b"!")
        assert (await client.rest()).endswith(EXPRESSED)


async def test_what_follows_an_express_answer_is_not_idle() -> None:
    express = Express(is_at_once=False)
    async with connected(Connection, express) as client:
        client.writer.write(ASKING + LENGTH + b"!")
        await client.until(AFTER)
        client.kept[0].timeout_keep_alive = 0
        client.writer.write(ASKING + LENGTH + b"!")
        await asyncio.sleep(0.05)
        client.writer.write(HEAD + b"Content-Length: 2\r\n\r\na")
        express.may_go.set()
        await client.until(EXPRESSED)
        await asyncio.sleep(0.05)
        client.writer.write(b"b")
        await client.until(b"\r\n\r\n2")


async def test_a_body_is_no_request_where_another_protocol_is_asked_for(
    express: Express,
) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n" % len(HEAD)
    async with connected(Connection, express) as client:
        client.writer.write(HEAD + upgrade)
        await asyncio.sleep(0.05)
        client.writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
        came = await client.rest()
        assert came.count(b"HTTP/1.1 ") == 1
        assert b"connection: close" in came

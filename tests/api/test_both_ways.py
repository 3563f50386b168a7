"""A connection answers the same bytes whether or not requests may go express, whatever comes in
whatever pieces."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from api.connections import Connection
from api.express import EXPRESS, Answered
from tests.api.test_connections import Express as Learning
from tests.api.test_connections import Head, Written

REQUESTS, SEQUENCES = 100, 400
TURNS = 12  # of the loop, in which all that was sent is answered
LINE, END = b"POST /graphql HTTP/1.1", b"\r\n\r\n"
ASKING = LINE + b"\r\nHost: a.example\r\nContent-Length: "
PLAIN = ASKING + b"2" + END + b"{}", ASKING + b"5" + END + b"other"
ODD_LINES = b"POST /graphql HTTP/1.0", b"PUT /graphql HTTP/1.1", b"POST /other HTTP/1.1", b"?"
ODD = (
    b"Accept: */*",
    b"Connection: close",
    b"Connection: Upgrade\r\nUpgrade: h2c",
    b"Expect: 100-continue",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity",
    b"Content-Length: 0",
    b"Host: b.example",
    b"X: a\r\n b",
    b"X : a",
)


class Express(Learning):
    """Answers as the application does, though not all; sometimes after a while."""

    def __init__(self, random: Random, *, is_at_once: bool) -> None:
        super().__init__(is_at_once=is_at_once)
        self.random, self.answered = random, 0

    def answer(self, head: Head, body: bytes, host: str) -> Answered | None:
        if body.startswith(b"other"):
            return None
        self.answered += 1
        echo = b"POST/graphql" + body
        return 200, [(b"content-length", b"%d" % len(echo))], echo

    async def waited(self, head: Head, body: bytes, host: str) -> Answered | None:
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        return self.answer(head, body, host)


class Wire(Written):
    """A transport that may be told to read no more."""

    is_paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what was asked."""
    echo, more = scope["method"].encode() + scope["raw_path"], True
    while more:
        message = await receive()
        echo, more = echo + message.get("body", b""), message.get("more_body", False)
    headers = [(b"content-length", b"%d" % len(echo))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": echo})


def request(random: Random) -> bytes:
    """A request, or nearly one."""
    body = random.choice([b"", b"{}", b"other", LINE + END, PLAIN[0]])
    line, fields = random.choice([*[LINE] * 4, *ODD_LINES]), [b"Host: a.example"]
    if random.random() < 0.6:
        fields.append(random.choice(ODD))
    content, length = body, len(body) + random.choice([0] * 6 + [1])
    if b"Transfer-Encoding: chunked" in fields:
        content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    if content is body or random.random() < 0.1:
        fields.append(b"Content-Length: %d" % length)
    begun = random.choice([b""] * 8 + [b"\r\n", b"\r\n\r\n"])
    return begun + b"\r\n".join([line, *fields, b"", content])


def packets(random: Random, requests: Sequence[bytes]) -> list[bytes]:
    """What a client sends, in pieces."""
    made: list[bytes] = []
    for _ in range(random.randrange(1, 7)):
        data, way = random.choice(requests), random.random()
        if made and way < 0.2:
            made[-1] += data
        elif way < 0.5:
            cut = random.choice([random.randrange(1, len(data)), data.index(END) + len(END)])
            made += [data[:cut], data[cut:]]
        else:
            made.append(data)
    return made


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def answered(
    express: Express | None, sent: list[bytes], *, is_patient: bool
) -> tuple[bytes, bool]:
    """What a connection answers to who waits for answers before each packet, or doesn't; and
    whether it is closed then."""
    config = Config(app, http=Connection, log_config=None)
    config.load()
    state = {} if express is None else {EXPRESS: express}
    connection = Connection(config=config, server_state=ServerState(), app_state=state)
    wire = Wire()
    connection.connection_made(wire)
    for data in sent:
        if is_patient or wire.is_paused:
            await turns()
        if not wire.is_closed:
            connection.data_received(data)
    for _ in sent:
        await turns()
    was_closed = wire.is_closed
    connection.connection_lost(None)
    return b"".join(wire.packets), was_closed


@pytest.mark.parametrize("is_at_once", [True, False])
async def test_both_ways_answer_the_same_bytes(is_at_once: bool) -> None:
    """What is no request is refused before what came just before is answered: where there may be
    such, each waits for its answer."""
    random = Random(1)
    express = Express(random, is_at_once=is_at_once)
    requests = [*PLAIN * (REQUESTS // 4), *(request(random) for _ in range(REQUESTS // 2))]
    for number in range(SEQUENCES):
        is_patient = number % 3 > 0
        sent = packets(random, requests if is_patient else PLAIN)
        one, other = [await answered(it, sent, is_patient=is_patient) for it in (express, None)]
        assert one == other
    assert express.answered > SEQUENCES / 4

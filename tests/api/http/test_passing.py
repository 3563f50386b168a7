"""Pages that another process makes are the same, and what goes wrong on the way is answered."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.explorer.passing import Handler, Passed, passing
from api.explorer.site import Site
from api.observing.logs import BrokenOff
from api.observing.notes import Note, current, noting
from tests.api.http.outside import Node

BODY = b"x" * 300_000  # more than a connection holds at once


@pytest.fixture
def path() -> Iterator[str]:
    """Yield where a process would listen; addresses of sockets are short."""
    with TemporaryDirectory() as folder:
        yield str(Path(folder) / "socket")


class Asked:
    """A request that a server passes to the node, and what it hears."""

    def __init__(self, *bodies: bytes, leaves: bool = False) -> None:
        self.heard: list[Message] = []
        self.note = Note("ours")
        self._left, self._leaves = asyncio.Event(), leaves
        last = len(bodies) - 1
        self._coming = [
            {"type": "http.request", "body": body, "more_body": number != last}
            for number, body in enumerate(bodies or (b"",))
        ]

    @property
    def status(self) -> int:
        return int(self.heard[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.heard[1:])

    async def by(self, app: ASGIApp) -> None:
        scope = {
            **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1"},
            **{"method": "POST", "scheme": "https", "path": "/é", "raw_path": b"/%C3%A9"},
            **{"root_path": "", "query_string": b"a=1", "headers": [(b"host", b"n.example")]},
            **{"client": ("192.0.2.7", 5), "server": ("n.example", 443), "state": object()},
        }
        with noting(self.note):
            await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self._coming:
            return self._coming.pop(0)
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.heard.append(message)
        if self._leaves or (message["type"].endswith("body") and not message.get("more_body")):
            self._left.set()


def asked(
    other: Handler | None,
    path: str,
    node: Node,
    asking: Asked,
    *,
    here: Any = None,
    until: asyncio.Event | None = None,
) -> Asked:
    """Has whoever is at the other end answer; the node itself, if there is nobody."""

    async def run() -> None:
        async with AsyncExitStack() as held:
            held.push_async_callback(settled)
            if other is not None:
                server = await asyncio.start_unix_server(other, path)
                await held.enter_async_context(server)
            site = Site(node.client.app.state.desk)  # type: ignore[attr-defined]
            async with asyncio.timeout(20):
                await asking.by(Passed(path, here, site))
                if until is not None:
                    await until.wait()

    asyncio.run(run())
    return asking


async def settled() -> None:
    """Returns once every connection is closed."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)
    await asyncio.sleep(0.01)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what came."""
    request = Request(scope, receive)
    body = await request.body()
    told = [str(request.url), request.client, request.method, scope["raw_path"].decode()]
    current().statements += 3
    current().errors["BUSY"] += 1
    assert current().request_id == "ours"
    await JSONResponse([*told, len(body)])(scope, receive, send)


def test_requests_come_whole_and_what_is_noted_goes_back(path: str, lite: Node) -> None:
    answer = asked(passing(echo), path, lite, Asked(BODY, b"", b"end"))
    assert answer.status == 200
    told = b'["https://n.example/\xc3\xa9?a=1",["192.0.2.7",5],"POST","/%C3%A9",300003]'
    assert answer.body == told
    assert (answer.note.statements, dict(answer.note.errors)) == (3, {"BUSY": 1})


def test_who_is_answered_early_has_the_whole_answer(path: str, lite: Node) -> None:
    async def early(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse("early")(scope, receive, send)

    for _ in range(20):
        answer = asked(passing(early), path, lite, Asked(BODY, BODY, BODY))
        assert (answer.status, answer.body) == (200, b'"early"')
        Path(path).unlink()


def test_long_answers_come_as_they_are_made(path: str, lite: Node) -> None:
    async def many(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(BODY for _ in range(10))(scope, receive, send)

    answer = asked(passing(many), path, lite, Asked())
    assert answer.body == 10 * BODY
    assert len(answer.heard) > 10


def test_who_leaves_is_told_of(path: str, lite: Node, caplog: pytest.LogCaptureFixture) -> None:
    heard = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        async def parts() -> Any:
            while True:
                yield BODY
                await asyncio.sleep(0)

        with suppress(ClientDisconnect):
            await StreamingResponse(parts())(scope, receive, send)
        heard.set()

    asked(passing(endless), path, lite, Asked(leaves=True), until=heard)
    assert not caplog.records


def test_a_node_without_such_a_process_answers_itself(path: str, lite: Node) -> None:
    assert asked(None, path, lite, Asked(b"1"), here=echo).status == 200
    with socket.socket(socket.AF_UNIX) as nobody:
        nobody.bind(path)  # and doesn't listen
        assert asked(None, path, lite, Asked(b"1"), here=echo).status == 200


def test_what_goes_wrong_there_is_masked(path: str, lite: Node) -> None:
    async def wrong(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a secret")

    answer = asked(passing(wrong), path, lite, Asked())
    assert answer.status == 500
    assert b"INTERNAL" in answer.body
    assert b"secret" not in answer.body
    assert dict(answer.note.errors) == {"INTERNAL": 1}


def test_an_answer_that_breaks_off_is_no_answer(
    path: str, lite: Node, caplog: pytest.LogCaptureFixture
) -> None:
    async def torn(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("a secret")

    asking = Asked()
    with pytest.raises(BrokenOff):
        asked(passing(torn), path, lite, asking)
    assert dict(asking.note.errors) == {"INTERNAL": 1}
    assert [record.msg for record in caplog.records] == ["unexpected"]


async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(4)
    writer.close()


async def sleeps(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.mark.parametrize("other", [dies, sleeps])
def test_a_process_that_does_not_answer_is_busy(
    path: str, lite: Node, other: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.explorer.passing.LONGEST_WAIT", 0.2)

    answer = asked(other, path, lite, Asked(), here=echo)
    assert answer.status == 503
    assert b"<h1>Busy</h1>" in answer.body
    assert dict(answer.note.errors) == {"BUSY": 1}

"""Connections: whose head of a request doesn't come in time, or is too long, is closed.

uvicorn waits for a head for ever, and its parser reads one of any length.
"""

import asyncio
from asyncio import TimerHandle
from collections.abc import Sized
from typing import Any, ClassVar

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.express import EXPRESS, PATH, Answered, Express, Head
from api.subscriptions.wires import STOP, Draining

MOST_GATHERED = 64 * 1_024  # bytes
LONGEST_HEAD = 64 * 1_024  # bytes, give or take what the system hands over at once
_PATH, _END = PATH.encode(), b"\r\n\r\n"
_HEAD, _LENGTH = b"HTTP/1.1 ", b"\r\ncontent-length: "


class Gathered:
    """A transport that sends at once what is written in one turn of the loop: the server writes the
    head of an answer and its body apart, which would be two packets. A head whose body has a length
    waits for that, or for `flush`, since another turn takes as long as sending."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head = b""
        self._waiting: list[bytes] = []
        self._size = 0
        self.is_closing = transport.is_closing  # asked for at each request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._head:
            self._waiting, self._head = [self._head, data], b""
            self._send()
            return
        if not self._waiting:
            if _LENGTH in data and data.startswith(_HEAD):
                self._head = data
                return
            self._loop.call_soon(self._send)
        self._waiting.append(data)
        self._size += len(data)
        if self._size > MOST_GATHERED:
            self._send()

    def flush(self) -> None:
        """Sends a head that nothing follows."""
        if self._head:
            self.write(b"")

    def write_whole(self, data: bytes) -> None:
        """Sends an answer together with its head, after all that came before."""
        self.flush()
        self._send()
        self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._waiting and not self._transport.is_closing():
            self._transport.write(b"".join(self._waiting))
        self._waiting.clear()
        self._size = 0


class Flow(FlowControl):
    """Reads no further while requests wait that are read already. uvicorn would at each answer, so
    that who sends many and takes few answers would fill all memory."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class Patient(Draining, HttpToolsProtocol):
    """A connection that is patient up to a limit."""

    head_seconds: ClassVar[float] = 30  # for a head to arrive whole, from its first byte

    _length = 0  # of the head, so far
    _since: float | None = None  # when a head began to be waited for, if one is
    _timer: TimerHandle | None = None  # one for many heads, as most come at once

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._gathered = Gathered(transport, self.loop)
        super().connection_made(self._gathered)  # type: ignore[arg-type]
        self.flow = Flow(self.transport, self.pipeline)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._since = None
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._length += len(data)
        super().data_received(data)
        if self._length > LONGEST_HEAD and self._since is not None:
            self._give_up()

    def on_headers_complete(self) -> None:
        is_old = self.parser.get_http_version() != "1.1"
        if not is_old and sum(name == b"host" for name, _ in self.headers) != 1:
            raise ValueError  # it is answered 400 (RFC 9112 3.2)
        self._since = None
        super().on_headers_complete()
        if self.parser.should_upgrade() and not self._should_upgrade():
            self.cycle.keep_alive = False  # the parser would take its body for the next request

    def on_message_complete(self) -> None:
        self._wait()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._gathered.flush()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._since = None
        super().handle_websocket_upgrade()

    def shutdown(self) -> None:
        if STOP in self.app_state:
            self.app_state[STOP]()  # streams of events have no end of their own
        super().shutdown()

    def _wait(self) -> None:
        """For the next head."""
        self._length, self._since = 0, self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._look)

    def _look(self) -> None:
        """Closes what is late; looks again when what is waited for now will be."""
        self._timer = None
        if self._since is None:
            return
        left = self._since + self.head_seconds - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._look)
        elif not self._is_answering():
            self.transport.close()

    def _give_up(self) -> None:
        if self._is_answering():
            self.transport.abort()
        elif not self.transport.is_closing():
            self.send_400_response(f"expected at most {LONGEST_HEAD:,} bytes of headers")

    def _is_answering(self) -> bool:
        # Afterwards the server closes what stays idle.
        return not getattr(self.cycle, "response_complete", True)


class Connection(Patient):
    """One whose requests may be answered without the parser (`api.express`), where they come whole
    and their head was read before."""

    _is_between = True  # two requests: of the next, no byte was parsed
    _begun = 0  # requests, in what was parsed last
    _is_stopping = False
    _asking: asyncio.Task[None] | None = None  # for an answer
    _later = b""  # what came meanwhile

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._express: Express | None = None if self.root_path else self.app_state.get(EXPRESS)
        self._host = self.client[0] if self.client else ""

    def data_received(self, data: bytes) -> None:
        if self._asking is not None:
            self._later += data
            self.flow.pause_reading()
        elif not self._goes_express(data):
            self._parse(data)

    def _goes_express(self, data: bytes) -> bool:
        """Whether this is a request that is answered, or will be, without the parser."""
        express = self._express
        if express is None or not self._is_between or self._is_answering():
            return False
        if self.flow.write_paused or self.transport.is_closing():
            return False
        end = data.find(_END) + len(_END)
        head = express.recalled(data[:end])
        if head is None or head.length != len(data) - end:
            return False
        if express.is_at_once:
            answer = express.answer(head, data[end:], self._host)
            if answer is None:
                return False
            self._send(answer)
        else:
            self._unset_keepalive_if_required()
            self._since = None
            self._asking = self.loop.create_task(self._ask(express, head, data, end))
            self._asking.add_done_callback(self.tasks.discard)
            self.tasks.add(self._asking)
        return True

    async def _ask(self, express: Express, head: Head, data: bytes, end: int) -> None:
        answer = await express.waited(head, data[end:], self._host)
        self._asking = None
        if self.transport.is_closing():
            return
        later, self._later = self._later, b""
        if answer is None:
            self._parse(data)
        else:
            self._send(answer, is_last=self._is_stopping and not later)
        if later:
            self.data_received(later)
        if self._is_stopping and self._asking is None:
            super().shutdown()

    def _send(self, answer: Answered, *, is_last: bool = False) -> None:
        status, told, body = answer
        fields = [b"%b: %b\r\n" % field for field in self.server_state.default_headers]
        fields += [b"%b: %b\r\n" % field for field in told]
        if is_last:
            fields.append(b"connection: close\r\n")
        self._gathered.write_whole(b"".join([STATUS_LINE[status], *fields, b"\r\n", body]))
        self.on_response_complete()
        self._wait()

    def _parse(self, data: bytes) -> None:
        was_between, self._begun = self._is_between, 0
        super().data_received(data)
        if was_between and self._is_between and self._begun == 1 and self._since is not None:
            self._learn(data)

    def _learn(self, data: bytes) -> None:
        """Has the head recalled of what turned out to be one whole request. One that tells another
        length than follows came in chunks, or with empty lines around it."""
        end = data.find(_END) + len(_END)
        length = len(data) - end
        if (
            self._express is not None
            and self.url == _PATH
            and self.cycle.scope["method"] == "POST"
            and self.cycle.keep_alive  # as HTTP/1.0 never is
            and not self.expect_100_continue
            and (b"content-length", b"%d" % length) in self.headers
        ):
            self._express.learn(data[:end], self.headers, length)

    def on_message_begin(self) -> None:
        self._is_between = False
        self._begun += 1
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._is_between = True
        super().on_message_complete()

    def shutdown(self) -> None:
        self._is_stopping = True
        if self._asking is None:
            super().shutdown()

"""Connections: whose head of a request doesn't come in time, or is too long, is closed.

uvicorn waits for a head for ever, and its parser reads one of any length.
"""

import asyncio
from asyncio import TimerHandle
from collections.abc import Sized
from typing import Any, ClassVar

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.express import EXPRESS, PATH
from api.subscriptions.wires import STOP, Draining

MOST_GATHERED = 64 * 1_024  # bytes
LONGEST_HEAD = 64 * 1_024  # bytes, give or take what the system hands over at once
_PATH = PATH.encode()
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


class Connection(Draining, HttpToolsProtocol):
    """A connection that is patient up to a limit."""

    head_seconds: ClassVar[float] = 30  # for a head to arrive whole, from its first byte

    _is_reading = True  # a head, or nothing yet
    _is_counting = True  # what came last belongs to the head, whole
    _held: bytes | None = None  # the body, so far, of a request that may go express
    _is_socket = False  # a WebSocket has taken over
    _length = 0  # of the head, so far
    _since: float | None = None  # when a head began to be waited for
    _timer: TimerHandle | None = None  # one for many heads, as most come at once

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._gathered = Gathered(transport, self.loop)
        self._express = None if self.root_path else self.app_state.get(EXPRESS)
        super().connection_made(self._gathered)  # type: ignore[arg-type]
        self.flow = Flow(self.transport, self.pipeline)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._since = None
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._is_counting = True
        super().data_received(data)
        if not self.transport.is_closing():
            self._go_on()
        if not self._is_reading or self._is_socket or self.transport.is_closing():
            return
        self._wait()
        self._length = self._length + len(data) if self._is_counting else 0
        if self._length > LONGEST_HEAD:
            self._give_up()

    def on_headers_complete(self) -> None:
        self._unset_keepalive_if_required()  # where the one before was answered at once
        is_first, self._is_counting = self._is_counting, False
        self._is_reading, self._since = False, None
        if is_first and self._may_go_express():
            self._held = b""
            return
        super().on_headers_complete()
        if self.parser.should_upgrade() and not self._should_upgrade():
            self.cycle.keep_alive = False  # the parser would take its body for the next request

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held += body

    def on_message_complete(self) -> None:
        self._is_reading, self._is_counting = True, False
        if self._held is None or not self._is_answered(self._held):
            self._go_on()
            super().on_message_complete()

    def _may_go_express(self) -> bool:
        """Whether a request may be answered at once, if it comes whole. Of many that come at once
        the first may, since others wait meanwhile."""
        return (
            self._express is not None
            and self.url == _PATH
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
            and not self.expect_100_continue
            and not self._is_answering()
            and not self.flow.write_paused
        )

    def _is_answered(self, body: bytes) -> bool:
        """Whether a whole request could be answered at once, and has been."""
        assert self._express is not None
        answer = self._express(self.headers, body, self.client[0] if self.client else "")
        if answer is None:
            return False
        self._held = None
        fields = [b"%b: %b\r\n" % field for field in self.server_state.default_headers]
        fields += [b"%b: %b\r\n" % field for field in answer[0]]
        self._gathered.write_whole(b"".join([STATUS_LINE[200], *fields, b"\r\n", answer[1]]))
        super().on_response_complete()
        return True

    def _go_on(self) -> None:
        """Has the application answer what isn't answered at once."""
        if self._held is not None:
            body, self._held = self._held, None
            super().on_headers_complete()
            if body:
                super().on_body(body)

    def on_response_complete(self) -> None:
        self._gathered.flush()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._is_socket, self._since = True, None
        super().handle_websocket_upgrade()

    def shutdown(self) -> None:
        if STOP in self.app_state:
            self.app_state[STOP]()  # streams of events have no end of their own
        super().shutdown()

    def _wait(self) -> None:
        if self._since is None:
            self._since = self.loop.time()
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
        else:
            self.send_400_response(f"expected at most {LONGEST_HEAD:,} bytes of headers")

    def _is_answering(self) -> bool:
        # Afterwards the server closes what stays idle.
        return not getattr(self.cycle, "response_complete", True)

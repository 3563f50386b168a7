"""Connections: whose head of a request doesn't come in time, or is too long, is closed.

uvicorn waits for a head for ever, and its parser reads one of any length.
"""

import asyncio
from asyncio import TimerHandle
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.subscriptions.wires import STOP, Draining

MOST_GATHERED = 64 * 1_024  # bytes
LONGEST_HEAD = 64 * 1_024  # bytes, give or take what the system hands over at once


class Gathered:
    """A transport that sends what is written in one turn of the loop at once: the server writes
    the head of an answer and its body apart, which would be two packets."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._waiting: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(data)
        self._size += len(data)
        if self._size > MOST_GATHERED:
            self._send()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._waiting and not self._transport.is_closing():
            self._transport.write(b"".join(self._waiting))
        self._waiting.clear()
        self._size = 0


class Connection(Draining, HttpToolsProtocol):
    """A connection that is patient up to a limit."""

    head_seconds: ClassVar[float] = 30  # for a head to arrive whole, from its first byte

    _is_reading = True  # a head, or nothing yet
    _is_counting = True  # what came last belongs to the head, whole
    _length = 0  # of the head, so far
    timer: TimerHandle | None = None  # runs while a head is waited for

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Gathered(transport, self.loop))  # type: ignore[arg-type]
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._is_counting = True
        super().data_received(data)
        if self.transport.get_protocol() is not self:
            self._wait_no_more()  # it is a WebSocket's now
            return
        if not self._is_reading or self.transport.is_closing():
            return
        self._wait()
        self._length = self._length + len(data) if self._is_counting else 0
        if self._length > LONGEST_HEAD:
            self._give_up()

    def on_headers_complete(self) -> None:
        self._is_reading = self._is_counting = False
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_reading, self._is_counting = True, False
        super().on_message_complete()

    def shutdown(self) -> None:
        if STOP in self.app_state:
            self.app_state[STOP]()  # streams of events have no end of their own
        super().shutdown()

    def _wait(self) -> None:
        if self.timer is None:
            self.timer = self.loop.call_later(self.head_seconds, self._is_late)

    def _wait_no_more(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _is_late(self) -> None:
        self.timer = None
        if self._is_reading and not self._is_answering():
            self.transport.close()

    def _give_up(self) -> None:
        if self._is_answering():
            self.transport.abort()
        else:
            self.send_400_response(f"expected at most {LONGEST_HEAD:,} bytes of headers")

    def _is_answering(self) -> bool:
        # Afterwards the server closes what stays idle.
        return not getattr(self.cycle, "response_complete", True)

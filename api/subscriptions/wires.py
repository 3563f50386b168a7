"""uvicorn's connections, as far as following needs more of them: who doesn't read what is sent is
dropped, the application hears of a stop, and frames may come encoded."""

import asyncio
import logging
from asyncio import TimerHandle
from typing import Any, ClassVar

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from api.subscriptions.sockets import FRAMES

# To a head that uvicorn takes for a WebSocket's and the library can't read.
NO_HEAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
STOP, DROPPED = "stop", "dropped"  # in the state that the application's lifespan yields


class Draining(asyncio.Protocol):
    """A mixin: a client has some seconds to read so much of what is sent that more can be. What
    waits for it is bounded by the transport's buffer and one message."""

    stall_seconds: ClassVar[float] = 20

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    app_state: dict[str, Any]
    _stalled: TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.stall_seconds, self._drop)

    def resume_writing(self) -> None:
        self._stop_waiting()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _drop(self) -> None:
        self._stalled = None
        self.transport.abort()
        if DROPPED in self.app_state:
            self.app_state[DROPPED]()


class Wire(Draining, WebSocketsSansIOProtocol):
    """A WebSocket's connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Its lines name the client and what was asked for.
        self.logger = logging.getLogger("uvicorn.error.sockets")
        self.logger.setLevel(logging.WARNING)
        self.conn.debug = False

    def data_received(self, data: bytes) -> None:
        """A head that isn't one is refused; it would have kept the connection for ever."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.close_sent:
            self.transport.write(b"".join(self.conn.data_to_send()) or NO_HEAD)
            self.transport.close()

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.handshake_initiated and not self.close_sent:
            self.scope["extensions"][FRAMES] = {}

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._drop()  # whoever doesn't answer needn't be waited for

    def shutdown(self) -> None:
        """The application says goodbye; unless it never got to it."""
        if STOP in self.app_state and self.handshake_complete and not self.close_sent:
            self.stop_keepalive()
            self.app_state[STOP]()
        else:
            super().shutdown()

    async def send(self, message: Any) -> None:
        if message["type"] != FRAMES:
            await super().send(message)
            if self.initial_response is not None and self.close_sent:
                self.handshake_complete = True  # a refusal is whole, and no error to be told of
            return
        await self.writable.wait()
        if self.disconnected or self.conn.state is not State.OPEN:
            raise ClientDisconnected
        self.transport.write(message["frames"])

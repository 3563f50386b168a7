"""A cable between two nodes, which can be cut, held and slowed."""

import socket
import time
from contextlib import suppress
from threading import Thread

CHUNK = 4_096


class Link:
    """Forwards connections from a port of its own to a node's, as well as it does at the moment."""

    def __init__(self, target: int) -> None:
        self.is_cut, self.is_held, self.delay = False, False, 0.0  # seconds for each piece
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def mend(self) -> None:
        self.is_cut, self.is_held, self.delay = False, False, 0.0

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                coming, _ = self._listening.accept()
            except OSError:
                return
            if self.is_cut:
                coming.close()
                continue
            try:
                going = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                coming.close()
                continue
            going.settimeout(None)
            for one, other in ((coming, going), (going, coming)):
                Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(CHUNK):
                while self.is_held:
                    time.sleep(0.05)
                if self.is_cut:
                    break
                time.sleep(self.delay)
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

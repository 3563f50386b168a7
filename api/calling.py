"""How servers that others name are connected to."""

import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore2
import httpx2

from api.outward import SILENCE, Outside
from api.tls import tls_context

LONGEST_ANSWER = 120.0  # seconds from a request to the last of its answer
LOOK = 0.2  # seconds between looks whether anybody waits for an answer


def client(outside: Outside) -> httpx2.Client:
    """A client that asks only who may be reached; close it at the end."""
    asked = {"Accept-Encoding": "gzip", "User-Agent": "comity"}
    return httpx2.Client(headers=asked, timeout=SILENCE, transport=_Transport(outside))


class _Sockets(httpcore2.NetworkBackend):
    """Connects where `Outside` says."""

    def __init__(self, outside: Outside) -> None:
        self._outside, self._inner = outside, httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            host, port = self._outside.address(host, port)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("no such host") from None
        made = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(made, self._outside)


class _Stream(httpcore2.NetworkStream):
    """A connection whose answers end in time, however little comes at a time."""

    def __init__(self, inner: httpcore2.NetworkStream, outside: Outside) -> None:
        self._inner, self._outside, self._asked_at = inner, outside, time.monotonic()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        now = time.monotonic()
        until = min(now + (timeout or SILENCE), self._asked_at + LONGEST_ANSWER)
        while not self._outside.is_left:
            if (left := until - time.monotonic()) <= 0:
                raise httpcore2.ReadTimeout
            with suppress(httpcore2.ReadTimeout):
                return self._inner.read(max_bytes, min(left, LOOK))
        raise httpcore2.ReadError("left")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._asked_at = time.monotonic()
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._outside)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Transport(httpx2.HTTPTransport):
    def __init__(self, outside: Outside) -> None:
        super().__init__(verify=tls_context(__name__), trust_env=False)
        self._pool.close()
        self._pool = httpcore2.ConnectionPool(  # the only way to say how it connects
            ssl_context=tls_context(__name__),
            network_backend=_Sockets(outside),
            max_connections=20,
            keepalive_expiry=30,
        )

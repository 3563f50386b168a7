"""Requests to servers that others name: to public addresses alone, which are looked up once.

A name is resolved when the connection is made, the address is checked, and that very address is
connected to, so a name can't lead elsewhere between the check and the use. That holds for each
redirect too. `COMITY_TEST_NETWORK` names the exceptions, for networks on one machine.
"""

import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore2
import httpx2

from governance.errors import InvalidInput
from governance.settings import Settings

SILENCE = 5.0  # seconds
LONGEST_ANSWER = 120.0  # seconds from a request to the last of its answer
LOOK = 0.2  # seconds between looks whether anybody waits for an answer
LONGEST_URL = 2_048
_PLAIN = re.compile("[!-~]+")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052


class NotPublic(Exception):
    """A name leads to an address that isn't public: nothing was sent there."""


class Outside:
    """What this node may reach. With a test network: http, and any address."""

    def __init__(self, settings: Settings) -> None:
        self._places: Mapping[str, tuple[str, int]] = {
            domain: (host, port) for domain, host, port in settings.test_network
        }
        self.is_left = False

    @property
    def is_test(self) -> bool:
        return bool(self._places)

    def leave(self) -> None:
        """Breaks off what is being read: nobody waits for it any longer."""
        self.is_left = True

    def client(self) -> httpx2.Client:
        """A client that asks nobody else; close it at the end."""
        asked = {"Accept-Encoding": "gzip", "User-Agent": "comity"}
        return httpx2.Client(headers=asked, timeout=SILENCE, transport=_Transport(self))

    def url(self, text: str, path: str = "url") -> str:
        """The address of a node, without a slash at its end; InvalidInput says what isn't right."""
        try:
            url = httpx2.URL(text)
        except (httpx2.InvalidURL, ValueError):
            raise InvalidInput("expected a URL such as https://node.example", path=[path]) from None
        schemes = ("https", "http") if self.is_test else ("https",)
        if url.scheme not in schemes or not url.host or url.userinfo or len(text) > LONGEST_URL:
            raise InvalidInput("expected a URL such as https://node.example", path=[path])
        if {*"?#"} & {*text} or not _PLAIN.fullmatch(text) or (url.port or 1) > 65_535:
            raise InvalidInput("expected a URL of plain ASCII, without a query", path=[path])
        return text.rstrip("/")

    def well_known(self, domain: str) -> str:
        """Where a domain says which node speaks for it (RFC 8615)."""
        scheme = "http" if domain in self._places else "https"
        return f"{scheme}://{domain}/.well-known/comity"

    def address(self, host: str, port: int) -> tuple[str, int]:
        """Where to connect to; NotPublic if that isn't for everyone to see."""
        if host in self._places:
            return self._places[host]
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(place[0]) for *_, place in found]
        if not self.is_test and not all(map(_is_public, addresses)):
            raise NotPublic(host)
        return addresses[0], port


def _is_public(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    addresses = [found]
    if isinstance(found, IPv6Address):  # one of version 4 may be in it
        addresses += [one for one in (found.ipv4_mapped, found.sixtofour) if one]
        if found in _NAT64:
            addresses.append(IPv4Address(int(found) & 0xFFFF_FFFF))
    return all(one.is_global and not one.is_multicast for one in addresses)


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
        super().__init__(trust_env=False)
        self._pool.close()
        self._pool = httpcore2.ConnectionPool(  # the only way to say how it connects
            ssl_context=ssl.create_default_context(),
            network_backend=_Sockets(outside),
            max_connections=20,
            keepalive_expiry=30,
        )

"""Requests to servers that others name: to public addresses alone, which are looked up once.

A name is resolved when the connection is made, the address is checked, and that very address is
connected to, so a name can't lead elsewhere between the check and the use. That holds for each
redirect too. `COMITY_TEST_NETWORK` names the exceptions, for networks on one machine.
"""

import re
import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from governance.errors import InvalidInput
from governance.settings import Settings

if TYPE_CHECKING:  # a node starts without it, and many never need it
    import httpx2

SILENCE = 5.0  # seconds
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

    def client(self) -> "httpx2.Client":
        """A client that asks nobody else; close it at the end."""
        from api.calling import client

        return client(self)

    def url(self, text: str, path: str = "url") -> str:
        """The address of a node, without a slash at its end; InvalidInput says what isn't right."""
        import httpx2

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

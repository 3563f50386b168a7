"""What follows a body is no field of a request, whatever it says."""

import socket
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.api.http.outside import ACCOUNT
from tests.api.subscriptions.living import PATIENCE, Live

HEAD = (
    b"POST /graphql HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n"
)
QUERY = "query ($s: URI!) { suspensionStatus(subject: $s) { isSuspended } }"
BODY = orjson.dumps({"query": QUERY, "variables": {"s": ACCOUNT}})
CHUNKS = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)


@pytest.fixture
def node(sqlite_url: str, tmp_path: Path) -> Iterator[Live]:
    with Live(sqlite_url, tmp_path / "comity.key", requests_of_public=3) as node:
        yield node


def answers(node: Live, *parts: bytes) -> list[bytes]:
    """The answers to what is sent in these parts, of which the last asks to close."""
    host, _, port = node.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        found = b"".join(iter(lambda: connection.recv(65_536), b""))
    return found.split(b"HTTP/1.1 ")[1:]


def closing(head: bytes) -> bytes:
    return head + b"Connection: close\r\n\r\n"


@pytest.mark.parametrize("is_at_once", [True, False])
def test_a_credential_in_a_trailer_is_none(node: Live, is_at_once: bool) -> None:
    team = node.world.team()
    token = f"Authorization: Bearer {node.token(team.reader)}\r\n".encode()
    [known] = answers(node, closing(HEAD + token) + CHUNKS + b"\r\n")
    assert b'"isSuspended":false' in known
    parts = [closing(HEAD), CHUNKS, token + b"\r\n"]
    [told] = answers(node, *([b"".join(parts)] if is_at_once else parts))
    assert b"UNAUTHENTICATED" in told


def test_an_address_in_a_trailer_is_none(node: Live) -> None:
    """A proxy of this machine is believed, by the head that it sends."""
    trailers = [b"X-Forwarded-For: 192.0.2.%d\r\n" % number for number in range(4)]
    told = [answers(node, closing(HEAD) + CHUNKS + one + b"\r\n")[0] for one in trailers]
    assert [one.partition(b" ")[0] for one in told] == [b"200", b"200", b"200", b"429"]
    told = [answers(node, closing(HEAD + one) + CHUNKS + b"\r\n")[0] for one in trailers]
    assert [one.partition(b" ")[0] for one in told] == [b"200"] * 4


def test_the_next_request_has_its_own_fields_again(node: Live) -> None:
    token = f"Authorization: Bearer {node.token(node.world.team().reader)}\r\n".encode()
    first = HEAD + b"\r\n" + CHUNKS + token + b"\r\n"
    second = closing(HEAD + token) + CHUNKS + b"\r\n"
    told = answers(node, first + second)
    assert [b'"isSuspended":false' in one for one in told] == [False, True]

"""Bodies that come slower than anybody would send them."""

import socket
from itertools import cycle
from pathlib import Path

import pytest

from api import bodies
from tests.api.subscriptions.living import PATIENCE, Live

HEAD = (
    b"POST %b HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n"
)
PAUSE = 0.05  # seconds between two bytes


@pytest.mark.parametrize("path", [b"/graphql", b"/log/add-checkpoint"])
def test_a_body_that_drips_in_is_given_up_while_others_are_answered(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: bytes
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 10 * PAUSE)
    with Live(sqlite_url, tmp_path / "comity.key") as node:
        host, _, port = node.address.partition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as slow:
            slow.sendall(HEAD % path)
            slow.settimeout(PAUSE)
            for byte in cycle(b"{ "):
                slow.sendall(bytes([byte]))
                assert node.data("{ policy { version } }") == {"policy": {"version": 1}}
                try:
                    answer = slow.recv(10_000)
                    break
                except TimeoutError:
                    continue
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"x-request-id: " in answer

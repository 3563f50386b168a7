"""Bodies that come slower than anybody would send them."""

import socket
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import orjson
import pytest
from sqlmodel import select

from api import bodies
from governance.membership import revoke_token
from governance.platforms import Token
from governance.settings import token_hash
from tests.api.http.outside import OPERATIONS
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


@pytest.mark.parametrize("is_known", [False, True])
def test_a_token_that_is_revoked_while_the_body_comes_is_dead(
    database_url: str, tmp_path: Path, *, is_known: bool
) -> None:
    with Live(database_url, tmp_path / "comity.key") as node:
        team = node.world.team("mod.example")
        token = node.token(team.issuer)
        if is_known:
            node.issue(token)
        before, statements = node.records(), node.statements
        mutation = {
            "query": OPERATIONS,
            "operationName": "IssueSanction",
            "variables": {"input": node.body()},
        }
        body = orjson.dumps(mutation)

        def coming() -> Iterator[bytes]:
            yield body[:100]
            until = time.monotonic() + PATIENCE
            while node.statements == statements and not is_known:
                assert time.monotonic() < until
                time.sleep(0.005)
            with node.world.database.writing() as session:
                held = session.exec(select(Token.id).where(Token.hash == token_hash(token))).one()
                revoke_token(session, held, now=node.clock.now)
            yield body[100:]

        headers = {"Content-Type": "application/json", **node.headers(token)}
        answer = node.client.post("/graphql", content=coming(), headers=headers)
        assert answer.status_code == 401
        assert node.records() == before

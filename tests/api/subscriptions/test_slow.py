"""Clients that don't read, don't answer, or open too much: bounded, dropped, and able to resume."""

import logging
import socket as plain
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.uri import parse_uri

from api.subscriptions.wires import Draining
from tests.api.subscriptions.living import (
    EVENTS,
    PATIENCE,
    Live,
    Subscriber,
    following,
    socket,
)
from tests.api.subscriptions.test_events import streaming
from tests.builders import Team
from tests.waiting import until_so

LONG = "x" * 5_000
COUNT = 60
PARTS = " ".join(f"e{n}: explanation" for n in range(40))
QUERY = f"subscription($a: Cursor) {{ events(after: $a) {{ cursor sanction {{ {PARTS} }} }} }}"


@pytest.fixture
def node(sqlite_url: str, tmp_path: Path) -> Iterator[Live]:
    """Yield a node on SQLite that lets few in."""
    few = {"streams_of_public": 6, "streams_of_member": 4}
    with Live(sqlite_url, tmp_path / "comity.key", **few) as node:
        yield node


@pytest.fixture
def impatient(sqlite_url: str, tmp_path: Path) -> Iterator[Live]:
    """Yield a node on SQLite that asks often whether its clients are there."""
    node = Live(sqlite_url, tmp_path / "comity.key")
    node.options = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.3}
    with node:
        yield node


def metric(node: Live, name: str) -> float:
    lines = node.client.get("/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


def until(node: Live, name: str, value: float) -> None:
    """Returns once a figure has a value."""
    until_so(lambda: metric(node, name) == value)


def test_who_does_not_read_is_dropped_and_resumes(
    node: Live, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Draining, "stall_seconds", 0.3)
    for _ in range(COUNT):
        node.world.issue(team.issuer, explanation=LONG)
    with following(node) as reading:
        slow = plain.create_connection(tuple(node.address.split(":")), timeout=PATIENCE)  # type: ignore[arg-type]
        slow.setsockopt(plain.SOL_SOCKET, plain.SO_RCVBUF, 4_096)
        with socket(node.address, sock=slow, max_queue=1, ping_interval=None) as client:
            client.init()
            client.subscribe(query=QUERY)
            first = client.next()
            until(node, "comity_connections_dropped_total", 1)
            assert len(reading.take(COUNT)) == COUNT  # nobody else notices
        until(node, "comity_sockets", 1)
        with socket(node.address) as client:
            client.init()
            client.subscribe(query=QUERY, a=first["cursor"])
            cursors = [first["cursor"], *(event["cursor"] for event in client.take(COUNT - 1))]
    assert cursors == sorted(set(cursors), key=lambda cursor: int(cursor.partition("~")[2]))


def test_an_event_stream_that_is_not_read_is_dropped(
    node: Live, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Draining, "stall_seconds", 0.3)
    for _ in range(COUNT):
        node.world.issue(team.issuer, explanation=LONG)
    with streaming(node, {"query": QUERY}) as stream:
        stream.event()
        until(node, "comity_connections_dropped_total", 1)
        until(node, "comity_subscriptions", 0)


def test_who_does_not_answer_pings_is_closed(impatient: Live) -> None:
    host, _, port = impatient.address.partition(":")
    protocol = ClientProtocol(parse_uri(f"ws://{impatient.address}/graphql"))
    with closing(plain.create_connection((host, int(port)), timeout=PATIENCE)) as client:
        request = protocol.connect()
        request.headers["Sec-WebSocket-Protocol"] = "graphql-transport-ws"
        client.sendall(request.serialize())
        answer = b"".join(iter(lambda: client.recv(4_096), b""))  # until the node ends it
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"keepalive ping timeout" in answer
    until(impatient, "comity_connections_dropped_total", 1)
    until(impatient, "comity_sockets", 0)


def test_who_answers_pings_stays(impatient: Live) -> None:
    with following(impatient) as subscriber:
        assert subscriber.is_quiet(0.8)
        impatient.world.issue(impatient.world.team().issuer)
        assert subscriber.next()


def test_an_address_has_only_so_many_sockets(
    node: Live, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as kept:
        for _ in range(6):
            kept.enter_context(socket(node.address))
        with pytest.raises(InvalidStatus) as refused, socket(node.address):
            pass
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"]
        assert b'"RATE_LIMITED"' in (refused.value.response.body or b"")
    until(node, "comity_sockets", 0)
    assert not [told for told in caplog.records if told.levelno >= logging.WARNING]
    with socket(node.address):
        pass


def test_a_token_has_only_so_many_sockets_and_subscriptions(node: Live, team: Team) -> None:
    token = node.headers(team.reader)["Authorization"].removeprefix("Bearer ")
    with socket(node.address) as client:
        client.init(token)
        for ident in "123":
            client.subscribe(ident)
        client.subscribe("4")
        error = client.receive()
        assert (error["type"], error["id"]) == ("error", "4")
        assert error["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        with socket(node.address) as other:
            other.send(type="connection_init", payload={"Authorization": f"Bearer {token}"})
            assert other.closed()[0] == 1013
        with streaming(node, {"query": EVENTS}, **node.headers(team.reader)) as stream:
            assert stream.answer.status_code == 429
        client.send(type="complete", id="1")
        client.subscribe("4")
        assert client.is_quiet(0.1)


def test_a_member_takes_no_seat_of_its_address(node: Live, team: Team, partner: Team) -> None:
    with ExitStack() as kept:
        for actor in (team.reader, team.admin, team.issuer, partner.reader, partner.admin):
            token = node.headers(actor)["Authorization"].removeprefix("Bearer ")
            for _ in range(2):
                client: Subscriber = kept.enter_context(socket(node.address))
                client.init(token)


def test_messages_count_as_requests(sqlite_url: str, tmp_path: Path) -> None:
    with (
        Live(sqlite_url, tmp_path / "comity.key", requests_of_public=3) as node,
        socket(node.address) as client,
    ):
        client.init()
        for _ in range(3):
            client.send(type="ping")
        assert client.closed() == (1013, "expected at most 3 requests a minute")

"""The sub-protocol graphql-transport-ws: what is answered, and with which codes sockets close."""

import http.client
import socket as plain
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.exceptions import InvalidStatus

from api.subscriptions import sockets
from api.subscriptions.messages import LONGEST_ID
from tests.api.subscriptions.living import EVENTS, PATIENCE, Live, following, socket
from tests.builders import Team

PAGE = "{ eventPage { endCursor } }"
ISSUE = "mutation($i: IssueSanctionInput!) { issueSanction(input: $i) { __typename } }"


@pytest.fixture
def node(sqlite_url: str, tmp_path: Path) -> Iterator[Live]:
    """Yield a node on SQLite: the protocol has nothing to do with the database."""
    with Live(sqlite_url, tmp_path / "comity.key") as node:
        yield node


def test_queries_and_mutations_are_answered_as_over_http(node: Live, team: Team) -> None:
    token = node.headers(team.issuer)["Authorization"].removeprefix("Bearer ")
    with socket(node.address) as client:
        client.init(token)
        client.subscribe("page", PAGE)
        over_http = node.post(PAGE).json()
        assert client.receive() == {"id": "page", "type": "next", "payload": over_http}
        assert client.receive() == {"type": "complete", "id": "page"}
        client.subscribe("issue", ISSUE, i=node.body())
        assert client.receive()["payload"]["data"]["issueSanction"] == {
            "__typename": "SanctionIssued"
        }
        assert client.receive() == {"type": "complete", "id": "issue"}
        client.subscribe("bad", "{ nothing }")
        error = client.receive()
        assert (error["type"], error["id"]) == ("error", "bad")
        assert error["payload"][0]["extensions"]["code"] == "BAD_DOCUMENT"


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_token_comes_in_the_payload(node: Live, team: Team, name: str) -> None:
    node.issue(team.issuer)
    with socket(node.address) as client:
        payload = {name: node.headers(team.reader)["Authorization"]}
        client.send(type="connection_init", payload=payload)
        assert client.receive() == {"type": "connection_ack"}
        client.subscribe()
        assert client.next()["subject"] is not None


def test_a_token_comes_in_the_header(node: Live, team: Team) -> None:
    node.issue(team.issuer)
    with socket(node.address, additional_headers=node.headers(team.reader)) as client:
        client.init()
        client.subscribe()
        assert client.next()["subject"] is not None


def test_a_token_in_the_url_is_not_looked_at(node: Live, team: Team) -> None:
    node.issue(team.issuer)
    token = node.headers(team.reader)["Authorization"].removeprefix("Bearer ")
    address = f"{node.address}/graphql?Authorization=Bearer%20{token}&token={token}"
    with socket(address) as client:
        client.init()
        client.subscribe()
        assert client.next()["subject"] is None


def test_pings_are_answered_and_pongs_taken(node: Live) -> None:
    with socket(node.address) as client:
        client.send(type="ping", payload={"a": 1})
        assert client.receive() == {"type": "pong", "payload": {"a": 1}}
        client.send(type="pong")
        client.send(type="ping")
        assert client.receive()["type"] == "pong"


def test_operations_share_a_socket_and_end_one_by_one(node: Live, team: Team) -> None:
    with following(node) as client:
        client.subscribe("2")
        node.issue(team.issuer)
        assert {client.receive()["id"] for _ in range(2)} == {"1", "2"}
        client.send(type="complete", id="1")
        client.send(type="complete", id="unknown")
        client.send(type="ping")
        assert client.receive()["type"] == "pong"
        node.issue(team.issuer)
        assert client.receive()["id"] == "2"
        assert client.is_quiet(0.05)
        client.subscribe("1")
        assert {client.receive()["id"] for _ in range(2)} == {"1"}


INIT = {"type": "connection_init"}
ONE = {"type": "subscribe", "id": "1", "payload": {"query": EVENTS}}


@pytest.mark.parametrize(
    ("said", "code", "reason"),
    [
        ([ONE], 4401, "Unauthorized"),
        ([INIT, INIT], 4429, "Too many initialisation requests"),
        ([INIT, ONE, ONE], 4409, "Subscriber for 1 already exists"),
        ([INIT, {**ONE, "id": ""}], 4400, "subscribe: expected an id of"),
        ([INIT, {**ONE, "id": "x" * (LONGEST_ID + 1)}], 4400, "subscribe: expected an id of"),
        ([INIT, {**ONE, "id": 1}], 4400, "subscribe: expected an id of"),
        ([INIT, {"type": "complete"}], 4400, "complete: expected an id of"),
        ([INIT, {"type": "subscribe", "id": "1"}], 4400, "subscribe: expected payload"),
        ([INIT, {**ONE, "payload": {}}], 4400, "subscribe: expected query"),
        ([INIT, {**ONE, "payload": {"query": 1}}], 4400, "subscribe: expected query"),
        ([INIT, {**ONE, "payload": {"query": "", "variables": []}}], 4400, "subscribe: expected v"),
        ([{"type": "connection_init", "payload": 1}], 4400, "connection_init: expected payload"),
        ([{"type": "connection_init", "payload": {"Authorization": 1}}], 4403, "expected Auth"),
        ([{**INIT, "payload": {"Authorization": "Bearer cty_no"}}], 4403, "this token is unknown"),
        ([{**INIT, "payload": {"Authorization": "Basic x"}}], 4403, "expected `Authorization"),
        ([{"type": "next", "id": "1", "payload": {}}], 4400, "expected a type that clients send"),
        ([{"type": "start"}], 4400, "expected a type that clients send"),
        ([{}], 4400, "expected a type that clients send"),
        ([[]], 4400, "expected an object with a type"),
    ],
)
def test_what_breaks_the_protocol_closes_the_socket_with_its_code(
    node: Live, said: list[Any], code: int, reason: str
) -> None:
    with socket(node.address) as client:
        for message in said:
            client.connection.send(orjson.dumps(message).decode())
        found = client.closed()
        assert found[0] == code
        assert found[1].startswith(reason)


GARBAGE: list[str | bytes] = ["", "garbage", "\x00", '{"type":', "[" * 5_000, b"\x00\xff", b"{}"]


@pytest.mark.parametrize("raw", GARBAGE)
def test_garbage_closes_the_socket(node: Live, raw: str | bytes) -> None:
    with socket(node.address) as client:
        client.connection.send(raw)
        assert client.closed()[0] == 4400


def test_a_message_too_long_closes_the_socket(node: Live) -> None:
    with socket(node.address) as client:
        client.connection.send("x" * 1_000_001)
        assert client.closed()[0] == 1009


UPGRADE = "Host: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST /graphql HTTP/1.1\r\nContent-Length: 2\r\n" + UPGRADE, 400),
        ("GET /graphql HTTP/1.1\r\n" + UPGRADE + "X-Many: a\r\n" * 200, 431),
        ("GET /graphql HTTP/1.1\r\n" + UPGRADE + f"X-Long: {'a' * 10_000}\r\n", 431),
        ("GET /graphql HTTP/1.1\r\n" + UPGRADE, 400),
        ("GET /graphql HTTP/1.1\r\n" + UPGRADE + "Host: b.example\r\n", 400),
    ],
)
def test_a_head_that_opens_no_socket_closes_the_connection(
    node: Live, head: str, status: int
) -> None:
    host, _, port = node.address.partition(":")
    with closing(plain.create_connection((host, int(port)), timeout=PATIENCE)) as client:
        client.sendall(f"{head}\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(4_096), b""))  # until the node ends it
    assert answer.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("offered", [["graphql-ws"], None])
def test_another_sub_protocol_is_not_acceptable(node: Live, offered: list[Any] | None) -> None:
    with socket(node.address, subprotocols=offered) as client:
        assert client.closed() == (4406, "expected graphql-transport-ws")


def test_who_does_not_begin_is_closed_in_time(node: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.2)
    with socket(node.address) as client:
        client.send(type="ping")
        assert client.receive()["type"] == "pong"
        assert client.closed() == (4408, "Connection initialisation timeout")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://[", "file://"]
)
def test_pages_of_other_sites_open_no_socket(node: Live, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, socket(node.address, origin=origin):
        pass
    response = refused.value.response
    assert response.status_code == http.client.FORBIDDEN
    told = orjson.loads(response.body or b"")
    assert told["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
    assert told["extensions"] == {"requestId": response.headers["x-request-id"]}


def test_where_there_are_no_sockets_the_answer_names_its_request(node: Live) -> None:
    own = {"X-Request-Id": "a.b"}
    for path in ("/nothing", "/schema.graphql"):
        with (
            pytest.raises(InvalidStatus) as refused,
            socket(node.address + path, additional_headers=own),
        ):
            pass
        response = refused.value.response
        assert response.status_code == http.client.FORBIDDEN
        assert response.headers.get_all("x-request-id") == ["a.b"]


def test_pages_of_the_node_itself_do(node: Live) -> None:
    with socket(node.address, origin=f"http://{node.address}") as client:
        client.init()

"""Trusted documents: named by their hash, registered by the operator, on request the only ones."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.trusting import trusted
from governance.errors import BadSetting
from governance.settings import Settings
from tests.api.http.outside import Node

VERSION = "{ policy { version } }"
STATUS = '{ suspensionStatus(subject: "https://spam.example") { isSuspended } }'  # has text in it
DATA = {"policy": {"version": 1}}


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def named(text: str, **parts: Any) -> dict[str, Any]:
    """A request that names a document."""
    name = {"version": 1, "sha256Hash": hash_of(text)}
    return {"extensions": {"persistedQuery": name}, **parts}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Return a folder of two documents."""
    folder = tmp_path / "documents"
    (folder / "more").mkdir(parents=True)
    (folder / "version.graphql").write_text(VERSION)
    (folder / "more" / "status.graphql").write_text(STATUS)
    return folder


@pytest.fixture
def knowing(sqlite_url: str, tmp_path: Path, documents: Path) -> Iterator[Node]:
    """Yield a node with trusted documents."""
    with Node(sqlite_url, tmp_path / "comity.key", trusted_documents=documents) as node:
        yield node


@pytest.fixture
def strict(sqlite_url: str, tmp_path: Path, documents: Path) -> Iterator[Node]:
    """Yield a node that answers no others."""
    told = {"trusted_documents": documents, "trusted_alone": "on"}
    with Node(sqlite_url, tmp_path / "comity.key", **told) as node:
        yield node


def code(response: Any) -> str:
    [error] = response.json()["errors"]
    assert "data" not in response.json()
    found: str = error["extensions"]["code"]
    return found


def test_a_hash_stands_for_its_document(knowing: Node) -> None:
    answer = knowing.client.post("/graphql", json=named(VERSION))
    assert (answer.status_code, answer.json()["data"]) == (200, DATA)
    params = {"extensions": orjson.dumps(named(VERSION)["extensions"]).decode()}
    assert knowing.client.get("/graphql", params=params).json()["data"] == DATA


def test_an_unknown_hash_is_told_as_clients_expect(knowing: Node) -> None:
    unknown = named("{ policy { longestSuspensionSeconds } }")
    answer = knowing.client.post("/graphql", json=unknown)
    assert (answer.status_code, code(answer)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert answer.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    newer = {"Accept": "application/graphql-response+json"}
    assert knowing.client.post("/graphql", json=unknown, headers=newer).status_code == 400


def test_text_beside_its_hash_is_answered_and_registers_nothing(knowing: Node) -> None:
    other = "{ policy { version } __typename }"
    answer = knowing.client.post("/graphql", json=named(other, query=other))
    assert answer.json()["data"] == {**DATA, "__typename": "Query"}
    again = knowing.client.post("/graphql", json=named(other))
    assert code(again) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    "wrong",
    [
        named(VERSION, query=STATUS),
        {"extensions": {"persistedQuery": 1}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": hash_of(VERSION)}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {}},
        {},
    ],
)
def test_what_names_no_document_is_refused(knowing: Node, wrong: dict[str, Any]) -> None:
    answer = knowing.client.post("/graphql", json=wrong)
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


def test_a_hash_has_small_letters(knowing: Node) -> None:
    wrong = {"version": 1, "sha256Hash": hash_of(VERSION).upper()}
    answer = knowing.client.post("/graphql", json={"extensions": {"persistedQuery": wrong}})
    [error] = answer.json()["errors"]
    assert error["message"] == "expected sha256Hash to be 64 of 0-9 and a-f"


def test_trusted_documents_stay_parsed_and_planned(knowing: Node) -> None:
    executor = knowing.client.app.state.executor  # type: ignore[attr-defined]
    for _ in range(3):
        assert "data" in knowing.client.post("/graphql", json=named(STATUS)).json()
    assert (executor.documents.kept.misses, executor.documents.kept.hits) == (1, 2)
    assert executor.reader.planner.plans.misses == 1


def test_alone_they_are_all_that_is_answered(strict: Node) -> None:
    for asked in (named(VERSION), {"query": VERSION}, named(VERSION, query=VERSION)):
        assert strict.client.post("/graphql", json=asked).json()["data"] == DATA
    for text in ("{ __typename }", VERSION + " ", "{ __schema { queryType { name } } }"):
        answer = strict.client.post("/graphql", json={"query": text})
        assert code(answer) == "FORBIDDEN"
    assert code(strict.client.post("/graphql", json=named("{ x }"))) == "PERSISTED_QUERY_NOT_FOUND"
    assert strict.client.get("/", headers={"Accept": "text/html"}).status_code == 200


def test_they_are_followed_over_websocket_too(strict: Node) -> None:
    with strict.client.websocket_connect("/graphql", ["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json({"id": "1", "type": "subscribe", "payload": named(VERSION)})
        assert socket.receive_json()["payload"]["data"] == DATA
        assert socket.receive_json()["type"] == "complete"
        other = {"query": "{ __typename }"}
        socket.send_json({"id": "2", "type": "subscribe", "payload": other})
        told = socket.receive_json()
        assert (told["type"], told["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")


def test_a_file_of_hashes_and_texts_is_read(tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_bytes(orjson.dumps({hash_of(VERSION): VERSION}))
    assert trusted(Settings(trusted_documents=file)).texts == {VERSION}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[]", "to be an object"),
        (b"nothing", "to be a folder"),
        (b'{"abc": "{ x }"}', "to be the SHA-256"),
        (orjson.dumps({hash_of("x" * 20_001): "x" * 20_001}), "at most 20,000 characters"),
        (None, "to be a folder"),
    ],
)
def test_what_can_not_be_registered_refuses_to_start(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    file = tmp_path / "documents.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadSetting, match="COMITY_TRUSTED_DOCUMENTS") as refused:
        trusted(Settings(trusted_documents=file))
    assert expected in str(refused.value)


def test_alone_needs_documents() -> None:
    with pytest.raises(BadSetting, match="COMITY_TRUSTED_ALONE"):
        trusted(Settings(trusted_alone="on"))

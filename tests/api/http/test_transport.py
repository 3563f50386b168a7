"""GraphQL over HTTP: methods, media types, bodies and statuses."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api.http.outside import OPERATIONS, Node
from tests.builders import Team

QUERY = "{ policy { version } }"
DATA = {"data": {"policy": {"version": 1}}}
NEW, OLD = "application/graphql-response+json", "application/json"


def bad(response: Any, status: int) -> str:
    """Expects a refusal with the status, as a GraphQL error."""
    assert response.status_code == status, response.text
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}
    message: str = error["message"]
    return message


def test_get_changes_nothing(node: Node, team: Team) -> None:
    before = node.records()
    params = {
        "query": OPERATIONS,
        "operationName": "IssueSanction",
        "variables": orjson.dumps({"input": node.body()}).decode(),
    }
    for accept, status in ((NEW, {400, 405}), (OLD, {200, 405})):
        headers = {**node.headers(team.issuer), "Accept": accept}
        response = node.client.get("/graphql", params=params, headers=headers)
        assert response.status_code in status
        [error] = response.json()["errors"]
        assert error["extensions"] == {"code": "BAD_REQUEST"}
        assert "data" not in response.json()
    assert node.records() == before


def test_get_and_post_answer_a_query_alike(lite: Node, team: Team) -> None:
    params = {
        "query": OPERATIONS,
        "operationName": "SuspensionStatus",
        "variables": '{"subject": "acct:alice@elsewhere.example"}',
        "extensions": "{}",
    }
    headers = lite.headers(team.reader)
    got = lite.client.get("/graphql", params=params, headers=headers)
    posted = lite.post(
        OPERATIONS, orjson.loads(params["variables"]), team.reader, name="SuspensionStatus"
    )
    assert got.status_code == posted.status_code == 200
    assert got.content == posted.content


@pytest.mark.parametrize("accept", [OLD, NEW])
def test_a_mutation_is_never_sent_by_get(lite: Node, team: Team, accept: str) -> None:
    query = 'mutation { liftSanction(input: {sanctionId: "san_x", reason: "x"}) { __typename } }'
    headers = {**lite.headers(team.issuer), "Accept": accept}
    response = lite.client.get("/graphql", params={"query": query}, headers=headers)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
def test_other_methods_are_refused(lite: Node, method: str) -> None:
    response = lite.client.request(method, "/graphql", params={"query": QUERY})
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["allow"].replace(" ", "").split(","))


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, OLD),
        ("*/*", OLD),
        ("application/*", OLD),
        (OLD, OLD),
        (NEW, NEW),
        (f"{NEW}, {OLD};q=0.9", NEW),
        (f"{OLD}, {NEW}", OLD),
        ("text/html,application/xhtml+xml,*/*;q=0.8", OLD),
        (f"{NEW.upper()}; charset=utf-8", NEW),
        (f"{OLD};q=0.5, {NEW};q=0.9", NEW),
        (f"{OLD} ; Q=0.901 , {NEW};q=0.9", OLD),
        (f"{NEW};q=0, */*;q=0.1", OLD),
        (f"{OLD};q=0, */*;q=0.1", NEW),
        (f"{OLD};q=0.000, application/*;q=0.2, */*", NEW),
        (f"*/*, {NEW};q=0.2", OLD),
        (f"*/*;q=0.1, {NEW};q=0.2", NEW),
        (f"text/html, {NEW};q=0.3", NEW),
        ("text/html", OLD),
        (f'{NEW};profile="a,b;q=0";q=1, {OLD};q=0.5', NEW),
        (f"{NEW};q=nan, {OLD};q=0.9", NEW),
        (f"nonsense, ;, {NEW}", NEW),
        (",", OLD),
    ],
)
def test_the_answers_media_type_is_negotiated(lite: Node, accept: str | None, media: str) -> None:
    headers = {"Accept": accept} if accept else {}
    for query, status in ((QUERY, 200), ("{ nothing }", 400 if media == NEW else 200)):
        request = lite.client.build_request(
            "POST", "/graphql", json={"query": query}, headers=headers
        )
        if accept is None:
            del request.headers["accept"]
        response = lite.client.send(request)
        assert response.status_code == status
        assert response.headers["content-type"] == f"{media}; charset=utf-8"
    # What was executed is 200 in either, whatever became of its fields.
    partly = '{ policy { version } node(id: "x") { id } }'
    response = lite.client.post("/graphql", json={"query": partly}, headers=headers)
    assert (response.status_code, response.json()["data"]["node"]) == (200, None)


def test_accept_headers_are_read_together(lite: Node) -> None:
    headers = [("Accept", "text/plain"), ("Accept", NEW)]
    response = lite.client.post("/graphql", json={"query": QUERY}, headers=headers)
    assert response.headers["content-type"] == f"{NEW}; charset=utf-8"
    assert response.headers["vary"] == "Accept"


def test_what_cannot_be_accepted_is_refused(lite: Node) -> None:
    for accept in (
        "text/plain",
        "image/png, text/xml",
        "*/*;q=0",
        f"{OLD};q=0, {NEW};q=0.0",
        "application/*;q=0, */*",
        "nonsense",
        ";" * 10_000,
        '"' * 9_999,
        f"{OLD}{'; ' * 10_000}x",
    ):
        headers = {"Accept": accept}
        assert (
            lite.client.post("/graphql", json={"query": QUERY}, headers=headers).status_code == 406
        )


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        'application/json; charset="utf-16"',
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset",
        "application/json; charset = utf-8",
        'application/json; charset="utf-8',
        "application/json, application/json",
        "application/jsonx",
    ],
)
def test_bodies_of_another_type_are_refused(lite: Node, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    body = orjson.dumps({"query": QUERY})
    response = lite.client.post("/graphql", content=body, headers=headers)
    bad(response, 415)
    assert "accept-encoding" not in response.headers  # RFC 9110 12.5.3


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
@pytest.mark.parametrize("path", ["/graphql", "/log/disclosures", "/log/add-checkpoint"])
def test_a_body_in_a_content_coding_is_refused(lite: Node, path: str, coding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    response = lite.client.post(path, content=gzip.compress(b"{}"), headers=headers)
    assert response.status_code == 415
    assert "expected a body without Content-Encoding" in response.text
    assert (path == "/graphql") == ("accept-encoding" in response.headers)


def test_a_body_in_no_content_coding_is_read_whatever_says_so(lite: Node) -> None:
    headers = {"Content-Encoding": "Identity"}
    assert (
        lite.client.post("/graphql", json={"query": QUERY}, headers=headers).json()["data"]
        == DATA["data"]
    )


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; Charset=UTF-8",
        'application/json;charset="utf-8"',
        'application/json\t;  CHARSET="UTF-8" ;',
        "application/json; profile=x; charset=utf-8",
    ],
)
def test_a_body_of_json_is_read(lite: Node, kind: str) -> None:
    body = orjson.dumps({"query": QUERY, "variables": None, "extensions": {}})
    response = lite.client.post("/graphql", content=body, headers={"Content-Type": kind})
    assert response.json()["data"] == DATA["data"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe\x00",
        b'{"query": "\xff"}',
        b'{"query": "\\ud800"}',
        '{"query": "{ policy { version } }"}'.encode("utf-16"),
        b"[" * 100_000,
        b"[" * 1_000 + b"]" * 1_000,
        b"[]",
        b'[{"query": "{ policy { version } }"}]',
        b"null",
        b"5",
        b'"query"',
        b"{}",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 5}',
        b'{"query": ["{ policy { version } }"]}',
        b'{"query": "{ policy { version } }", "variables": []}',
        b'{"query": "{ policy { version } }", "variables": "{}"}',
        b'{"query": "{ policy { version } }", "operationName": 5}',
        b'{"query": "{ policy { version } }", "extensions": []}',
        b'{"query": "{ policy { version } }", "variables": {"x": NaN}}',
        b'{"query": "{ policy { version } }"} trailing',
    ],
    ids=lambda body: f"{body[:50]!r} {len(body)}",
)
def test_bodies_that_are_no_request_are_refused(lite: Node, body: bytes) -> None:
    for accept in (NEW, OLD):
        headers = {"Content-Type": OLD, "Accept": accept}
        response = lite.client.post("/graphql", content=body, headers=headers)
        assert len(bad(response, 400)) < 100
        assert response.headers["content-type"].startswith(accept)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"query": ""},
        {"query": QUERY, "variables": "{"},
        {"query": QUERY, "variables": "[]"},
        {"query": QUERY, "extensions": "x"},
    ],
    ids=str,
)
def test_a_get_that_is_no_request_is_refused(lite: Node, params: dict[str, str]) -> None:
    bad(lite.client.get("/graphql", params=params), 400)


def test_an_oversized_body_is_refused_before_it_is_read(sqlite_url: str, tmp_path: Path) -> None:
    with Node(sqlite_url, tmp_path / "comity.key", max_body_bytes=1_000) as node:
        padded = orjson.dumps({"query": QUERY, "variables": {"x": "y" * 1_000}})
        headers = {"Content-Type": OLD}
        answer = node.client.post("/graphql", content=padded, headers=headers)
        assert "1,000" in bad(answer, 413)
        assert answer.headers["connection"] == "close"  # else the rest would have to be read

        def chunks() -> Any:
            yield from (padded[n : n + 100] for n in range(0, len(padded), 100))

        bad(node.client.post("/graphql", content=chunks(), headers=headers), 413)
        exact = orjson.dumps({"query": QUERY}).ljust(1_000)
        assert (
            node.client.post("/graphql", content=exact, headers=headers).json()["data"]
            == DATA["data"]
        )


def test_limits_are_settings(sqlite_url: str, tmp_path: Path) -> None:
    limits = {"max_depth": 2, "max_aliases": 1, "max_tokens": 30}
    with Node(sqlite_url, tmp_path / "comity.key", **limits) as node:
        assert node.answer(QUERY) == DATA
        for over in (
            "{ sanctions { nodes { id } } }",
            "{ a: policy { b: version } }",
            "{ policy { " + "version " * 30 + "} }",
        ):
            assert "data" not in node.answer(over)

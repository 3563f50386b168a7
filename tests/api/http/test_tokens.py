"""Bearer tokens: what isn't a live token is answered 401, and nothing happens."""

import time
from datetime import datetime

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from governance.membership import revoke_token
from governance.platforms import Token
from governance.settings import token_hash
from tests.api.http.outside import ACCOUNT, OPERATIONS, Node
from tests.builders import HOUR, MICRO, Team

QUERY = {"query": "{ policy { version } }"}


def refused(client: TestClient, authorization: str) -> None:
    """Expects 401 with the challenge, whatever the document or the way it is sent."""
    headers = {b"Authorization": authorization.encode("latin-1")}
    for response in (
        client.post("/graphql", json=QUERY, headers=headers),
        client.get("/graphql", params=QUERY, headers=headers),
        client.post("/graphql", content=b"not json", headers=headers),
    ):
        assert response.status_code == 401, response.text
        assert response.headers["www-authenticate"].startswith("Bearer")
        answer = response.json()
        assert "data" not in answer
        [error] = answer["errors"]
        assert error["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "bearer",
        "Basic bW9kOnBhc3M=",
        "Token cty_abc",
        "cty_abc",
        "Bearer cty_unknown",
        "Bearer " + "x" * 5_000,
        "Bearer \xe9\xfc",
        "Bearer a b",
        "Bearer cty_'; DROP TABLE tokens; --",
    ],
)
def test_malformed_and_unknown_tokens_are_refused(lite: Node, authorization: str) -> None:
    before = lite.records()
    refused(lite.client, authorization)
    assert lite.records() == before


def test_a_token_ends_on_the_microsecond(node: Node, team: Team) -> None:
    token = node.token(team.reader, lifetime=HOUR)
    node.clock.forward(HOUR - MICRO)
    assert node.ask("SuspensionStatus", token, subject=ACCOUNT)["isSuspended"] is False
    node.clock.forward(MICRO)
    refused(node.client, f"Bearer {token}")


def test_a_revoked_token_is_dead_at_once(node: Node, team: Team) -> None:
    token = node.token(team.issuer)
    node.issue(token)
    with node.world.database.writing() as session:
        held = session.get_one(Token, _id_of(node, token))
        revoke_token(session, held.id, now=node.clock.now)
    before = node.records()
    refused(node.client, f"Bearer {token}")
    mutation = {
        "query": OPERATIONS,
        "operationName": "IssueSanction",
        "variables": {"input": node.body()},
    }
    response = node.client.post(
        "/graphql", json=mutation, headers={"Authorization": f"Bearer {token}"}
    )
    assert response.status_code == 401
    assert node.records() == before


def test_unknown_expired_and_revoked_are_told_apart_by_nobody(node: Node, team: Team) -> None:
    expired, revoked = node.token(team.reader, lifetime=HOUR), node.token(team.reader)
    with node.world.database.writing() as session:
        revoke_token(session, _id_of(node, revoked), now=node.clock.now)
    node.clock.forward(HOUR)
    answers = {
        str(node.client.post("/graphql", json=QUERY, headers=node.headers(token)).json()["errors"])
        for token in (expired, revoked, "cty_unknown")
    }
    assert len(answers) == 1


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(lite: Node, team: Team, scheme: str) -> None:
    token = lite.token(team.reader)
    headers = {"Authorization": f"{scheme} {token}"}
    response = lite.client.post("/graphql", json=QUERY, headers=headers)
    assert response.json()["data"] == {"policy": {"version": 1}}


def test_the_last_use_is_noted(node: Node, team: Team) -> None:
    token = node.token(team.reader)
    for _ in range(2):
        node.ask("Policy", token)
        until = time.monotonic() + 10  # it is noted beside the request
        while _last_use(node, token) != node.clock.now:
            assert time.monotonic() < until
            time.sleep(0.01)
        node.clock.forward(HOUR)


def test_only_hashes_of_tokens_and_secrets_are_stored(node: Node, team: Team) -> None:
    token = node.token(team.issuer)
    secret = node.issue(token)["appealSecret"]
    rows = str(node.world.snapshot())
    assert token_hash(token) in rows
    assert token not in rows
    assert secret not in rows


def _last_use(node: Node, token: str) -> datetime | None:
    with node.world.database.reading() as session:
        return session.get_one(Token, _id_of(node, token)).last_used_at


def _id_of(node: Node, token: str) -> str:
    with node.world.database.reading() as session:
        return session.exec(select(Token.id).where(Token.hash == token_hash(token))).one()

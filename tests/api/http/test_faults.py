"""Whatever goes wrong with us is answered in GraphQL's shape, and shows nothing of our insides."""

import sqlite3
from pathlib import Path

import asyncpg
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import InternalError, OperationalError, ProgrammingError

from api.errors import is_unreachable
from tests.api.http.conftest import Lines
from tests.api.http.outside import Node
from tests.builders import Team
from tests.postgres import Server

QUERY = "{ platforms { totalCount } }"
NEW = "application/graphql-response+json"


def faulty(node: Node, team: Team, status: int, code: str) -> None:
    """Expects each way to ask to end in the one masked error."""
    lift = 'mutation { liftSanction(input: {sanctionId: "san_x", reason: "x"}) { __typename } }'
    for accept in ("application/json", NEW):
        for query, by in ((QUERY, None), (QUERY, team.reader), (lift, team.issuer)):
            response = node.post(query, by=by, accept=accept)
            assert response.status_code == status
            assert response.headers["content-type"] == f"{accept}; charset=utf-8"
            assert ("retry-after" in response.headers) is (status == 503)
            [error] = response.json()["errors"]
            named = response.headers["x-request-id"]
            assert error["extensions"] == {"code": code, "requestId": named}
            assert "data" not in response.json()
            for inside in ("sqlite", "postgres", "Traceback", ".py", "comity_", "SELECT"):
                assert inside not in response.text


def test_a_node_whose_database_went_away_is_unavailable(
    postgres: Server, postgresql_url: str, tmp_path: Path, lines: Lines
) -> None:
    with Node(postgresql_url, tmp_path / "comity.key") as node:
        team = node.world.team()
        node.headers(team.reader), node.headers(team.issuer)
        node.world.database.close()
        postgres.drop(postgresql_url.rpartition("/")[2])
        faulty(node, team, 503, "UNAVAILABLE")
    assert {line["status"] for line in lines.of("request")} == {503}
    assert all(".py:" in line["place"] for line in lines.of("unexpected"))


def test_a_node_whose_file_cannot_be_opened_is_unavailable(sqlite_url: str, tmp_path: Path) -> None:
    with Node(sqlite_url, tmp_path / "comity.key") as node:
        team = node.world.team()
        node.headers(team.reader), node.headers(team.issuer)
        node.world.database.close()
        for path in tmp_path.glob("comity.db*"):
            path.unlink()
        (tmp_path / "comity.db").mkdir()
        faulty(node, team, 503, "UNAVAILABLE")


def test_a_bug_before_the_operation_is_masked(node: Node, team: Team, lines: Lines) -> None:
    headers = node.headers(team.reader)
    with node.world.database.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE members RENAME TO lost"))
    response = node.client.post("/graphql", json={"query": QUERY}, headers=headers)
    assert response.status_code == 500
    [error] = response.json()["errors"]
    named = response.headers["x-request-id"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": named}
    [line] = lines.of("unexpected")
    assert line["requestId"] == named
    assert "lost" not in lines.text


def _sqlite(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(name)
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("error", "is_away"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.ConnectionDoesNotExistError(), True),
        (asyncpg.CannotConnectNowError(), True),
        (asyncpg.TooManyConnectionsError(), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InternalClientError("got result for unknown protocol state"), True),
        (asyncpg.DataError("invalid input"), False),
        (asyncpg.UndefinedTableError(), False),
        (OperationalError("", {}, psycopg.OperationalError()), True),
        (OperationalError("", {}, psycopg.errors.AdminShutdown()), True),
        (ProgrammingError("", {}, psycopg.errors.UndefinedTable()), False),
        (sqlite3.OperationalError("no such table"), False),
        (OperationalError("", {}, _sqlite("SQLITE_FULL")), True),
        (OperationalError("", {}, _sqlite("SQLITE_READONLY")), True),
        (OperationalError("", {}, _sqlite("SQLITE_READONLY_DBMOVED")), True),
        (InternalError("", {}, psycopg.errors.ReadOnlySqlTransaction()), True),
        (ValueError(), False),
        (None, False),
    ],
    ids=repr,
)
def test_only_a_database_that_cannot_be_asked_is_away(
    error: BaseException | None, is_away: bool
) -> None:
    assert is_unreachable(error) is is_away

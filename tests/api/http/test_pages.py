"""What a node serves beside GraphQL: its first page, its schema, its health."""

import re
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from api.app import create_app
from governance.settings import Settings
from tests.api.http.conftest import Lines
from tests.api.http.outside import Node
from tests.builders import Team, write_keys
from tests.postgres import Server

ROOT = Path(__file__).parents[3]


def ready(client: TestClient) -> tuple[int, object]:
    response = client.get("/health/ready")
    return response.status_code, response.json()


def test_a_migrated_node_is_ready(node: Node) -> None:
    assert ready(node.client) == (200, {"status": "ready"})


def test_an_unmigrated_node_is_not_ready(tmp_path: Path) -> None:
    key_file = tmp_path / "comity.key"
    write_keys(key_file)
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'new.db'}", key_file=key_file)
    with TestClient(create_app(settings)) as client:
        assert ready(client) == (503, {"status": "unavailable"})


def test_a_node_of_another_version_is_not_ready(node: Node) -> None:
    with node.world.database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'other'"))
    assert ready(node.client) == (503, {"status": "unavailable"})


def test_a_node_whose_database_is_gone_is_not_ready(
    postgres: Server, postgresql_url: str, tmp_path: Path
) -> None:
    with Node(postgresql_url, tmp_path / "comity.key") as node:
        assert ready(node.client)[0] == 200
        postgres.drop(postgresql_url.rpartition("/")[2])
        assert ready(node.client) == (503, {"status": "unavailable"})
        answer = node.post("{ platforms { totalCount } }")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


def test_the_first_page_runs_no_script_and_names_no_other_host(lite: Node) -> None:
    response = lite.client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    page = response.text
    assert "<script" not in page.lower()
    assert not re.search(r"\son\w+\s*=", page)
    assert not re.search(r"(?:https?:)?//[\w.-]+", page)
    assert "javascript:" not in page
    assert not re.search(r"\sstyle\s*=", page)


def test_the_first_pages_policy_allows_nothing_else(lite: Node) -> None:
    response = lite.client.get("/")
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in response.headers["content-security-policy"].split(";")
    )
    assert policy.pop("default-src") == "'none'"
    assert policy.pop("base-uri") == policy.pop("frame-ancestors") == "'none'"
    assert set(policy.values()) == {"'self'"}
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_what_the_first_page_asked_can_be_asked(lite: Node, team: Team) -> None:
    lite.issue(team.issuer)
    page = lite.client.get("/").text
    [address] = re.findall(r'href="(/graphql\?[^"]*)"', page)
    response = lite.client.get(unescape(address), headers={"Accept": "text/html,*/*;q=0.8"})
    assert response.status_code == 200
    assert "errors" not in response.json()


def test_the_schema_is_the_published_one(lite: Node) -> None:
    response = lite.client.get("/schema.graphql")
    assert response.text == (ROOT / "schema.graphql").read_text()
    assert response.headers["content-type"].startswith("application/graphql")


def test_nothing_else_is_served(lite: Node) -> None:
    for path in ("/nothing", "/graphql/", "/../comity.db", "/health", "/schema.graphql/x"):
        assert lite.client.get(path, follow_redirects=False).status_code in (307, 404)


def test_what_pages_load_is_kept_until_it_changes(lite: Node) -> None:
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', lite.client.get("/").text)
    assert named
    for address in named:
        plain = address.partition("?")[0]
        for asked, kept in ((address, True), (plain, False), (f"{plain}?0123456789ab", False)):
            answer = lite.client.get(asked)
            assert answer.status_code == 200
            assert ("immutable" in answer.headers["cache-control"]) is kept, asked
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert lite.client.get("/static/nothing.css").status_code == 404


def test_whoever_sends_something_where_nothing_is_taken_is_told(lite: Node) -> None:
    for path in ("/", "/sanctions", "/static/style.css"):
        page = lite.client.post(path)
        assert (page.status_code, page.headers["allow"]) == (405, "GET, HEAD"), path
        assert "Expected GET, HEAD at this address, got POST." in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_figures_are_kept_however_many_selections_are_looked_at(
    lite: Node, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.explorer.asking.MOST_KEPT", 2)
    for measure in ("WARNING", "SERVER_LIMITED", "SERVER_SUSPENDED"):
        lite.client.get("/sanctions", params={"measure": measure})
    for _ in range(2):
        assert lite.client.get("/categories").status_code == 200
    *_, first, second = lines.of("request")
    assert (first["statements"], second["statements"]) == (1, 0)

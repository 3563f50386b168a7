"""Whether a node lives and can serve, told without standing in anybody's queue."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.testclient import TestClient

from api.app import create_app
from governance.settings import Settings
from tests.api.http.outside import Node
from tests.builders import Team, write_keys
from tests.postgres import Server

WAITING = 24  # more than there are threads and connections for writers


def test_busy_writers_do_not_make_a_node_look_ill(node: Node, team: Team) -> None:
    headers = node.headers(team.issuer)
    bodies = [node.body() for _ in range(WAITING)]
    with ThreadPoolExecutor(WAITING) as writers:
        with node.world.database.writing():
            waiting = [writers.submit(node.do, "IssueSanction", headers["Authorization"][7:], **b)
                       for b in bodies]  # fmt: skip
            for _ in range(3):
                for path, status in (("live", "live"), ("ready", "ready")):
                    response = node.client.get(f"/health/{path}")
                    assert (response.status_code, response.json()) == (200, {"status": status})
            assert not any(one.done() for one in waiting)
        assert {one.result()["__typename"] for one in waiting} == {"SanctionIssued"}


def test_a_node_lives_without_a_database(
    postgres: Server, postgresql_url: str, tmp_path: Path
) -> None:
    with Node(postgresql_url, tmp_path / "comity.key") as node:
        postgres.drop(postgresql_url.rpartition("/")[2])
        assert node.client.get("/health/live").status_code == 200
        assert node.client.get("/health/ready").status_code == 503


def test_living_makes_no_file(tmp_path: Path) -> None:
    key_file = tmp_path / "comity.key"
    write_keys(key_file)
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'new.db'}", key_file=key_file)
    with TestClient(create_app(settings)) as client:
        assert client.get("/health/live").json() == {"status": "live"}
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("comity.key", "comity.log.key", "comity.witness.key")
    ]

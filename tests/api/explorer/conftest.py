"""The site on a copy of the rich world, made once a module on each engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from governance.settings import Settings
from tests.api.http.outside import Node
from tests.api.worlds import copy_file
from tests.builders import NOW, Team, write_keys
from tests.postgres import Server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """Yield a visitor to the rich world's site, whose clock stands still."""
    path = tmp_path_factory.mktemp("site")
    if request.param == "sqlite":
        file, _ = request.getfixturevalue("rich_file")
        with visiting(copy_file(file, path / "comity.db"), path) as client:
            yield client
        return
    postgres: Server = request.getfixturevalue("postgres")
    with (
        postgres.lent(request.getfixturevalue("rich_template")) as name,
        visiting(postgres.url(name), path) as client,
    ):
        yield client


def visiting(url: str, path: Path) -> TestClient:
    write_keys(path / "comity.key")
    settings = Settings(database_url=url, key_file=path / "comity.key")
    return TestClient(create_app(settings, now=lambda: NOW), follow_redirects=False)


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node that serves; the test runs once on each engine."""
    with Node(database_url, tmp_path / "comity.key") as node:
        yield node


@pytest.fixture
def team(node: Node) -> Team:
    """Return a platform of the test's node with its members."""
    return node.world.team("mod.example")

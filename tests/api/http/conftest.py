"""A node on each engine, with two platforms."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.http.outside import Node
from tests.builders import Team


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node that serves; the test runs once on each engine."""
    with Node(database_url, tmp_path / "comity.key") as node:
        yield node


@pytest.fixture
def lite(sqlite_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node on SQLite, for what has nothing to do with the database."""
    with Node(sqlite_url, tmp_path / "comity.key") as node:
        yield node


@pytest.fixture
def team(request: pytest.FixtureRequest) -> Team:
    """Return a platform of the test's node with its members."""
    return _node(request).world.team("mod.example")


@pytest.fixture
def partner(request: pytest.FixtureRequest) -> Team:
    """Return another platform of the same node."""
    return _node(request).world.team("partner.example")


def _node(request: pytest.FixtureRequest) -> Node:
    name = "node" if "node" in request.fixturenames else "lite"
    found = request.getfixturevalue(name)
    assert isinstance(found, Node)
    return found

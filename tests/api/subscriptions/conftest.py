"""A node that listens, on each engine, with two platforms."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.subscriptions.living import Live
from tests.builders import Team


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Live]:
    """Yield a node that serves over sockets; the test runs once on each engine."""
    with Live(database_url, tmp_path / "comity.key") as node:
        yield node


@pytest.fixture
def team(node: Live) -> Team:
    """Return a platform of the node with its members."""
    return node.world.team("mod.example")


@pytest.fixture
def partner(node: Live) -> Team:
    """Return another platform of the same node."""
    return node.world.team("partner.example")

"""A world on each engine."""

from collections.abc import Iterator

import pytest

from tests.builders import Team, World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Yield a world with nobody in it; the test runs once on each engine."""
    with World(database_url) as world:
        yield world


@pytest.fixture
def team(world: World) -> Team:
    """Return a platform of the world with its members."""
    return world.team()

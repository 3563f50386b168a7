"""The rich world: made once, then a copy for every test that asks for it, on both engines."""

import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.reads import plans
from governance.migrations import upgrade
from governance.sanctions import Sanction
from tests.api.worlds import Asking, Cast, asking, copy_file, copy_rows, rich
from tests.builders import World
from tests.postgres import Server


@pytest.fixture(scope="session")
def rich_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cast]:
    """Return the rich world's SQLite file, never written to again, and who is in it."""
    path = tmp_path_factory.mktemp("rich") / "comity.db"
    upgrade(f"sqlite:///{path}")
    with World(f"sqlite:///{path}") as world:
        cast = rich(world)
        with world.database.writing() as session:
            # The log's time never goes back, so this record couldn't be made after the others.
            record = session.get_one(Sanction, cast.unending_record)
            record.recorded_at = record.issued_at
            session.add(record)
        return path, cast


@pytest.fixture(scope="session")
def rich_template(
    rich_file: tuple[Path, Cast], postgres: Server, postgresql_template: str
) -> Iterator[str]:
    """Yield the name of a PostgreSQL database with the very rows of the SQLite file."""
    with postgres.lent(postgresql_template) as name:
        copy_rows(f"sqlite:///{rich_file[0]}", postgres.url(name))
        yield name


@pytest.fixture
def cast(rich_file: tuple[Path, Cast]) -> Cast:
    """Return who and what is in the rich world."""
    return rich_file[1]


@pytest.fixture
def rich_sqlite_url(rich_file: tuple[Path, Cast], tmp_path: Path) -> str:
    """Return the URL of a copy of the rich world on SQLite."""
    return copy_file(rich_file[0], tmp_path / "rich.db")


@pytest.fixture
def rich_postgresql_url(postgres: Server, rich_template: str) -> Iterator[str]:
    """Yield the URL of a copy of the rich world on PostgreSQL."""
    with postgres.lent(rich_template) as name:
        yield postgres.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def rich_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a copy of the rich world; the test runs once on each engine."""
    return str(request.getfixturevalue(f"rich_{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def still_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of the rich world itself, which is never written to, on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('rich_file')[0]}"
    postgres: Server = request.getfixturevalue("postgres")
    return postgres.url(request.getfixturevalue("rich_template"))


@pytest.fixture
async def ask(still_url: str) -> AsyncIterator[Asking]:
    """Yield an executor on the rich world, to read by, whose clock stands still."""
    async with asking(still_url) as found:
        yield found


@pytest.fixture
async def change(rich_url: str) -> AsyncIterator[Asking]:
    """Yield an executor on a copy of the rich world, to write by, whose clock stands still."""
    async with asking(rich_url) as found:
        yield found


@pytest.fixture
def planners(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how many plans each thread makes from now on."""
    made_by = Counter[str]()
    planned = plans.planned

    def noting(*given: Any) -> plans.Plan:
        made_by[threading.current_thread().name] += 1
        return planned(*given)

    monkeypatch.setattr(plans, "planned", noting)
    return made_by

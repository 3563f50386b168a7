"""A fresh, migrated database for every test that asks for one, on both engines."""

import gc
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from tests.memory import MEMORY
from tests.postgres import Server
from tests.statements import share

share()
gc.disable()
if MEMORY:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))  # what `tmp_path` is under

settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("fuzz", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("COMITY_HYPOTHESIS_PROFILE", "default"))


def pytest_collection_finish() -> None:
    """What is there by now stays to the end; looking through it for garbage is in vain. Tests leave
    little that has to be looked for, and so it is done seldom."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(5_000, 20)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio."""
    return "asyncio"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a migrated, empty database; the test runs once on each engine."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Return the URL of a migrated, empty SQLite database."""
    path = shutil.copyfile(sqlite_template, tmp_path / "comity.db")
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgres: Server, postgresql_template: str) -> Iterator[str]:
    """Yield the URL of a migrated, empty PostgreSQL database."""
    with postgres.lent(postgresql_template) as name:
        yield postgres.url(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate once; tests copy the file."""
    from governance.migrations import upgrade

    path = tmp_path_factory.mktemp("template") / "comity.db"
    upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:  # the copy is of this one file
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgres: Server) -> Iterator[str]:
    """Migrate once; tests clone the database."""
    from governance.migrations import upgrade

    with postgres.lent() as name:
        upgrade(postgres.url(name))
        yield name


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Yield this test process's PostgreSQL server, started when first asked for."""
    with Server() as server:
        yield server

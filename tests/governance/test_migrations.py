"""Migrations go down and up with records in the tables, and lose none that both sides know."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlmodel import Session, select

from governance import migrations
from governance.database import Database
from governance.log.notes import encode
from governance.log.tree import leaf_hash
from governance.migrations import downgrade, is_current, revisions, upgrade
from governance.records import METADATA
from governance.restoring import restore
from governance.sanctions import Disclosure, SubjectKey
from tests.api.worlds import copy_file
from tests.builders import KEYS, World
from tests.postgres import Server

Rows = dict[str, list[dict[str, str]]]
EARLIER = revisions()[1:]
MADE_ANEW = {("log_entries", "leaf_hash")}


@pytest.fixture(scope="module")
def restored_file(
    archive: Path, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return an SQLite file with records in every table, for tests to copy."""
    path = shutil.copyfile(sqlite_template, tmp_path_factory.mktemp("restored") / "comity.db")
    with World(f"sqlite:///{path}") as world:
        restore(world.database, KEYS, archive)
    return path


@pytest.fixture(scope="module")
def restored_template(archive: Path, postgres: Server, postgresql_template: str) -> Iterator[str]:
    """Yield the name of a PostgreSQL database with the same, for tests to clone."""
    with postgres.lent(postgresql_template) as name:
        with World(postgres.url(name)) as world:
            restore(world.database, KEYS, archive)
        yield name


@pytest.fixture
def restored_sqlite_url(restored_file: Path, tmp_path: Path) -> str:
    """Return the URL of a copy on SQLite."""
    return copy_file(restored_file, tmp_path / "comity.db")


@pytest.fixture
def restored_postgresql_url(postgres: Server, restored_template: str) -> Iterator[str]:
    """Yield the URL of a clone on PostgreSQL."""
    with postgres.lent(restored_template) as name:
        yield postgres.url(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Yield a database with records in every table, on each engine."""
    with World(str(request.getfixturevalue(f"restored_{request.param}_url"))) as world:
        yield world.database


@pytest.fixture
def copied(
    database: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[], AbstractContextManager[Database]]:
    """Return what makes another database of what is in the test's now."""

    @contextmanager
    def copy() -> Iterator[Database]:
        database.close()  # or its connections would be in the way
        if database.dialect == "sqlite":
            url = copy_file(tmp_path / "comity.db", tmp_path / "copy.db")
            with World(url) as world:
                yield world.database
            return
        postgres: Server = request.getfixturevalue("postgres")
        with (
            postgres.lent(database.engine.url.database) as name,
            World(postgres.url(name)) as world,
        ):
            yield world.database

    return copy


def rows(database: Database) -> Rows:
    """Every row of every table, as the database itself describes them; without what an earlier
    revision makes anew out of the others."""
    found = {}
    with database.engine.connect() as connection:
        described = sa.inspect(connection)
        for name in {*described.get_table_names()} - {"alembic_version"}:
            keys = described.get_pk_constraint(name)["constrained_columns"]
            held = connection.exec_driver_sql(f'SELECT * FROM "{name}"').mappings()
            printed = [
                {key: repr(value) for key, value in row.items() if (name, key) not in MADE_ANEW}
                for row in held
            ]
            found[name] = sorted(printed, key=lambda row: [row[key] for key in keys])
    _told_apart(found)
    return found


def _told_apart(found: Rows) -> None:
    """Who issued a sanction, which its own row says since 0030, as the part that it was before, and
    the entry that began its case, since 0034, as one of the case."""
    entries = {row["index"]: row for row in found.get("log_entries", ())}
    for row in found.get("sanctions", ()):
        if row.get("first_entry", "None") != "None":
            entries[row["first_entry"]]["case_id"] = row["id"]
        if row.get("issued_by", "None") != "None":
            part = {"sanction_id": row["id"], "member_id": row["issued_by"], "part": "'ISSUER'"}
            if part not in found["parts"]:
                found["parts"].append(part)
    if "parts" in found:
        found["parts"].sort(key=lambda row: [*row.values()])


def within(row: dict[str, str], other: dict[str, str]) -> bool:
    return row.items() <= other.items()


def test_there_are_earlier_revisions_in_an_unbroken_line() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
    assert list(revisions()) == [script.revision for script in scripts]
    assert list(revisions()) == sorted(revisions(), reverse=True)
    assert revisions()[-1] == "0001"
    assert EARLIER


def test_down_to_nothing_and_up_again_leaves_empty_tables(database: Database) -> None:
    downgrade(database.url, "base")
    assert rows(database) == {}
    upgrade(database.url)
    assert is_current(database)
    assert rows(database) == {name: [] for name in METADATA.tables}


def test_down_and_up_again_keeps_what_the_earlier_revision_knows(
    database: Database, copied: Callable[[], AbstractContextManager[Database]]
) -> None:
    """Down by one after the other, which comes to the same as all at once, and up from each."""
    before = rows(database)
    for revision in EARLIER:
        downgrade(database.url, revision)
        assert not is_current(database)
        earlier = rows(database)
        for name, held in earlier.items():
            assert len(held) == len(before[name]), (revision, name)
            assert all(map(within, held, before[name])), (revision, name)
        with copied() as again:
            upgrade(again.url)
            assert is_current(again)
            after = rows(again)
        assert set(after) == set(before), revision
        for name, held in earlier.items():
            assert len(held) == len(after[name]), (revision, name)
            assert all(map(within, held, after[name])), (revision, name)


def test_entries_have_their_hashes_again(database: Database) -> None:
    downgrade(database.url, "0030")
    with database.engine.connect() as connection:
        held = connection.exec_driver_sql("SELECT data, leaf_hash FROM log_entries").all()
        assert held
        assert all(hashed == encode(leaf_hash(data.encode())) for data, hashed in held)
        with pytest.raises(sa.exc.DBAPIError, match="never changed"):
            connection.exec_driver_sql("UPDATE log_entries SET leaf_hash = ''")


def test_keys_are_beside_what_is_disclosed_again(database: Database) -> None:
    downgrade(database.url, "0031")
    with database.engine.begin() as connection:  # as it is once one's private fields are erased
        one = "(SELECT min(sanction_id) FROM subject_keys)"
        connection.exec_driver_sql(f"DELETE FROM subject_keys WHERE sanction_id = {one}")
    upgrade(database.url)
    with Session(database.engine) as session:
        found = session.exec(select(SubjectKey.sanction_id, SubjectKey.key)).all()
        held = session.exec(select(Disclosure)).all()
    assert found
    assert set(found) == {(one.sanction_id, key) for one in held for key in one.lookup_keys}
    assert [] in [one.lookup_keys for one in held]


def test_one_step_at_a_time_is_as_all_at_once(
    database: Database, copied: Callable[[], AbstractContextManager[Database]]
) -> None:
    before = rows(database)
    with copied() as other:
        downgrade(other.url, EARLIER[-1])
        at_once = rows(other)
    for revision in EARLIER:
        downgrade(database.url, revision)
    oldest = rows(database)
    assert oldest == at_once
    for revision in reversed(revisions()):
        upgrade(database.url, revision)
    assert is_current(database)
    after = rows(database)
    assert {name: len(held) for name, held in oldest.items()} == {
        name: len(before[name]) for name in oldest
    }
    assert all(map(within, oldest["sanctions"], after["sanctions"]))


def test_references_hold_after_going_down_and_up(database: Database) -> None:
    downgrade(database.url, EARLIER[-1])
    upgrade(database.url)
    with database.engine.connect() as connection:
        if database.dialect == "sqlite":
            assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []
        for table in METADATA.sorted_tables:
            found = sa.inspect(connection).get_foreign_keys(table.name)
            assert {one["constrained_columns"][0] for one in found} == {
                key.parent.name for key in table.foreign_keys
            }


def test_an_upgrade_that_fails_changes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    downgrade(database.url, EARLIER[-1])
    before = rows(database)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Operations, "create_index", fail)
    with pytest.raises(RuntimeError):
        upgrade(database.url)
    assert rows(database) == before

"""What is stored keeps its meaning: instants in UTC, enums as text, the schema as migrated."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import AutoString

from governance.database import Database
from governance.fields import EnumText, UTCDateTime, new_id, parse_instant, print_instant
from governance.migrations import downgrade, is_current, upgrade
from governance.platforms import Platform
from governance.records import METADATA
from tests.builders import NOW, World, examples

COLUMNS = [column for table in METADATA.sorted_tables for column in table.columns]
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))
instants = st.datetimes(
    datetime.min + timedelta(days=1),  # noqa: DTZ901
    datetime.max - timedelta(days=1),  # noqa: DTZ901
    timezones=offsets,
)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def differs(
    _context: object, _is: object, _said: object, found: TypeEngine[Any], said: TypeEngine[Any]
) -> bool | None:
    """Plain strings are migrated as TEXT; of all else the comparison is Alembic's own."""
    return False if isinstance(said, AutoString) and isinstance(found, sa.Text) else None


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_every_instant_is_in_utc_and_every_enum_is_text(column: sa.Column[Any]) -> None:
    assert not isinstance(column.type, sa.DateTime | sa.Date | sa.Time | sa.Enum)
    if column.name.endswith("_at") or column.name in {"at", "conduct_from", "conduct_to"}:
        assert isinstance(column.type, UTCDateTime)
    if isinstance(column.type, EnumText):
        assert all(member.value == member.name for member in column.type.enum)


def _is_of(engine: str) -> Callable[..., bool]:
    """Whether an index is one of this engine's: Alembic doesn't ask for which one it was made."""

    def of(item: sa.schema.SchemaItem, *_: object) -> bool:
        engines = {name.partition("_")[0] for name in getattr(item, "dialect_kwargs", ())}
        return not isinstance(item, sa.Index) or not engines or engine in engines

    return of


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
def test_a_migrated_database_is_what_the_records_say(database_url: str) -> None:
    with opened(database_url) as database, database.engine.connect() as connection:
        options = {"compare_type": differs, "include_object": _is_of(connection.dialect.name)}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []


def test_migrations_go_down_to_nothing_and_up_again(database_url: str) -> None:
    with opened(database_url) as database:
        assert is_current(database)
        downgrade(database_url, "base")
        assert not is_current(database)
        assert set(sa.inspect(database.engine).get_table_names()) <= {"alembic_version"}
        upgrade(database_url)
        assert is_current(database)
        assert set(METADATA.tables) <= set(sa.inspect(database.engine).get_table_names())


def test_a_naive_instant_never_reaches_the_database(world: World) -> None:
    naive = datetime(2026, 3, 1, 12)  # noqa: DTZ001
    platform = Platform(id=new_id("plt"), domain="a.example", name="a", added_at=naive)
    with pytest.raises(sa.exc.StatementError, match="naive"):
        world.do(lambda session: session.add(platform))


@pytest.mark.property
def test_instants_come_back_as_they_were(world: World) -> None:
    @examples(20)
    @given(st.lists(instants, min_size=1, max_size=20))
    def come_back(given_instants: list[datetime]) -> None:
        ids = [new_id("plt") for _ in given_instants]
        with world.database.writing() as session:
            for key, instant in zip(ids, given_instants, strict=True):
                session.add(Platform(id=key, domain=key, name="x", added_at=instant))
        with world.database.reading() as session:
            read = [session.get_one(Platform, key).added_at for key in ids]
            ordered = session.scalars(
                sa.select(col(Platform.added_at))
                .where(col(Platform.id).in_(ids))
                .order_by(col(Platform.added_at))
            ).all()
        assert read == given_instants
        assert all(instant.tzinfo is UTC for instant in read)
        assert list(ordered) == sorted(given_instants)

    come_back()


@pytest.mark.property
@given(instants)
def test_printed_instants_are_read_as_the_same(instant: datetime) -> None:
    text = print_instant(instant)
    assert len(text) == 27
    assert text.endswith("Z")
    assert parse_instant(text) == instant == parse_instant(instant)
    assert parse_instant(instant.isoformat().replace("+00:00", "z")) == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01",
        "2026-03-01T12:00:00",
        "2026-03-01 12:00:00Z",
        "2026-03-01T12:00Z",
        "2026-02-29T12:00:00Z",
        "2026-03-01T24:00:01Z",
        "2026-03-01T12:00:00+2400",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "٢٠٢٦-03-01T12:00:00Z",
        "",
        "now",
        0,
        1772366400,
        None,
        date(2026, 3, 1),
        datetime(2026, 3, 1),  # noqa: DTZ001
    ],
)
def test_what_is_no_instant_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_instant(text)


def test_a_fraction_finer_than_a_microsecond_is_cut() -> None:
    assert parse_instant("2026-03-01T12:00:00.0000019Z") == NOW + timedelta(microseconds=1)


def test_ids_are_prefixed_and_never_alike() -> None:
    ids = {new_id("san") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(each.startswith("san_") and len(each) == 30 for each in ids)


def test_a_reader_sees_one_state_throughout(world: World) -> None:
    count = sa.select(sa.func.count()).select_from(Platform)
    with world.database.reading() as session:
        before = session.execute(count).scalar_one()
        world.team()
        assert session.execute(count).scalar_one() == before
    with world.database.reading() as session:
        assert session.execute(count).scalar_one() == before + 1


def test_an_error_rolls_everything_back(world: World) -> None:
    def fail(session: Session) -> None:
        session.add(Platform(id="plt_x", domain="x.example", name="x", added_at=NOW))
        session.flush()
        raise RuntimeError

    before = world.snapshot()
    with pytest.raises(RuntimeError):
        world.do(fail)
    assert world.snapshot() == before

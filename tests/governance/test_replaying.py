"""From the log and the disclosures alone the same records come again, and nobody who was erased."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from governance import erasing
from governance.database import Database
from governance.entries import LogCheckpoint, LogEntry
from governance.errors import InvalidInput
from governance.log.leaves import Leaf, parse_leaf
from governance.log.notes import parse_note
from governance.replaying import Replay
from governance.sanctions import Disclosure, Sanction
from tests.api.worlds import rich
from tests.builders import DAY, NOW, Team, World
from tests.signing import key_of, public

REBUILT = (
    *(
        "platforms",
        "platform_keys",
        "sanctions",
        "disclosures",
        "subject_keys",
        "appeals",
        "invitations",
    ),
    *("notices", "events", "log_entries", "log_tiles"),
)
NEW = "sqlite:///{}"


def leaves(world: World, start: int = 0) -> list[Leaf]:
    with world.database.reading() as session:
        found = select(LogEntry.data).where(col(LogEntry.index) >= start)
        return [
            parse_leaf(data.encode()) for data in session.exec(found.order_by(col(LogEntry.index)))
        ]


def replayed(target: Database, source: World, held: Database | None, batch: int = 100) -> Replay:
    """What the source's log makes of the target."""
    with source.database.reading() as session:
        newest = session.exec(
            select(LogCheckpoint).order_by(col(LogCheckpoint.size).desc())
        ).first()
    assert newest is not None
    with target.writing() as session:
        if held is None:
            replay = Replay(session)
            _apply(replay, source, newest, batch)
            return replay
        with held.reading() as disclosing:
            replay = Replay(session, disclosing)
            _apply(replay, source, newest, batch)
    return replay


def _apply(replay: Replay, source: World, newest: LogCheckpoint, batch: int) -> None:
    found = leaves(source, replay.size)
    for start in range(0, len(found), batch):
        replay.apply(found[start : start + batch])
    replay.finish(parse_note(newest.note.encode()), newest.logged_at)


@pytest.fixture
def new(tmp_path: Path, sqlite_template: Path, database_url: str) -> str:
    """Return the URL of a migrated, empty database beside the test's own."""
    return NEW.format(shutil.copyfile(sqlite_template, tmp_path / "new.db"))


def test_a_rebuilt_database_has_the_same_records(world: World, new: str) -> None:
    cast = rich(world)
    for name, old in (("first", None), ("second", "first"), ("third", None)):
        replaces = public(key_of(old)) if old else None
        world.register_key(cast.a, key_of(name), replaces=replaces)
    world.retire_key(cast.a.admin, public(key_of("third")), NOW + DAY)
    before = world.snapshot()
    with World(new) as other:
        with closing(Database(new)) as target:
            replay = replayed(target, world, world.database)
        after = other.snapshot()
        for name in REBUILT:
            assert sorted(after[name]) == sorted(before[name]), name
    assert not replay.lost


def test_a_rebuilt_node_goes_on_with_the_same_log(world: World, team: Team, new: str) -> None:
    world.issue(team.issuer)
    with World(new) as other:
        with closing(Database(new)) as target:
            replayed(target, world, world.database)
        again = other.team()
        other.issue(again.issuer, NOW + DAY)
        assert [leaf.data for leaf in leaves(other)[: len(leaves(world))]] == [
            leaf.data for leaf in leaves(world)
        ]


def test_without_its_disclosures_a_case_is_lost_and_then_said_to_be(
    world: World, team: Team, new: str
) -> None:
    sanction_id = world.issue(team.issuer)
    with World(new) as other:
        with closing(Database(new)) as target:
            assert replayed(target, world, None).lost == {sanction_id}
        lost = other.sanction(sanction_id)
        assert (lost.measure, lost.ends_at) == (
            world.sanction(sanction_id).measure,
            world.sanction(sanction_id).ends_at,
        )
        other.do(erasing.redact, [lost], erasing.Scope.LOST, now=NOW)
        assert '"scope":"LOST"' in leaves(other)[-1].data.decode()


def test_an_older_database_is_brought_on_and_whoever_was_erased_stays_so(
    world: World, team: Team, tmp_path: Path, new: str
) -> None:
    subject = "acct:alice@elsewhere.example"
    kept, gone = world.issue(team.issuer), world.issue(team.issuer, subject=subject)
    with World(new) as old:  # as a backup would have it
        with closing(Database(new)) as target:
            replayed(target, world, world.database)
        world.erase(team.admin, subject)
        world.lift(team.issuer, kept)
        later = world.issue(team.issuer)
        with old.database.reading() as session:
            assert session.get(Disclosure, gone) is not None
        with closing(Database(new)) as target:
            assert replayed(target, world, None).lost == {later}
        with old.database.reading() as session:
            assert session.get(Disclosure, gone) is None
            assert session.get(Disclosure, kept) is not None
            assert session.get_one(Sanction, gone).redacted_at == NOW
            assert session.get_one(Sanction, kept).lifted_at == NOW
        assert old.snapshot()["events"] == world.snapshot()["events"]


def test_disclosures_of_another_world_are_refused(world: World, team: Team, new: str) -> None:
    sanction_id = world.issue(team.issuer)
    with world.database.engine.begin() as connection:
        forged = sa.update(Disclosure).where(col(Disclosure.sanction_id) == sanction_id)
        connection.execute(forged.values(reason="Another reason"))
    with closing(Database(new)) as target, pytest.raises(InvalidInput, match=sanction_id):
        replayed(target, world, world.database)
    with World(new) as other:
        assert not other.snapshot()["log_entries"]


def test_entries_must_lead_to_the_checkpoint(world: World, team: Team, new: str) -> None:
    world.issue(team.issuer)
    with closing(Database(new)) as target, target.reading() as session:
        replay = Replay(session)
        replay.apply(leaves(world)[:-1])
        with world.database.reading() as reading:
            note = reading.exec(select(LogCheckpoint.note)).all()[-1]
        with pytest.raises(InvalidInput, match="don't lead"):
            replay.finish(parse_note(note.encode()), NOW)

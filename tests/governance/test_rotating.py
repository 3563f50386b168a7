"""The log's key is replaced by another one, in front of everybody."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from governance.entries import LogCheckpoint, LogEntry
from governance.errors import RolledBack
from governance.log.authorship import check_handover
from governance.log.canonical import parse_canonical
from governance.log.guards import Guard
from governance.log.keyfiles import KeyFile, write_secret
from governance.log.notes import parse_note
from governance.log.rotating import rotate
from governance.log.sequencing import Sequencer
from governance.log.signers import parse_verifier, signed_by
from tests.builders import LOG_KEY, NOW, World


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    """Return the file of the log's key."""
    write_secret(tmp_path / "log.key", str(LOG_KEY))
    return KeyFile(tmp_path / "log.key")


@pytest.fixture
def logged(world: World, file: KeyFile, tmp_path: Path) -> World:
    """Return a world whose log is signed with the file's key."""
    world.database.log = Sequencer(file, Guard(tmp_path / "log.head"))
    world.team()
    return world


def notes(world: World) -> list[str]:
    with world.database.reading() as session:
        found = select(LogCheckpoint.note).order_by(col(LogCheckpoint.size))
        return list(session.exec(found))


def rotations(world: World) -> list[dict[str, Any]]:
    with world.database.reading() as session:
        own = select(LogEntry.data).where(col(LogEntry.platform_id).is_(None))
        leaves: list[Any] = [parse_canonical(data.encode()) for data in session.exec(own)]
    return [leaf["decision"] for leaf in leaves]


def test_the_old_key_hands_over_to_the_new_one(logged: World, file: KeyFile) -> None:
    old = LOG_KEY.verifier()
    new = rotate(logged.database, file, now=NOW)
    assert new.name == old.name
    assert new.key != old.key
    [decision] = rotations(logged)
    assert decision["verifier"] == str(new)
    check_handover(old, parse_verifier(decision["verifier"]), decision["handover"])
    assert set(signed_by(parse_note(notes(logged)[-1].encode()), [old, new])) == {old, new}
    logged.team()
    assert set(signed_by(parse_note(notes(logged)[-1].encode()), [old, new])) == {new}
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.path.parent.glob("log.key*")] == ["log.key"]


@pytest.mark.parametrize("between", [False, True])
def test_an_interrupted_rotation_is_finished_by_the_next(
    logged: World, file: KeyFile, monkeypatch: pytest.MonkeyPatch, between: bool
) -> None:
    def killed(_self: KeyFile, _successor: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(KeyFile, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            rotate(logged.database, file, now=NOW)
    if between:
        logged.team()  # still under the old key
    new = rotate(logged.database, file, now=NOW)
    assert [decision["verifier"] for decision in rotations(logged)] == [str(new)]
    assert file() == KeyFile(file.path)()
    assert file().verifier() == new
    log = logged.database.log
    assert log is not None
    with logged.database.reading() as session:
        log.recalled(session, log.guard.newest())
    logged.team()
    assert signed_by(parse_note(notes(logged)[-1].encode()), [new])


def test_an_older_copy_of_the_key_signs_no_more(
    logged: World, file: KeyFile, tmp_path: Path
) -> None:
    log = logged.database.log
    assert log is not None
    write_secret(tmp_path / "older.key", str(LOG_KEY))
    rotate(logged.database, file, now=NOW)
    logged.team()
    before = notes(logged)
    logged.database.log = replace(log, keys=KeyFile(tmp_path / "older.key"))
    with pytest.raises(RolledBack, match="another key than this node's"):
        logged.team()
    assert notes(logged) == before


def test_each_key_follows_the_one_before(logged: World, file: KeyFile) -> None:
    for _ in range(3):
        rotate(logged.database, file, now=NOW)
    logged.team()
    assert signed_by(parse_note(notes(logged)[-1].encode()), [file().verifier()])


def test_a_new_key_that_was_never_logged_is_forgotten(logged: World, file: KeyFile) -> None:
    write_secret(file.path.with_name("log.key.next"), str(LOG_KEY))
    new = rotate(logged.database, file, now=NOW)
    assert new != LOG_KEY.verifier()
    assert [decision["verifier"] for decision in rotations(logged)] == [str(new)]

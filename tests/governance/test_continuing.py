"""A log that can't go on is closed, and another one begun, in front of everybody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, delete, select

from governance import following
from governance.database import Database
from governance.entries import LogCheckpoint, LogEntry
from governance.errors import Conflict, RolledBack
from governance.followers import Follower
from governance.log import continuing
from governance.log.authorship import check_handover
from governance.log.canonical import parse_canonical
from governance.log.checkpoints import Checkpoint
from governance.log.continuing import begin_anew, closed_note
from governance.log.errors import Unproven
from governance.log.guards import Guard
from governance.log.keyfiles import KeyFile, new_signer, write_secret
from governance.log.notes import encode, parse_note
from governance.log.rotating import rotate
from governance.log.sequencing import Sequencer
from governance.log.signers import Verifier, parse_verifier, signed_by
from governance.peers import Peer
from governance.words import PeerState
from tests.builders import KEYS, LOG_KEY, NOW, World
from tests.logs import Files, Served, audited, files

NAME = "second.example/log"
OTHER_NAME = "other.invalid/log"
LOST = 3  # entries


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    """Return the file of the log's key."""
    write_secret(tmp_path / "log.key", str(LOG_KEY))
    return KeyFile(tmp_path / "log.key")


@pytest.fixture
def logged(world: World, file: KeyFile, tmp_path: Path) -> World:
    """Return a world whose log is signed with the file's key."""
    world.database.log = Sequencer(file, Guard(tmp_path / "log.head"))
    world.issue(world.team().issuer)
    return world


@pytest.fixture
def cut(logged: World) -> World:
    """Return a world that signed more than it has."""
    lose(logged)
    return logged


def lose(world: World) -> None:
    log = world.database.log
    assert log is not None
    head = log.guard.newest()
    assert head is not None
    log.guard.advance(Checkpoint(head.origin, head.size + LOST, b"\x01" * 32))
    with pytest.raises(RolledBack, match="begin-anew"):
        world.team()


def entries(world: World) -> list[bytes]:
    with world.database.reading() as session:
        found = session.exec(select(LogEntry.data).order_by(col(LogEntry.index)))
        return [data.encode() for data in found]


def begun(world: World) -> list[dict[str, Any]]:
    leaves: list[Any] = list(map(parse_canonical, entries(world)))
    return [leaf["decision"] for leaf in leaves if leaf["decision"]["type"] == "log.begun"]


def newest(world: World) -> LogCheckpoint:
    with world.database.reading() as session:
        found = session.exec(select(LogCheckpoint).order_by(col(LogCheckpoint.size).desc()))
        return found.first() or pytest.fail("no checkpoint")


def served(world: World) -> Files:
    """The log's files as they are fetched."""
    note = newest(world).note.encode()
    return files(entries(world)) | {"checkpoint": note}


def test_the_new_log_has_what_is_left_and_says_what_was_closed(cut: World, file: KeyFile) -> None:
    before, last = entries(cut), newest(cut)
    verifier = begin_anew(cut.database, file, NAME, now=NOW)
    assert (verifier.name, file().verifier()) == (NAME, verifier)
    assert entries(cut)[:-1] == before
    [told] = begun(cut)
    assert told["origin"] == LOG_KEY.name
    assert told["size"] == len(before) + LOST
    assert told["rootHash"] == encode(b"\x01" * 32)
    assert told["checkpoint"] == last.note
    assert parse_verifier(told["verifier"]) == verifier
    check_handover(LOG_KEY.verifier(), verifier, told["handover"])
    with cut.database.reading() as session:
        assert closed_note(session) == last.note


def test_the_new_log_goes_on_under_its_key_alone(cut: World, file: KeyFile) -> None:
    begin_anew(cut.database, file, NAME, now=NOW)
    size = newest(cut).size
    cut.issue(cut.team().issuer)
    checkpoint = newest(cut)
    assert (checkpoint.origin, checkpoint.size > size) == (NAME, True)
    note = parse_note(checkpoint.note.encode())
    assert set(signed_by(note, [file().verifier()])) == {file().verifier()}
    with pytest.raises(Unproven):
        signed_by(note, [LOG_KEY.verifier()])
    assert sorted(path.name for path in file.path.parent.glob("log.*")) == ["log.head", "log.key"]


@pytest.mark.parametrize("is_rotated", [False, True])
def test_the_new_log_is_verified_as_any_other(
    logged: World, file: KeyFile, is_rotated: bool
) -> None:
    old = [LOG_KEY.verifier()]
    if is_rotated:
        old.append(rotate(logged.database, file, now=NOW))
    lose(logged)
    verifier = begin_anew(logged.database, file, NAME, now=NOW)
    logged.team()
    rotate(logged.database, file, now=NOW)
    for trusted in ([verifier], [*old, verifier]):
        audit = audited(served(logged), trusted=trusted)
        assert (audit.faults, audit.history.trusted) == ([], {*trusted, file().verifier()})


def test_the_new_log_can_be_closed_like_the_first(cut: World, file: KeyFile) -> None:
    begin_anew(cut.database, file, NAME, now=NOW)
    cut.team()
    lose(cut)
    verifier = begin_anew(cut.database, file, "third.example/log", now=NOW)
    assert [told["origin"] for told in begun(cut)] == [LOG_KEY.name, NAME]
    assert audited(served(cut), trusted=[verifier]).faults == []


def test_a_log_of_which_nothing_is_missing_is_not_closed(logged: World, file: KeyFile) -> None:
    before = entries(logged)
    with pytest.raises(Conflict, match="nothing that was signed is missing"):
        begin_anew(logged.database, file, NAME, now=NOW)
    assert entries(logged) == before
    assert file().verifier() == LOG_KEY.verifier()


def test_the_new_log_has_another_name(cut: World, file: KeyFile) -> None:
    with pytest.raises(Conflict, match="another name"):
        begin_anew(cut.database, file, LOG_KEY.name, now=NOW)
    assert begun(cut) == []


def test_no_name_of_a_log_before_is_used_again(cut: World, file: KeyFile) -> None:
    begin_anew(cut.database, file, NAME, now=NOW)
    cut.team()
    lose(cut)
    with pytest.raises(Conflict, match="a log of this node had"):
        begin_anew(cut.database, file, LOG_KEY.name, now=NOW)
    with cut.database.writing() as session:  # as in a database that was made again from the log
        session.exec(delete(LogCheckpoint).where(col(LogCheckpoint.origin) == LOG_KEY.name))
    with pytest.raises(Conflict, match="a log of this node had"):
        begin_anew(cut.database, file, LOG_KEY.name, now=NOW)
    assert (file().name, len(begun(cut))) == (NAME, 1)


def test_without_what_remembers_the_newest_tree_the_last_one_left_is_told(
    logged: World, file: KeyFile
) -> None:
    last = newest(logged)
    assert logged.database.log is not None
    logged.database.log.guard.path.unlink()
    begin_anew(logged.database, file, NAME, now=NOW)
    [told] = begun(logged)
    assert (told["size"], told["rootHash"]) == (last.size, last.root_hash)
    logged.team()


@pytest.fixture(params=[OTHER_NAME, LOG_KEY.name])
def keyless(request: pytest.FixtureRequest, logged: World, file: KeyFile, tmp_path: Path) -> World:
    """Return a world whose log's key is lost, and which was given one of another or the same name,
    on a new machine."""
    file.path.unlink()
    write_secret(file.path, str(new_signer(request.param)))
    logged.database.log = Sequencer(KeyFile(file.path), Guard(tmp_path / "new.head"))
    with logged.database.reading() as session, pytest.raises(RolledBack, match="--key-lost"):
        logged.database.log.recalled(session, None)
    return logged


def test_a_log_whose_key_is_lost_is_closed_and_the_new_one_says_so(
    keyless: World, file: KeyFile
) -> None:
    before, last = entries(keyless), newest(keyless)
    verifier = begin_anew(keyless.database, file, NAME, now=NOW, is_key_lost=True)
    assert (verifier.name, file().verifier()) == (NAME, verifier)
    assert entries(keyless)[:-1] == before
    [told] = begun(keyless)
    assert (told["isKeyLost"], "handover" in told) == (True, False)
    assert (told["origin"], told["size"]) == (LOG_KEY.name, len(before))
    assert (told["rootHash"], told["checkpoint"]) == (last.root_hash, last.note)
    log = keyless.database.log = Sequencer(file, Guard(file.path.with_name("new.head")))
    with keyless.database.reading() as session:
        assert log.recalled(session, log.guard.newest()).origin == NAME
    keyless.issue(keyless.team().issuer)
    rotate(keyless.database, file, now=NOW)
    for trusted in ([verifier], [LOG_KEY.verifier(), verifier]):
        audit = audited(served(keyless), trusted=trusted)
        assert (audit.faults, audit.history.lost) == ([], [LOG_KEY.name])
        assert audit.history.trusted == {*trusted, file().verifier()}
    assert audited(served(keyless), trusted=[LOG_KEY.verifier()]).faults


def test_a_key_that_is_there_is_not_lost(logged: World, cut: World, file: KeyFile) -> None:
    for world in (logged, cut):
        with pytest.raises(Conflict, match="it isn't lost"):
            begin_anew(world.database, file, NAME, now=NOW, is_key_lost=True)
    assert begun(cut) == []


def test_what_was_signed_and_lost_with_the_key_is_told(cut: World, file: KeyFile) -> None:
    size = newest(cut).size
    file.path.unlink()
    write_secret(file.path, str(new_signer(OTHER_NAME)))
    begin_anew(cut.database, file, NAME, now=NOW, is_key_lost=True)
    [told] = begun(cut)
    assert told["size"] == size + LOST
    cut.database.log = Sequencer(file, Guard(file.path.with_name("log.head")))
    cut.team()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (continuing, "write_secret"),
        (continuing, "_announce"),
        (continuing, "_finish"),
        (Guard, "advance"),
        (Path, "replace"),
        (KeyFile, "replace"),
    ],
)
def test_what_was_interrupted_is_finished_by_the_next(
    cut: World, file: KeyFile, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: str
) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    def killed(*given: Any, **named: Any) -> None:
        if when == "after":
            original(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killed)
        with pytest.raises(KeyboardInterrupt):
            begin_anew(cut.database, file, NAME, now=NOW)
    if file().name != NAME:  # then it isn't finished
        with pytest.raises(RolledBack):
            cut.team()
        begin_anew(cut.database, file, NAME, now=NOW)
    cut.team()
    assert len(begun(cut)) == 1
    assert audited(served(cut), trusted=[file().verifier()]).faults == []
    assert sorted(path.name for path in file.path.parent.glob("log.*")) == ["log.head", "log.key"]


def test_who_follows_sees_another_log_and_no_fork(
    cut: World, file: KeyFile, tmp_path: Path
) -> None:
    old = served_under(cut, LOG_KEY.verifier())
    with World(other_database(tmp_path)) as other:
        other.do(following.begin, KEYS, "https://one.example", [LOG_KEY.verifier()], None, now=NOW)
        follower = Follower(other.database, KEYS, LOG_KEY.name, clock=lambda: NOW)
        assert follower.poll(old)
        verifier = begin_anew(cut.database, file, NAME, now=NOW)
        new = served_under(cut, verifier)
        with pytest.raises(Unproven, match="it is of another log"):
            follower.poll(new)
        other.do(following.begin, KEYS, "https://two.example", [verifier], None, now=NOW)
        assert Follower(other.database, KEYS, NAME, clock=lambda: NOW).poll(new)
        with other.database.reading() as session:
            states = {peer.origin: peer.state for peer in session.exec(select(Peer))}
    assert states == {LOG_KEY.name: PeerState.FOLLOWING, NAME: PeerState.FOLLOWING}


def served_under(world: World, verifier: Verifier) -> Served:
    found = Served([])
    found.files = served(world) | {"key": f"{verifier}\n".encode()}
    return found


def other_database(folder: Path) -> str:
    from governance.migrations import upgrade

    url = f"sqlite:///{folder / 'other.db'}"
    upgrade(url)
    Database(url).close()
    return url

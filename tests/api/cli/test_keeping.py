"""`comity log` for the node's own log: proofs others check, and what to do after a restore."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from sqlmodel import col, select

from api.console import now
from governance import erasing
from governance.database import Database
from governance.entries import LogCheckpoint, LogEntry
from governance.issuing import issue_one
from governance.log.checkpoints import parse_checkpoint
from governance.log.commitments import Opening
from governance.log.notes import parse_note
from governance.log.proofs import parse_proof
from governance.log.signers import Signer, parse_verifier
from governance.membership import Actor, add_member, add_platform
from governance.requesting import Request, draft
from governance.sanctions import Disclosure, Sanction
from governance.settings import read_settings
from governance.words import Role
from tests.api.cli.conftest import Comity
from tests.api.http.outside import issue_input
from tests.builders import World
from tests.logs import files, write

SUBJECT = "acct:alice@elsewhere.example"


@pytest.fixture
def issue(node: Comity, database_url: str) -> Iterator[Callable[..., str]]:
    """Yield what issues a sanction as this node does, signed with its own key."""
    settings = read_settings()
    database = Database(database_url, settings.sequencer())
    with database.writing() as session:
        platform = add_platform(session, "example.social", None, now=now())
        member = add_member(session, platform.domain, "mod", list(Role), now=now())
        actor = Actor(member.id, platform.id, member.kind, frozenset(member.roles))

    def issued(**changes: object) -> str:
        with database.writing() as session:
            request = Request(draft(issue_input(now(), **changes)))
            return issue_one(session, settings.keys(), actor, request, now=now()).sanction_id

    yield issued
    database.close()


@pytest.fixture
def copy(database_url: str, tmp_path: Path) -> Callable[..., Path]:
    """Return what writes this node's log into a folder, as `comity log mirror` does."""

    def written(url: str = database_url) -> Path:
        with World(url) as world, world.database.reading() as session:
            data = session.exec(select(LogEntry.data).order_by(col(LogEntry.index))).all()
            notes = session.exec(select(LogCheckpoint).order_by(col(LogCheckpoint.size))).all()
        found = files([entry.encode() for entry in data])
        key = str(read_settings().sequencer().signer.verifier())
        found |= {"checkpoint": notes[-1].note.encode(), "key": f"{key}\n".encode()}
        return write(tmp_path / "copy", found)

    return written


def test_an_entrys_proof_is_checked_with_the_key_alone(
    node: Comity, issue: Callable[..., str], tmp_path: Path
) -> None:
    ident = issue()
    verifier = parse_verifier(node("log", "key").out.strip())
    done = node("log", "proof", ident)
    assert done.code == 0, done.err
    entry = (tmp_path / f"{ident}.json").read_bytes()
    proof = parse_proof((tmp_path / f"{ident}.tlog-proof").read_bytes())
    proof.check(entry, verifier.name, verifiers=[verifier])
    assert node("log", "proof", str(proof.index), "--folder", str(tmp_path / "new")).code == 0
    assert (tmp_path / "new" / f"{proof.index}.json").read_bytes() == entry
    for unknown in ("san_unknown", "99", "-1", "9" * 30):
        assert node("log", "proof", "--", unknown).code == 1


def test_a_proof_has_cosignatures_where_the_entry_is_published(
    node: Comity, issue: Callable[..., str], database_url: str, tmp_path: Path
) -> None:
    published, waiting = issue(), issue()
    witness = Signer("w.example", b"w" * 32)
    database = Database(database_url)
    with database.writing() as session:
        newest, older = session.exec(
            select(LogCheckpoint).order_by(col(LogCheckpoint.size).desc()).limit(2)
        )
        cosigned = witness.cosign(parse_note(older.note.encode()).text, at=1)
        older.cosignatures, newest.cosignatures = f"{cosigned.line}\n", None
    database.close()
    trees = []
    for ident in (published, waiting):
        assert node("log", "proof", ident).code == 0
        found = parse_proof((tmp_path / f"{ident}.tlog-proof").read_bytes()).checkpoint
        trees.append((parse_checkpoint(found.text).size, len(found.signatures)))
    assert trees == [(older.size, 2), (newest.size, 1)]


def test_a_disclosed_field_opens_its_commitment(
    node: Comity, issue: Callable[..., str], database_url: str
) -> None:
    ident = issue(explanation="Threats", facts="Seen by two")
    told = orjson.loads(node("log", "open", ident, "facts").out)
    assert told["value"] == "Seen by two"
    opened = Opening(told["field"], told["value"], b64decode(told["key"]))
    opened.check(b64decode(told["commitment"]))
    assert "expected one of" in node("log", "open", ident, "secrets").err
    assert "discloses no contentUri" in node("log", "open", ident, "contentUri").err
    database = Database(database_url, read_settings().sequencer())
    with database.writing() as session:
        erasing.redact(session, [session.get_one(Sanction, ident)], now=now())
    database.close()
    assert "discloses no facts (any more)" in node("log", "open", ident, "facts").err


def test_rotating_the_key_keeps_the_log_verifiable(
    node: Comity, issue: Callable[..., str], copy: Callable[[], Path]
) -> None:
    issue()
    old = node("log", "key").out.strip()
    done = node("log", "rotate-key")
    new = done.out.strip()
    assert f"copy {read_settings().log_key_path} again" in done.err
    assert new == node("log", "key").out.strip() != old
    assert node("platform", "add", "another.example").code == 0
    for key in (old, new):
        done = node("log", "verify", str(copy()), "--key", key)
        assert done.code == 0, done.err
    assert node("doctor").code == 0


def test_an_old_backup_is_brought_on_and_resurrects_nobody(
    node: Comity,
    issue: Callable[..., str],
    copy: Callable[[], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = issue(subject=SUBJECT)
    assert node("backup", "old.backup").code == 0
    later = issue()
    settings = read_settings()
    database = Database(settings.database_url, settings.sequencer())
    with database.writing() as session:
        erasing.redact(session, [session.get_one(Sanction, gone)], now=now())
    database.close()
    mirror = copy()
    restored = f"sqlite:///{tmp_path / 'restored.db'}"
    assert node("migrate", database_url=restored).code == 0
    assert node("restore", "old.backup", database_url=restored).code == 0
    for arguments in (("serve",), ("platform", "add", "x.example"), ("doctor",)):
        done = node(*arguments, database_url=restored)
        assert done.code == 1
        assert "comity log recover" in done.err, done.err
    done = node("log", "recover", str(mirror), database_url=restored)
    assert done.code == 0, done.err
    assert "1 sanctions came without their disclosures" in done.err
    with World(restored) as world, world.database.reading() as session:
        assert session.get(Disclosure, gone) is None
        assert session.get_one(Sanction, gone).redacted_at is not None
        assert session.get_one(Sanction, later).redacted_at is not None
    assert node("doctor", database_url=restored).code == 0
    assert node("platform", "add", "x.example", database_url=restored).code == 0
    again = node("log", "recover", str(mirror), database_url=restored)
    assert (again.code, "aren't sound" in again.err) == (1, False)


def test_a_copy_that_ends_before_what_was_signed_does_not_recover(
    node: Comity, issue: Callable[..., str], copy: Callable[[], Path], tmp_path: Path
) -> None:
    issue()
    assert node("backup", "old.backup").code == 0
    issue()
    mirror = copy()
    issue()
    restored = f"sqlite:///{tmp_path / 'restored.db'}"
    node("migrate", database_url=restored)
    node("restore", "old.backup", database_url=restored)
    done = node("log", "recover", str(mirror), database_url=restored)
    assert done.code == 1
    assert "this node signed" in done.err
    with World(restored) as world:
        assert len(world.snapshot()["log_entries"]) == 3  # as restored


def test_a_log_that_no_copy_brings_back_is_closed_and_another_begun(
    node: Comity, issue: Callable[..., str], copy: Callable[..., Path], tmp_path: Path
) -> None:
    issue()
    assert node("backup", "old.backup").code == 0
    issue()
    old = node("log", "key").out
    restored = f"sqlite:///{tmp_path / 'restored.db'}"
    node("migrate", database_url=restored)
    node("restore", "old.backup", database_url=restored)
    refused = node("doctor", database_url=restored)
    assert (refused.code, "begin-anew" in refused.out + refused.err) == (1, True)
    bad = node("log", "begin-anew", "a name", database_url=restored)
    assert (bad.code, "expected a name such as" in bad.err) == (1, True)
    begun = node("log", "begin-anew", "second.example/log", database_url=restored)
    assert (begun.code, begun.out) == (0, node("log", "key").out), begun.err
    assert begun.out.startswith("second.example/log+")
    assert begun.out != old
    assert node("doctor", database_url=restored).code == 0
    assert node("platform", "add", "x.example", database_url=restored).code == 0
    again = node("log", "begin-anew", "third.example/log", database_url=restored)
    assert (again.code, "nothing that was signed is missing" in again.err) == (1, True)

    older, mirror = f"sqlite:///{tmp_path / 'older.db'}", copy(restored)  # from before it was begun
    node("migrate", database_url=older)
    assert node("restore", "old.backup", database_url=older).code == 0
    assert "comity log recover" in node("doctor", database_url=older).err
    done = node("log", "recover", str(mirror), database_url=older)
    assert done.code == 0, done.err
    with World(older) as one, World(restored) as other:
        assert one.snapshot()["log_entries"] == other.snapshot()["log_entries"]
    assert node("doctor", database_url=older).code == 0


def test_a_node_whose_keys_are_all_lost_is_served_again_under_another_log(
    node: Comity, issue: Callable[..., str], copy: Callable[..., Path], tmp_path: Path
) -> None:
    issue()
    assert node("backup", "old.backup").code == 0
    restored, key_file = f"sqlite:///{tmp_path / 'restored.db'}", tmp_path / "new" / "comity.key"
    old, new = node("log", "key").out.strip(), {"database_url": restored, "key_file": key_file}
    assert node("migrate", **new).code == 0
    assert node("restore", "old.backup", "--any-key", **new).code == 0
    for arguments in (("serve", "--any-key"), ("log", "resume"), ("doctor",)):
        done = node(*arguments, **new)
        assert (done.code, "begin-anew --key-lost" in done.err) == (1, True)
    begun = node("log", "begin-anew", "second.example/log", "--key-lost", **new)
    assert (begun.code, begun.out) == (0, node("log", "key", **new).out), begun.err
    assert node("platform", "add", "x.example", **new).code == 0
    assert "as this node signed them" in node("doctor", **new).err
    mirror = str(copy(restored))
    for keys in ([begun.out.strip()], [old, begun.out.strip()]):
        done = node("log", "verify", mirror, *(f"--key={key}" for key in keys))
        assert done.code == 0, done.err
        assert "whose key was lost: nothing proves it" in done.err


def test_what_a_copy_has_more_is_kept_where_the_key_is_lost(
    node: Comity, issue: Callable[..., str], copy: Callable[..., Path], tmp_path: Path
) -> None:
    kept, gone = issue(), issue(subject=SUBJECT)
    assert node("backup", "old.backup").code == 0
    later = issue()
    settings = read_settings()
    database = Database(settings.database_url, settings.sequencer())
    with database.writing() as session:
        erasing.redact(session, [session.get_one(Sanction, gone)], now=now())
    database.close()
    mirror, old = str(copy()), node("log", "key").out.strip()
    restored, key_file = f"sqlite:///{tmp_path / 'restored.db'}", tmp_path / "new" / "comity.key"
    new = {"database_url": restored, "key_file": key_file}
    assert node("migrate", **new).code == 0
    assert node("restore", "old.backup", "--any-key", **new).code == 0
    assert node("log", "recover", mirror, **new).code == 1
    stranger = str(Signer(parse_verifier(old).name, b"s" * 32).verifier())
    for wrong in (stranger, "no key"):
        assert node("log", "recover", mirror, "--lost-key", wrong, **new).code == 1
    done = node("log", "recover", mirror, "--lost-key", old, **new)
    assert done.code == 0, done.err
    assert "begin-anew --key-lost" in done.err
    assert node("log", "begin-anew", "second.example/log", "--key-lost", **new).code == 0
    with World(restored) as world, world.database.reading() as session:
        for ident, is_disclosed in ((kept, True), (gone, False), (later, False)):
            assert (session.get(Disclosure, ident) is not None) is is_disclosed
            assert (session.get_one(Sanction, ident).redacted_at is None) is is_disclosed
        last = session.exec(select(LogEntry).order_by(col(LogEntry.index).desc())).first()
    assert last is not None
    told = orjson.loads(last.data)["decision"]
    assert (told["case"], told["scope"]) == (later, "LOST")
    assert node("platform", "add", "x.example", **new).code == 0
    key = node("log", "key", **new).out.strip()
    done = node("log", "verify", str(copy(restored)), "--key", key)
    assert done.code == 0, done.err


def test_a_key_that_is_in_its_place_is_not_lost(
    node: Comity, issue: Callable[..., str], copy: Callable[..., Path]
) -> None:
    issue()
    done = node("log", "recover", str(copy()), "--lost-key", node("log", "key").out.strip())
    assert (done.code, "it isn't lost" in done.err) == (1, True)


def test_a_backup_from_before_the_key_was_rotated_is_brought_on(
    node: Comity, issue: Callable[..., str], copy: Callable[[], Path], tmp_path: Path
) -> None:
    issue()
    assert node("backup", "old.backup").code == 0
    assert node("log", "rotate-key").code == 0
    assert node("platform", "add", "another.example").code == 0
    mirror, restored = copy(), f"sqlite:///{tmp_path / 'restored.db'}"
    assert node("migrate", database_url=restored).code == 0
    assert node("restore", "old.backup", database_url=restored).code == 0
    assert node("platform", "add", "x.example", database_url=restored).code == 1
    done = node("log", "recover", str(mirror), database_url=restored)
    assert done.code == 0, done.err
    assert node("platform", "add", "x.example", database_url=restored).code == 0


def test_an_empty_database_is_made_anew_from_log_and_backup(
    node: Comity,
    issue: Callable[..., str],
    copy: Callable[[], Path],
    tmp_path: Path,
    database_url: str,
) -> None:
    kept, gone = issue(), issue(subject=SUBJECT)
    assert node("backup", "all.backup").code == 0
    settings = read_settings()
    database = Database(settings.database_url, settings.sequencer())
    with database.writing() as session:
        erasing.redact(session, [session.get_one(Sanction, gone)], now=now())
    database.close()
    anew = f"sqlite:///{tmp_path / 'anew.db'}"
    assert node("migrate", database_url=anew).code == 0
    arguments = ("log", "rebuild", str(copy()), "--disclosures", "all.backup")
    done = node(*arguments, database_url=anew)
    assert done.code == 0, done.err
    with World(anew) as other, World(database_url) as world:
        after, before = other.snapshot(), world.snapshot()
        for name in before:
            assert sorted(after[name]) == sorted(before[name]), name
        with other.database.reading() as session:
            assert session.get(Disclosure, kept) is not None
            assert session.get(Disclosure, gone) is None
    assert "expected an empty database" in node(*arguments, database_url=anew).err
    assert node("doctor", database_url=anew).code == 0

"""`comity doctor`: what is wrong, and what to do about it."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.console import now
from governance import receivers
from governance.database import Database
from governance.issuing import issue_one
from governance.log.checkpoints import Checkpoint
from governance.log.keyfiles import new_signer
from governance.membership import Actor, add_member, add_platform
from governance.requesting import Request, draft
from governance.settings import Settings
from governance.words import Role
from tests.api.cli.conftest import Comity, Done
from tests.api.http.outside import issue_input
from tests.builders import World


def findings(done: Done) -> dict[str, str]:
    """What each line says, by its subject; only what is bad."""
    found = {}
    for line in done.err.splitlines():
        mark, _, told = line.partition(" ")
        assert mark in ("ok", "bad"), line
        subject, _, message = told.strip().partition(": ")
        if mark == "bad":
            found[subject] = message
    assert done.out == ""
    assert done.code == (1 if found else 0)
    return found


def test_a_healthy_node_has_nothing_wrong(node: Comity) -> None:
    done = node("doctor")
    assert findings(done) == {}
    assert [line.split()[1].rstrip(":") for line in done.err.splitlines()] == [
        "settings",
        "keys",
        "log",  # its key
        "witness",
        "token",
        "database",
        "migrations",
        "log",
        "clock",
    ]


def test_a_missing_database_is_found_and_not_made(comity: Comity, tmp_path: Path) -> None:
    assert "comity migrate" in findings(comity("doctor"))["migrations"]
    assert not list(tmp_path.rglob("*.db"))


def test_a_missing_or_open_log_key_is_found(node: Comity, tmp_path: Path) -> None:
    file = tmp_path / "keys" / "comity.log.key"
    file.chmod(0o644)
    assert "chmod 600" in findings(node("doctor"))["log key"]
    assert "chmod 600" in node("serve").err
    file.unlink()
    assert "COMITY_LOG_KEY_FILE" in findings(node("doctor"))["log key"]
    assert "COMITY_LOG_KEY_FILE" in node("serve").err


@pytest.mark.parametrize(
    ("name", "subject"), [("witness.key", "witness key"), ("token.keys", "token keys")]
)
def test_an_open_or_damaged_key_that_a_node_may_lack_is_found(
    node: Comity, tmp_path: Path, name: str, subject: str
) -> None:
    file = tmp_path / "keys" / f"comity.{name}"
    file.chmod(0o644)
    assert list(found := findings(node("doctor"))) == [subject]
    assert found[subject] in node("serve").err
    file.chmod(0o600)
    file.write_text("nonsense")
    assert str(file) in findings(node("doctor"))[subject]
    file.unlink()
    assert findings(node("doctor")) == {}


def test_a_log_older_than_what_was_signed_is_found(
    node: Comity, database_url: str, tmp_path: Path
) -> None:
    key_file = tmp_path / "keys" / "comity.key"
    _issue(database_url, key_file, now())
    head = Settings(database_url, key_file).sequencer().guard
    newest = head.newest()
    assert newest is not None
    head.advance(Checkpoint(newest.origin, newest.size + 1, bytes(32)))
    assert "signed 4 entries" in findings(node("doctor"))["log"]
    assert "signed 4 entries" in node("serve").err
    assert "signed 4 entries" in node("platform", "add", "other.example").err


def test_a_log_on_a_new_machine_is_resumed_by_its_operator(node: Comity, tmp_path: Path) -> None:
    assert node("platform", "add", "example.social").code == 0
    (tmp_path / "keys" / "comity.log.head").unlink()
    assert "comity log resume" in findings(node("doctor"))["log"]
    assert "comity log recover" in node("serve").err
    assert "goes on from 1 entries" in node("log", "resume").err
    assert node("doctor").code == 0


def test_a_key_of_another_log_is_found(node: Comity, tmp_path: Path) -> None:
    assert node("platform", "add", "example.social").code == 0
    file = tmp_path / "keys" / "comity.log.key"
    file.write_text(str(new_signer("other.example/log")))
    (tmp_path / "keys" / "comity.log.head").unlink()
    assert "signs other.example/log" in findings(node("doctor"))["log"]


def test_a_missing_key_file_is_found(node: Comity, tmp_path: Path) -> None:
    (tmp_path / "keys" / "comity.key").unlink()
    found = findings(node("doctor"))
    assert list(found) == ["keys"]
    assert "COMITY_KEY_FILE" in found["keys"]
    assert "comity migrate" in found["keys"]
    assert not (tmp_path / "keys" / "comity.key").exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_file_that_others_read_is_found(node: Comity, tmp_path: Path, mode: int) -> None:
    key_file = tmp_path / "keys" / "comity.key"
    key_file.chmod(mode)
    found = findings(node("doctor"))
    assert list(found) == ["keys"]
    assert "chmod 600" in found["keys"]
    assert key_file.read_text().strip() not in str(found)


def test_a_key_of_another_database_is_found_and_not_served(
    node: Comity, database_url: str, tmp_path: Path
) -> None:
    key_file = tmp_path / "keys" / "comity.key"
    kept = key_file.read_text()
    _issue(database_url, key_file, now())
    assert findings(node("doctor")) == {}
    key_file.write_text("11" * 32)
    found = findings(node("doctor"))
    assert list(found) == ["keys"]
    assert "bring the old one back" in found["keys"]
    served = node("serve")
    assert served.code == 1
    assert "COMITY_KEY_FILE" in served.err
    key_file.write_text(kept)
    assert findings(node("doctor")) == {}


def test_an_unmigrated_database_is_found(comity: Comity, tmp_path: Path) -> None:
    comity("migrate")
    found = findings(comity("doctor", database_url=f"sqlite:///{tmp_path / 'other.db'}"))
    assert list(found) == ["migrations"]
    assert "comity migrate" in found["migrations"]


@pytest.mark.parametrize(
    "url", ["postgresql://comity:s3cret@127.0.0.1:1/comity", "sqlite:////nowhere/at/all.db"]
)
def test_an_unreachable_database_is_found(comity: Comity, url: str) -> None:
    comity("migrate")
    found = findings(comity("doctor", database_url=url))
    assert list(found) == ["database"]
    assert "COMITY_DATABASE_URL" in found["database"]
    assert "s3cret" not in str(found)


def test_a_file_that_is_no_database_is_found(comity: Comity, tmp_path: Path) -> None:
    comity("migrate")
    (tmp_path / "other.db").write_text("Dear diary, " * 1_000)
    found = findings(comity("doctor", database_url=f"sqlite:///{tmp_path / 'other.db'}"))
    assert list(found) == ["database"]


def test_a_database_that_cannot_be_written_is_found(
    node: Comity, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(database_url)
    name = database.engine.url.database or ""
    if database.dialect == "sqlite":
        log = Path(f"{name}-wal")
        log.touch()
        # Whoever runs the tests may write everywhere.
        monkeypatch.setattr(os, "access", lambda path, _: path != log)
        told = f"{log} can't be written by this user"
    else:
        with database.engine.begin() as connection:
            read_only = f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'
            connection.execute(sa.text(read_only))
        told = "postgresql lets nobody write"
    database.close()
    found = findings(node("doctor"))
    assert list(found) == ["database"]
    assert found["database"].startswith(told)


def test_a_misspelt_setting_is_found(node: Comity) -> None:
    found = findings(node("doctor", databse_url="sqlite:///x.db", max_dept="3"))
    assert list(found) == ["settings"]
    assert "COMITY_DATABSE_URL" in found["settings"]
    assert "COMITY_MAX_DEPT" in found["settings"]


def test_a_clock_behind_the_records_is_found(
    node: Comity, database_url: str, tmp_path: Path
) -> None:
    _issue(database_url, tmp_path / "keys" / "comity.key", now() + timedelta(hours=1))
    found = findings(node("doctor"))
    assert list(found) == ["clock"]


def _issue(url: str, key_file: Path, at: datetime) -> None:
    """Issues a sanction as the node does that has this key."""
    database = Database(url, Settings(url, key_file).sequencer())
    with database.writing() as session:
        platform = add_platform(session, "example.social", None, now=at)
        member = add_member(session, platform.domain, "mod", [Role.ISSUER], now=at)
        actor = Actor(member.id, platform.id, member.kind, frozenset(member.roles))
        keys = Settings(key_file=key_file).keys()
        issue_one(session, keys, actor, Request(draft(issue_input(at))), now=at)
    database.close()


def test_receivers_that_take_nothing_are_found(node: Comity, database_url: str) -> None:
    at = now()
    with World(database_url) as world:
        team = world.team("mod.example")
        made = world.do(
            receivers.add_webhook, team.platform.domain, "https://hooks.example/", wanted={},
            after=None, now=at,
        )  # fmt: skip
        assert "receivers: 1, and nothing that wasn't taken" in node("doctor").err
        world.do(receivers.bury, made.id, 41, "status 500", now=at)
        assert "comity push replay" in findings(node("doctor"))["receivers"]
        for _ in range(5):
            world.do(receivers.failed, made.id, "status 500", now=at, jitter=0.5)
        assert made.id in findings(node("doctor"))["receivers"]


def test_everything_wrong_is_told_at_once(comity: Comity) -> None:
    found = findings(comity("doctor", nonsense="1"))
    assert list(found) == ["settings", "keys", "log key", "migrations"]


def test_a_database_that_is_made_is_its_owners_alone(comity: Comity, tmp_path: Path) -> None:
    assert comity("migrate").code == 0
    assert (tmp_path / "comity.db").stat().st_mode & 0o777 == 0o600

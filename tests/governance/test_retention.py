"""Retention: what is private goes a year after the end; what waits for an appeal goes after it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlmodel import select

from governance import retention
from governance.appeals import AppealMessage
from governance.database import Database
from governance.erasing import ErasureDraft, erase
from governance.errors import Forbidden, RefusalCode
from governance.events import Event
from governance.fields import validated
from governance.identifiers import SubjectKind, lookup_key
from governance.retention import Retained
from governance.rules.policy import ERASED_AFTER
from governance.sanctions import Disclosure, SubjectKey
from governance.words import (
    AppealMove,
    Automation,
    EventType,
    Measure,
    Outcome,
    SanctionAnswer,
)
from tests.builders import DAY, KEYS, MICRO, NOW, Team, World, refused, subject

END = NOW + 7 * DAY  # of the builders' time-outs
DUE = END + ERASED_AFTER


def run(world: World, at: datetime) -> Retained:
    return retention.run(world.database, clock=lambda: at)


def held(world: World, sanction_id: str) -> Disclosure:
    with world.database.reading() as session:
        return session.get_one(Disclosure, sanction_id)


def test_private_disclosures_go_a_year_after_the_end(world: World, team: Team) -> None:
    sanction_id = world.issue(
        team.issuer, subject=subject(), explanation="Public", facts="Private", case_reference="c"
    )
    before = world.snapshot()
    assert run(world, DUE - MICRO) == Retained()
    assert world.snapshot() == before
    assert run(world, DUE) == Retained(erased=1)
    left = held(world, sanction_id)
    assert (left.explanation, left.ground_reference) == ("Public", "Terms 4.2")
    assert (left.subject, left.seed, left.lookup_keys) == ("", b"", [])
    private = left.reason, left.facts, left.issuer_reference, left.case_reference, left.host_id
    assert set(private) == {None}
    with world.database.reading() as session:
        assert not session.exec(select(SubjectKey)).all()
        types = session.exec(select(Event.type)).all()
    assert types == [EventType.SANCTION_ISSUED, EventType.SANCTION_REDACTED]
    assert world.sanction(sanction_id).redacted_at == DUE
    after = world.snapshot()
    assert run(world, DUE + DAY) == Retained()
    assert world.snapshot() == after


def test_a_servers_uri_is_public_and_stays(world: World, team: Team) -> None:
    about = "https://spam.example"
    sanction_id = world.issue(team.issuer, subject=about, measure=Measure.SERVER_SUSPENDED)
    run(world, DUE)
    assert held(world, sanction_id).subject == about
    with world.database.reading() as session:
        keys = session.exec(select(SubjectKey.key)).all()
    assert len(keys) == 1
    assert held(world, sanction_id).lookup_keys == keys


def test_what_has_not_ended_stays(world: World, team: Team) -> None:
    ban = world.terminate(team.issuer)
    world.approve(team.issuer_2, ban)
    open_ended = world.issue(
        team.issuer,
        measure=Measure.CONTENT_REMOVED,
        subject="https://elsewhere.example/@a/1",
        expires_at=None,
    )
    assert run(world, NOW + 10 * ERASED_AFTER) == Retained()
    assert held(world, ban).reason
    assert held(world, open_ended).reason


def test_a_record_without_an_end_ended_as_it_was_recorded(world: World, team: Team) -> None:
    world.record(team.issuer, expires_at=None)
    assert run(world, NOW + ERASED_AFTER - MICRO) == Retained()
    assert run(world, NOW + ERASED_AFTER) == Retained(erased=1)


def test_an_appeal_under_way_is_waited_for(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    appeal_id = world.in_review(team, sanction_id, NOW + DAY)
    assert run(world, DUE) == Retained(waiting=1)
    assert held(world, sanction_id).reason
    world.decide(team.reviewer, appeal_id, Outcome.UPHELD, DUE)
    assert run(world, DUE) == Retained(erased=1)
    with world.database.reading() as session:
        assert not session.exec(select(AppealMessage)).all()


def test_an_erasure_that_waited_is_done_once_the_appeal_is_over(world: World, team: Team) -> None:
    about = subject()
    sanction_id = world.issue(team.issuer, subject=about)
    appeal_id = world.in_review(team, sanction_id)
    assert world.erase(team.admin, about).deferred_count == 1
    assert run(world, NOW + DAY) == Retained(waiting=1)
    world.decide(team.reviewer, appeal_id, Outcome.UPHELD, NOW + DAY)
    assert run(world, NOW + DAY) == Retained(erased=1)
    with world.database.reading() as session:
        assert session.get(Disclosure, sanction_id) is None
    assert world.sanction(sanction_id).redacted_at == NOW + DAY


def test_batches_go_on_where_a_run_was_stopped(
    world: World, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        world.issue(team.issuer)
    monkeypatch.setattr(retention, "BATCH", 2)

    def stop(done: int, total: int) -> None:
        assert total == 5
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retention.run(world.database, clock=lambda: DUE, progress=stop)
    assert run(world, DUE) == Retained(erased=1)


def test_a_secret_lives_while_what_replaced_its_sanction_does(world: World, team: Team) -> None:
    open_ended: dict[str, Any] = {
        "measure": Measure.CONTENT_REMOVED,
        "subject": "https://elsewhere.example/@a/1",
        "expires_at": None,
    }
    old = world.issued(team.issuer, **open_ended)
    milder = open_ended | {"measure": Measure.CONTENT_DISABLED, "supersedes": old.sanction_id}
    new = world.issue(team.issuer, **milder)
    later = NOW + ERASED_AFTER
    assert run(world, later) == Retained(waiting=1)
    world.file(None, old.sanction_id, later, secret=old.appeal_secret)
    world.lift(team.issuer, new, later)
    assert run(world, later) == Retained(waiting=1)  # now for the appeal


def test_an_explanation_is_erased_by_the_sanctions_id(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer, subject=subject(), explanation="Jane Doe said …")
    run(world, DUE)
    wish = validated(ErasureDraft, {"sanctionId": sanction_id, "reason": "It names her"})
    other = world.team()
    with refused(world, RefusalCode.NOT_FOUND, "sanctionId"):
        world.do(erase, KEYS, other.admin, wish, now=DUE)
    assert world.do(erase, KEYS, team.admin, wish, now=DUE).erased_count == 1
    with world.database.reading() as session:
        assert session.get(Disclosure, sanction_id) is None
    assert world.do(erase, KEYS, team.admin, wish, now=DUE).erased_count == 0
    for both in ({}, {"subject": subject(), "sanctionId": sanction_id}):
        with refused(world, RefusalCode.INVALID_INPUT, "subject"):
            draft = validated(ErasureDraft, {**both, "reason": "x"})
            world.do(erase, KEYS, team.admin, draft, now=DUE)


@pytest.fixture
def needles(world: World, team: Team) -> list[bytes]:
    """Return what must not be found, once it was there and was erased."""
    about, alias = "acct:needle@elsewhere.example", "acct:needle-alias@elsewhere.example"
    for _ in range(60):
        world.issue(team.issuer)
    texts: dict[str, Any] = {"facts": "Needle facts " + "many " * 900, "reason": "Needle reason"}
    sanction = world.issued(
        team.bot,
        subject=about,
        aliases=[alias],
        automation=Automation.FULLY,
        issuer_reference="needle-1",
        **texts,
    )
    other, disputed = world.team().issuer, SanctionAnswer.DISPUTED
    world.answer(other, sanction.sanction_id, disputed, "Needle isn't who you think")
    filed = world.file(
        None, sanction.sanction_id, secret=sanction.appeal_secret, grounds="Needle grounds"
    )
    holding: dict[str, Any] = {"appeal_secret": filed.appeal_secret}
    withdrawn, why = AppealMove.WITHDRAW, "Needle grounds are none"
    world.move(None, filed.appeal_id, withdrawn, message=why, **holding)
    if world.database.dialect == "postgresql":  # as it does by itself, from time to time
        with world.database.writing() as session:
            session.connection().exec_driver_sql("ANALYZE")
    seed = held(world, sanction.sanction_id).seed
    print_of = world.sanction(sanction.sanction_id).fingerprint or ""
    uris = (about, alias)
    keys = [lookup_key(KEYS.derived("lookup"), SubjectKind.ACCOUNT, uri).encode() for uri in uris]
    told = [b"needle@", b"needle-alias", b"Needle grounds", b"Needle isn't"]
    wanted = [b"needle", b"Needle", seed, print_of.encode(), *told, *keys]
    assert all(any(n in file for file in _files(world)) for n in wanted)
    return wanted


@pytest.mark.parametrize("is_asked", [True, False])
def test_nothing_of_a_person_is_left_in_the_files(
    world: World, team: Team, needles: list[bytes], is_asked: bool
) -> None:
    """PostgreSQL keeps old rows until its tables are written anew, as `rewrite` does."""
    if is_asked:
        world.erase(team.admin, "acct:needle@elsewhere.example")
    now = NOW if is_asked else DUE
    done = retention.run(
        world.database, clock=lambda: now, rewrite=world.database.dialect == "postgresql"
    )
    assert (done.erased == 0, done.is_settled) == (is_asked, True)
    assert [n for n in needles if any(n in file for file in _files(world))] == []


def test_a_reader_in_the_way_is_told_of(sqlite_url: str) -> None:
    with World(sqlite_url) as world:
        world.team()
        with closing(sqlite3.connect(str(world.database.engine.url.database))) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM platforms").fetchone()
            world.team()
            assert not run(world, NOW).is_settled
        assert run(world, NOW).is_settled


@pytest.fixture
def as_another(postgresql_url: str) -> Iterator[Database]:
    """Yield a database for a role that may read and write it, and owns nothing of it."""
    role = Identifier("pg_monitor")
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}").format(role))
    database = Database(f"{postgresql_url}?options=-crole%3Dpg_monitor")
    yield database
    database.close()


def given(url: str, what: str, *names: str) -> None:
    """Gives something of the database to that role."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in names or (connection.info.dbname,):
            change = SQL(f"ALTER {what} {{}} OWNER TO pg_monitor")
            connection.execute(change.format(Identifier(name)))


def test_who_owns_neither_tables_nor_database_rewrites_nothing(
    postgresql_url: str, as_another: Database
) -> None:
    with World(postgresql_url) as world:
        world.issue(world.team().issuer)
        before = world.snapshot()
        with pytest.raises(Forbidden, match="whose the tables are, or the database's owner"):
            retention.run(as_another, clock=lambda: DUE, rewrite=True)
        assert world.snapshot() == before
        with pytest.raises(Forbidden, match="writes them anew for nobody else"):
            retention.settle(as_another, rewrite=True)


def test_the_databases_owner_rewrites_it(postgresql_url: str, as_another: Database) -> None:
    """A node's user need not be PostgreSQL's superuser."""
    given(postgresql_url, "DATABASE")
    assert retention.settle(as_another, rewrite=True)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # of a sanction that isn't
        for ident in ("one", "two"):
            row = ident, "san", "event", "Needle", NOW
            connection.execute("INSERT INTO notes VALUES (%s, %s, %s, %s, %s)", row)
        connection.execute("ANALYZE notes")
        connection.execute("DELETE FROM notes")
    assert not retention.settle(as_another, rewrite=True)  # the table isn't its own
    given(postgresql_url, "TABLE", *retention.REWRITTEN)
    assert retention.settle(as_another, rewrite=True)


def test_the_tables_owner_rewrites_them_and_leaves_the_statistics(
    postgresql_url: str, as_another: Database
) -> None:
    given(postgresql_url, "TABLE", *retention.REWRITTEN)
    assert not retention.settle(as_another, rewrite=True)


def _files(world: World) -> list[bytes]:
    """Every file that holds rows: the database and its write-ahead log, or all relations."""
    url = world.database.engine.url
    if world.database.dialect == "sqlite":
        path = Path(url.database or "")
        log = path.with_name(path.name + "-wal")
        return [file.read_bytes() for file in (path, log) if file.exists()]
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        [(folder, oid)] = connection.execute(
            "select current_setting('data_directory'), oid from pg_database"
            " where datname = current_database()"
        ).fetchall()
    return [file.read_bytes() for file in Path(folder, "base", str(oid)).iterdir()]

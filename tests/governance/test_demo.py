"""The demonstration world: something of everything, made whole or not at all, and only once."""

import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from governance import appealing, demo
from governance.adoptions import Receipt
from governance.appeals import Appeal, FilingDraft, Invitation
from governance.database import Database
from governance.demonstration import cases
from governance.demonstration.decisions import Inventor
from governance.demonstration.history import History
from governance.errors import Conflict, Unauthenticated
from governance.events import Event
from governance.identifiers import SubjectKind, lookup_key, parse_subject
from governance.membership import add_platform, authenticate
from governance.platforms import Platform
from governance.records import METADATA
from governance.rules import adoption
from governance.rules.lifecycle import appeal_state, is_overdue
from governance.rules.policy import LADDER, SUSPENSIONS
from governance.rules.status import effect
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.settings import Keys
from governance.vocabulary import Category
from governance.words import (
    AppealState,
    Effect,
    EndReason,
    EventType,
    Measure,
    Outcome,
    ReceiptState,
    Role,
    Validity,
)
from tests.builders import positions, sequencer
from tests.postgres import Server

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = Keys(b"k" * 32)
SMALL = 200
Row = TypeVar("Row")


@pytest.fixture
def empty(database_url: str, tmp_path: Path) -> Iterator[Database]:
    database = Database(database_url, sequencer(tmp_path))
    yield database
    database.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def db(
    request: pytest.FixtureRequest,
    sqlite_template: Path,
    postgres: Server,
    postgresql_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Database]:
    """Yield a database that is read alone; `world` is in it."""
    folder, name = tmp_path_factory.mktemp("demo"), f"demo_{uuid4().hex}"
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copyfile(sqlite_template, folder / 'comity.db')}"
    else:
        postgres.create(name, postgresql_template)
        url = postgres.url(name)
    database = Database(url, sequencer(folder))
    yield database
    database.close()


@pytest.fixture(scope="module")
def world(db: Database) -> demo.World:
    return demo.load(db, KEYS, now=NOW, sanctions=SMALL)


def rows(db: Database, table: type[Row]) -> Sequence[Row]:
    with db.reading() as session:
        return session.exec(select(table)).all()


def counts(db: Database) -> dict[str, int]:
    with db.reading() as session:
        return {
            table.name: session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in METADATA.sorted_tables
        }


def standing_about(db: Database, uri: str, kind: SubjectKind) -> list[Sanction]:
    key = lookup_key(KEYS.derived("lookup"), kind, parse_subject(uri).uri)
    with db.reading() as session:
        found = session.exec(
            select(Sanction)
            .join(SubjectKey, col(SubjectKey.sanction_id) == col(Sanction.id))
            .where(SubjectKey.key == key)
        ).all()
    return [s for s in found if effect((s.starts_at, s.ends_at), NOW) is Effect.IN_FORCE]


def test_there_are_sanctions_of_every_measure_category_effect_validity_and_end(
    db: Database, world: demo.World
) -> None:
    sanctions = rows(db, Sanction)
    ended = [s for s in sanctions if s.ends_at is not None and s.ends_at <= NOW]
    assert len(sanctions) >= SMALL
    assert {s.measure for s in sanctions} == set(Measure)
    assert {s.subject_kind for s in sanctions} == set(SubjectKind)
    assert {effect((s.starts_at, s.ends_at), NOW) for s in sanctions} == set(Effect)
    assert {s.validity for s in sanctions} == set(Validity)
    assert {s.end_reason for s in ended} == set(EndReason)
    assert len({s.category for s in sanctions}) > len(Category) / 2


def test_some_wait_for_their_start_and_some_for_an_approval(
    db: Database, world: demo.World
) -> None:
    pending = [
        s for s in rows(db, Sanction) if effect((s.starts_at, s.ends_at), NOW) is Effect.PENDING
    ]
    assert any(s.starts_at is not None and s.starts_at > NOW for s in pending)
    assert any(s.starts_at is None and s.lapses_at is not None for s in pending)


def test_outside_decisions_never_bind(db: Database, world: demo.World) -> None:
    outside = [s for s in rows(db, Sanction) if s.policy_conflicts]
    assert {s.measure for s in outside} >= set(cases.OUTSIDE)
    assert not any(s.is_binding for s in outside)


def test_there_are_appeals_in_every_state_and_with_every_outcome(
    db: Database, world: demo.World
) -> None:
    appeals = rows(db, Appeal)
    states = {appeal_state(a.state, a.lapses_at, NOW) for a in appeals}
    assert states == set(AppealState)
    assert {a.outcome for a in appeals} == {None, *Outcome}
    assert any(is_overdue(a.state, a.due_at, NOW) for a in appeals)
    assert rows(db, Invitation)


def test_what_was_taken_over_is_answered_corrected_and_overdue(
    db: Database, world: demo.World
) -> None:
    sanctions, receipts = {s.id: s for s in rows(db, Sanction)}, rows(db, Receipt)
    assert {r.state for r in receipts} == set(ReceiptState)
    is_late = {adoption.is_overdue(r.state, r.due_at, NOW) for r in receipts if r.due_at}
    assert is_late == {True, False}
    copies = [s for s in sanctions.values() if s.derived_from_id is not None]
    sources = [sanctions[str(s.derived_from_id)] for s in copies]
    assert {s.validity for s in copies} >= {Validity.STANDING, Validity.OVERTURNED}
    assert any(source.derived_from_id is not None for source in sources)
    assert SubjectKind.SERVER in {s.subject_kind for s in copies}


def test_the_feed_follows_the_time_that_is_told(db: Database, world: demo.World) -> None:
    feed = sorted(rows(db, Event), key=lambda event: event.position)
    recorded = [event.recorded_at for event in feed]
    logged = [event for event in feed if event.position % 2]
    assert [event.position for event in logged] == positions(db)
    assert {e.type for e in feed if not e.position % 2} <= {EventType.NOTICE_DUE}
    assert recorded == sorted(recorded)
    assert NOW - recorded[0] > timedelta(days=300)
    assert recorded[-1] <= NOW
    assert {s.issued_at for s in rows(db, Sanction)} <= set(recorded)


def test_several_platforms_suspend_one_account_and_one_server(
    db: Database, world: demo.World
) -> None:
    about_account = standing_about(db, world.suspended_account, SubjectKind.ACCOUNT)
    assert len({s.platform_id for s in about_account}) == 3
    assert all(s.measure in SUSPENSIONS for s in about_account)
    about_server = standing_about(db, world.server, SubjectKind.SERVER)
    assert sum(s.measure is Measure.SERVER_SUSPENDED for s in about_server) == 2


def test_accounts_are_suspended_away_from_the_platform_that_hosts_them(
    db: Database, world: demo.World
) -> None:
    hosts = {d.sanction_id: d.host_id for d in rows(db, Disclosure)}
    assert any(hosts[s.id] not in (None, s.platform_id) for s in rows(db, Sanction))


def test_every_platform_is_named_and_takes_part(db: Database, world: demo.World) -> None:
    platforms = {platform.id: platform.domain for platform in rows(db, Platform)}
    assert sorted(platforms.values()) == sorted(world.platforms)
    assert len(world.platforms) == 12


def test_the_tokens_open_what_they_should_for_thirty_days(db: Database, world: demo.World) -> None:
    last = NOW + timedelta(days=30) - timedelta(microseconds=1)
    with db.reading() as session:
        actor = authenticate(session, world.token, now=last)
        reviewer = authenticate(session, world.reviewer_token, now=last)
        with pytest.raises(Unauthenticated):
            authenticate(session, world.token, now=NOW + timedelta(days=30))
    assert actor.roles == {Role.READER, Role.ISSUER, Role.REVIEWER}
    assert reviewer.roles == {Role.REVIEWER}
    assert actor.platform_id == reviewer.platform_id


def test_printing_the_world_tells_no_secret(db: Database, world: demo.World) -> None:
    secrets = world.token, world.reviewer_token, world.appeal_secret
    assert not any(secret and secret in repr(world) for secret in secrets)


def test_the_appeal_secret_files_an_appeal_once(empty: Database) -> None:
    world = demo.load(empty, KEYS, now=NOW, sanctions=SMALL)
    assert world.sanction_id is not None
    draft = FilingDraft(
        sanction_id=world.sanction_id, grounds="A try.", appeal_secret=world.appeal_secret
    )
    with empty.writing() as session:
        appealing.file(session, KEYS, None, draft, now=NOW)
    again = demo.load(empty, KEYS, now=NOW)
    assert again.sanction_id == world.sanction_id
    assert again.appeal_secret is None


def test_loading_again_adds_nothing_but_tokens(empty: Database) -> None:
    world = demo.load(empty, KEYS, now=NOW, sanctions=SMALL)
    before = counts(empty)
    again = demo.load(empty, KEYS, now=NOW + timedelta(days=1), sanctions=SMALL, seed=2)
    assert counts(empty) == before | {"tokens": before["tokens"] + 2}
    assert world.is_new
    assert not again.is_new
    assert again.token != world.token
    assert again.appeal_secret == world.appeal_secret


def test_an_interruption_leaves_nothing_and_the_next_start_makes_it_whole(empty: Database) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.load(empty, KEYS, now=NOW, sanctions=0, progress=interrupt)
    assert not any(counts(empty).values())
    assert demo.load(empty, KEYS, now=NOW, sanctions=0).is_new


def test_overlapping_suspensions_of_several_platforms_are_common(empty: Database) -> None:
    demo.load(empty, KEYS, now=NOW, sanctions=1_500)
    with empty.reading() as session:
        found = session.exec(
            select(SubjectKey.key, Sanction)
            .join(Sanction, col(Sanction.id) == col(SubjectKey.sanction_id))
            .where(Sanction.measure == Measure.ACCOUNT_SUSPENDED)
        ).all()
    about: dict[str, list[Sanction]] = defaultdict(list)
    for key, sanction in found:
        about[key].append(sanction)
    overlapping = [
        key
        for key, sanctions in about.items()
        for one, other in combinations(sanctions, 2)
        if one.platform_id != other.platform_id and _overlap(one, other)
    ]
    assert len(set(overlapping)) >= 10
    lengths = {s.expires_at - s.effective_at for _, s in found if s.expires_at is not None}
    assert lengths > set(LADDER)


def _overlap(one: Sanction, other: Sanction) -> bool:
    end = max(NOW, one.issued_at, other.issued_at)
    starts, ends = (one.starts_at, other.starts_at), (one.ends_at or end, other.ends_at or end)
    return all(starts) and max(s for s in starts if s) < min(ends)


def test_a_database_in_use_is_left_alone(empty: Database) -> None:
    with empty.writing() as session:
        add_platform(session, "real.example", None, now=NOW)
    before = counts(empty)
    with pytest.raises(Conflict, match="empty database"):
        demo.load(empty, KEYS, now=NOW)
    assert counts(empty) == before


def test_progress_reaches_the_total(empty: Database) -> None:
    told: list[tuple[int, int]] = []
    demo.load(empty, KEYS, now=NOW, sanctions=0, progress=lambda *step: told.append(step))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def script(seed: int, sanctions: int) -> list[Any]:
    invent = Inventor(Random(seed))
    return [*cases.every_kind(invent, NOW), *History(invent, NOW).cases(sanctions)]


def test_a_seed_always_tells_the_same_story() -> None:
    assert script(7, SMALL) == script(7, SMALL)
    assert script(7, SMALL) != script(8, SMALL)


def test_as_many_sanctions_as_asked_for() -> None:
    invent = Inventor(Random(1))
    history = History(invent, NOW).cases(SMALL)
    assert sum(len(case.requests) for case in history) == SMALL

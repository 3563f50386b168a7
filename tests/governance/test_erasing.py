"""Erasing a subject: who may, what waits, what is left, and what a retry then confirms."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from governance import erasing
from governance.entries import LogEntry
from governance.errors import RefusalCode
from governance.events import Event
from governance.identifiers import SubjectKind, lookup_key
from governance.log import writing
from governance.sanctions import Disclosure, Note, SubjectKey
from governance.words import AppealMove, EventType, Outcome, Validity
from tests.builders import DAY, KEYS, NOW, Team, World, draft, refused, subject
from tests.governance.test_logging import check_tree


@pytest.mark.parametrize("name", ["issuer", "reviewer", "reader", "researcher"])
def test_only_an_admin_erases(world: World, team: Team, name: str) -> None:
    about = subject()
    world.issue(team.issuer, subject=about)
    with refused(world, RefusalCode.FORBIDDEN):
        world.erase(getattr(team, name), about)


def test_an_admin_erases_the_own_platforms_records_alone(world: World, team: Team) -> None:
    about = subject()
    kept = world.issue(team.issuer, subject=about)
    other = world.team()
    before = world.snapshot()
    assert world.erase(other.admin, about).erased_count == 0
    assert world.snapshot() == before
    gone = world.issue(other.issuer, subject=about)
    assert world.erase(other.admin, about).erased_count == 1
    assert world.sanction(kept).redacted_at is None
    assert world.sanction(gone).redacted_at == NOW


def test_what_is_no_uri_is_refused(world: World, team: Team) -> None:
    with refused(world, RefusalCode.INVALID_INPUT, "subject"):
        world.erase(team.admin, "alice")


def test_nobody_known_means_nothing_erased(world: World, team: Team) -> None:
    before = world.snapshot()
    erased = world.erase(team.admin, subject())
    assert (erased.erased_count, erased.deferred_count, erased.deferred_until) == (0, 0, None)
    assert world.snapshot() == before


def test_disclosures_go_and_the_statement_stays(world: World, team: Team) -> None:
    about = subject()
    sanction_id = world.issue(team.issuer, subject=about)
    before = world.sanction(sanction_id)
    world.erase(team.admin, about, NOW + DAY)
    after = world.sanction(sanction_id)
    expected = {"redacted_at": NOW + DAY, "fingerprint": None, "secret_hash": None}
    assert after.model_dump() == before.model_dump() | expected
    with world.database.reading() as session:
        assert session.exec(select(Disclosure)).all() == []
        assert session.exec(select(SubjectKey)).all() == []
        newest = session.exec(select(Event).order_by(sa.desc("position"))).first()
    assert newest is not None
    assert (newest.type, newest.validity) == (EventType.SANCTION_REDACTED, Validity.STANDING)


@pytest.mark.parametrize("change", [{}, {"reason": "Another"}])
def test_a_retry_after_erasure_confirms_nothing(
    world: World, team: Team, change: dict[str, str]
) -> None:
    body = draft()
    world.issue(team.issuer, **body)
    world.erase(team.admin, body["subject"])
    with refused(world, RefusalCode.ERASED, "issuerReference"):
        world.issue(team.issuer, **(body | change))


def test_the_secret_of_an_erased_sanction_opens_nothing(world: World, team: Team) -> None:
    about = subject()
    sanction = world.issued(team.issuer, subject=about)
    world.erase(team.admin, about)
    with refused(world, RefusalCode.NOT_FOUND):
        world.file(None, sanction.sanction_id, secret=sanction.appeal_secret)


def test_any_alias_finds_the_records(world: World, team: Team) -> None:
    about, alias = subject(), subject()
    world.issue(team.issuer, subject=about, aliases=[alias])
    assert world.erase(team.admin, alias.upper().replace("ACCT:", "acct:@")).erased_count == 1


def test_erasing_twice_erases_once(world: World, team: Team) -> None:
    about = subject()
    world.issue(team.issuer, subject=about)
    world.erase(team.admin, about)
    before = world.snapshot()
    assert world.erase(team.admin, about).erased_count == 0
    assert world.snapshot() == before


def test_an_open_appeal_keeps_its_evidence(world: World, team: Team) -> None:
    about = subject()
    kept = world.issue(team.issuer, subject=about)
    gone = world.issue(team.issuer, subject=about)
    appeal_id = world.in_review(team, kept)
    erased = world.erase(team.admin, about, NOW + DAY)
    assert (erased.erased_count, erased.deferred_count) == (1, 1)
    assert erased.deferred_until == world.appeal(appeal_id).due_at
    assert world.sanction(kept).redacted_at is None
    assert world.sanction(gone).redacted_at == NOW + DAY
    world.decide(team.reviewer, appeal_id, Outcome.UPHELD, NOW + 2 * DAY)
    assert world.erase(team.admin, about, NOW + 2 * DAY).erased_count == 1


def test_an_overdue_appeal_is_tried_again_later_and_never_in_the_past(
    world: World, team: Team
) -> None:
    about = subject()
    world.in_review(team, world.issue(team.issuer, subject=about))
    later = NOW + 100 * DAY
    until = world.erase(team.admin, about, later).deferred_until
    assert until is not None
    assert until > later


def test_an_escalated_appeal_is_still_under_way_and_a_lapsed_one_is_not(
    world: World, team: Team
) -> None:
    escalated, lapsed = subject(), subject()
    appeal_id = world.in_review(team, world.issue(team.issuer, subject=escalated))
    world.decide(team.reviewer, appeal_id, Outcome.UPHELD)
    world.move(team.admin, appeal_id, AppealMove.ESCALATE)
    assert world.erase(team.admin, escalated).deferred_count == 1
    waiting = world.in_review(team, world.issue(team.issuer, subject=lapsed))
    world.move(team.reviewer, waiting, AppealMove.ASK, message="Where were you?")
    assert world.erase(team.admin, lapsed, NOW + 14 * DAY).erased_count == 1


def test_an_appeal_that_moved_keeps_the_sanction_it_was_filed_against(
    world: World, team: Team
) -> None:
    about = subject()
    old = world.issued(team.issuer, subject=about)
    filed = world.file(None, old.sanction_id, secret=old.appeal_secret)
    world.issue(team.issuer, subject=about, supersedes=old.sanction_id)
    assert world.erase(team.admin, about).deferred_count == 2
    world.move(None, filed.appeal_id, AppealMove.WITHDRAW, appeal_secret=filed.appeal_secret)
    assert world.erase(team.admin, about).erased_count == 2


def test_an_alias_that_the_replacement_lacks_waits_for_its_appeal_too(
    world: World, team: Team
) -> None:
    about, alias = subject(), subject()
    old = world.issue(team.issuer, subject=about, aliases=[alias])
    world.in_review(team, old)
    world.issue(team.issuer, subject=about, supersedes=old)
    assert world.erase(team.admin, alias).deferred_count == 1
    assert world.sanction(old).redacted_at is None


def test_nothing_of_a_subject_is_left_in_the_file(sqlite_url: str) -> None:
    texts: dict[str, Any] = {
        "ground_reference": "Needle clause",
        "explanation": "Needle explanation " + "long " * 900,
        "reason": "Needle reason",
        "facts": "Needle facts " + "many " * 900,
        "issuer_reference": "needle-reference",
        "case_reference": "needle-case",
        "content_uri": "https://elsewhere.example/needle-post",
    }
    about, alias = "acct:needle@elsewhere.example", "acct:needle-alias@elsewhere.example"
    with World(sqlite_url) as world:
        team = world.team()
        for _ in range(60):
            world.issue(team.issuer)
        sanction = world.issued(team.issuer, subject=about, aliases=[alias], **texts)
        for _ in range(60):
            world.issue(team.issuer)
        with world.database.reading() as session:
            fingerprint = world.sanction(sanction.sanction_id).fingerprint or ""
            seed = session.get_one(Disclosure, sanction.sanction_id).seed
        filed = world.file(
            None, sanction.sanction_id, secret=sanction.appeal_secret, grounds="Needle grounds"
        )
        used = world.sanction(sanction.sanction_id).secret_hash or ""
        world.move(None, filed.appeal_id, AppealMove.WITHDRAW, appeal_secret=filed.appeal_secret)
        world.shorten(team.issuer, sanction.sanction_id, NOW + DAY)
        needles = [
            b"needle",
            b"Needle",
            b"shortened by grace",
            seed,
            fingerprint.encode(),
            used.encode(),
        ]
        for uri in (about, alias):
            key = lookup_key(KEYS.derived("lookup"), SubjectKind.ACCOUNT, uri)
            needles.append(key.encode())
        assert all(needle in world.stored() for needle in needles)
        world.erase(team.admin, about)
        left = world.stored()
        assert [needle for needle in needles if needle in left] == []


def test_nothing_new_is_kept_about_the_erased(world: World, team: Team) -> None:
    about = subject()
    sanction = world.issued(team.issuer, subject=about)
    appeal_id = world.in_review(team, sanction.sanction_id)
    world.decide(team.reviewer, appeal_id, Outcome.UPHELD)
    world.erase(team.admin, about, NOW + 8 * DAY)
    with refused(world, RefusalCode.ERASED, "sanctionId"):
        world.file(team.admin, sanction.sanction_id, NOW + 9 * DAY)
    with refused(world, RefusalCode.ERASED, "message"):
        world.move(team.admin, appeal_id, AppealMove.ESCALATE, NOW + 9 * DAY, message="I am Alice")
    world.overturn(team.issuer, sanction.sanction_id, NOW + 9 * DAY)
    with world.database.reading() as session:
        assert not session.exec(select(Note)).all()


def test_however_many_are_lost_no_statement_names_them_all(
    world: World, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Engines refuse statements with more than some ten thousand values."""
    monkeypatch.setattr(erasing, "AT_ONCE", 2)
    monkeypatch.setattr(writing, "MOST_ASKED", 2)
    lost = {world.issue(team.issuer) for _ in range(9)}
    kept = world.issue(team.issuer)
    with world.database.writing() as session:
        for table in (SubjectKey, Disclosure):
            session.execute(sa.delete(table).where(col(table.sanction_id).in_(lost)))
    given: list[int] = []

    def note(*told: Any) -> None:
        statement, values, is_many = told[2], told[3], told[5]
        if not is_many and not statement.startswith("INSERT"):
            given.append(len(values))

    sa.event.listen(world.database.engine, "before_cursor_execute", note)
    world.do(erasing.redact_lost, now=NOW + DAY)
    assert max(given) < len(lost)
    with world.database.reading() as session:
        said = sa.select(col(LogEntry.case_id)).where(col(LogEntry.data).contains('"scope":"LOST"'))
        assert set(session.scalars(said)) == lost
    assert world.sanction(kept).redacted_at is None
    check_tree(world)

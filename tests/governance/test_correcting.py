"""A decision that is corrected is corrected wherever it was taken over."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from governance.adoptions import Receipt
from governance.entries import LogEntry
from governance.errors import RefusalCode, Refused
from governance.events import Event
from governance.rules import ladder
from governance.rules.adoption import is_overdue
from governance.sanctions import Sanction
from governance.words import (
    EndReason,
    EventType,
    Measure,
    Outcome,
    ReceiptState,
    Remedy,
    Validity,
    VoidCode,
)
from tests.builders import DAY, HOUR, MICRO, NOW, Team, World, at_once, refused, subject

LATER = NOW + DAY
DUE = timedelta(hours=72)


@pytest.fixture
def other(world: World) -> Team:
    """Return another platform of the world."""
    return world.team()


@pytest.fixture
def third(world: World) -> Team:
    """Return one more."""
    return world.team()


def receipt(world: World, sanction_id: str, team: Team) -> Receipt:
    found = world.receipt(sanction_id, team)
    assert found is not None
    return found


def end(world: World, sanction_id: str) -> tuple[Validity, object, EndReason | None]:
    row = world.sanction(sanction_id)
    return row.validity, row.ends_at, row.end_reason


@contextmanager
def counting(world: World) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    seen: list[str] = []
    told = (world.database.engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
    sa.event.listen(*told)
    yield seen
    sa.event.remove(*told)


def newest(world: World, count: int) -> list[dict[str, Any]]:
    """The newest decisions of the log, with their places."""
    with world.database.reading() as session:
        found = select(LogEntry).order_by(col(LogEntry.index).desc()).limit(count)
        rows = [(row.index, orjson.loads(row.data)["decision"]) for row in session.exec(found)]
    return [decision | {"index": index} for index, decision in reversed(rows)]


def test_an_overturn_overturns_the_copies_with_it(world: World, team: Team, other: Team) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source)
    world.overturn(team.issuer, source, LATER)
    assert end(world, copy) == (Validity.OVERTURNED, LATER, EndReason.OVERTURNED)
    said = receipt(world, source, other)
    assert (said.state, said.at, said.due_at) == (ReceiptState.REMEDIED, LATER, None)
    first, second, last = newest(world, 3)
    assert (first["type"], first["case"]) == ("sanction.overturned", source)
    assert (second["type"], second["case"]) == ("sanction.overturned", copy)
    assert (second["source"], second["sourceEntry"]) == (source, first["index"])
    assert second["platform"] == other.platform.domain
    assert (last["type"], last["case"]) == ("receipt.recorded", source)


def test_an_appeal_that_wins_corrects_the_copies_in_the_same_transaction(
    world: World, team: Team, other: Team
) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source)
    world.decide(team.reviewer_2, world.in_review(team, source), Outcome.OVERTURNED, LATER)
    assert end(world, copy) == (Validity.OVERTURNED, LATER, EndReason.OVERTURNED)


def test_after_the_end_the_record_is_corrected_all_the_same(
    world: World, team: Team, other: Team
) -> None:
    source = world.issue(team.issuer, expires_at=NOW + HOUR)
    copy = world.adopt(other.issuer, source)
    world.overturn(team.issuer, source, LATER)
    assert end(world, copy) == (Validity.OVERTURNED, NOW + HOUR, EndReason.EXPIRED)
    row = world.sanction(copy)
    rung = ladder.Rung(measure=row.measure, validity=row.validity, issued_at=row.issued_at)
    assert not ladder.weight(rung, LATER)


def test_a_void_voids_the_copies_even_those_appealed_against(
    world: World, team: Team, other: Team
) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source)
    world.file(other.admin, copy)
    world.void(team.issuer, source, LATER)
    assert end(world, copy) == (Validity.VOIDED, LATER, EndReason.VOIDED)
    assert world.sanction(copy).void_code is VoidCode.TEST


def test_a_lift_ends_the_copies_and_they_stand(world: World, team: Team, other: Team) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source)
    world.lift(team.issuer, source, LATER)
    assert end(world, copy) == (Validity.STANDING, LATER, EndReason.SOURCE_ENDED)
    assert newest(world, 2)[0]["type"] == "sanction.source_ended"


def test_a_shortened_source_shortens_the_copies_that_would_end_later(
    world: World, team: Team, other: Team, third: Team
) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source)
    sooner = world.adopt(third.issuer, source, expires_at=NOW + HOUR)
    world.shorten(team.issuer, source, NOW + 2 * HOUR)
    assert end(world, copy) == (Validity.STANDING, NOW + 2 * HOUR, EndReason.EXPIRED)
    assert end(world, sooner) == (Validity.STANDING, NOW + HOUR, EndReason.EXPIRED)
    assert receipt(world, source, other).state is ReceiptState.REMEDIED
    assert receipt(world, source, third).state is ReceiptState.ADOPTED


def test_a_reduction_to_now_ends_the_copies(world: World, team: Team, other: Team) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source)
    appeal = world.in_review(team, source)
    world.decide(team.reviewer_2, appeal, Outcome.REDUCED, LATER, NOW + HOUR)
    assert end(world, copy) == (Validity.STANDING, LATER, EndReason.SOURCE_ENDED)


def test_a_reduction_after_the_end_takes_the_copies_weight_too(
    world: World, team: Team, other: Team
) -> None:
    source = world.issue(team.issuer, expires_at=NOW + 2 * HOUR)
    copy = world.adopt(other.issuer, source)
    appeal = world.in_review(team, source)
    world.decide(team.reviewer_2, appeal, Outcome.REDUCED, LATER, NOW + HOUR)
    assert world.sanction(source).reduced_after_end
    assert world.sanction(copy).reduced_after_end
    assert world.sanction(copy).ends_at == NOW + 2 * HOUR


def test_a_source_that_is_replaced_ends_its_copies(world: World, team: Team, other: Team) -> None:
    about = subject()
    source = world.issue(team.issuer, subject=about)
    copy = world.adopt(other.issuer, source)
    world.issue(team.issuer, LATER, subject=about, supersedes=source)
    assert end(world, copy) == (Validity.STANDING, LATER, EndReason.SOURCE_ENDED)


def test_a_termination_reduced_to_a_time_out_ends_its_copies(
    world: World, team: Team, other: Team
) -> None:
    source = world.terminate(team.issuer)
    world.approve(team.issuer_2, source)
    copy = world.adopt(other.issuer, source, measure=Measure.ACCOUNT_TERMINATED)
    world.approve(other.issuer_2, copy)
    appeal = world.in_review(team, source)
    world.decide(team.reviewer_2, appeal, Outcome.REDUCED, LATER, LATER + DAY)
    world.decide(world.member(team, *list(team.reviewer.roles)), appeal, Outcome.UPHELD, LATER)
    assert world.sanction(source).validity is Validity.SUPERSEDED
    assert end(world, copy) == (Validity.STANDING, LATER, EndReason.SOURCE_ENDED)


def test_an_adopted_termination_reduced_on_its_own_appeal_stays_derived(
    world: World, team: Team, other: Team
) -> None:
    source = world.terminate(team.issuer)
    world.approve(team.issuer_2, source)
    copy = world.adopt(other.issuer, source, measure=Measure.ACCOUNT_TERMINATED)
    world.approve(other.issuer_2, copy)
    appeal = world.in_review(other, copy)
    world.decide(other.reviewer_2, appeal, Outcome.REDUCED, NOW, LATER)
    world.decide(world.member(other, *list(other.reviewer.roles)), appeal, Outcome.UPHELD, NOW)
    with world.database.reading() as session:
        [reduced] = session.exec(select(Sanction).where(Sanction.supersedes_id == copy)).all()
    assert reduced.derived_from_id == source
    world.overturn(team.issuer, source, NOW + HOUR)
    assert world.sanction(reduced.id).validity is Validity.OVERTURNED


def test_chains_are_corrected_through(world: World, team: Team, other: Team, third: Team) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source)
    last = world.adopt(third.issuer, copy)
    world.overturn(team.issuer, source, LATER)
    assert end(world, last) == (Validity.OVERTURNED, LATER, EndReason.OVERTURNED)
    assert receipt(world, copy, third).state is ReceiptState.REMEDIED
    entries = {d["case"]: d for d in newest(world, 5) if d["type"] == "sanction.overturned"}
    assert entries[last]["sourceEntry"] == entries[copy]["index"]
    assert entries[last]["source"] == copy


def test_a_copy_on_own_grounds_is_to_be_remedied_in_72_hours(
    world: World, team: Team, other: Team
) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source, own_grounds="We saw it")
    world.overturn(team.issuer, source, LATER)
    assert world.sanction(copy).validity is Validity.STANDING
    said = receipt(world, source, other)
    assert (said.state, said.due_at) == (ReceiptState.DUE, LATER + DUE)
    assert not is_overdue(said.state, said.due_at, LATER + DUE - MICRO)
    assert is_overdue(said.state, said.due_at, LATER + DUE)
    with world.database.reading() as session:
        event = session.exec(select(Event).order_by(col(Event.position).desc())).first()
    assert event is not None
    assert (event.type, event.platform_id) == (EventType.RECEIPT_DUE, other.platform.id)
    assert (event.sanction_id, event.receipt_due_at) == (source, LATER + DUE)


def test_what_is_remedied_is_corrected_as_the_source_was(
    world: World, team: Team, other: Team, third: Team
) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source, own_grounds="We saw it")
    last = world.adopt(third.issuer, copy)
    world.overturn(team.issuer, source, LATER)
    assert world.sanction(last).validity is Validity.STANDING
    said = world.remedy(other.reviewer, copy, Remedy.REMEDIED, now=LATER + HOUR)
    assert (said.state, said.at, said.due_at) == (
        ReceiptState.REMEDIED,
        LATER + HOUR,
        LATER + DUE,
    )
    for sanction_id in (copy, last):
        assert end(world, sanction_id) == (
            Validity.OVERTURNED,
            LATER + HOUR,
            EndReason.OVERTURNED,
        )
    before = world.snapshot()
    assert world.remedy(other.issuer, copy, Remedy.REMEDIED, now=LATER + DAY).at == said.at
    assert world.snapshot() == before


def test_a_platform_may_have_corrected_its_copy_already(
    world: World, team: Team, other: Team
) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source, own_grounds="We saw it")
    world.overturn(team.issuer, source)
    world.overturn(other.issuer, copy, LATER)
    assert world.remedy(other.issuer, copy, Remedy.REMEDIED, now=LATER + HOUR).at == LATER + HOUR
    assert end(world, copy) == (Validity.OVERTURNED, LATER, EndReason.OVERTURNED)


def test_a_copy_is_replaced_on_own_grounds_by_what_ends_no_later(
    world: World, team: Team, other: Team
) -> None:
    about = subject()
    source = world.issue(team.issuer, subject=about, expires_at=NOW + 7 * DAY)
    copy = world.adopt(other.issuer, source, own_grounds="We saw it")
    world.overturn(team.issuer, source)
    kept = Remedy.KEPT_ON_OWN_GROUNDS
    longer = world.issue(other.issuer, subject=about, expires_at=NOW + 7 * DAY + MICRO)
    with refused(world, RefusalCode.TOO_LONG, "replacementId"):
        world.remedy(other.issuer, copy, kept, longer)
    for wrong in (None, "san_nothing", source, copy, world.issue(other.issuer)):
        with refused(world, RefusalCode.INVALID_INPUT, "replacementId"):
            world.remedy(other.issuer, copy, kept, wrong)
    with refused(world, RefusalCode.INVALID_INPUT, "replacementId"):
        world.remedy(other.issuer, copy, Remedy.REMEDIED, longer)
    new = world.issue(other.issuer, LATER, subject=about, supersedes=copy, expires_at=NOW + 7 * DAY)
    said = world.remedy(other.issuer, copy, kept, new, LATER)
    assert (said.state, said.replacement_id, said.adoption_id) == (
        ReceiptState.KEPT_ON_OWN_GROUNDS,
        new,
        copy,
    )
    assert world.sanction(copy).validity is Validity.SUPERSEDED
    assert world.sanction(new).derived_from_id is None


def test_a_replacement_that_names_no_predecessor_ends_the_copy(
    world: World, team: Team, other: Team
) -> None:
    about = subject()
    source = world.issue(team.issuer, subject=about)
    copy = world.adopt(other.issuer, source, own_grounds="We saw it")
    world.overturn(team.issuer, source)
    new = world.issue(other.issuer, subject=about, expires_at=NOW + DAY)
    world.remedy(other.issuer, copy, Remedy.KEPT_ON_OWN_GROUNDS, new)
    assert world.sanction(copy).validity is Validity.OVERTURNED
    assert world.sanction(new).validity is Validity.STANDING


def test_a_copy_that_ended_with_its_source_may_be_replaced_later(
    world: World, team: Team, other: Team
) -> None:
    about = subject()
    source = world.issue(team.issuer, subject=about)
    copy = world.adopt(other.issuer, source)
    world.overturn(team.issuer, source)
    new = world.issue(other.issuer, subject=about, expires_at=NOW + DAY)
    said = world.remedy(other.issuer, copy, Remedy.KEPT_ON_OWN_GROUNDS, new)
    assert said.state is ReceiptState.KEPT_ON_OWN_GROUNDS


def test_no_action_is_needed_of_a_copy_that_has_ended(
    world: World, team: Team, other: Team
) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source, own_grounds="We saw it", expires_at=LATER)
    world.overturn(team.issuer, source)
    with refused(world, RefusalCode.CONFLICT, "remedy"):
        world.remedy(other.issuer, copy, Remedy.NO_ACTION_NEEDED, now=LATER - MICRO)
    said = world.remedy(other.issuer, copy, Remedy.NO_ACTION_NEEDED, now=LATER)
    assert said.state is ReceiptState.NO_ACTION_NEEDED
    assert world.sanction(copy).validity is Validity.STANDING


def test_a_remedy_takes_an_own_copy_whose_remedy_is_due(
    world: World, team: Team, other: Team
) -> None:
    source = world.issue(team.issuer)
    copy = world.adopt(other.issuer, source, own_grounds="We saw it")
    with refused(world, RefusalCode.CONFLICT, "remedy"):
        world.remedy(other.issuer, copy, Remedy.REMEDIED)
    with refused(world, RefusalCode.CONFLICT, "sanctionId"):
        world.remedy(team.issuer, source, Remedy.REMEDIED)
    with refused(world, RefusalCode.NOT_FOUND, "sanctionId"):
        world.remedy(team.issuer, copy, Remedy.REMEDIED)
    with refused(world, RefusalCode.FORBIDDEN):
        world.remedy(other.reader, copy, Remedy.REMEDIED)


def test_a_copy_on_own_grounds_that_ends_sooner_needs_no_remedy_of_a_shorter_source(
    world: World, team: Team, other: Team, third: Team
) -> None:
    source = world.issue(team.issuer)
    world.adopt(other.issuer, source, own_grounds="We saw it", expires_at=NOW + HOUR)
    world.adopt(third.issuer, source, own_grounds="We saw it")
    world.shorten(team.issuer, source, NOW + 2 * HOUR)
    assert receipt(world, source, other).state is ReceiptState.ADOPTED
    assert receipt(world, source, third).state is ReceiptState.DUE


def test_an_adoption_at_the_moment_of_the_overturn_is_refused_or_corrected(
    world: World, team: Team, other: Team
) -> None:
    for _ in range(3):
        source = world.issue(team.issuer)
        answers = at_once(
            lambda source=source: world.adopt(other.issuer, source),  # type: ignore[misc]
            lambda source=source: world.overturn(team.issuer, source),  # type: ignore[misc]
        )
        [adopted] = answers[:1]
        if isinstance(adopted, Refused):
            assert adopted.code is RefusalCode.CONFLICT
        else:
            assert world.sanction(str(adopted)).validity is Validity.OVERTURNED


def test_a_correction_reads_the_copies_of_a_level_at_once(world: World, team: Team) -> None:
    """Of each copy more its row and receipt are written, and its platform's entries counted."""
    counts = []
    for copies in (2, 6):
        source = world.issue(team.issuer)
        for _ in range(copies):
            world.adopt(world.team().issuer, source)
        with counting(world) as statements:
            world.overturn(team.issuer, source)
        counts.append(len(statements))
    assert counts[1] - counts[0] <= 3 * 4


def test_without_copies_a_correction_costs_one_statement(world: World, team: Team) -> None:
    source = world.issue(team.issuer)
    with counting(world) as statements:
        world.lift(team.issuer, source)
    assert sum("derived_from_id IN" in statement for statement in statements) == 1

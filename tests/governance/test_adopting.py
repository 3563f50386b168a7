"""A platform takes another's sanction over, or says that it doesn't."""

from typing import Any

import orjson
import pytest
from sqlmodel import select

from governance.adoptions import Receipt
from governance.changing import deciders
from governance.entries import LogEntry
from governance.errors import RefusalCode
from governance.events import Event
from governance.identifiers import SubjectKind
from governance.rules.status import effect
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.words import (
    Audience,
    Automation,
    Effect,
    EventType,
    Measure,
    PermanentBasis,
    ReceiptState,
    SanctionAnswer,
    Source,
)
from tests.builders import DAY, HOUR, MICRO, NOW, Team, World, refused, subject

SERVER: dict[str, Any] = {
    "subject": "https://spam.example",
    "measure": Measure.SERVER_SUSPENDED,
    "conduct_from": None,
    "conduct_to": None,
}


@pytest.fixture
def other(world: World) -> Team:
    """Return another platform of the world."""
    return world.team()


def disclosure(world: World, sanction_id: str) -> Disclosure:
    with world.database.reading() as session:
        return session.get_one(Disclosure, sanction_id)


def keys_of(world: World, sanction_id: str) -> set[str]:
    with world.database.reading() as session:
        own = select(SubjectKey.key).where(SubjectKey.sanction_id == sanction_id)
        return set(session.exec(own))


def events(world: World, *sanction_ids: str) -> list[EventType]:
    with world.database.reading() as session:
        found = session.exec(select(Event).order_by(Event.position)).all()  # type: ignore[arg-type]
        return [event.type for event in found if event.sanction_id in sanction_ids]


def logged(world: World) -> list[dict[str, Any]]:
    """The decisions of the log, in order."""
    with world.database.reading() as session:
        found = session.exec(select(LogEntry).order_by(LogEntry.index)).all()  # type: ignore[arg-type]
        return [orjson.loads(entry.data)["decision"] for entry in found]


def test_an_adoption_says_of_subject_and_conduct_what_its_source_says(
    world: World, team: Team, other: Team
) -> None:
    alias = "https://elsewhere.example/users/alice"
    source_id = world.issue(
        team.issuer,
        subject="acct:alice@elsewhere.example",
        aliases=[alias],
        policy_reference={"rule": "4.2"},
        facts="Private facts",
        explanation="In public",
        case_reference="ticket",
    )
    copy_id = world.adopt(other.issuer, source_id, NOW + DAY, reason="We read theirs")
    source, copy = world.sanction(source_id), world.sanction(copy_id)
    for name in ("subject_kind", "ground", "category", "keywords", "conduct_from", "conduct_to"):
        assert getattr(copy, name) == getattr(source, name), name
    assert (copy.platform_id, copy.derived_from_id) == (other.platform.id, source_id)
    assert (copy.issued_at, copy.effective_at, copy.ends_at) == (
        NOW + DAY,
        NOW + DAY,
        source.ends_at,
    )
    assert (copy.source, copy.automation) == (Source.OTHER_NOTIFICATION, Automation.NOT_AUTOMATED)
    assert keys_of(world, copy_id) == keys_of(world, source_id)
    theirs, ours = disclosure(world, source_id), disclosure(world, copy_id)
    assert (ours.subject, ours.ground_reference) == (theirs.subject, theirs.ground_reference)
    assert (ours.policy_reference, ours.reason) == (theirs.policy_reference, "We read theirs")
    assert (ours.facts, ours.explanation, ours.case_reference) == (None, None, None)
    assert ours.seed != theirs.seed


def test_it_has_its_own_appeal_and_its_own_deciders(world: World, team: Team, other: Team) -> None:
    source = world.issued(team.issuer)
    copy = world.adopted(other.issuer, source.sanction_id)
    assert copy.appeal_secret
    assert copy.appeal_secret != source.appeal_secret
    world.file(None, copy.sanction_id, secret=copy.appeal_secret)
    world.file(team.admin, source.sanction_id)
    with world.database.reading() as session:
        own = deciders(session, session.get_one(Sanction, copy.sanction_id))
    assert own == {other.issuer.member_id}


def test_the_log_names_the_source_and_commits_to_the_own_grounds(
    world: World, team: Team, other: Team
) -> None:
    source_id = world.issue(team.issuer)
    copy_id = world.adopt(other.issuer, source_id, own_grounds="We saw it, too")
    issued, receipt = logged(world)[-2:]
    assert issued["type"] == "sanction.issued"
    assert issued["platform"] == other.platform.domain
    assert issued["derivedFrom"] == source_id
    assert "ownGrounds" in issued["commitments"]
    assert "saw it" not in str(issued)
    assert receipt == {
        "at": "2026-03-01T12:00:00.000000Z",
        "case": source_id,
        "changed": {
            "adoptionId": copy_id,
            "at": "2026-03-01T12:00:00.000000Z",
            "state": "ADOPTED",
        },
        "platform": other.platform.domain,
        "type": "receipt.recorded",
        "version": 1,
    }
    assert world.sanction(copy_id).has_own_grounds
    assert disclosure(world, copy_id).own_grounds == "We saw it, too"
    assert events(world, source_id) == [EventType.SANCTION_ISSUED, EventType.RECEIPT_RECORDED]


def test_it_ends_no_later_than_its_source(world: World, team: Team, other: Team) -> None:
    source_id = world.issue(team.issuer, expires_at=NOW + 7 * DAY)
    with refused(world, RefusalCode.TOO_LONG, "expiresAt"):
        world.adopt(other.issuer, source_id, expires_at=NOW + 7 * DAY + MICRO)
    copy = world.sanction(world.adopt(other.issuer, source_id, expires_at=NOW + 7 * DAY))
    assert copy.ends_at == NOW + 7 * DAY
    sooner = world.adopt(world.team().issuer, source_id, expires_at=NOW + HOUR)
    assert world.sanction(sooner).ends_at == NOW + HOUR


def test_of_a_source_to_come_it_begins_no_sooner(world: World, team: Team, other: Team) -> None:
    source_id = world.issue(team.issuer, effective_at=NOW + DAY, expires_at=NOW + 2 * DAY)
    copy = world.sanction(world.adopt(other.issuer, source_id))
    assert (copy.starts_at, copy.ends_at) == (NOW + DAY, NOW + 2 * DAY)


@pytest.mark.parametrize(
    ("measure", "code", "path"),
    [
        (Measure.CONTENT_REMOVED, RefusalCode.INVALID_INPUT, "measure"),
        (Measure.SERVER_SUSPENDED, RefusalCode.INVALID_INPUT, "measure"),
        (Measure.MONETIZATION_OTHER, RefusalCode.INVALID_INPUT, "measure"),
        (Measure.SERVICE_TERMINATED, RefusalCode.MEASURE_NOT_OFFERED, "measure"),
        (Measure.ACCOUNT_TERMINATED, RefusalCode.PERMANENCE_NOT_ALLOWED, "measure"),
    ],
)
def test_a_measure_is_one_that_the_policy_has_for_such_a_subject(
    world: World, team: Team, other: Team, measure: Measure, code: RefusalCode, path: str
) -> None:
    source_id = world.issue(team.issuer)
    with refused(world, code, path):
        world.adopt(other.issuer, source_id, measure=measure)


def test_another_measure_than_the_sources_is_the_platforms_own_choice(
    world: World, team: Team, other: Team
) -> None:
    source_id = world.issue(team.issuer)
    copy = world.sanction(world.adopt(other.issuer, source_id, measure=Measure.SERVICE_RESTRICTED))
    assert (copy.measure, copy.derived_from_id) == (Measure.SERVICE_RESTRICTED, source_id)


def test_a_described_measure_keeps_its_description(world: World, team: Team, other: Team) -> None:
    source_id = world.issue(
        team.issuer, measure=Measure.MONETIZATION_OTHER, other_measure="No tips"
    )
    copy_id = world.adopt(other.issuer, source_id, measure=Measure.MONETIZATION_OTHER)
    assert disclosure(world, copy_id).other_measure == "No tips"


def test_a_servers_suspension_is_adopted_by_whoever_may_read_it(
    world: World, team: Team, other: Team
) -> None:
    source_id = world.issue(team.issuer, **SERVER)
    copy = world.sanction(world.adopt(other.issuer, source_id, measure=Measure.SERVER_SUSPENDED))
    assert copy.subject_kind is SubjectKind.SERVER


def test_a_termination_is_adopted_once_approved_and_approved_again(
    world: World, team: Team, other: Team
) -> None:
    source_id = world.terminate(team.issuer)
    with refused(world, RefusalCode.CONFLICT, "sanctionId"):
        world.adopt(other.issuer, source_id, measure=Measure.ACCOUNT_TERMINATED)
    world.approve(team.issuer_2, source_id)
    copy_id = world.adopt(other.issuer, source_id, measure=Measure.ACCOUNT_TERMINATED)
    copy = world.sanction(copy_id)
    assert (copy.permanent_basis, copy.starts_at) == (PermanentBasis.SPAM, None)
    world.approve(other.issuer_2, copy_id)
    assert world.sanction(copy_id).starts_at == NOW


def test_what_has_no_end_is_adopted_with_one_or_not_at_all(
    world: World, team: Team, other: Team
) -> None:
    source_id = world.terminate(team.issuer)
    world.approve(team.issuer_2, source_id)
    with refused(world, RefusalCode.END_REQUIRED, "expiresAt"):
        world.adopt(other.issuer, source_id)
    with refused(world, RefusalCode.TOO_LONG, "expiresAt"):
        world.adopt(other.issuer, source_id, expires_at=NOW + 181 * DAY)
    copy_id = world.adopt(other.issuer, source_id, expires_at=NOW + 180 * DAY)
    assert world.sanction(copy_id).permanent_basis is None


def test_only_what_binds_stands_and_is_not_over_is_adopted(
    world: World, team: Team, other: Team
) -> None:
    record = world.record(team.issuer)
    overturned = world.issue(team.issuer)
    world.overturn(team.issuer, overturned)
    lifted = world.issue(team.issuer)
    world.lift(team.issuer, lifted)
    for source_id in (record, overturned, lifted):
        with refused(world, RefusalCode.CONFLICT, "sanctionId"):
            world.adopt(other.issuer, source_id)


def test_an_unknown_own_unshared_or_erased_sanction_is_not_found(
    world: World, team: Team, other: Team
) -> None:
    about = subject()
    own = world.issue(other.issuer)
    unshared = world.issue(team.issuer, audience=Audience.OWN)
    erased = world.issue(team.issuer, subject=about)
    world.erase(team.admin, about)
    for source_id in ("san_nothing", own, unshared, erased):
        with refused(world, RefusalCode.NOT_FOUND, "sanctionId"):
            world.adopt(other.issuer, source_id)
        with refused(world, RefusalCode.NOT_FOUND, "sanctionId"):
            world.answer(other.issuer, source_id, SanctionAnswer.NOTED)


def test_a_researcher_or_reviewer_adopts_nothing(world: World, team: Team, other: Team) -> None:
    source_id = world.issue(team.issuer)
    for actor in (other.researcher, other.reviewer, other.admin, other.reader):
        with refused(world, RefusalCode.FORBIDDEN):
            world.adopt(actor, source_id)


def test_a_retry_is_answered_alike_whatever_became_of_the_source(
    world: World, team: Team, other: Team
) -> None:
    source_id = world.issue(team.issuer)
    wish: dict[str, Any] = {"issuer_reference": "ours", "own_grounds": "We saw it"}
    first = world.adopted(other.issuer, source_id, **wish)
    world.overturn(team.issuer, source_id, NOW + HOUR)
    before = world.snapshot()
    again = world.adopted(other.issuer, source_id, NOW + DAY, **wish)
    assert (again.sanction_id, again.appeal_secret) == (first.sanction_id, first.appeal_secret)
    assert not again.is_new
    assert world.snapshot() == before
    with refused(world, RefusalCode.REFERENCE_REUSED, "issuerReference"):
        world.adopt(other.issuer, source_id, **wish | {"own_grounds": None})
    with refused(world, RefusalCode.REFERENCE_REUSED, "issuerReference"):
        world.issue(other.issuer, issuer_reference="ours")


def test_one_platform_adopts_a_sanction_once(world: World, team: Team, other: Team) -> None:
    source_id = world.issue(team.issuer)
    copy_id = world.adopt(other.issuer, source_id)
    with refused(world, RefusalCode.CONFLICT, "sanctionId"):
        world.adopt(other.issuer, source_id, measure=Measure.SERVICE_RESTRICTED)
    world.lift(other.issuer, copy_id)
    with refused(world, RefusalCode.DOUBLE_JEOPARDY, "sanctionId"):
        world.adopt(other.issuer, source_id)
    world.adopt(other.issuer, source_id, measure=Measure.SERVICE_RESTRICTED)


def test_caps_and_double_jeopardy_hold_for_adoptions(world: World, team: Team, other: Team) -> None:
    about = subject()
    conduct: dict[str, Any] = {"conduct_from": NOW - DAY, "conduct_to": NOW - DAY, "subject": about}
    world.issue(other.issuer, **conduct)
    source_id = world.issue(team.issuer, **conduct)
    with refused(world, RefusalCode.DOUBLE_JEOPARDY, "sanctionId"):
        world.adopt(other.issuer, source_id)
    long = world.issue(team.issuer, subject=about, expires_at=NOW + 179 * DAY)
    world.issue(
        other.issuer, subject=about, effective_at=NOW + 179 * DAY, expires_at=NOW + 200 * DAY
    )
    with refused(world, RefusalCode.TOTAL_TOO_LONG, "expiresAt"):
        world.adopt(other.issuer, long)


def test_a_service_adopts_as_automation(world: World, team: Team, other: Team) -> None:
    source_id = world.issue(team.issuer)
    copy = world.sanction(world.adopt(other.bot, source_id))
    assert copy.automation is Automation.FULLY


def test_no_sanction_rests_on_itself_through_others(world: World, team: Team, other: Team) -> None:
    third = world.team()
    first = world.issue(team.issuer)
    second = world.adopt(other.issuer, first)
    with refused(world, RefusalCode.CONFLICT, "sanctionId"):
        world.adopt(team.issuer, second, measure=Measure.SERVICE_RESTRICTED)
    last = world.adopt(third.issuer, second)
    assert world.sanction(last).derived_from_id == second
    for actor in (team.issuer, other.issuer):
        with refused(world, RefusalCode.CONFLICT, "sanctionId"):
            world.adopt(actor, last, measure=Measure.SERVICE_RESTRICTED)


def test_a_copy_of_what_was_replaced_makes_way_for_one_of_the_replacement(
    world: World, team: Team, other: Team
) -> None:
    about = subject()
    first = world.issue(team.issuer, subject=about)
    old = world.adopt(other.issuer, first)
    second = world.issue(team.issuer, subject=about, supersedes=first, expires_at=NOW + DAY)
    new = world.adopt(other.issuer, second)
    assert world.sanction(new).supersedes_id == old
    assert effect((world.sanction(old).starts_at, world.sanction(old).ends_at), NOW) is Effect.ENDED


def test_the_host_of_the_account_is_to_tell_the_person_of_an_adoption(
    world: World, team: Team, other: Team
) -> None:
    host = world.team("host.example")
    source_id = world.issue(team.issuer, subject="acct:alice@host.example")
    copy_id = world.adopt(other.issuer, source_id)
    assert events(world, copy_id) == [EventType.SANCTION_ISSUED, EventType.NOTICE_DUE]
    assert disclosure(world, copy_id).host_id == host.platform.id


def test_the_audience_is_the_sources(world: World, team: Team) -> None:
    guest = world.team("guest.example")
    source_id = world.issue(team.issuer, audience=Audience.OWN)
    appeal_id = world.in_review(team, source_id)
    world.invite(team.admin, appeal_id, "guest.example")
    assert world.sanction(world.adopt(guest.issuer, source_id)).audience is Audience.OWN


def test_a_sanction_is_noted_declined_or_disputed(world: World, team: Team, other: Team) -> None:
    source_id = world.issue(team.issuer)
    for answer, reason, state in (
        (SanctionAnswer.NOTED, None, ReceiptState.NOTED),
        (SanctionAnswer.DECLINED, "Not against our rules", ReceiptState.DECLINED),
        (SanctionAnswer.DISPUTED, "It was satire", ReceiptState.DISPUTED),
    ):
        receipt = world.answer(other.reviewer, source_id, answer, reason)
        assert (receipt.state, receipt.reason, receipt.at) == (state, reason, NOW)
        before = world.snapshot()
        world.answer(other.issuer, source_id, answer, reason, NOW + DAY)
        assert world.snapshot() == before
    assert events(world, source_id)[1:] == [EventType.RECEIPT_RECORDED] * 3
    assert "satire" not in str(logged(world))
    with refused(world, RefusalCode.INVALID_INPUT, "reason"):
        world.answer(other.issuer, source_id, SanctionAnswer.DISPUTED)


def test_what_was_adopted_is_answered_by_what_becomes_of_the_copy(
    world: World, team: Team, other: Team
) -> None:
    source_id = world.issue(team.issuer)
    world.answer(other.issuer, source_id, SanctionAnswer.NOTED)
    copy_id = world.adopt(other.issuer, source_id)
    receipt = world.receipt(source_id, other)
    assert receipt is not None
    assert (receipt.state, receipt.adoption_id) == (ReceiptState.ADOPTED, copy_id)
    with refused(world, RefusalCode.CONFLICT, "sanctionId"):
        world.answer(other.issuer, source_id, SanctionAnswer.DISPUTED, "No")


def test_erasing_the_subject_takes_what_was_said_of_it_along(
    world: World, team: Team, other: Team
) -> None:
    about = subject()
    source_id = world.issue(team.issuer, subject=about)
    world.answer(other.issuer, source_id, SanctionAnswer.DISPUTED, "It was satire")
    copied = world.issue(team.issuer, subject=about)
    copy_id = world.adopt(other.issuer, copied, own_grounds="We saw it")
    world.erase(team.admin, about)
    receipt = world.receipt(source_id, other)
    assert receipt is not None
    assert receipt.reason is None
    assert disclosure(world, copy_id).own_grounds == "We saw it"
    world.erase(other.admin, about)
    stored = str(world.snapshot())
    assert "We saw it" not in stored
    assert "satire" not in stored


def test_erasing_the_own_records_takes_what_was_said_to_others_along(
    world: World, team: Team, other: Team
) -> None:
    about = subject()
    source_id = world.issue(team.issuer, subject=about)
    world.answer(other.issuer, source_id, SanctionAnswer.DISPUTED, "It was satire")
    world.answer(world.team().issuer, source_id, SanctionAnswer.DISPUTED, "It was a quotation")
    world.erase(other.admin, about)
    stored = str(world.snapshot())
    assert "satire" not in stored
    assert "quotation" in stored


def test_a_receipt_is_one_for_each_sanction_and_platform(
    world: World, team: Team, other: Team
) -> None:
    source_id = world.issue(team.issuer)
    world.adopt(other.issuer, source_id)
    world.answer(world.team().issuer, source_id, SanctionAnswer.NOTED)
    with world.database.reading() as session:
        receipts = session.exec(select(Receipt)).all()
        copies = session.exec(select(Sanction).where(Sanction.derived_from_id == source_id)).all()
    assert sorted(r.state for r in receipts) == [ReceiptState.ADOPTED, ReceiptState.NOTED]
    assert len(copies) == 1

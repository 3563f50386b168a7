"""Deciding appeals: by whom, with which outcome, and what takes effect with it."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from governance.changing import deciders
from governance.errors import RefusalCode
from governance.rules.status import effect
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.words import (
    AppealMove,
    AppealState,
    Effect,
    EndReason,
    Measure,
    Outcome,
    Role,
    Validity,
)
from tests.builders import DAY, HOUR, MICRO, NOW, Team, World, refused, subject

UPHELD, REDUCED, OVERTURNED = Outcome.UPHELD, Outcome.REDUCED, Outcome.OVERTURNED


def terminated(world: World, team: Team, now: datetime = NOW, about: str | None = None) -> str:
    """An approved termination; the approver holds no other part."""
    sanction_id = world.terminate(team.issuer, now, subject=about or subject())
    world.approve(team.issuer_2, sanction_id, now)
    return sanction_id


def replacement(world: World, sanction_id: str) -> Sanction:
    with world.database.reading() as session:
        return session.exec(select(Sanction).where(Sanction.supersedes_id == sanction_id)).one()


@pytest.mark.parametrize("name", ["issuer_2", "admin", "reader", "researcher", "bot"])
def test_only_reviewers_in_person_decide(world: World, team: Team, name: str) -> None:
    appeal_id = world.in_review(team, world.issue(team.issuer))
    with refused(world, RefusalCode.FORBIDDEN):
        world.decide(getattr(team, name), appeal_id, UPHELD)


def test_absent_and_not_yours_are_the_same(world: World, team: Team) -> None:
    other = world.team()
    for wanted in (world.in_review(team, world.issue(team.issuer)), "apl_absent"):
        with refused(world, RefusalCode.NOT_FOUND, "appealId"):
            world.decide(other.reviewer, wanted, OVERTURNED)


def test_nobody_decides_about_their_own_decision_whatever_roles_changed(
    world: World, team: Team
) -> None:
    issuer = world.member(team, Role.ISSUER, handle="moves on")
    appeal_id = world.in_review(team, world.issue(issuer))
    reviewer = world.member(team, Role.REVIEWER, handle="moves on")
    with refused(world, RefusalCode.DUTIES_NOT_SEPARATE):
        world.decide(reviewer, appeal_id, UPHELD)


def test_an_earlier_reviewer_does_not_decide_again(world: World, team: Team) -> None:
    sanction = world.issued(team.issuer)
    world.decide(team.reviewer, world.in_review(team, sanction.sanction_id), UPHELD)
    own = world.file(None, sanction.sanction_id, secret=sanction.appeal_secret).appeal_id
    world.move(team.reviewer, own, AppealMove.ADMIT)
    with refused(world, RefusalCode.DUTIES_NOT_SEPARATE):
        world.move(team.reviewer, own, AppealMove.START_REVIEW)
    world.move(team.reviewer_2, own, AppealMove.START_REVIEW)
    with refused(world, RefusalCode.DUTIES_NOT_SEPARATE):
        world.decide(team.reviewer, own, OVERTURNED)
    world.decide(team.reviewer_2, own, OVERTURNED)


def test_an_invited_reviewer_is_no_decider_either(world: World, team: Team) -> None:
    guests = world.team()
    sanction_id = terminated(world, team)
    appeal_id = world.in_review(team, sanction_id)
    world.invite(team.admin, appeal_id, guests.platform.domain)
    world.decide(guests.reviewer, appeal_id, UPHELD)
    with refused(world, RefusalCode.DUTIES_NOT_SEPARATE):
        world.decide(guests.reviewer, appeal_id, UPHELD)
    world.decide(guests.reviewer_2, appeal_id, UPHELD)
    assert world.appeal(appeal_id).state is AppealState.DECIDED


def test_only_an_appeal_in_review_is_decided(world: World, team: Team) -> None:
    appeal_id = world.file(team.admin, world.issue(team.issuer)).appeal_id
    with refused(world, RefusalCode.CONFLICT, "appealId"):
        world.decide(team.reviewer, appeal_id, UPHELD)


@pytest.mark.parametrize("outcome", [UPHELD, OVERTURNED])
def test_an_end_belongs_to_reduced_alone(world: World, team: Team, outcome: Outcome) -> None:
    appeal_id = world.in_review(team, world.issue(team.issuer))
    with refused(world, RefusalCode.INVALID_INPUT, "newExpiresAt"):
        world.decide(team.reviewer, appeal_id, outcome, end=NOW + DAY)
    with refused(world, RefusalCode.INVALID_INPUT, "newExpiresAt"):
        world.decide(team.reviewer, appeal_id, REDUCED)


def test_upheld_changes_nothing_about_the_sanction(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    before = world.sanction(sanction_id)
    appeal_id = world.in_review(team, sanction_id)
    world.decide(team.reviewer, appeal_id, UPHELD, NOW + DAY)
    assert world.sanction(sanction_id).model_dump() == before.model_dump()
    appeal = world.appeal(appeal_id)
    assert (appeal.state, appeal.outcome, appeal.decided_at) == (
        AppealState.DECIDED,
        UPHELD,
        NOW + DAY,
    )


@pytest.mark.parametrize("ended", [False, True])
def test_overturned_takes_effect_with_the_decision(world: World, team: Team, ended: bool) -> None:
    sanction_id = world.issue(team.issuer)
    when = NOW + (30 * DAY if ended else DAY)
    world.decide(team.reviewer, world.in_review(team, sanction_id), OVERTURNED, when)
    row = world.sanction(sanction_id)
    assert (row.validity, row.overturned_at) == (Validity.OVERTURNED, when)
    assert row.ends_at == min(when, NOW + 7 * DAY)
    assert row.end_reason is (EndReason.EXPIRED if ended else EndReason.OVERTURNED)


@pytest.mark.parametrize(
    ("asked", "got"), [(3 * DAY, 3 * DAY), (2 * DAY, 2 * DAY), (DAY, 2 * DAY), (-DAY, 2 * DAY)]
)
def test_reduced_ends_at_the_later_of_the_new_end_and_now(
    world: World, team: Team, asked: timedelta, got: timedelta
) -> None:
    sanction_id = world.issue(team.issuer)
    appeal_id = world.in_review(team, sanction_id)
    world.decide(team.reviewer, appeal_id, REDUCED, NOW + 2 * DAY, end=NOW + asked)
    row = world.sanction(sanction_id)
    assert (row.expires_at, row.ends_at, row.validity) == (
        NOW + got,
        NOW + got,
        Validity.STANDING,
    )


def test_reduced_is_earlier_than_before(world: World, team: Team) -> None:
    appeal_id = world.in_review(team, world.issue(team.issuer))
    with refused(world, RefusalCode.INVALID_INPUT, "newExpiresAt"):
        world.decide(team.reviewer, appeal_id, REDUCED, end=NOW + 7 * DAY)
    world.decide(team.reviewer, appeal_id, REDUCED, end=NOW + 7 * DAY - MICRO)


def test_reduced_before_it_began_it_still_ends_after_its_start(world: World, team: Team) -> None:
    start = NOW + 2 * DAY
    appeal_id = world.in_review(team, world.issue(team.issuer, effective_at=start))
    with refused(world, RefusalCode.INVALID_INPUT, "newExpiresAt"):
        world.decide(team.reviewer, appeal_id, REDUCED, end=start)
    world.decide(team.reviewer, appeal_id, REDUCED, end=start + MICRO)


def test_reduced_after_its_end_it_loses_its_weight(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    appeal_id = world.in_review(team, sanction_id)
    world.decide(team.reviewer, appeal_id, REDUCED, NOW + 30 * DAY, end=NOW + DAY)
    row = world.sanction(sanction_id)
    assert row.reduced_after_end
    assert (row.ends_at, row.validity) == (NOW + 7 * DAY, Validity.STANDING)


def test_a_termination_takes_two_reviewers(world: World, team: Team) -> None:
    sanction_id = terminated(world, team)
    appeal_id = world.in_review(team, sanction_id)
    world.decide(team.reviewer, appeal_id, OVERTURNED)
    assert world.appeal(appeal_id).state is AppealState.IN_REVIEW
    assert world.sanction(sanction_id).validity is Validity.STANDING
    with refused(world, RefusalCode.DUTIES_NOT_SEPARATE):
        world.decide(team.reviewer, appeal_id, OVERTURNED)
    world.decide(team.reviewer_2, appeal_id, OVERTURNED)
    assert world.sanction(sanction_id).validity is Validity.OVERTURNED


@pytest.mark.parametrize(
    ("one", "other", "stands"),
    [
        (UPHELD, UPHELD, UPHELD),
        (UPHELD, OVERTURNED, OVERTURNED),
        (OVERTURNED, REDUCED, OVERTURNED),
        (REDUCED, UPHELD, REDUCED),
        (REDUCED, REDUCED, REDUCED),
    ],
)
def test_where_two_reviewers_differ_the_milder_outcome_stands(
    world: World, team: Team, one: Outcome, other: Outcome, stands: Outcome
) -> None:
    sanction_id = terminated(world, team)
    appeal_id = world.in_review(team, sanction_id)
    later, sooner = NOW + 60 * DAY, NOW + 30 * DAY
    world.decide(team.reviewer, appeal_id, one, end=later if one is REDUCED else None)
    world.decide(team.reviewer_2, appeal_id, other, end=sooner if other is REDUCED else None)
    assert world.appeal(appeal_id).outcome is stands
    expected = {
        UPHELD: Validity.STANDING,
        REDUCED: Validity.SUPERSEDED,
        OVERTURNED: Validity.OVERTURNED,
    }
    assert world.sanction(sanction_id).validity is expected[stands]
    if stands is REDUCED:
        end = sooner if other is REDUCED else later
        assert replacement(world, sanction_id).expires_at == end


def test_a_termination_reduced_is_superseded_by_a_time_out(world: World, team: Team) -> None:
    sanction_id = terminated(world, team)
    appeal_id = world.in_review(team, sanction_id)
    when = NOW + 10 * DAY
    for reviewer in (team.reviewer, team.reviewer_2):
        world.decide(reviewer, appeal_id, REDUCED, when, end=NOW + 30 * DAY)
    old, new = world.sanction(sanction_id), replacement(world, sanction_id)
    assert (old.ends_at, old.end_reason) == (when, EndReason.SUPERSEDED)
    assert (new.measure, new.permanent_basis) == (Measure.ACCOUNT_SUSPENDED, None)
    assert (new.starts_at, new.ends_at) == (when, NOW + 30 * DAY)
    assert (new.platform_id, new.conduct_from) == (old.platform_id, old.conduct_from)
    assert new.secret_hash != old.secret_hash
    with world.database.reading() as session:
        was, now = session.get_one(Disclosure, old.id), session.get_one(Disclosure, new.id)
        keys = {k.sanction_id: k.key for k in session.exec(select(SubjectKey))}
        assert deciders(session, old) == deciders(session, new)
        assert team.issuer.member_id in deciders(session, new)
    assert (was.subject, was.reason) == (now.subject, now.reason)
    assert was.seed != now.seed
    assert keys[old.id] == keys[new.id]
    assert was.lookup_keys == now.lookup_keys == [keys[new.id]]


def test_reduced_to_a_past_end_a_termination_is_over(world: World, team: Team) -> None:
    sanction_id = terminated(world, team)
    appeal_id = world.in_review(team, sanction_id)
    for reviewer in (team.reviewer, team.reviewer_2):
        world.decide(reviewer, appeal_id, REDUCED, NOW + DAY, end=NOW)
    new = replacement(world, sanction_id)
    assert effect((new.starts_at, new.ends_at), NOW + DAY) is Effect.ENDED


def test_a_termination_is_reduced_within_the_cap(world: World, team: Team) -> None:
    about = subject()
    world.issue(team.issuer, subject=about, expires_at=NOW + 100 * DAY)
    ban = NOW + 100 * DAY
    sanction_id = terminated(world, team, ban, about)
    appeal_id = world.in_review(team, sanction_id, ban)
    with refused(world, RefusalCode.INVALID_INPUT, "newExpiresAt"):
        world.decide(team.reviewer, appeal_id, REDUCED, ban, end=ban + 180 * DAY + MICRO)
    when = ban + 30 * DAY  # 100 days were served before, 30 under the termination
    world.decide(team.reviewer, appeal_id, UPHELD, when)
    with refused(world, RefusalCode.TOTAL_TOO_LONG, "newExpiresAt"):
        world.decide(team.reviewer_2, appeal_id, REDUCED, when, end=when + 50 * DAY + MICRO)
    world.decide(team.reviewer_2, appeal_id, REDUCED, when, end=when + 50 * DAY)


def test_votes_that_waited_are_cut_to_the_cap(world: World, team: Team) -> None:
    """The second reviewer's vote takes effect whatever the time between used up."""
    about = subject()
    sanction_id = terminated(world, team, NOW, about)
    appeal_id = world.in_review(team, sanction_id)
    end = NOW + 180 * DAY
    world.decide(team.reviewer, appeal_id, REDUCED, end=end)
    other = world.issue(team.issuer, NOW - DAY, subject=about, expires_at=NOW - HOUR)
    assert world.sanction(other).is_binding
    world.decide(team.reviewer_2, appeal_id, UPHELD, NOW + 10 * DAY)
    assert replacement(world, sanction_id).ends_at == end - (DAY - HOUR)


def test_a_reduced_termination_has_to_end_after_its_start(world: World, team: Team) -> None:
    start = NOW + 5 * DAY
    sanction_id = world.terminate(team.issuer, effective_at=start)
    appeal_id = world.in_review(team, sanction_id)
    with refused(world, RefusalCode.INVALID_INPUT, "newExpiresAt"):
        world.decide(team.reviewer, appeal_id, REDUCED, end=start)


def test_an_outside_body_takes_the_weight_from_what_ended(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    later = NOW + 8 * DAY
    appeal_id = world.in_review(team, sanction_id, later)
    world.decide(team.reviewer, appeal_id, UPHELD, later)
    world.move(team.admin, appeal_id, AppealMove.ESCALATE, later)
    world.move(team.reviewer_2, appeal_id, AppealMove.RECORD_FINAL, later, outcome=REDUCED)
    assert world.sanction(sanction_id).reduced_after_end


def test_a_planned_termination_reduced_begins_no_earlier(world: World, team: Team) -> None:
    start = NOW + 5 * DAY
    sanction_id = world.terminate(team.issuer, effective_at=start)
    world.approve(team.issuer_2, sanction_id)
    appeal_id = world.in_review(team, sanction_id)
    for reviewer in (team.reviewer, team.reviewer_2):
        world.decide(reviewer, appeal_id, REDUCED, end=NOW + 9 * DAY)
    new = replacement(world, sanction_id)
    assert (new.starts_at, new.ends_at) == (start, NOW + 9 * DAY)


def test_a_termination_that_ended_is_reduced_without_a_replacement(
    world: World, team: Team
) -> None:
    sanction_id = terminated(world, team)
    world.lift(team.issuer, sanction_id, NOW + DAY)
    appeal_id = world.in_review(team, sanction_id, NOW + 2 * DAY)
    for reviewer in (team.reviewer, team.reviewer_2):
        world.decide(reviewer, appeal_id, REDUCED, NOW + 2 * DAY, end=NOW + 9 * DAY)
    row = world.sanction(sanction_id)
    assert (row.validity, row.end_reason, row.reduced_after_end) == (
        Validity.STANDING,
        EndReason.LIFTED,
        True,
    )


def test_an_answer_is_recorded_even_if_the_sanction_was_overturned_meanwhile(
    world: World, team: Team
) -> None:
    sanction_id = world.issue(team.issuer)
    appeal_id = world.in_review(team, sanction_id)
    world.overturn(team.issuer, sanction_id)
    world.decide(team.reviewer, appeal_id, UPHELD)
    assert world.appeal(appeal_id).outcome is UPHELD
    assert world.sanction(sanction_id).validity is Validity.OVERTURNED

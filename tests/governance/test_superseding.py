"""Replacing a sanction by another: what moves to the new one, and what can't be smuggled."""

from sqlmodel import col, select

from governance import changing
from governance.appeals import Invitation
from governance.errors import RefusalCode
from governance.sanctions import Sanction
from governance.words import AppealMove, AppealState, EndReason, Measure, Outcome, Validity
from tests.builders import DAY, HOUR, NOW, TERMINATION, Team, World, refused, subject


def test_only_an_own_sanction_of_the_same_subject_is_superseded(world: World, team: Team) -> None:
    about, other = subject(), world.team()
    old = world.issue(team.issuer, subject=about)
    with refused(world, RefusalCode.INVALID_INPUT, "supersedes"):
        world.issue(team.issuer, supersedes=old)  # of another subject
    with refused(world, RefusalCode.INVALID_INPUT, "supersedes"):
        world.issue(other.issuer, subject=about, supersedes=old)


def test_the_replaced_one_ends_and_names_its_reason(world: World, team: Team) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about)
    new = world.issue(team.issuer, NOW + DAY, subject=about, supersedes=old)
    row = world.sanction(old)
    assert (row.validity, row.end_reason) == (Validity.SUPERSEDED, EndReason.SUPERSEDED)
    assert row.ends_at == NOW + DAY
    assert world.sanction(new).supersedes_id == old


def test_nothing_is_superseded_twice(world: World, team: Team) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about)
    world.issue(team.issuer, subject=about, supersedes=old)
    with refused(world, RefusalCode.CONFLICT):
        world.issue(team.issuer, subject=about, supersedes=old)


def test_a_replacement_may_sanction_the_same_conduct(world: World, team: Team) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about, conduct_from=NOW, conduct_to=NOW)
    with refused(world, RefusalCode.DOUBLE_JEOPARDY):
        world.issue(team.issuer, subject=about, conduct_from=NOW, conduct_to=NOW)
    world.issue(team.issuer, subject=about, conduct_from=NOW, conduct_to=NOW, supersedes=old)


def test_time_served_counts_when_a_time_out_is_replaced(world: World, team: Team) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about, expires_at=NOW + 180 * DAY)
    later = NOW + 100 * DAY
    with refused(world, RefusalCode.TOTAL_TOO_LONG, "expiresAt"):
        world.issue(
            team.issuer, later, subject=about, supersedes=old, expires_at=later + 80 * DAY + HOUR
        )
    world.issue(team.issuer, later, subject=about, supersedes=old, expires_at=later + 80 * DAY)


def test_time_served_before_a_replacement_counts_ever_after(world: World, team: Team) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about, expires_at=NOW + 180 * DAY)
    later = NOW + 100 * DAY
    world.issue(team.issuer, later, subject=about, supersedes=old, expires_at=later + DAY)
    start = later + DAY
    with refused(world, RefusalCode.TOTAL_TOO_LONG, "expiresAt"):
        world.issue(team.issuer, start, subject=about, expires_at=start + 79 * DAY + HOUR)
    world.issue(team.issuer, start, subject=about, expires_at=start + 79 * DAY)


def test_an_ended_sanction_keeps_its_end_when_it_is_replaced(world: World, team: Team) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about)
    world.issue(team.issuer, NOW + 30 * DAY, subject=about, supersedes=old)
    row = world.sanction(old)
    assert (row.ends_at, row.end_reason) == (NOW + 7 * DAY, EndReason.EXPIRED)
    assert row.validity is Validity.SUPERSEDED


def test_deciders_guests_and_the_open_appeal_move_to_the_replacement(
    world: World, team: Team
) -> None:
    guests = world.team()
    about = subject()
    old = world.issue(team.issuer, subject=about)
    appeal_id = world.in_review(team, old)
    world.invite(team.reviewer, appeal_id, guests.platform.domain)
    new = world.issue(team.issuer_2, subject=about, supersedes=old)
    appeal = world.appeal(appeal_id)
    assert (appeal.sanction_id, appeal.origin_id) == (new, old)
    with world.database.reading() as session:
        deciders = changing.deciders(session, session.get_one(Sanction, new))
        invited = session.exec(select(Invitation).where(col(Invitation.sanction_id) == new)).all()
    assert deciders == {team.issuer.member_id, team.issuer_2.member_id}
    assert [guest.platform_id for guest in invited] == [guests.platform.id]
    world.decide(guests.reviewer, appeal_id, Outcome.OVERTURNED)
    assert world.sanction(new).validity is Validity.OVERTURNED


def test_a_decided_appeal_stays_with_what_it_decided(world: World, team: Team) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about)
    appeal_id = world.in_review(team, old)
    world.decide(team.reviewer, appeal_id, Outcome.UPHELD)
    new = world.issue(team.issuer, subject=about, supersedes=old)
    assert world.appeal(appeal_id).sanction_id == old
    assert world.file(team.admin, new).appeal_id != appeal_id  # a new decision, a new appeal


def test_a_vote_on_a_termination_never_lengthens_the_time_out_that_replaced_it(
    world: World, team: Team
) -> None:
    about = subject()
    old = world.terminate(team.issuer, subject=about)
    appeal_id = world.in_review(team, old)
    world.decide(team.reviewer, appeal_id, Outcome.REDUCED, end=NOW + 100 * DAY)
    new = world.issue(team.issuer, subject=about, supersedes=old)
    world.decide(team.reviewer_2, appeal_id, Outcome.UPHELD)
    assert world.appeal(appeal_id).outcome is Outcome.REDUCED
    assert world.sanction(new).expires_at == NOW + 7 * DAY


def test_a_time_out_replaced_by_a_termination_takes_an_approval_and_two_reviewers(
    world: World, team: Team
) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about)
    appeal_id = world.in_review(team, old)
    new = world.issue(team.issuer, subject=about, supersedes=old, **TERMINATION)
    with refused(world, RefusalCode.DUTIES_NOT_SEPARATE):
        world.approve(team.issuer, new)
    world.decide(team.reviewer, appeal_id, Outcome.OVERTURNED)
    assert world.appeal(appeal_id).state is AppealState.IN_REVIEW
    world.decide(team.reviewer_2, appeal_id, Outcome.OVERTURNED)
    row = world.sanction(new)
    assert (row.measure, row.validity) == (Measure.ACCOUNT_TERMINATED, Validity.OVERTURNED)
    assert world.appeal(appeal_id).state is AppealState.DECIDED


def test_a_record_that_does_not_bind_ends_nothing_in_force(world: World, team: Team) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about)
    with refused(world, RefusalCode.CONFLICT, "supersedes"):
        world.record(team.issuer, subject=about, supersedes=old, expires_at=None)
    record = world.record(team.issuer, NOW + 7 * DAY, subject=about, supersedes=old)
    assert world.sanction(record).supersedes_id == old


def test_a_lapsed_appeal_stays_with_what_it_was_about(world: World, team: Team) -> None:
    about = subject()
    old = world.issue(team.issuer, subject=about, expires_at=NOW + 30 * DAY)
    appeal_id = world.in_review(team, old)
    world.move(team.reviewer, appeal_id, AppealMove.ASK, message="Where were you?")
    new = world.issue(team.issuer, NOW + 14 * DAY, subject=about, supersedes=old)
    assert world.appeal(appeal_id).sanction_id == old
    assert world.file(team.admin, new, NOW + 14 * DAY).appeal_id


def test_the_secret_of_a_superseded_sanction_appeals_against_what_took_its_place(
    world: World, team: Team
) -> None:
    about = subject()
    old = world.issued(team.issuer, subject=about)
    new = world.issue(team.issuer, subject=about, supersedes=old.sanction_id)
    filed = world.file(None, old.sanction_id, secret=old.appeal_secret)
    appeal = world.appeal(filed.appeal_id)
    assert (appeal.sanction_id, appeal.origin_id) == (new, old.sanction_id)
    assert world.file(None, old.sanction_id, secret=old.appeal_secret) == filed  # a retry
    world.move(None, filed.appeal_id, AppealMove.WITHDRAW, appeal_secret=filed.appeal_secret)
    assert world.appeal(filed.appeal_id).state is AppealState.WITHDRAWN


def test_no_secret_appeals_twice_by_way_of_a_replacement(world: World, team: Team) -> None:
    about = subject()
    old = world.issued(team.issuer, subject=about)
    filed = world.file(None, old.sanction_id, secret=old.appeal_secret)
    for move in (AppealMove.ADMIT, AppealMove.START_REVIEW):
        world.move(team.reviewer, filed.appeal_id, move)
    world.decide(team.reviewer, filed.appeal_id, Outcome.UPHELD)
    new = world.issued(team.issuer, subject=about, supersedes=old.sanction_id)
    with refused(world, RefusalCode.ESCALATE_INSTEAD):
        world.file(None, old.sanction_id, secret=filed.appeal_secret)
    assert world.file(
        None, new.sanction_id, secret=new.appeal_secret
    ).appeal_id  # a decision of its own


def test_the_secret_of_a_superseded_sanction_still_moves_its_appeal(
    world: World, team: Team
) -> None:
    about = subject()
    old = world.issued(team.issuer, subject=about)
    filed = world.file(None, old.sanction_id, secret=old.appeal_secret)
    new = world.issued(team.issuer, subject=about, supersedes=old.sanction_id)
    with refused(world, RefusalCode.NOT_FOUND):
        world.move(None, filed.appeal_id, AppealMove.WITHDRAW, appeal_secret=new.appeal_secret)
    world.move(None, filed.appeal_id, AppealMove.WITHDRAW, appeal_secret=filed.appeal_secret)
    assert world.appeal(filed.appeal_id).state is AppealState.WITHDRAWN


def test_guests_of_an_answered_appeal_are_not_invited_to_what_follows(
    world: World, team: Team
) -> None:
    guests, about = world.team(), subject()
    old = world.issue(team.issuer, subject=about)
    appeal_id = world.in_review(team, old)
    world.invite(team.reviewer, appeal_id, guests.platform.domain)
    world.decide(guests.reviewer, appeal_id, Outcome.UPHELD)
    new = world.issue(team.issuer_2, subject=about, supersedes=old)
    with world.database.reading() as session:
        invited = session.exec(select(Invitation).where(Invitation.sanction_id == new)).all()
    assert invited == []

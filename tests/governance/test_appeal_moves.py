"""The steps of an appeal: whose they are, the pause, and the clock."""

from typing import Any

import pytest
from sqlmodel import select

from governance.appeals import AppealMessage, Invitation
from governance.errors import RefusalCode
from governance.rules.lifecycle import appeal_state
from governance.words import (
    AppealMove,
    AppealState,
    Author,
    InadmissibleCode,
    Outcome,
    Role,
    Validity,
)
from tests.builders import DAY, HOUR, MICRO, NOW, Team, World, refused

M, S = AppealMove, AppealState
REFUSE: dict[str, Any] = {"code": InadmissibleCode.UNFOUNDED}
PLATFORMS = [M.ADMIT, M.REFUSE, M.START_REVIEW, M.ASK, M.RECORD_FINAL]
PERSONS = [M.ANSWER, M.WITHDRAW, M.ESCALATE]


@pytest.mark.parametrize("move", PLATFORMS)
def test_the_platforms_moves_take_a_reviewer_of_the_platform(
    world: World, team: Team, move: AppealMove
) -> None:
    appeal_id = world.file(team.admin, world.issue(team.issuer)).appeal_id
    other = world.team()
    for name in ("issuer_2", "admin", "reader", "researcher"):
        with refused(world, RefusalCode.FORBIDDEN):
            world.move(getattr(team, name), appeal_id, move, **REFUSE)
    with refused(world, RefusalCode.UNAUTHENTICATED):
        world.move(None, appeal_id, move)
    for wanted in (appeal_id, "apl_absent"):
        with refused(world, RefusalCode.NOT_FOUND, "appealId"):
            world.move(other.reviewer, wanted, move)


@pytest.mark.parametrize("move", PERSONS)
def test_the_persons_moves_need_the_secret_or_the_platform_that_filed(
    world: World, team: Team, move: AppealMove
) -> None:
    sanction = world.issued(team.issuer)
    own = world.file(None, sanction.sanction_id, secret=sanction.appeal_secret)
    theirs = world.file(team.admin, world.issue(team.issuer)).appeal_id
    other = world.team()
    with refused(world, RefusalCode.FORBIDDEN):
        world.move(team.admin, own.appeal_id, move, message="x")
    with refused(world, RefusalCode.UNAUTHENTICATED):
        world.move(None, own.appeal_id, move, message="x")
    with refused(world, RefusalCode.NOT_FOUND, "appealId"):
        world.move(None, own.appeal_id, move, message="x", appeal_secret="wrong")
    with refused(world, RefusalCode.NOT_FOUND, "appealId"):
        world.move(None, theirs, move, message="x", appeal_secret=own.appeal_secret)
    with refused(world, RefusalCode.NOT_FOUND, "appealId"):
        world.move(other.admin, theirs, move, message="x")
    with refused(world, RefusalCode.FORBIDDEN):
        world.move(team.reader, theirs, move, message="x")


def test_the_persons_secret_moves_no_appeal_that_the_platform_filed(
    world: World, team: Team
) -> None:
    sanction = world.issued(team.issuer)
    appeal_id = world.file(team.admin, sanction.sanction_id).appeal_id
    with refused(world, RefusalCode.NOT_FOUND, "appealId"):
        world.move(None, appeal_id, M.WITHDRAW, appeal_secret=sanction.appeal_secret)


@pytest.mark.parametrize("move", [M.START_REVIEW, M.ASK, M.REFUSE])
def test_who_decided_the_case_takes_no_part_in_its_review(
    world: World, team: Team, move: AppealMove
) -> None:
    issuer = world.member(team, Role.ISSUER, Role.REVIEWER)
    approver = world.member(team, Role.REVIEWER)
    sanction_id = world.terminate(issuer)
    world.approve(approver, sanction_id)
    appeal_id = world.file(team.admin, sanction_id).appeal_id
    for decider in (issuer, approver):
        with refused(world, RefusalCode.DUTIES_NOT_SEPARATE):
            world.move(decider, appeal_id, move, **REFUSE, message="x")
    with refused(world, RefusalCode.FORBIDDEN):
        world.move(team.bot, appeal_id, move, **REFUSE, message="x")


def test_the_issuer_may_admit_what_others_decide(world: World, team: Team) -> None:
    both = world.member(team, Role.ISSUER, Role.REVIEWER)
    appeal_id = world.file(team.admin, world.issue(both)).appeal_id
    world.move(both, appeal_id, M.ADMIT)
    assert world.appeal(appeal_id).state is S.ADMITTED


def test_a_move_from_another_state_is_a_conflict(world: World, team: Team) -> None:
    appeal_id = world.file(team.admin, world.issue(team.issuer)).appeal_id
    for actor, move in [(team.reviewer, M.START_REVIEW), (team.admin, M.ESCALATE)]:
        with refused(world, RefusalCode.CONFLICT):
            world.move(actor, appeal_id, move)
    world.move(team.admin, appeal_id, M.WITHDRAW)
    with refused(world, RefusalCode.CONFLICT):
        world.move(team.reviewer, appeal_id, M.ADMIT)


def test_a_question_pauses_the_clock_once(world: World, team: Team) -> None:
    appeal_id = world.in_review(team, world.issue(team.issuer))
    with refused(world, RefusalCode.INVALID_INPUT, "message"):
        world.move(team.reviewer, appeal_id, M.ASK)
    world.move(team.reviewer, appeal_id, M.ASK, NOW + DAY, message="Where were you?")
    appeal = world.appeal(appeal_id)
    assert (appeal.state, appeal.lapses_at) == (S.AWAITING_APPELLANT, NOW + 15 * DAY)
    with refused(world, RefusalCode.INVALID_INPUT, "message"):
        world.move(team.admin, appeal_id, M.ANSWER, NOW + DAY)
    world.move(team.admin, appeal_id, M.ANSWER, NOW + 4 * DAY + HOUR, message="At home")
    appeal = world.appeal(appeal_id)
    assert (appeal.state, appeal.due_at) == (S.IN_REVIEW, NOW + 17 * DAY + HOUR)
    with refused(world, RefusalCode.CONFLICT, "move"):
        world.move(team.reviewer, appeal_id, M.ASK, NOW + 5 * DAY, message="And then?")
    with world.database.reading() as session:
        said = session.exec(select(AppealMessage).order_by("at", "id")).all()
    assert [(m.author, m.text) for m in said] == [
        (Author.APPELLANT, "It wasn't me"),
        (Author.PLATFORM, "Where were you?"),
        (Author.APPELLANT, "At home"),
    ]


def test_an_appeal_lapses_by_the_clock_alone(world: World, team: Team) -> None:
    appeal_id = world.in_review(team, world.issue(team.issuer))
    world.move(team.reviewer, appeal_id, M.ASK, message="Where were you?")
    late = NOW + 14 * DAY
    appeal = world.appeal(appeal_id)
    assert appeal_state(appeal.state, appeal.lapses_at, late) is S.LAPSED
    for move in (M.ANSWER, M.WITHDRAW):
        with refused(world, RefusalCode.CONFLICT):
            world.move(team.admin, appeal_id, move, late, message="At home")
    with refused(world, RefusalCode.CONFLICT):
        world.decide(team.reviewer, appeal_id, Outcome.UPHELD, late)
    world.move(team.admin, appeal_id, M.ANSWER, late - MICRO, message="At home")


def test_refusing_an_appeal_says_why_and_counts_as_a_review(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    appeal_id = world.file(team.admin, sanction_id).appeal_id
    with refused(world, RefusalCode.INVALID_INPUT, "code"):
        world.move(team.reviewer, appeal_id, M.REFUSE)
    world.move(team.reviewer, appeal_id, M.REFUSE, **REFUSE)
    appeal = world.appeal(appeal_id)
    assert (appeal.state, appeal.inadmissible_code) == (S.INADMISSIBLE, "UNFOUNDED")
    again = world.file(team.admin, sanction_id).appeal_id
    with refused(world, RefusalCode.DUTIES_NOT_SEPARATE):
        world.move(team.reviewer, again, M.REFUSE, **REFUSE)


def test_an_outside_body_has_the_last_word(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    appeal_id = world.in_review(team, sanction_id)
    world.decide(team.reviewer, appeal_id, Outcome.UPHELD)
    world.move(team.admin, appeal_id, M.ESCALATE)
    with refused(world, RefusalCode.INVALID_INPUT, "outcome"):
        world.move(team.reviewer, appeal_id, M.RECORD_FINAL)
    final: dict[str, Any] = {"outcome": Outcome.OVERTURNED}
    with refused(world, RefusalCode.INVALID_INPUT, "implementedAt"):
        world.move(team.reviewer, appeal_id, M.RECORD_FINAL, **final, implemented_at=NOW + MICRO)
    later = NOW + 30 * DAY
    world.move(team.reviewer, appeal_id, M.RECORD_FINAL, later, **final, implemented_at=NOW + DAY)
    appeal = world.appeal(appeal_id)
    assert (appeal.state, appeal.outcome, appeal.outside_outcome, appeal.implemented_at) == (
        S.FINAL,
        Outcome.UPHELD,
        Outcome.OVERTURNED,
        NOW + DAY,
    )
    row = world.sanction(sanction_id)
    assert (row.validity, row.overturned_at) == (Validity.OVERTURNED, later)


def test_an_invitation_is_the_platforms_own_and_for_an_open_appeal(
    world: World, team: Team
) -> None:
    guests, other = world.team(), world.team()
    appeal_id = world.in_review(team, world.issue(team.issuer))
    domain = guests.platform.domain
    for name in ("issuer", "reader", "researcher"):
        with refused(world, RefusalCode.FORBIDDEN):
            world.invite(getattr(team, name), appeal_id, domain)
    for wanted in (appeal_id, "apl_absent"):
        with refused(world, RefusalCode.NOT_FOUND, "appealId"):
            world.invite(other.reviewer, wanted, domain)
    with refused(world, RefusalCode.NOT_FOUND, "platform"):
        world.invite(team.reviewer, appeal_id, "absent.example")
    with refused(world, RefusalCode.INVALID_INPUT, "platform"):
        world.invite(team.reviewer, appeal_id, team.platform.domain)
    with refused(world, RefusalCode.NOT_FOUND, "appealId"):  # before the invitation
        world.decide(guests.reviewer, appeal_id, Outcome.OVERTURNED)
    world.invite(team.reviewer, appeal_id, domain)
    before = world.snapshot()
    world.invite(team.reviewer, appeal_id, domain)
    assert world.snapshot() == before
    with refused(world, RefusalCode.FORBIDDEN):
        world.decide(guests.issuer, appeal_id, Outcome.OVERTURNED)
    world.decide(guests.reviewer, appeal_id, Outcome.OVERTURNED)
    with refused(world, RefusalCode.CONFLICT, "appealId"):
        world.invite(team.reviewer, appeal_id, domain)
    with world.database.reading() as session:
        assert len(session.exec(select(Invitation)).all()) == 1

"""Approve, shorten, lift, void, overturn: who may, from which state, and what it leads to."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import select

from governance.errors import RefusalCode, Refused
from governance.membership import Actor
from governance.rules.status import effect
from governance.sanctions import Note, Part, Sanction
from governance.words import Effect, EndReason, Measure, Outcome, Role, Validity, VoidCode
from tests.builders import DAY, MICRO, NOW, Team, World, refused, subject

Change = Callable[[World, Actor, str, datetime], Sanction]


def shorten(world: World, actor: Actor, sanction_id: str, now: datetime) -> Sanction:
    return world.shorten(actor, sanction_id, now + DAY, now)


CHANGES: dict[str, Change] = {
    "approve": World.approve,
    "shorten": shorten,
    "lift": World.lift,
    "void": World.void,
    "overturn": World.overturn,
}
ALLOWED = {
    "approve": {"issuer_2", "reviewer"},
    "shorten": {"issuer", "issuer_2", "bot"},
    "lift": {"issuer", "issuer_2", "bot"},
    "void": {"issuer", "issuer_2", "bot"},
    "overturn": {"issuer", "issuer_2", "reviewer", "bot"},
}
NAMES = ["issuer", "issuer_2", "reviewer", "admin", "reader", "researcher", "bot"]


def a_sanction(world: World, team: Team, change: str) -> str:
    return world.terminate(team.issuer) if change == "approve" else world.issue(team.issuer)


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_takes_its_role(world: World, change: str) -> None:
    team = world.team()
    for name in NAMES:
        sanction_id = a_sanction(world, team, change)
        if name in ALLOWED[change]:
            CHANGES[change](world, getattr(team, name), sanction_id, NOW)
        else:
            codes = (RefusalCode.FORBIDDEN, RefusalCode.DUTIES_NOT_SEPARATE)
            with refused(world, codes[change == "approve" and name == "issuer"]):
                CHANGES[change](world, getattr(team, name), sanction_id, NOW)


@pytest.mark.parametrize("change", CHANGES)
def test_absent_and_not_yours_are_the_same(world: World, team: Team, change: str) -> None:
    other = world.team()
    sanction_id = a_sanction(world, team, change)
    answers = []
    for wanted in (sanction_id, "san_absent"):
        with refused(world, RefusalCode.NOT_FOUND, "sanctionId"):
            try:
                CHANGES[change](world, other.issuer_2, wanted, NOW)
            except Refused as refusal:
                answers.append(refusal.message)
                raise
    assert answers[0] == answers[1]


def test_the_issuer_never_approves_whatever_roles_changed_since(world: World, team: Team) -> None:
    issuer = world.member(team, Role.ISSUER, handle="moves on")
    sanction_id = world.terminate(issuer)
    promoted = world.member(team, Role.REVIEWER, handle="moves on")
    assert promoted.member_id == issuer.member_id
    with refused(world, RefusalCode.DUTIES_NOT_SEPARATE):
        world.approve(promoted, sanction_id)


def test_an_approval_starts_a_termination(world: World, team: Team) -> None:
    sanction_id = world.terminate(team.issuer)
    row = world.approve(team.issuer_2, sanction_id, NOW + DAY)
    assert (row.approved_at, row.starts_at, row.ends_at) == (NOW + DAY, NOW + DAY, None)
    with world.database.reading() as session:
        parts = {(p.member_id, p.part) for p in session.exec(select(Part))}
    assert (team.issuer_2.member_id, "APPROVER") in parts
    with refused(world, RefusalCode.CONFLICT):
        world.approve(team.reviewer, sanction_id, NOW + DAY)


def test_an_approval_comes_within_seven_days(world: World, team: Team) -> None:
    in_time, late = world.terminate(team.issuer), world.terminate(team.issuer)
    world.approve(team.issuer_2, in_time, NOW + 7 * DAY - MICRO)
    with refused(world, RefusalCode.CONFLICT):
        world.approve(team.issuer_2, late, NOW + 7 * DAY)
    row = world.sanction(late)
    assert (row.end_reason, row.validity) == (EndReason.NOT_APPROVED, Validity.STANDING)


def test_only_terminations_take_an_approval(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    with refused(world, RefusalCode.CONFLICT, "sanctionId"):
        world.approve(team.issuer_2, sanction_id)


@pytest.mark.parametrize("end", [NOW + 7 * DAY, NOW + 8 * DAY])
def test_nothing_is_extended_in_place(world: World, team: Team, end: datetime) -> None:
    sanction_id = world.issue(team.issuer)
    with refused(world, RefusalCode.TOO_LONG, "expiresAt"):
        world.shorten(team.issuer, sanction_id, end)


@pytest.mark.parametrize("end", [NOW - DAY, NOW, NOW + DAY])
def test_a_new_end_is_in_the_future(world: World, team: Team, end: datetime) -> None:
    sanction_id = world.issue(team.issuer)
    with refused(world, RefusalCode.END_BEFORE_START, "expiresAt"):
        world.shorten(team.issuer, sanction_id, end, NOW + DAY)


def test_a_new_end_is_after_the_start(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer, effective_at=NOW + 2 * DAY)
    with refused(world, RefusalCode.END_BEFORE_START, "expiresAt"):
        world.shorten(team.issuer, sanction_id, NOW + 2 * DAY)
    world.shorten(team.issuer, sanction_id, NOW + 2 * DAY + MICRO)


def test_a_termination_has_no_end_to_move(world: World, team: Team) -> None:
    sanction_id = world.terminate(team.issuer)
    with refused(world, RefusalCode.CONFLICT, "expiresAt"):
        world.shorten(team.issuer, sanction_id, NOW + DAY)


def test_open_ended_content_may_get_an_end(world: World, team: Team) -> None:
    sanction_id = world.issue(
        team.issuer,
        measure=Measure.CONTENT_REMOVED,
        subject="https://a.example/posts/1",
        expires_at=None,
    )
    row = world.shorten(team.issuer, sanction_id, NOW + DAY)
    assert (row.ends_at, row.end_reason) == (NOW + DAY, EndReason.EXPIRED)


def test_shortening_moves_the_end_and_keeps_the_decision(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    row = world.shorten(team.issuer, sanction_id, NOW + DAY)
    assert (row.expires_at, row.ends_at, row.validity) == (
        NOW + DAY,
        NOW + DAY,
        Validity.STANDING,
    )
    assert effect((row.starts_at, row.ends_at), NOW + DAY - MICRO) is Effect.IN_FORCE


def test_lifting_is_clemency(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    row = world.lift(team.issuer, sanction_id, NOW + DAY)
    assert (row.ends_at, row.end_reason, row.validity) == (
        NOW + DAY,
        EndReason.LIFTED,
        Validity.STANDING,
    )
    with world.database.reading() as session:
        [note] = session.exec(select(Note)).all()
    assert (note.event, note.text) == ("SANCTION_LIFTED", "clemency")


def test_lifted_before_its_start_it_is_never_in_force(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer, effective_at=NOW + 2 * DAY)
    row = world.lift(team.issuer, sanction_id, NOW + DAY)
    assert effect((row.starts_at, row.ends_at), NOW + 3 * DAY) is Effect.ENDED


@pytest.mark.parametrize("change", ["shorten", "lift"])
def test_what_has_ended_is_neither_shortened_nor_lifted(
    world: World, team: Team, change: str
) -> None:
    sanction_id = world.issue(team.issuer)
    with refused(world, RefusalCode.CONFLICT):
        CHANGES[change](world, team.issuer, sanction_id, NOW + 7 * DAY)
    world.lift(team.issuer, sanction_id, NOW + 7 * DAY - MICRO)


@pytest.mark.parametrize("late", [False, True])
def test_a_clerical_mistake_is_voided_even_when_ended(world: World, team: Team, late: bool) -> None:
    sanction_id = world.issue(team.issuer)
    row = world.void(team.issuer, sanction_id, NOW + (30 * DAY if late else DAY))
    assert (row.validity, row.void_code) == (Validity.VOIDED, VoidCode.TEST)
    assert row.end_reason is (EndReason.EXPIRED if late else EndReason.VOIDED)


def test_nothing_is_voided_once_an_appeal_was_filed(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    appeal_id = world.in_review(team, sanction_id)
    with refused(world, RefusalCode.CONFLICT):
        world.void(team.issuer, sanction_id)
    world.decide(team.reviewer, appeal_id, Outcome.UPHELD)
    with refused(world, RefusalCode.CONFLICT):
        world.void(team.issuer, sanction_id)


def test_overturned_after_expiry_still_corrects_the_record(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    row = world.overturn(team.issuer, sanction_id, NOW + 30 * DAY)
    assert (row.validity, row.overturned_at) == (Validity.OVERTURNED, NOW + 30 * DAY)
    # That it was in force until then stays true.
    assert (row.starts_at, row.ends_at, row.end_reason) == (
        NOW,
        NOW + 7 * DAY,
        EndReason.EXPIRED,
    )


@pytest.mark.parametrize("first", ["void", "overturn"])
@pytest.mark.parametrize("then", ["shorten", "lift", "void", "overturn"])
def test_nothing_is_revived_or_undone_twice(
    world: World, team: Team, first: str, then: str
) -> None:
    sanction_id = world.issue(team.issuer)
    CHANGES[first](world, team.issuer, sanction_id, NOW)
    with refused(world, RefusalCode.CONFLICT):
        CHANGES[then](world, team.issuer, sanction_id, NOW)


def test_ending_one_never_ends_another(world: World, team: Team) -> None:
    about = subject()
    one = world.issue(team.issuer, subject=about)
    other = world.issue(team.issuer, subject=about, expires_at=NOW + 30 * DAY)
    world.lift(team.issuer, one, NOW + DAY)
    assert world.sanction(other).ends_at == NOW + 30 * DAY

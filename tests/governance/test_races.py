"""Two writers at once, on connections of their own: one wins, the other is told cleanly."""

from contextlib import closing
from threading import Thread

import pytest
import sqlalchemy as sa
from sqlmodel import Session, func, select

from governance.appeals import Appeal
from governance.appellants import Moved
from governance.database import Database
from governance.errors import Busy, RefusalCode, Refused
from governance.events import Event
from governance.platforms import Platform
from governance.sanctions import Sanction
from governance.words import AppealMove, AppealState, EndReason, Outcome
from tests.builders import DAY, MICRO, NOW, Team, World, at_once, positions, subject

ROUNDS = range(5)


def codes(answers: list[object]) -> set[RefusalCode | None]:
    return {answer.code if isinstance(answer, Refused) else None for answer in answers}


def test_a_writer_that_waits_too_long_is_told_so(world: World, team: Team) -> None:
    hasty = Database(world.database.url, longest_wait=0.1)
    with closing(hasty), world.database.writing() as session:
        session.add(Platform(id="plt_x", domain="x.example", name="X", added_at=NOW))
        with pytest.raises(Busy), hasty.writing():
            raise AssertionError("nobody writes beside another")
    with closing(Database(world.database.url, longest_wait=0.1)) as patient, patient.writing() as s:
        assert s.get(Platform, "plt_x")


def test_who_computes_gives_way_to_sqlites_writer_until_it_commits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    others, commit = [Thread(target=world.database.give_way) for _ in range(2)], Session.commit

    def committing(session: Session) -> None:
        others[1].start()
        others[1].join()  # nobody waits by now
        commit(session)

    monkeypatch.setattr(Session, "commit", committing)
    with world.database.writing() as session:
        session.execute(sa.text("SELECT 1"))
        others[0].start()
        others[0].join(0.05)
        assert others[0].is_alive() is (world.database.dialect == "sqlite")
    others[0].join()


def test_who_waits_goes_on_when_a_writer_fails(world: World) -> None:
    with pytest.raises(ZeroDivisionError), world.database.writing():
        raise ZeroDivisionError
    world.database.give_way()


def test_two_approvals_at_once_are_one(world: World, team: Team) -> None:
    for _ in ROUNDS:
        sanction_id = world.terminate(team.issuer)
        answers = at_once(
            lambda i=sanction_id: world.approve(team.issuer_2, i),  # type: ignore[misc]
            lambda i=sanction_id: world.approve(team.reviewer, i),  # type: ignore[misc]
        )
        assert codes(answers) == {None, RefusalCode.CONFLICT}


def test_an_end_has_one_reason_however_many_ask_for_it(world: World, team: Team) -> None:
    last = NOW + 7 * DAY - MICRO
    for _ in ROUNDS:
        sanction_id = world.issue(team.issuer)

        def lift(i: str = sanction_id) -> Sanction:
            return world.lift(team.issuer, i, last)

        def overturn(i: str = sanction_id) -> Sanction:
            return world.overturn(team.reviewer, i, last)

        def void(i: str = sanction_id) -> Sanction:
            return world.void(team.issuer_2, i, last)

        answers = at_once(lift, overturn, void)
        row = world.sanction(sanction_id)
        assert row.end_reason in (EndReason.OVERTURNED, EndReason.VOIDED)
        assert row.ends_at == last
        assert codes(answers) == {None, RefusalCode.CONFLICT}
        assert (row.overturned_at is None) is not (row.voided_at is None)


def test_at_the_end_itself_only_the_clock_ends_it(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    end = NOW + 7 * DAY
    answers = at_once(
        lambda: world.lift(team.issuer, sanction_id, end),
        lambda: world.shorten(team.issuer, sanction_id, end + DAY, end),
    )
    assert codes(answers) == {RefusalCode.CONFLICT}
    assert world.sanction(sanction_id).end_reason is EndReason.EXPIRED


def test_two_filings_at_once_open_one_appeal(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    answers = at_once(
        lambda: world.file(team.admin, sanction_id), lambda: world.file(team.issuer, sanction_id)
    )
    assert codes(answers) == {None, RefusalCode.APPEAL_OPEN}
    with world.database.reading() as session:
        assert session.exec(select(func.count()).select_from(Appeal)).one() == 1


def test_one_secret_used_twice_at_once_is_used_once(world: World, team: Team) -> None:
    sanction = world.issued(team.issuer)
    answers = at_once(
        *[lambda: world.file(None, sanction.sanction_id, secret=sanction.appeal_secret)] * 3
    )
    assert isinstance(answers[0], Moved)
    assert answers[0] == answers[1] == answers[2]


def test_two_reviewers_of_a_termination_at_once_decide_it(world: World, team: Team) -> None:
    for _ in ROUNDS:
        appeal_id = world.in_review(team, world.terminate(team.issuer))
        answers = at_once(
            lambda i=appeal_id: world.decide(team.reviewer, i, Outcome.UPHELD),  # type: ignore[misc]
            lambda i=appeal_id: world.decide(team.reviewer_2, i, Outcome.OVERTURNED),  # type: ignore[misc]
        )
        assert codes(answers) == {None}
        appeal = world.appeal(appeal_id)
        assert (appeal.state, appeal.outcome) == (AppealState.DECIDED, Outcome.OVERTURNED)


def test_a_decision_and_a_withdrawal_at_once_leave_one_state(world: World, team: Team) -> None:
    for _ in ROUNDS:
        sanction_id = world.issue(team.issuer)
        appeal_id = world.in_review(team, sanction_id)
        answers = at_once(
            lambda i=appeal_id: world.decide(team.reviewer, i, Outcome.OVERTURNED),  # type: ignore[misc]
            lambda i=appeal_id: world.move(team.admin, i, AppealMove.WITHDRAW),  # type: ignore[misc]
        )
        assert codes(answers) == {None, RefusalCode.CONFLICT}
        decided = world.appeal(appeal_id).state is AppealState.DECIDED
        assert (world.sanction(sanction_id).overturned_at is not None) is decided


def test_a_subject_is_sanctioned_once_by_two_writers_at_once(world: World, team: Team) -> None:
    about = subject()
    fields = {"subject": about, "conduct_from": NOW, "conduct_to": NOW}
    answers = at_once(
        lambda: world.issue(team.issuer, **fields),  # type: ignore[arg-type]
        lambda: world.issue(team.issuer_2, **fields),  # type: ignore[arg-type]
    )
    assert codes(answers) == {None, RefusalCode.DOUBLE_JEOPARDY}


@pytest.mark.parametrize("writers", [4])
def test_the_feed_has_no_gap_and_its_clock_never_goes_back(world: World, writers: int) -> None:
    teams = [world.team() for _ in range(writers)]

    def write(number: int) -> None:
        for turn in range(10):
            now = NOW + (writers - number) * DAY - turn * MICRO  # clocks that disagree
            world.lift(teams[number].issuer, world.issue(teams[number].issuer, now), now)

    at_once(*[lambda n=number: write(n) for number in range(writers)])
    with world.database.reading() as session:
        feed = session.exec(select(Event).order_by("position")).all()
    assert [entry.position for entry in feed] == positions(world.database)
    assert len(feed) == writers * 20
    instants = [entry.recorded_at for entry in feed]
    assert instants == sorted(instants)

"""A platform's time-outs against the model, however they overlap, race, end and come again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import col, func, select

from governance.errors import RefusalCode, Refused
from governance.events import Event
from governance.issuing import Issued
from governance.rules import ladder
from governance.rules.status import effect
from governance.sanctions import Sanction
from governance.words import AppealMove, Effect, EventType, Outcome, Role, Validity
from tests.builders import DAY, HOUR, MICRO, NOW, Team, World, at_once, draft, examples, positions
from tests.governance import model
from tests.governance.model import Answer, Case

State = tuple[Validity, datetime | None, datetime | None, str | None]

picks = st.integers(0, 1_000)
lengths = st.sampled_from([0, 1, 2, 7, 30, 60, 90, 120, 179, 180, 181])
ends = st.sampled_from([-DAY, 0 * DAY, MICRO, HOUR, DAY, 10 * DAY, 100 * DAY])
changes = st.sampled_from(["lift", "shorten", "overturn", "void"])


class TimeOuts(RuleBasedStateMachine):
    """Each example has a platform and two accounts of its own, in the one database."""

    def __init__(self, world: World, clock: list[datetime]) -> None:
        super().__init__()
        self.world, self.clock = world, clock
        self.cases: dict[str, Case] = {}
        self.known: dict[datetime, dict[str, State]] = {}

    @initialize()
    def begin(self) -> None:
        self.team: Team = self.world.team()
        self.now = self.clock[0] + DAY  # later than all that was recorded before
        self.subjects = [f"acct:{name}@{self.team.platform.domain}" for name in "ab"]

    def teardown(self) -> None:
        if hasattr(self, "team"):
            for instant, states in self.known.items():
                assert replayed(self.world, self.team, instant) == states

    def chosen(self, pick: int) -> str:
        return list(self.cases)[pick % len(self.cases)]  # their ids are random

    def expect(self, sanction_id: str, answer: Answer, act: Callable[[], object]) -> None:
        """The act is refused as the model says, or changes the case as it says."""
        if isinstance(answer, Case):
            act()
            self.cases[sanction_id] = answer
        else:
            assert code_of(act) is answer

    @rule(delta=st.sampled_from([MICRO, HOUR, DAY, 7 * DAY, 40 * DAY, 200 * DAY, -HOUR]))
    def wait(self, delta: timedelta) -> None:
        self.now += delta

    @precondition(lambda self: self.cases)
    @rule(pick=picks, delta=st.sampled_from([-MICRO, 0 * DAY]))
    def wait_for_an_end(self, pick: int, delta: timedelta) -> None:
        self.now = max(self.now, self.cases[self.chosen(pick)].end[0] + delta)

    @rule(
        who=st.integers(0, 1),
        days=lengths,
        delay=st.sampled_from([0, 1, 30, 170]),
        pick=picks,
        how=st.sampled_from(["issue", "issue", "supersede", "repeat"]),
    )
    def issue(self, who: int, days: int, delay: int, pick: int, how: str) -> None:
        start = self.now + delay * DAY
        body = draft(subject=self.subjects[who], effective_at=start, expires_at=start + days * DAY)
        cases = dict(self.cases)
        old = self.chosen(pick) if how != "issue" and cases else None
        expected: RefusalCode | None = None
        if old is not None and how == "repeat":
            conduct = {name: cases[old].body[name] for name in ("conduct_from", "conduct_to")}
            body |= conduct | {"subject": cases[old].subject}
            standing = [c for c in cases.values() if c.validity is Validity.STANDING]
            if 0 < days <= 180 and any(c.is_about(body) for c in standing):
                expected = RefusalCode.DOUBLE_JEOPARDY
        elif old is not None:
            body |= {"supersedes": old, "subject": cases[old].subject}
            if cases[old].validity is not Validity.STANDING:
                expected = RefusalCode.CONFLICT
            cases[old] = cases[old].closed(self.now, "SUPERSEDED")
        about = [case for case in cases.values() if case.subject == body["subject"]]
        expected = expected or model.refusal((start, body["expires_at"]), about)
        if expected is not None:
            assert code_of(lambda: self.world.issue(self.team.issuer, self.now, **body)) is expected
            return
        new = self.world.issue(self.team.issuer, self.now, **body)
        self.cases = cases
        self.cases[new] = Case(body["subject"], body, start, body["expires_at"], self.now)

    @precondition(lambda self: self.cases)
    @rule(pick=picks, change=changes, end=ends)
    def change(self, pick: int, change: str, end: timedelta) -> None:
        sanction_id = self.chosen(pick)
        answer = modelled(change, self.cases[sanction_id], self.now, end)
        self.expect(sanction_id, answer, self.act(change, sanction_id, end))

    @precondition(lambda self: self.cases)
    @rule(pick=picks, one=changes, other=changes, end=ends)
    def race(self, pick: int, one: str, other: str, end: timedelta) -> None:
        """Two writers at once: the outcome is that of one order or the other."""
        sanction_id = self.chosen(pick)
        answers = at_once(self.act(one, sanction_id, end), self.act(other, sanction_id, end))
        case, codes = self.cases[sanction_id], [code_in(answer) for answer in answers]
        possible = [
            in_turn(case, [one, other], self.now, end),
            in_turn(case, [other, one], self.now, end),
        ]
        orders = [(possible[0][0], possible[0][1]), (possible[1][0], possible[1][1][::-1])]
        row = state(self.world.sanction(sanction_id))
        matching = [c for c, said in orders if said == codes and row == modelled_state(c)]
        assert matching, f"neither order explains {codes} and {row}"
        self.cases[sanction_id] = matching[0]

    @precondition(lambda self: self.cases)
    @rule(pick=picks, end=ends, outcome=st.sampled_from(Outcome))
    def appeal(self, pick: int, end: timedelta, outcome: Outcome) -> None:
        sanction_id = self.chosen(pick)
        case = self.cases[sanction_id]
        barred = model.may_appeal(case, self.now)
        if barred is not None:
            filing = lambda: self.world.file(self.team.admin, sanction_id, self.now)  # noqa: E731
            assert code_of(filing) is barred
            return
        reviewer = self.world.member(self.team, Role.REVIEWER)
        appeal_id = self.world.file(self.team.admin, sanction_id, self.now).appeal_id
        for move in (AppealMove.ADMIT, AppealMove.START_REVIEW):
            self.world.move(reviewer, appeal_id, move, self.now)
        new_end = self.now + end if outcome is Outcome.REDUCED else None
        case = replace(case, appealed=True)
        answer: Answer = case
        if new_end is not None:
            answer = model.reduce(case, self.now, new_end)
        elif outcome is Outcome.OVERTURNED:
            answer = model.overturn(case, self.now)
        decide = lambda: self.world.decide(reviewer, appeal_id, outcome, self.now, new_end)  # noqa: E731
        self.expect(sanction_id, answer, decide)
        if answer is RefusalCode.INVALID_INPUT:
            self.cases[sanction_id] = case
            self.world.decide(reviewer, appeal_id, Outcome.UPHELD, self.now)

    @precondition(lambda self: self.cases)
    @rule(pick=picks, other_body=st.booleans())
    def retry(self, pick: int, other_body: bool) -> None:
        sanction_id = self.chosen(pick)
        body = self.cases[sanction_id].body | ({"reason": "Another"} if other_body else {})
        if other_body:
            again = lambda: self.world.issue(self.team.issuer, self.now, **body)  # noqa: E731
            assert code_of(again) is RefusalCode.REFERENCE_REUSED
        else:
            answer = self.world.issued(self.team.issuer, self.now, **body)
            assert (answer.sanction_id, answer.is_new) == (sanction_id, False)

    @rule(who=st.integers(0, 1))
    def issue_twice_at_once(self, who: int) -> None:
        body = draft(self.now, subject=self.subjects[who], expires_at=self.now + DAY)
        act = lambda: self.world.issued(self.team.issuer, self.now, **body)  # noqa: E731
        about = [case for case in self.cases.values() if case.subject == body["subject"]]
        expected = model.refusal((self.now, body["expires_at"]), about)
        answers = at_once(act, act)
        if expected is not None:
            assert [code_in(answer) for answer in answers] == [expected, expected]
            return
        issued = [answer for answer in answers if isinstance(answer, Issued)]
        assert sorted(answer.is_new for answer in issued) == [False, True]
        assert len({(answer.sanction_id, answer.appeal_secret) for answer in issued}) == 1
        case = Case(body["subject"], body, self.now, body["expires_at"], self.now)
        self.cases[issued[0].sanction_id] = case

    @invariant()
    def the_records_are_what_the_model_says(self) -> None:
        if not hasattr(self, "team"):
            return
        rows = {row.id: row for row in self.rows()}
        states = {key: modelled_state(case) for key, case in self.cases.items()}
        assert {key: state(row) for key, row in rows.items()} == states
        for about in self.subjects:
            ours = {key: case for key, case in self.cases.items() if case.subject == about}
            self.overlap_is_a_union([rows[key] for key in ours], list(ours.values()))
            counted = [(case.start, case.end[0]) for case in ours.values() if case.counts]
            assert model.most_in_a_window(counted) <= 180 * DAY
            rungs = [rung(rows[key]) for key in ours]
            assert ladder.step(rungs, self.now) == model.advised(list(ours.values()), self.now)
        self.clock[0] = max(self.clock[0], self.now)
        with self.world.database.reading() as session:
            newest = select(Event.recorded_at).order_by(col(Event.position).desc()).limit(1)
            for recorded_at in session.exec(newest):
                self.known[recorded_at] = states

    def overlap_is_a_union(self, rows: list[Sanction], cases: list[Case]) -> None:
        edges = {row.ends_at for row in rows if row.ends_at}
        for at in {self.now, *edges, *(edge - MICRO for edge in edges)}:
            until = [
                row.ends_at
                for row in rows
                if effect((row.starts_at, row.ends_at), at) is Effect.IN_FORCE and row.ends_at
            ]
            expected = [case.end[0] for case in cases if case.is_in_force(at)]
            assert max(until, default=None) == max(expected, default=None)

    def rows(self) -> list[Sanction]:
        with self.world.database.reading() as session:
            own = select(Sanction).where(Sanction.platform_id == self.team.platform.id)
            return list(session.exec(own))

    def act(self, change: str, sanction_id: str, end: timedelta) -> Callable[[], object]:
        """The change, by the use case."""
        if change == "shorten":
            return lambda: self.world.shorten(
                self.team.issuer, sanction_id, self.now + end, self.now
            )
        act: Callable[..., object] = getattr(self.world, change)
        return lambda: act(self.team.issuer, sanction_id, self.now)


def modelled(change: str, case: Case, now: datetime, end: timedelta) -> Answer:
    """The change, by the model."""
    if change == "shorten":
        return model.shorten(case, now, now + end)
    answer: Answer = getattr(model, change)(case, now)
    return answer


def in_turn(
    case: Case, turns: list[str], now: datetime, end: timedelta
) -> tuple[Case, list[RefusalCode | None]]:
    """The case after the changes in this order, and what each was answered."""
    codes: list[RefusalCode | None] = []
    for change in turns:
        answer = modelled(change, case, now, end)
        if isinstance(answer, Case):
            case = answer
        codes.append(None if isinstance(answer, Case) else answer)
    return case, codes


def code_in(answer: object) -> RefusalCode | None:
    return answer.code if isinstance(answer, Refused) else None


def code_of(act: Callable[[], Any]) -> RefusalCode:
    with pytest.raises(Refused) as refusal:
        act()
    return refusal.value.code


def state(row: Sanction | Event) -> State:
    return row.validity, row.starts_at, row.ends_at, row.end_reason


def modelled_state(case: Case) -> State:
    return case.validity, case.start, *case.end


def rung(row: Sanction) -> ladder.Rung:
    return ladder.Rung(
        measure=row.measure,
        validity=row.validity,
        issued_at=row.issued_at,
        reduced_after_end=row.reduced_after_end,
    )


def replayed(world: World, team: Team, until: datetime) -> dict[str, State]:
    """What was known at an instant: the newest entry of each sanction not later than that."""
    with world.database.reading() as session:
        entries = session.exec(
            select(Event)
            .where(Event.platform_id == team.platform.id, col(Event.recorded_at) <= until)
            .order_by(col(Event.position))
        )
        return {entry.sanction_id: state(entry) for entry in entries}


@pytest.mark.property
@pytest.mark.hypothesis
def test_time_outs_behave_as_the_model(world: World) -> None:
    clock = [NOW]

    class Run(TimeOuts):
        def __init__(self) -> None:
            super().__init__(world, clock)

    run_state_machine_as_test(Run, settings=examples(12, stateful_step_count=25))
    with world.database.reading() as session:
        recorded = session.exec(select(Event).order_by(col(Event.position))).all()
        newest = session.exec(select(func.max(Event.position))).one()
    logged = [entry.position for entry in recorded if entry.type is not EventType.NOTICE_DUE]
    assert logged == positions(world.database)
    assert (newest or 0) - (logged[-1] if logged else 0) in (0, 1)
    instants = [entry.recorded_at for entry in recorded]
    assert instants == sorted(instants)

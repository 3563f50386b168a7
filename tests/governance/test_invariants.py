"""The invariants that need no history, on generated cases and on both engines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlmodel import col

from governance import issuing, requesting
from governance.errors import RefusalCode, Refused
from governance.issuing import Issued
from governance.requesting import Request
from governance.rules import policy
from governance.rules.status import effect
from governance.sanctions import Sanction
from governance.words import Effect, Measure, Outcome, PermanentBasis, PolicyConflict, Role
from tests.builders import DAY, KEYS, MICRO, NOW, Team, World, draft, examples, subject

far = st.datetimes(timezones=st.just(UTC))
near = st.builds(
    lambda days, micro: NOW + days * DAY + micro * MICRO,
    st.integers(-200, 400),
    st.integers(-1, 1),
)
edges = st.sampled_from(
    [NOW, NOW + 180 * DAY, NOW + 180 * DAY + MICRO, datetime.max.replace(tzinfo=UTC)]
)
instants = st.one_of(near, edges, far)
SUBJECTS = {
    "ACCOUNT": "acct:user@elsewhere.example",
    "CONTENT": "https://elsewhere.example/posts/1",
    "SERVER": "https://elsewhere.example",
}


def attempt(world: World, team: Team, request: Request, now: datetime = NOW) -> Issued | Refused:
    [answer] = world.do(issuing.issue, KEYS, team.issuer, [request], now=now)
    return answer


def in_force(world: World, ids: list[str], now: datetime) -> set[str]:
    """What a filter in SQL says."""
    condition = sa.and_(
        col(Sanction.id).in_(ids),
        col(Sanction.starts_at) <= now,
        sa.or_(col(Sanction.ends_at).is_(None), col(Sanction.ends_at) > now),
    )
    with world.database.reading() as session:
        return set(session.scalars(sa.select(col(Sanction.id)).where(condition)))


@pytest.mark.property
def test_1_expiry_is_half_open_in_the_records_and_in_sql(world: World, team: Team) -> None:
    @examples(25)
    @given(st.integers(0, 10**9), st.integers(1, 15 * 10**12), st.sampled_from([0, 1, -1, 999]))
    def half_open(delay: int, length: int, jitter: int) -> None:
        start = NOW + delay * MICRO
        end = start + length * MICRO
        sanction_id = world.issue(team.issuer, effective_at=start, expires_at=end)
        row = world.sanction(sanction_id)
        for at in (start - MICRO, start, end - MICRO, end, end + jitter * MICRO, row.issued_at):
            expected = start <= at < end
            assert (effect((row.starts_at, row.ends_at), at) is Effect.IN_FORCE) is expected
            assert (sanction_id in in_force(world, [sanction_id], at)) is expected

    half_open()


@pytest.mark.property
def test_2_and_8_whatever_end_is_given_nothing_binds_permanently(world: World, team: Team) -> None:
    @examples(60)
    @given(
        measure=st.sampled_from(Measure),
        basis=st.none() | st.sampled_from(PermanentBasis),
        effective_at=st.none() | instants,
        expires_at=st.none() | instants,
        is_outside=st.booleans(),
    )
    def bounded(
        measure: Measure,
        basis: PermanentBasis | None,
        effective_at: datetime | None,
        expires_at: datetime | None,
        is_outside: bool,
    ) -> None:
        kind = min(policy.kinds_of(measure))
        about = subject() if kind == "ACCOUNT" else SUBJECTS[kind]
        body = draft(
            measure=measure,
            permanent_basis=basis,
            effective_at=effective_at,
            expires_at=expires_at,
            subject=about,
            subject_kind=kind,
            other_measure="as told" if measure.endswith("_OTHER") else None,
        )
        # In a category of its own time, so that the servers' totals stay apart.
        answer = attempt(
            world, world.team() if kind == "SERVER" else team, _request(body, is_outside)
        )
        if isinstance(answer, Refused):
            return
        row = world.sanction(answer.sanction_id)
        assert row.is_binding is answer.is_binding is (not is_outside)
        if measure is Measure.ACCOUNT_TERMINATED and row.is_binding:
            assert basis is not None
            assert (row.starts_at, row.ends_at) == (None, NOW + 7 * DAY)  # until it is approved
        elif kind != "CONTENT" and row.is_binding:
            assert row.expires_at is not None
            assert row.expires_at - row.effective_at <= 180 * DAY
            assert row.effective_at >= NOW - timedelta(seconds=60)

    def _request(body: dict[str, Any], is_outside: bool) -> Request:
        return Request(requesting.draft(body), is_outside=is_outside)

    bounded()


@pytest.mark.property
def test_7_no_conduct_is_sanctioned_twice(world: World, team: Team) -> None:
    interval = st.tuples(st.integers(0, 12), st.integers(0, 4)).map(lambda p: (p[0], p[0] + p[1]))

    @examples(20)
    @given(st.lists(interval, min_size=2, max_size=8))
    def once(conducts: list[tuple[int, int]]) -> None:
        about = subject()
        sanctioned: list[tuple[int, int]] = []
        requests = [
            Request(
                requesting.draft(
                    draft(
                        subject=about,
                        conduct_from=NOW - DAY + start * MICRO,
                        conduct_to=NOW - DAY + end * MICRO,
                    )
                )
            )
            for start, end in conducts
        ]
        answers = world.do(issuing.issue, KEYS, team.issuer, requests, now=NOW)
        for (start, end), answer in zip(conducts, answers, strict=True):
            again = any(start <= last and first <= end for first, last in sanctioned)
            assert isinstance(answer, Refused) is again
            if isinstance(answer, Refused):
                assert answer.code is RefusalCode.DOUBLE_JEOPARDY
            else:
                sanctioned.append((start, end))

    once()


@pytest.mark.property
def test_8_an_import_that_conflicts_becomes_a_record_that_never_binds(
    world: World, team: Team
) -> None:
    @examples(25)
    @given(st.sampled_from(sorted(policy.ACCOUNT_MEASURES)), st.none() | instants)
    def recorded(measure: Measure, expires_at: datetime | None) -> None:
        assume(not measure.endswith("_OTHER"))
        body = requesting.draft(draft(measure=measure, expires_at=expires_at))
        answer = attempt(world, team, Request(body, record_conflicts=True))
        if isinstance(answer, Refused):
            assert answer.code is RefusalCode.END_BEFORE_START
            return
        row = world.sanction(answer.sanction_id)
        assert (PolicyConflict.OUTSIDE_DECISION in row.policy_conflicts) is not row.is_binding
        conforms = (
            measure not in policy.OUTSIDE_MEASURES | {Measure.ACCOUNT_TERMINATED}
            and expires_at is not None
            and expires_at - NOW <= 180 * DAY
        )
        assert row.is_binding is conforms

    recorded()


@pytest.mark.property
def test_9_retries_count_once_until_they_are_erased(world: World, team: Team) -> None:
    @examples(10)
    @given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=12))
    def once(tries: list[tuple[int, bool]]) -> None:
        bodies = [draft() for _ in range(3)]
        first: dict[int, tuple[str, bool]] = {}
        for which, other in tries:
            body = bodies[which] | ({"facts": "Others"} if other else {})
            answer = attempt(world, team, Request(requesting.draft(body)))
            if which not in first:
                assert isinstance(answer, Issued)
                first[which] = answer.sanction_id, other
            elif first[which][1] == other:
                assert isinstance(answer, Issued)
                assert (answer.sanction_id, answer.is_new) == (first[which][0], False)
            else:
                assert isinstance(answer, Refused)
                assert answer.code is RefusalCode.REFERENCE_REUSED
        for which in first:
            world.erase(team.admin, bodies[which]["subject"])
            answer = attempt(world, team, Request(requesting.draft(bodies[which])))
            assert isinstance(answer, Refused)
            assert answer.code is RefusalCode.ERASED

    once()


@pytest.mark.property
def test_14_duties_stay_separate_whatever_roles_change(world: World, team: Team) -> None:
    people = st.integers(0, 3)

    @examples(15)
    @given(people, people, st.lists(people, min_size=1, max_size=6))
    def separate(issuer: int, approver: int, reviewers: list[int]) -> None:
        names = [subject() for _ in range(4)]

        def acting(person: int, role: Role) -> Any:
            return world.member(team, role, handle=names[person])  # no other role any more

        deciders = {issuer}
        sanction_id = world.terminate(acting(issuer, Role.ISSUER))
        if approver in deciders:
            with pytest.raises(Refused) as refusal:
                world.approve(acting(approver, Role.REVIEWER), sanction_id)
            assert refusal.value.code is RefusalCode.DUTIES_NOT_SEPARATE
        else:
            world.approve(acting(approver, Role.ISSUER), sanction_id)
            deciders.add(approver)
        appeal_id = world.in_review(team, sanction_id)
        votes = 0
        for person in reviewers:
            reviewer = acting(person, Role.REVIEWER)
            try:
                world.decide(reviewer, appeal_id, Outcome.UPHELD)
            except Refused as refusal:
                over = refusal.code is RefusalCode.CONFLICT and votes == 2
                apart = refusal.code is RefusalCode.DUTIES_NOT_SEPARATE and person in deciders
                assert over or apart
            else:
                assert person not in deciders
                deciders.add(person)
                votes += 1
        assert (world.appeal(appeal_id).outcome is Outcome.UPHELD) is (votes == 2)

    separate()

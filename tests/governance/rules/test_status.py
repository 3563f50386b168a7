"""Effect follows from the clock and the ends; the ends from the instants, ties by rank."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.rules.status import Timeline, effect, timeline
from governance.words import Effect, EndReason
from tests.builders import DAY, MICRO, NOW


@dataclass(frozen=True)
class Case:
    effective_at: datetime = NOW
    expires_at: datetime | None = None
    approved_at: datetime | None = None
    lapses_at: datetime | None = None
    lifted_at: datetime | None = None
    overturned_at: datetime | None = None
    voided_at: datetime | None = None
    superseded_at: datetime | None = None
    source_ended_at: datetime | None = None


# In the order that breaks ties.
FIELDS = {
    EndReason.OVERTURNED: "overturned_at",
    EndReason.VOIDED: "voided_at",
    EndReason.SUPERSEDED: "superseded_at",
    EndReason.SOURCE_ENDED: "source_ended_at",
    EndReason.LIFTED: "lifted_at",
    EndReason.NOT_APPROVED: "lapses_at",
    EndReason.EXPIRED: "expires_at",
}
END = NOW + DAY
instants = st.sampled_from([NOW - DAY, NOW, NOW + MICRO, END, END + DAY])
cases = st.builds(
    Case,
    effective_at=instants,
    **{f: st.none() | instants for f in [*FIELDS.values(), "approved_at"]},
)


@pytest.mark.parametrize("reason", EndReason)
def test_each_end_gives_its_reason(reason: EndReason) -> None:
    line = timeline(replace(Case(), **{FIELDS[reason]: END}))
    assert (line.ends_at, line.end_reason) == (END, reason)


@pytest.mark.parametrize(("first", "second"), list(combinations(FIELDS, 2)))
def test_of_two_ends_the_earlier_counts_and_rank_breaks_ties(
    first: EndReason, second: EndReason
) -> None:
    tie = replace(Case(), **{FIELDS[first]: END, FIELDS[second]: END})
    assert timeline(tie).end_reason is first
    assert timeline(replace(tie, **{FIELDS[second]: END - MICRO})).end_reason is second


def test_a_sanction_without_an_end_is_in_force_from_its_start() -> None:
    assert timeline(Case()) == Timeline(NOW, None, None)
    assert effect((NOW, None), NOW - MICRO) is Effect.PENDING
    assert effect((NOW, None), NOW) is Effect.IN_FORCE


def test_a_termination_starts_at_the_later_of_approval_and_start() -> None:
    pending = Case(lapses_at=NOW + 7 * DAY)
    assert timeline(pending) == Timeline(None, NOW + 7 * DAY, EndReason.NOT_APPROVED)
    approved = timeline(replace(pending, approved_at=NOW + DAY))
    assert approved == Timeline(NOW + DAY, None, None)
    planned = replace(pending, effective_at=NOW + 9 * DAY, approved_at=NOW + DAY)
    assert timeline(planned).starts_at == NOW + 9 * DAY


def test_an_unapproved_termination_lapses_to_the_microsecond() -> None:
    line = timeline(Case(lapses_at=END))
    assert effect((line.starts_at, line.ends_at), END - MICRO) is Effect.PENDING
    assert effect((line.starts_at, line.ends_at), END) is Effect.ENDED


def test_expiry_is_half_open() -> None:
    assert effect((NOW, END), END - MICRO) is Effect.IN_FORCE
    assert effect((NOW, END), END) is Effect.ENDED


def test_what_ends_before_it_starts_is_never_in_force() -> None:
    assert effect((END, NOW), NOW - MICRO) is Effect.PENDING
    assert effect((END, NOW), NOW) is Effect.ENDED
    assert effect((END, NOW), END) is Effect.ENDED


@pytest.mark.property
@given(cases)
def test_the_end_is_the_earliest_there_is(case: Case) -> None:
    line = timeline(case)
    lapse = case.lapses_at if case.approved_at is None else None
    ends = {reason: getattr(case, name) for reason, name in FIELDS.items()}
    known = {r: at for r, at in (ends | {EndReason.NOT_APPROVED: lapse}).items() if at}
    assert line.ends_at == min(known.values(), default=None)
    assert line.end_reason == next((r for r, at in known.items() if at == line.ends_at), None)


@pytest.mark.property
@given(cases, st.lists(st.datetimes(), min_size=2).map(sorted))
def test_effect_only_moves_forward_with_the_clock(case: Case, naive: list[datetime]) -> None:
    line = timeline(case)
    order = list(Effect)
    seen = [
        order.index(effect((line.starts_at, line.ends_at), at.replace(tzinfo=NOW.tzinfo)))
        for at in naive
    ]
    assert seen == sorted(seen)

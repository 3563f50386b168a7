"""The ladder advises from what stands; it never terminates and never sinks below its foot."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.rules.ladder import Rung, step, weight
from governance.rules.policy import LADDER, SUSPENSIONS
from governance.words import Measure, Validity
from tests.builders import DAY, MICRO, NOW

RUNG = Rung(measure=Measure.ACCOUNT_SUSPENDED, validity=Validity.STANDING, issued_at=NOW - 10 * DAY)
rungs = st.lists(
    st.builds(
        Rung,
        measure=st.sampled_from(Measure),
        validity=st.sampled_from(Validity),
        issued_at=st.integers(-10, 800).map(lambda days: NOW - days * DAY),
        has_open_appeal=st.booleans(),
        reduced_after_end=st.booleans(),
    )
)


@pytest.mark.parametrize(("served", "days"), [(0, 1), (1, 7), (2, 30), (3, 90), (4, 90), (100, 90)])
def test_one_day_then_seven_then_thirty_then_ninety(served: int, days: int) -> None:
    assert step([RUNG] * served, NOW) == timedelta(days=days)


def test_what_was_decided_365_days_ago_no_longer_counts() -> None:
    assert weight(replace(RUNG, issued_at=NOW - 365 * DAY + MICRO), NOW)
    assert not weight(replace(RUNG, issued_at=NOW - 365 * DAY), NOW)
    assert not weight(replace(RUNG, issued_at=NOW + MICRO), NOW)


@pytest.mark.parametrize("measure", Measure)
def test_only_suspensions_count(measure: Measure) -> None:
    assert weight(replace(RUNG, measure=measure), NOW) is (measure in SUSPENSIONS)


@pytest.mark.parametrize("validity", Validity)
def test_only_what_stands_counts(validity: Validity) -> None:
    assert weight(replace(RUNG, validity=validity), NOW) is (validity is Validity.STANDING)


def test_no_step_rests_on_a_sanction_under_appeal_or_reduced_after_its_end() -> None:
    assert not weight(replace(RUNG, has_open_appeal=True), NOW)
    assert not weight(replace(RUNG, reduced_after_end=True), NOW)


@pytest.mark.property
@given(rungs, st.randoms())
def test_a_step_is_a_pure_function_of_what_stands(many: list[Rung], random: object) -> None:
    standing = [rung for rung in many if weight(rung, NOW)]
    advised = step(many, NOW)
    random.shuffle(many)  # type: ignore[attr-defined]
    assert advised == step(many, NOW) == step(standing, NOW)
    assert advised in LADDER


@pytest.mark.property
@given(rungs, rungs)
def test_more_sanctions_never_lower_a_step(some: list[Rung], more: list[Rung]) -> None:
    assert LADDER[0] <= step(some, NOW) <= step(some + more, NOW) <= LADDER[-1]


@pytest.mark.property
@given(rungs, st.integers(min_value=0))
def test_overturning_never_raises_a_step(many: list[Rung], which: int) -> None:
    before = step(many, NOW)
    if many:
        which %= len(many)
        many[which] = replace(many[which], validity=Validity.OVERTURNED)
    assert step(many, NOW) <= before

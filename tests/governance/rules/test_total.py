"""The cap on suspensions together: a union, counted again day by day."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.rules.policy import exceeds_total, merged
from governance.rules.status import Span
from tests.builders import DAY, MICRO, NOW

CAP, WINDOW = 180, 360

Days = tuple[int | None, int | None]
days = st.integers(0, 900)
spans = st.tuples(days, st.integers(0, 200)).map(lambda pair: (pair[0], pair[0] + pair[1]))
others = st.lists(st.one_of(spans, st.tuples(st.none(), days), st.tuples(days, st.none())))


def span(of: Days) -> Span:
    start, end = of
    return (
        None if start is None else NOW + start * DAY,
        None if end is None else NOW + end * DAY,
    )


def covered(all_spans: list[Days]) -> set[int]:
    return {
        day for start, end in all_spans if start is not None and end for day in range(start, end)
    }


@pytest.mark.property
@given(spans, others)
def test_the_cap_is_what_a_count_of_days_in_every_window_says(new: Days, more: list[Days]) -> None:
    served = covered([new, *more])
    start, end = new
    assert start is not None
    assert end is not None
    windows = range(start - WINDOW, end + 1) if start < end else ()
    counted = any(sum(t <= day < t + WINDOW for day in served) > CAP for t in windows)
    assert exceeds_total(span(new), [span(other) for other in more]) is counted


@pytest.mark.property
@given(st.lists(spans))
def test_a_union_covers_the_same_days_once(many: list[Days]) -> None:
    union = merged(map(span, many))
    total = sum((end - start for start, end in union), start=0 * DAY)
    assert total == len(covered(many)) * DAY
    assert union == sorted(union)


def test_180_days_in_360_and_no_microsecond_more() -> None:
    before = (NOW - 100 * DAY, NOW)
    assert not exceeds_total((NOW, NOW + 80 * DAY), [before])
    assert exceeds_total((NOW, NOW + 80 * DAY + MICRO), [before])
    # The windows that end with the new one hold 19 days of the old.
    end = NOW + 341 * DAY
    assert not exceeds_total((end - 161 * DAY, end), [before])
    assert exceeds_total((end - 161 * DAY - MICRO, end), [before])


def test_overlapping_time_counts_once() -> None:
    one = (NOW, NOW + 100 * DAY)
    assert not exceeds_total((NOW, NOW + 180 * DAY), [one, one, (NOW + DAY, NOW + 90 * DAY)])


def test_what_is_long_over_is_no_reason_for_ever() -> None:
    lifted_ban = (NOW - 2000 * DAY, NOW - 1000 * DAY)
    assert not exceeds_total((NOW, NOW + 180 * DAY), [lifted_ban])


@pytest.mark.parametrize("year", [1, 9999])
def test_far_dates_are_counted_like_others(year: int) -> None:
    start = datetime(year, 2, 1, tzinfo=UTC)
    assert not exceeds_total((start, start + 180 * DAY), [])
    assert exceeds_total((start, start + 181 * DAY), [])
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert not exceeds_total((end - 180 * DAY, end), [])

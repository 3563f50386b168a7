"""How long a sanction restricts, and in which bucket it is counted."""

from datetime import timedelta

import pytest

from governance.rules.durations import BUCKETS, bucket, duration, restricts
from governance.rules.policy import LONGEST_SUSPENSION
from governance.words import DurationBucket, Measure
from tests.builders import DAY, MICRO, NOW

SUSPENDED = Measure.ACCOUNT_SUSPENDED


@pytest.mark.parametrize("name", BUCKETS)
def test_a_bucket_holds_its_longest_and_nothing_longer(name: DurationBucket) -> None:
    longest = BUCKETS[name]
    assert bucket(SUSPENDED, (NOW, NOW + longest)) is name
    assert bucket(SUSPENDED, (NOW, NOW + longest + MICRO)) is not name


def test_the_longest_suspension_of_the_policy_is_in_the_last_bucket_but_two() -> None:
    assert max(BUCKETS.values()) == LONGEST_SUSPENSION
    assert bucket(SUSPENDED, (NOW, NOW + LONGEST_SUSPENSION + MICRO)) == "OVER_180_DAYS"
    assert bucket(SUSPENDED, (NOW, None)) == "OPEN_ENDED"


@pytest.mark.parametrize(
    ("measure", "span"),
    [
        (Measure.WARNING, (NOW, NOW)),
        (Measure.WARNING, (NOW, NOW + DAY)),
        (Measure.WARNING, (NOW, None)),
        (SUSPENDED, (None, NOW)),  # never approved
        (SUSPENDED, (None, None)),
        (SUSPENDED, (NOW, NOW)),
        (SUSPENDED, (NOW, NOW - DAY)),  # lifted before it began
    ],
)
def test_what_never_restricts_has_no_duration(measure: Measure, span: tuple[object, ...]) -> None:
    assert not restricts(measure, span)  # type: ignore[arg-type]
    assert duration(measure, span) is None  # type: ignore[arg-type]
    assert bucket(measure, span) is DurationBucket.NONE  # type: ignore[arg-type]


def test_the_shortest_restriction_counts() -> None:
    assert duration(SUSPENDED, (NOW, NOW + MICRO)) == timedelta(microseconds=1)
    assert bucket(SUSPENDED, (NOW, NOW + MICRO)) is DurationBucket.UP_TO_1_DAY

"""How long a sanction restricts its subject, and the buckets that durations are counted in."""

from datetime import timedelta

from governance.rules.status import Span
from governance.words import DurationBucket, Measure

MICROSECOND = timedelta(microseconds=1)

# What is as long as this at most, shortest first; the last suspension the policy allows among them.
BUCKETS: dict[DurationBucket, timedelta] = {
    DurationBucket.UP_TO_1_DAY: timedelta(days=1),
    DurationBucket.UP_TO_7_DAYS: timedelta(days=7),
    DurationBucket.UP_TO_30_DAYS: timedelta(days=30),
    DurationBucket.UP_TO_90_DAYS: timedelta(days=90),
    DurationBucket.UP_TO_180_DAYS: timedelta(days=180),
}


def restricts(measure: Measure, span: Span) -> bool:
    """Whether it restricts its subject at any time: no warning does, nor what never began, nor
    what ended before it would have begun."""
    starts_at, ends_at = span
    if measure is Measure.WARNING or starts_at is None:
        return False
    return ends_at is None or starts_at < ends_at


def duration(measure: Measure, span: Span) -> timedelta | None:
    """From the start to the end, as far as that is known now; None where it restricts nothing, and
    where it has no end."""
    starts_at, ends_at = span
    if starts_at is None or ends_at is None or not restricts(measure, span):
        return None
    return ends_at - starts_at


def bucket(measure: Measure, span: Span) -> DurationBucket:
    """The bucket that a sanction is counted in."""
    if not restricts(measure, span):
        return DurationBucket.NONE
    length = duration(measure, span)
    if length is None:
        return DurationBucket.OPEN_ENDED
    fits = (name for name, longest in BUCKETS.items() if length <= longest)
    return next(fits, DurationBucket.OVER_180_DAYS)

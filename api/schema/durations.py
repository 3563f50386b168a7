"""How long sanctions restrict: the SQL twin of `rules.durations`."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from api.reads.fields import Condition, Read, Row, is_any_of
from governance.rules.durations import BUCKETS
from governance.words import DurationBucket, Measure


def restricts(row: Row) -> Condition:
    """Whether a sanction restricts its subject at any time."""
    is_warning = is_any_of(row.measure, [Measure.WARNING])
    begins = sa.or_(row.ends_at.is_(None), row.starts_at < row.ends_at)
    return sa.and_(sa.not_(is_warning), row.starts_at.is_not(None), begins)


def microseconds(row: Row, read: Read) -> sa.ColumnElement[int]:
    """From the start to the end; null where it restricts nothing or has no end."""
    return sa.case((restricts(row), read.dialect.microseconds(row.starts_at, row.ends_at)))


def bucket(row: Row, read: Read) -> sa.ColumnElement[str]:
    """The bucket that a sanction is counted in."""
    length = read.dialect.microseconds(row.starts_at, row.ends_at)
    whens: list[tuple[Any, Any]] = [
        (sa.not_(restricts(row)), _word(DurationBucket.NONE)),
        (row.ends_at.is_(None), _word(DurationBucket.OPEN_ENDED)),
    ]
    for name, longest in BUCKETS.items():
        most = sa.literal_column(str(longest // timedelta(microseconds=1)), sa.BigInteger())
        whens.append((length <= most, _word(name)))
    return sa.case(*whens, else_=_word(DurationBucket.OVER_180_DAYS))


def _word(word: DurationBucket) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{word}'", sa.Text())

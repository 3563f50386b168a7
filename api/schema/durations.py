"""How long sanctions restrict: the SQL twin of `rules.durations`, over what a row says it lasts."""

from typing import Any

import sqlalchemy as sa

from api.reads.fields import Condition, Read, Row, is_any_of
from governance.rules.durations import BUCKETS, MICROSECOND
from governance.words import DurationBucket, Measure


def restricts(row: Row) -> Condition:
    """Whether a sanction restricts its subject at any time."""
    is_warning = is_any_of(row.measure, [Measure.WARNING])
    is_open_ended = sa.and_(row.starts_at.is_not(None), row.ends_at.is_(None))
    return sa.or_(row.lasts.is_not(None), sa.and_(is_open_ended, sa.not_(is_warning)))


def unmeasured(row: Row, word: DurationBucket) -> list[Condition]:
    """What is open-ended, or restricts nothing, in the words by which its index is known."""
    is_warning = sa.type_coerce(row.measure, sa.Text()) == _word(Measure.WARNING)
    is_none = sa.or_(row.starts_at.is_(None), row.ends_at.is_not(None), is_warning)
    return [row.lasts.is_(None), is_none if word is DurationBucket.NONE else sa.not_(is_none)]


def bucket(row: Row, read: Read) -> sa.ColumnElement[str]:
    """The bucket that a sanction is counted in."""
    whens: list[tuple[Any, Any]] = []
    for name, longest in BUCKETS.items():
        most = sa.literal_column(str(longest // MICROSECOND), sa.BigInteger())
        whens.append((row.lasts <= most, _word(name)))
    whens.append((row.lasts.is_not(None), _word(DurationBucket.OVER_180_DAYS)))
    whens.append((restricts(row), _word(DurationBucket.OPEN_ENDED)))
    return sa.case(*whens, else_=_word(DurationBucket.NONE))


def _word(word: DurationBucket | Measure) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{word}'", sa.Text())

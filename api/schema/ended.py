"""Sanctions by when they ended, read from the tallies of days where those hold, and of other days
one by one: as `api.schema.tallied` reads them by when they were issued."""

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import Condition, Read, Row, is_any_of, rows_of, within
from api.reads.texts import literal, whole_number
from api.reads.values import Argument, parts_of
from api.schema.sanctions import has_ended
from api.schema.tallied import cut_day, midnight_of, until_of
from governance.events import Event, is_later
from governance.fields import UTCDateTime
from governance.records import sanctions
from governance.tallies import ENDED, IDLE, Tallied, Tally
from governance.words import EventType

BOUNDS = ("endedAfter", "endedBefore")


def ended(read: Read, given: Argument, names: Collection[str]) -> FromClause | None:
    """Those that fit by these columns, and the `number` of those that are alike; None where they
    aren't counted so."""
    values = parts_of(given)
    is_by_end = not values.keys().isdisjoint(BOUNDS)
    if not is_by_end or not values.keys() <= {*BOUNDS, "measures"} or not {*names} <= {*ENDED}:
        return None
    today = read.bound(midnight_of(read.clock), UTCDateTime())
    until = read.dialect.least(until_of(read, "has_ended"), today)
    days = _days(read, values, until)
    tally = rows_of(Tally).c
    kept = sa.select(*(tally[name] for name in names), tally.number).where(
        tally.by == literal("ENDED"),
        tally.issued_at < until,
        sa.not_(tally.issued_at.in_(sa.select(days.c.day))),
        *within(tally.issued_at, read, values, "ended"),
        *_words(tally, read, values),
    )
    one = whole_number(1).label("number")
    others = [
        sa.select(*(row[name] for name in names), one).select_from(source).where(*where)
        for row, source, where in _others(read, values, days, until)
    ]
    return sa.union_all(kept, *others).subquery()


def _others(
    read: Read, values: dict[str, Argument], days: sa.CTE, until: sa.ColumnElement[Any]
) -> Iterator[tuple[Row, FromClause, list[Condition]]]:
    """The sanctions of which no tallies hold, each with one bound on either side."""
    after, before = (
        read.instant(values[name], name) if name in values else None for name in BOUNDS
    )
    most, least, day = read.dialect.most, read.dialect.least, days.c.day
    row = rows_of(sanctions.Sanction)
    where = [row.c.ends_at >= (until if after is None else most(until, after))]
    where += [] if before is None else [row.c.ends_at < before]
    yield row.c, row, [*where, has_ended(row.c, read), *_words(row.c, read, values)]
    row = rows_of(sanctions.Sanction)
    next_day = read.dialect.days_after(day, 1)
    where = [row.c.ends_at >= (day if after is None else most(day, after))]
    where += [row.c.ends_at < (next_day if before is None else least(next_day, before))]
    source = sa.join(days, row, sa.true())
    yield row.c, source, [day < until, *where, *_words(row.c, read, values)]


def _words(row: Row, read: Read, values: dict[str, Argument]) -> list[Condition]:
    """The measures, but not to be looked for: of what ended in some time, SQLite, which has no
    statistics, would look for the words first."""
    if "measures" not in values:
        return []
    return [read.among(row.measure.concat(literal("")), values["measures"])]


def _days(read: Read, values: dict[str, Argument], until: sa.ColumnElement[Any]) -> sa.CTE:
    """The days that a sanction ends or ended on of which there is news, and those that are cut."""
    event, change, older = rows_of(Event), rows_of(Event), rows_of(Event)
    position = sa.select(rows_of(Tallied).c.position).scalar_subquery()
    day, day_before = (read.dialect.midnight(e.c.ends_at).label("day") for e in (event, older))
    is_news = event.c.position > position, sa.not_(is_any_of(event.c.type, IDLE))
    news = sa.select(day).where(*is_news, event.c.ends_at < until).distinct()
    changed = (
        change.c.position > position,
        sa.not_(is_any_of(change.c.type, {*IDLE, EventType.SANCTION_ISSUED})),
    )
    row = rows_of(sanctions.Sanction)
    about = sa.join(change, row, row.c.id == change.c.sanction_id)
    first = about.join(older, older.c.position == row.c.first_event)
    of_same = older.c.sanction_id == change.c.sanction_id
    later = sa.join(change, older, sa.and_(of_same, is_later(older.c)))
    left = sa.select(day_before).where(*changed, older.c.ends_at < until)
    cut = [
        sa.select(read.bound(cut_day(values[name], name), UTCDateTime()).label("day"))
        for name in BOUNDS
        if name in values
    ]
    before = map(left.select_from, (first, later))
    return read.dialect.few(sa.union(news, *before, *cut)).cte("end_days")

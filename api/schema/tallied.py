"""Sanctions that are alike, and appeals, read from the tallies of days where those hold, and of
other days one by one. See `governance.tallies`.

Tallies don't hold of the days since they were made, of those of which there was news since, and of
the first and the last that are asked for, if those are in part. Of weeks without such days their
sums are read, unless figures are by day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import (
    FIRST,
    Condition,
    Read,
    Row,
    instant_of,
    is_any_of,
    rows_of,
    value_from,
    within,
)
from api.reads.texts import literal, whole_number
from api.reads.values import Argument, Getter, parts_of
from api.schema.durations import bucket
from api.schema.filters import fits_columns
from governance.events import Event
from governance.fields import UTCDateTime
from governance.records import appeals, sanctions
from governance.tallies import (
    ANSWERS_BY,
    BY,
    DECISION,
    IDLE,
    AppealTally,
    Tallied,
    Tally,
    weeks_by,
)

# What a filter may narrow, and the column of it.
NARROWED = {
    "platform": "platform_id",
    "measures": "measure",
    "categories": "category",
    "automations": "automation",
    "issuedAfter": "issued_at",
    "issuedBefore": "issued_at",
}
BOUNDS = ("issuedAfter", "issuedBefore")
MICRO = timedelta(microseconds=1)
ONE = whole_number(1).label("number")
Instant = sa.ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Tallies:
    """What a filter selects, where tallies can tell it."""

    read: Read
    values: dict[str, Argument]
    days: sa.CTE  # that are read one by one
    weeks: sa.CTE  # that hold such days, or aren't over
    rest: sa.CTE  # the other days of these weeks

    def alike(self, names: Iterable[str]) -> FromClause | None:
        """Sanctions by these columns, and the `number` of those that are alike; None where they
        aren't counted so."""
        told = sorted({*names})
        by = self._by(told, BY)
        if by is None:
            return None
        others = [
            sa.select(*_columns(row, self.read, told), ONE).select_from(source).where(*where)
            for row, source, where in self._others()
        ]
        return sa.union_all(*self._sums(by, told), *others).subquery()

    def answers(self, names: Iterable[str], own: Sequence[str]) -> FromClause | None:
        """The appeals against them by these columns, and by some of their own, and the `number` of
        those that are alike; None where they aren't counted so."""
        told = sorted({*names})
        if self._by(told, {"": DECISION}) is None:
            return None
        others = [self._answers(*other, told, own) for other in self._others()]
        by = self._by([*told, *own], ANSWERS_BY)
        kept = [self._each([*told, *own])] if by is None else self._sums(by, [*told, *own])
        return sa.union_all(*kept, *others).subquery()

    def _answers(
        self,
        row: Row,
        source: FromClause,
        where: Sequence[Condition],
        names: Sequence[str],
        own: Sequence[str],
    ) -> sa.Select[Any]:
        """Those against sanctions of which no tallies hold, looked for one by one: PostgreSQL would
        read all appeals for those against a thousand."""
        read, appeal, about = self.read, rows_of(appeals.Appeal), rows_of(sanctions.Sanction)
        ids = sa.select(row.id.label("id")).select_from(source).where(*where)
        each = read.dialect.few(ids).subquery()
        found = sa.join(each, appeal, appeal.c.sanction_id == each.c.id)
        found = found.join(about, about.c.id == each.c.id)
        answers = {column.key: column for column in answer(appeal.c, read)}
        told = *_columns(about.c, read, names), *(answers[name] for name in own), ONE
        return sa.select(*told).select_from(found)

    def _by(self, names: Iterable[str], counted: Mapping[str, Sequence[str]]) -> str | None:
        """What is counted by all of these columns, and by those that are narrowed."""
        needed = {*names, *(NARROWED[name] for name in self.values)} - {"issued_at"}
        return next((by for by, columns in counted.items() if needed <= {*columns}), None)

    def _sums(self, by: str, names: Sequence[str]) -> list[sa.Select[Any]]:
        """Of weeks, and of other days; of days alone, where they have to be told apart."""

        def found(by: str, values: dict[str, Argument]) -> tuple[FromClause, sa.Select[Any]]:
            row = rows_of(Tally)
            where = [row.c.by == literal(by), *fits_columns(row.c, self.read, values)]
            return row, sa.select(*(row.c[name] for name in names), row.c.number).where(*where)

        is_by_day = "issued_at" in names
        row, sums = found(by if is_by_day else weeks_by(by), self.values)
        others = self.days.c.day if is_by_day else self.weeks.c.week
        sums = sums.where(*self._but(row, others))
        if is_by_day:
            return [sums]
        # Looked for one by one: SQLite would take all days between bounds.
        row, of_days = found(by, {n: v for n, v in self.values.items() if n not in BOUNDS})
        return [sums, of_days.where(row.c.issued_at.in_(sa.select(self.rest.c.day)))]

    def _each(self, names: Sequence[str]) -> sa.Select[Any]:
        """Appeals one by one, as they were when they were counted."""
        row = rows_of(AppealTally)
        where = *self._but(row, self.days.c.day), *fits_columns(row.c, self.read, self.values)
        return sa.select(*(row.c[name] for name in names), ONE).where(*where)

    def _but(self, row: FromClause, others: Instant) -> tuple[Condition, Condition]:
        """What is counted, but for others."""
        at = row.c.issued_at
        return at < until_of(self.read), at.not_in(sa.select(others))

    def _others(self) -> Iterator[tuple[Row, FromClause, list[Condition]]]:
        """The sanctions of which no tallies hold: those of the newest days, and of some others.
        Each has one bound on either side, since an engine may look from the other."""
        until, day = until_of(self.read), self.days.c.day
        row = rows_of(sanctions.Sanction)
        yield row.c, row, self._within(row.c, until, None)
        row = rows_of(sanctions.Sanction)
        of_day = self._within(row.c, day, self.read.dialect.days_after(day, 1))
        yield row.c, sa.join(self.days, row, sa.true()), [day < until, *of_day]

    def _within(self, row: Row, first: Instant, end: Instant | None) -> list[Condition]:
        """What fits, and was issued from one instant on, and before another."""
        read, values = self.read, dict(self.values)
        after, before = (values.pop(name, None) for name in BOUNDS)
        if after is not None:
            first = read.dialect.most(first, read.instant(after, "issuedAfter"))
        if before is not None:
            given = read.instant(before, "issuedBefore")
            end = given if end is None else read.dialect.least(end, given)
        where = [row.issued_at >= first, *fits_columns(row, read, values)]
        return where if end is None else [*where, row.issued_at < end]


def tallies_of(read: Read, given: Argument) -> Tallies | None:
    """Tallies of what fits a filter; None where it asks for what they don't tell."""
    values = parts_of(given)
    if not values.keys() <= NARROWED.keys():
        return None
    event, about, tallied = rows_of(Event), rows_of(sanctions.Sanction), rows_of(Tallied)
    position = sa.select(tallied.c.position).scalar_subquery()
    # By itself for each event: PostgreSQL takes a third of all for news, and would read every row.
    midnight = read.dialect.midnight(about.c.issued_at)
    day = value_from(about, midnight, about.c.id == event.c.sanction_id).label("day")
    is_news = event.c.position > position, sa.not_(is_any_of(event.c.type, IDLE))
    news = sa.select(day).select_from(event).where(*is_news).distinct()
    ends = [
        sa.select(read.bound(cut_day(values[name], name), UTCDateTime()).label("day"))
        for name in BOUNDS
        if name in values
    ]
    days = read.dialect.few(sa.union(news, *ends)).cte("days")
    mondays = [read.dialect.monday(day).label("week") for day in (days.c.day, until_of(read))]
    weeks = read.dialect.few(sa.union(*map(sa.select, mondays))).cte("weeks")
    rest = read.dialect.few(_rest(read, values, days, weeks)).cte("rest")
    return Tallies(read, values, days, weeks, rest)


def _rest(read: Read, values: dict[str, Argument], days: sa.CTE, weeks: sa.CTE) -> sa.Select[Any]:
    """The days of these weeks that fit and are counted."""
    each = [sa.select(read.dialect.days_after(weeks.c.week, n).label("day")) for n in range(7)]
    day = sa.union_all(*each).subquery().c.day
    is_counted = day < until_of(read), day.not_in(sa.select(days.c.day))
    return sa.select(day).where(*is_counted, *within(day, read, values, "issued"))


def answer(appeal: Row, read: Read) -> Sequence[sa.ColumnElement[Any]]:
    """What is told of an appeal in figures."""
    length = read.dialect.microseconds(appeal.filed_at, appeal.decided_at)
    takes = sa.case((appeal.outcome.is_not(None), length)).label("takes")
    return appeal.state, appeal.outcome, appeal.due_at, takes


def cut_day(value: Argument, name: str) -> Getter:
    """The day that is cut by a bound of a filter; by that in which one begins, none that fits."""
    get = instant_of(value, name)
    return midnight_of((lambda env: get(env) - MICRO) if name.endswith("After") else get)


def midnight_of(get: Getter) -> Getter:
    """The beginning of the day of an instant."""
    return lambda env: datetime.combine(get(env).astimezone(UTC), time.min, UTC)


def until_of(read: Read, counted: str = "has_weeks") -> sa.ColumnElement[Any]:
    """The beginning of the first day that isn't counted, or not by this."""
    tallied = rows_of(Tallied).c
    until = sa.select(tallied.until).where(tallied[counted]).scalar_subquery()
    first = read.bound(lambda _: FIRST, UTCDateTime())
    return sa.func.coalesce(until, first, type_=UTCDateTime())


def _columns(row: Row, read: Read, names: Sequence[str]) -> list[sa.ColumnElement[Any]]:
    computed = {"duration_bucket": bucket}
    return [
        computed[name](row, read).label(name) if name in computed else row[name] for name in names
    ]

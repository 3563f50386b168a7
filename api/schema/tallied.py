"""Sanctions that are alike, and appeals, read from the tallies of days where those hold, and of
other days one by one. See `governance.tallies`.

Tallies don't hold of the days since they were made, of those of which there was news since, and of
the first and the last that are asked for, which may be asked for in part.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.selectable import FromClause

from api.reads.dialects import whole_number
from api.reads.fields import FIRST, Condition, Read, Row, instant_of, is_any_of, rows_of, value_from
from api.reads.texts import literal
from api.reads.values import Argument, Getter, parts_of
from api.schema.durations import bucket
from api.schema.filters import fits_columns
from governance.events import Event
from governance.fields import UTCDateTime
from governance.records import appeals, sanctions
from governance.tallies import BY, IDLE, AppealTally, Tallied, Tally

# What a filter may narrow, and the column of it.
NARROWED = {
    "platform": "platform_id",
    "measures": "measure",
    "categories": "category",
    "automations": "automation",
    "issuedAfter": "issued_at",
    "issuedBefore": "issued_at",
}
Instant = sa.ColumnElement[Any]
OF_APPEALS = {"issued_at", "platform_id", "measure", "category", "automation"}


@dataclass(frozen=True, slots=True)
class Tallies:
    """What a filter selects, where tallies can tell it."""

    read: Read
    values: dict[str, Argument]
    days: sa.CTE  # that are read one by one

    def alike(self, names: Iterable[str]) -> FromClause | None:
        """Sanctions by these columns, and the `number` of those that are alike; None where they
        aren't counted so."""
        told = sorted({"issued_at", *names})
        needed = {*told, *(NARROWED[name] for name in self.values)} - {"issued_at"}
        by = next((by for by, columns in BY.items() if needed <= {*columns}), None)
        if by is None:
            return None
        tally = rows_of(Tally).c
        kept = sa.select(*(tally[name] for name in told), tally.number)
        kept = kept.where(tally.by == literal(by), *self._kept(tally))
        one = whole_number(1).label("number")
        others = [
            sa.select(*_columns(row, self.read, told), one).select_from(source).where(*where)
            for row, source, where in self._others()
        ]
        return sa.union_all(kept, *others).subquery()

    def answers(self, names: Iterable[str]) -> FromClause | None:
        """The appeals against them, beside these columns of theirs; None where they aren't
        counted so."""
        told = sorted({"issued_at", *names})
        if not {*told, *(NARROWED[name] for name in self.values)} <= OF_APPEALS:
            return None
        tally = rows_of(AppealTally).c
        columns = (tally[name] for name in (*told, "state", "outcome", "due_at", "takes"))
        kept = sa.select(*columns).where(*self._kept(tally))
        others = []
        for row, source, where in self._others():
            appeal = rows_of(appeals.Appeal)
            both = sa.join(source, appeal, appeal.c.sanction_id == row.id)
            found = sa.select(*_columns(row, self.read, told), *answer(appeal.c, self.read))
            others.append(found.select_from(both).where(*where))
        return sa.union_all(kept, *others).subquery()

    def _kept(self, tally: Row) -> list[Condition]:
        is_kept = tally.issued_at < until_of(self.read)
        is_other = tally.issued_at.in_(sa.select(self.days.c.day))
        return [is_kept, sa.not_(is_other), *fits_columns(tally, self.read, self.values)]

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
        after, before = (values.pop(name, None) for name in ("issuedAfter", "issuedBefore"))
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
        for name in ("issuedAfter", "issuedBefore")
        if name in values
    ]
    return Tallies(read, values, read.dialect.few(sa.union(news, *ends)).cte("days"))


def answer(appeal: Row, read: Read) -> Sequence[sa.ColumnElement[Any]]:
    """What is told of an appeal in figures."""
    length = read.dialect.microseconds(appeal.filed_at, appeal.decided_at)
    takes = sa.case((appeal.outcome.is_not(None), length)).label("takes")
    return appeal.state, appeal.outcome, appeal.due_at, takes


def cut_day(value: Argument, name: str) -> Getter:
    """The day that is cut by a bound of a filter."""
    return midnight_of(instant_of(value, name))


def midnight_of(get: Getter) -> Getter:
    """The beginning of the day of an instant."""
    return lambda env: datetime.combine(get(env).astimezone(UTC), time.min, UTC)


def until_of(read: Read, *, has_ended: bool = False) -> sa.ColumnElement[Any]:
    """The beginning of the first day that isn't counted, or not by what ended."""
    tallied = rows_of(Tallied).c
    until = sa.select(tallied.until).where(*([tallied.has_ended] if has_ended else []))
    first = read.bound(lambda _: FIRST, UTCDateTime())
    return sa.func.coalesce(until.scalar_subquery(), first, type_=UTCDateTime())


def _columns(row: Row, read: Read, names: Sequence[str]) -> list[sa.ColumnElement[Any]]:
    computed = {"duration_bucket": bucket}
    return [
        computed[name](row, read).label(name) if name in computed else row[name] for name in names
    ]

"""Counting the sanctions of days that are over, for `governance.tallies`.

A day is counted whole, each time anew, and so are the sums of its week, once that is over. A run
may end anywhere: how far tallies go is written last, and of what happened meanwhile the next run
hears from the feed.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from governance.appeals import Appeal
from governance.database import Database
from governance.events import Event, is_later
from governance.feed import newest_position
from governance.rows import insert, made
from governance.rules.durations import MICROSECOND, bucket
from governance.rules.lifecycle import AWAITING_ANSWER
from governance.sanctions import Sanction
from governance.tallies import (
    ANSWERS_BY,
    BY,
    DECISION,
    ENDED,
    IDLE,
    AppealTally,
    Tallied,
    Tally,
    weeks_by,
)
from governance.words import EventType

OF_DAYS = {**BY, **ANSWERS_BY}
OF_ROW = {"issued_at", "place", "number"}
DAYS = 20  # in a transaction
ONE_DAY, ONE_WEEK = timedelta(days=1), timedelta(days=7)
NOTHING = Tallied(position=0, until=datetime.min.replace(tzinfo=UTC))

COUNTED = [getattr(Sanction, name) for name in DECISION]
SANCTION = [*COUNTED, *(getattr(Sanction, n) for n in ("lasts", "starts_at", "ends_at"))]
APPEAL = ("state", "outcome", "due_at", "filed_at", "decided_at")
ANSWERED = [*COUNTED, *(getattr(Appeal, name) for name in APPEAL)]


def tally(db: Database, *, now: datetime, between: Callable[[], None] = lambda: None) -> int:
    """Counts the days that aren't counted, or not as they are now; returns how many. What is called
    between two transactions may raise, to stop."""
    with db.reading() as session:
        done = session.get(Tallied, 1) or NOTHING
        position = newest_position(session)
        until = max(done.until, datetime.combine(now.astimezone(UTC), time.min, UTC))
        if (position, until, True) == (done.position, done.until, done.has_weeks):
            return 0
        since = done if done.has_weeks else NOTHING
        counted = _to_count(session, since, until)
        weeks = {_monday(day) for day in (*counted, since.until)}
        ended = _ended(session, done if done.has_ended else NOTHING, until)
    days = [(_count, day) for day in counted]
    days += [(_count_week, week) for week in sorted(weeks) if week + ONE_WEEK <= until]
    days += [(_count_ended, day) for day in ended]
    for start in range(0, len(days), DAYS):
        with db.writing() as session:
            for count, day in days[start : start + DAYS]:
                count(session, day)
        between()
    with db.writing() as session:
        session.merge(Tallied(id=1, position=position, until=until, has_ended=True, has_weeks=True))
    return len({*counted, *ended})


def _to_count(session: Session, done: Tallied, until: datetime) -> list[datetime]:
    """Days since those that are counted, and those of which there is news."""
    issued_at = col(Sanction.issued_at)
    news = sa.join(Event, Sanction, col(Sanction.id) == col(Event.sanction_id))
    is_news = col(Event.position) > done.position, col(Event.type).not_in(IDLE)
    changed = sa.select(_day(session, issued_at)).select_from(news).where(*is_news)
    added = sa.select(_day(session, issued_at)).where(issued_at >= done.until, issued_at < until)
    return _days(session, until, added, changed)


def _ended(session: Session, done: Tallied, until: datetime) -> list[datetime]:
    """The same of days on which sanctions end, or ended as they were told before."""
    ends_at, older = col(Sanction.ends_at), aliased(Event)
    was = col(older.ends_at)
    is_news = col(Event.position) > done.position, col(Event.type).not_in(IDLE)
    is_change = *is_news, col(Event.type) != EventType.SANCTION_ISSUED
    about = sa.join(Event, Sanction, col(Sanction.id) == col(Event.sanction_id))
    first = about.join(older, col(older.position) == col(Sanction.first_event))
    of_same = col(older.sanction_id) == col(Event.sanction_id)
    later = sa.join(Event, older, sa.and_(of_same, is_later(older)))
    added = sa.select(_day(session, ends_at)).where(ends_at >= done.until, ends_at < until)
    told = sa.select(_day(session, col(Event.ends_at))).where(*is_news, col(Event.ends_at) < until)
    left = sa.select(_day(session, was)).where(*is_change, was < until)
    return _days(session, until, added, told, *map(left.select_from, (first, later)))


def _days(session: Session, until: datetime, *found: sa.Select[Any]) -> list[datetime]:
    texts = sorted(session.scalars(sa.union(*found)))
    days = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]
    return [day for day in days if day < until]


def _day(session: Session, instant: Any) -> sa.ColumnElement[str]:
    if session.get_bind().dialect.name == "sqlite":
        return sa.func.substr(sa.type_coerce(instant, sa.Text()), 1, 10)
    return sa.func.to_char(sa.func.timezone("UTC", instant), "YYYY-MM-DD")


def _monday(day: datetime) -> datetime:
    return day - timedelta(days=day.weekday())


def _count(session: Session, day: datetime) -> None:
    within = col(Sanction.issued_at) >= day, col(Sanction.issued_at) < day + ONE_DAY
    numbers: Counter[tuple[Any, ...]] = Counter()
    for row in session.execute(sa.select(*SANCTION).where(*within)):
        told = row._asdict()
        told["duration_bucket"] = bucket(row.measure, (row.starts_at, row.ends_at))
        numbers.update((by, *(told[name] for name in names)) for by, names in BY.items())
    both = sa.join(Sanction, Appeal, col(Appeal.sanction_id) == col(Sanction.id))
    found = session.execute(sa.select(*ANSWERED).select_from(both).where(*within)).all()
    for row in found:
        told = row._asdict()
        told["due_at"] = row.due_at if row.state in AWAITING_ANSWER else None
        numbers.update((by, *(told[name] for name in names)) for by, names in ANSWERS_BY.items())
    _write(session, day, OF_DAYS, (_named(*counted) for counted in numbers.items()))
    session.execute(sa.delete(AppealTally).where(col(AppealTally.issued_at) == day))
    appeals = [
        made(AppealTally, **row._asdict(), issued_at=day, place=n, takes=_takes(row))
        for n, row in enumerate(found)
    ]
    insert(session, AppealTally, [vars(one) for one in appeals])


def _named(values: tuple[Any, ...], number: int) -> dict[str, Any]:
    by, *values_of_it = values
    return {"by": by, "number": number, **dict(zip(OF_DAYS[by], values_of_it, strict=True))}


def _count_week(session: Session, day: datetime) -> None:
    """The sums of what the days from a Monday on were counted to."""
    within = col(Tally.issued_at) >= day, col(Tally.issued_at) < day + ONE_WEEK
    alike = [column for column in sa.inspect(Tally).columns if column.name not in OF_ROW]
    sums = sa.select(*alike, sa.func.sum(Tally.number).label("number"))
    found = session.execute(sums.where(col(Tally.by).in_(OF_DAYS), *within).group_by(*alike))
    rows = [row._asdict() | {"by": weeks_by(row.by)} for row in found]
    _write(session, day, [*map(weeks_by, OF_DAYS)], rows)


def _count_ended(session: Session, day: datetime) -> None:
    columns = [getattr(Sanction, name) for name in ENDED]
    within = col(Sanction.ends_at) >= day, col(Sanction.ends_at) < day + ONE_DAY
    alike = sa.select(*columns, sa.func.count().label("number")).where(*within).group_by(*columns)
    rows = [row._asdict() | {"by": "ENDED"} for row in session.execute(alike)]
    _write(session, day, ["ENDED"], rows)


def _write(
    session: Session, since: datetime, by: Collection[str], rows: Iterable[dict[str, Any]]
) -> None:
    """In the place of what was counted by these before."""
    older = col(Tally.by).in_(by), col(Tally.issued_at) == since
    session.execute(sa.delete(Tally).where(*older))
    tallies = [made(Tally, **row, issued_at=since, place=n) for n, row in enumerate(rows)]
    insert(session, Tally, [vars(one) for one in tallies])


def _takes(appeal: Any) -> int | None:
    """Microseconds from filing to the outcome."""
    if appeal.outcome is None or appeal.decided_at is None:
        return None
    return int((appeal.decided_at - appeal.filed_at) // MICROSECOND)

"""Counting the sanctions of days that are over, for `governance.tallies`.

A day is counted whole, each time anew, so a run may end anywhere: how far tallies go is written
last, and of what happened meanwhile the next run hears from the feed.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from governance.appeals import Appeal
from governance.database import Database
from governance.events import Event
from governance.feed import newest_position
from governance.rows import insert, made
from governance.rules.durations import MICROSECOND, bucket
from governance.sanctions import Sanction
from governance.tallies import BY, ENDED, IDLE, AppealTally, Tallied, Tally
from governance.words import EventType

DAYS = 20  # in a transaction
ONE_DAY = timedelta(days=1)
NOTHING = Tallied(position=0, until=datetime.min.replace(tzinfo=UTC))

COUNTED = [getattr(Sanction, n) for n in ("platform_id", "measure", "category", "automation")]
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
        if (position, until, True) == (done.position, done.until, done.has_ended):
            return 0
        days = [(_count, day) for day in _to_count(session, done, until)]
        days += [
            (_count_ended, day)
            for day in _ended(session, done if done.has_ended else NOTHING, until)
        ]
    for start in range(0, len(days), DAYS):
        with db.writing() as session:
            for count, day in days[start : start + DAYS]:
                count(session, day)
        between()
    with db.writing() as session:
        session.merge(Tallied(id=1, position=position, until=until, has_ended=True))
    return len({day for _, day in days})


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
    both = sa.join(Event, older, col(older.sanction_id) == col(Event.sanction_id))
    added = sa.select(_day(session, ends_at)).where(ends_at >= done.until, ends_at < until)
    told = sa.select(_day(session, col(Event.ends_at))).where(*is_news, col(Event.ends_at) < until)
    left = sa.select(_day(session, was)).select_from(both).where(*is_change, was < until)
    return _days(session, until, added, told, left)


def _days(session: Session, until: datetime, *found: sa.Select[Any]) -> list[datetime]:
    texts = sorted(session.scalars(sa.union(*found)))
    days = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]
    return [day for day in days if day < until]


def _day(session: Session, instant: Any) -> sa.ColumnElement[str]:
    if session.get_bind().dialect.name == "sqlite":
        return sa.func.substr(sa.type_coerce(instant, sa.Text()), 1, 10)
    return sa.func.to_char(sa.func.timezone("UTC", instant), "YYYY-MM-DD")


def _count(session: Session, day: datetime) -> None:
    counted = col(Tally.by).in_(BY), col(Tally.issued_at) == day
    session.execute(sa.delete(Tally).where(*counted))
    session.execute(sa.delete(AppealTally).where(col(AppealTally.issued_at) == day))
    within = col(Sanction.issued_at) >= day, col(Sanction.issued_at) < day + ONE_DAY
    numbers: Counter[tuple[Any, ...]] = Counter()
    for row in session.execute(sa.select(*SANCTION).where(*within)):
        told = row._asdict()
        told["duration_bucket"] = bucket(row.measure, (row.starts_at, row.ends_at))
        numbers.update((by, *(told[name] for name in names)) for by, names in BY.items())
    tallies = [
        made(Tally, issued_at=day, place=n, number=number, by=by, **_named(by, values))
        for n, ((by, *values), number) in enumerate(numbers.items())
    ]
    both = sa.join(Sanction, Appeal, col(Appeal.sanction_id) == col(Sanction.id))
    found = session.execute(sa.select(*ANSWERED).select_from(both).where(*within))
    appeals = [
        made(AppealTally, **row._asdict(), issued_at=day, place=n, takes=_takes(row))
        for n, row in enumerate(found)
    ]
    insert(session, Tally, [vars(one) for one in tallies])
    insert(session, AppealTally, [vars(one) for one in appeals])


def _count_ended(session: Session, day: datetime) -> None:
    counted = col(Tally.by) == "ENDED", col(Tally.issued_at) == day
    session.execute(sa.delete(Tally).where(*counted))
    columns = [getattr(Sanction, name) for name in ENDED]
    within = col(Sanction.ends_at) >= day, col(Sanction.ends_at) < day + ONE_DAY
    alike = sa.select(*columns, sa.func.count().label("number")).where(*within).group_by(*columns)
    tallies = [
        made(Tally, by="ENDED", issued_at=day, place=n, **row._asdict())
        for n, row in enumerate(session.execute(alike))
    ]
    insert(session, Tally, [vars(one) for one in tallies])


def _named(by: str, values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(BY[by], values, strict=True))


def _takes(appeal: Any) -> int | None:
    """Microseconds from filing to the outcome."""
    if appeal.outcome is None or appeal.decided_at is None:
        return None
    return int((appeal.decided_at - appeal.filed_at) // MICROSECOND)

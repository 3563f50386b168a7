"""Turns of accounts by their own host's suspensions, for those who are told with RISC's events.

Nobody decides them: they follow from the feed and the clock. They are recorded after the decisions,
by one process at a time, each turn once. No row names an account: it is found by its suspensions'
keys, so what was erased turns no more.
"""

from collections.abc import Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Session, col, select

from governance.events import Event
from governance.feed import newest_position
from governance.fields import EnumText, Stored
from governance.fields import UTCDateTime as Utc
from governance.identifiers import SubjectKind
from governance.peers import followed_platforms
from governance.rules.policy import SUSPENSIONS
from governance.rules.turning import AccountTurn, next_look, turned
from governance.sanctions import Disclosure, Sanction
from governance.subjects import keys_of, sanctions_about
from governance.words import Audience

MOST_AT_ONCE = 500  # events, and looks, in one transaction
FAR = 10_000  # events that may be read again after a restart


class Turn(Stored, table=True):
    """An account was disabled or enabled, by a suspension of the platform that hosts it."""

    __tablename__ = "account_turns"
    __table_args__ = (sa.Index("account_turns_of_platform", "platform_id", "position"),)

    position: int = Field(primary_key=True, sa_type=sa.BigInteger)
    platform_id: str = Field(foreign_key="platforms.id")
    sanction_id: str = Field(foreign_key="sanctions.id", index=True)
    turn: AccountTurn = Field(sa_type=EnumText(AccountTurn))
    at: datetime = Field(sa_type=Utc)


class Watch(Stored, table=True):
    """When a suspension is next to be looked at, since it begins or ends then."""

    __tablename__ = "account_watches"

    sanction_id: str = Field(primary_key=True, foreign_key="sanctions.id")
    next_at: datetime = Field(sa_type=Utc, index=True)


class Mark(Stored, table=True):
    """Up to which place of the feed turns were recorded; one row."""

    __tablename__ = "account_mark"

    id: int = Field(primary_key=True)
    position: int = Field(sa_type=sa.BigInteger)


def newest(session: Session) -> int:
    """The newest turn's place; 0 while there is none."""
    return session.execute(sa.select(sa.func.max(col(Turn.position)))).scalar_one() or 0


def after(session: Session, platform_id: str, position: int, most: int) -> list[Turn]:
    """The next turns of accounts that a platform hosts."""
    query = select(Turn).where(Turn.platform_id == platform_id, Turn.position > position)
    return list(session.exec(query.order_by(col(Turn.position)).limit(most)))


def is_due(session: Session, now: datetime) -> bool:
    """Whether there is something to record, as far as a reader can tell."""
    mark = session.get(Mark, 1)
    if mark is None:
        return True
    look = sa.exists().where(col(Watch.next_at) <= now)
    told = _changes(mark.position).limit(1)
    far = newest_position(session) - mark.position > FAR
    return far or bool(session.scalar(sa.select(look))) or session.execute(told).first() is not None


def record(session: Session, now: datetime) -> bool:
    """Records what became of accounts up to now, in the order it happened; whether more is left."""
    mark = session.get(Mark, 1, with_for_update=True)
    if mark is None:
        _begin(session, now)
        return False
    end = newest_position(session)
    changes = session.execute(_changes(mark.position).limit(MOST_AT_ONCE)).all()
    due = select(Watch).where(Watch.next_at <= now).order_by(col(Watch.next_at))
    looks = session.exec(due.limit(MOST_AT_ONCE)).all()
    times = [min(change.recorded_at, now) for change in changes]  # another clock may be ahead
    others = [look.next_at for look in looks]
    cut = [some[-1] for some in (times, others) if len(some) == MOST_AT_ONCE]
    until = min([now, *cut])  # what is read is whole up to then
    named = [str(one.sanction_id) for one in changes] + [one.sanction_id for one in looks]
    queue = [one for one in zip([*times, *others], named, strict=True) if one[0] <= until]
    heapify(queue)
    while queue:
        at, ident = heappop(queue)
        again = _look(session, ident, at)
        if again is not None and again <= until:
            heappush(queue, (again, ident))
    done = [change.position for at, change in zip(times, changes, strict=True) if at <= until]
    mark.position = max([mark.position, *done]) if cut else end
    session.add(mark)
    return bool(cut)


def _look(session: Session, ident: str, at: datetime) -> datetime | None:
    """Records the turn of a suspension's account at an instant; when to look again."""
    account = _account(session, ident)
    own = next((one for one in account if one.id == ident), None)
    if own is not None:
        _turn(session, account, at)
    again = next_look(own, at) if own else None
    watch = session.get(Watch, ident)
    if again is None:
        if watch is not None:
            session.delete(watch)
    elif watch is None:
        session.add(Watch(sanction_id=ident, next_at=again))
    else:
        watch.next_at = again
        session.add(watch)
    return again


def _turn(session: Session, account: Sequence[Sanction], at: datetime) -> None:
    own = select(Turn).where(col(Turn.sanction_id).in_([one.id for one in account]))
    last = session.exec(own.order_by(col(Turn.position).desc()).limit(1)).first()
    is_disabled = last is not None and last.turn is AccountTurn.DISABLED
    found = turned(account, at, is_disabled=is_disabled)
    if found is not None:
        cause = account[found.cause]
        session.add(
            Turn(
                position=newest(session) + 1,
                platform_id=cause.platform_id,
                sanction_id=cause.id,
                turn=found.turn,
                at=found.at,
            )
        )
        session.flush()


def _account(session: Session, ident: str) -> Sequence[Sanction]:
    """The host's suspensions of the account that one of them is about; none once it is erased."""
    same = sanctions_about(keys_of([ident]))
    query = _announced(sa.select(Sanction)).where(col(Sanction.id).in_(same))
    return session.scalars(query.order_by(col(Sanction.id))).all()


def _announced(query: sa.Select[Any]) -> sa.Select[Any]:
    """Suspensions that partners may know of accounts that live where they were decided, here."""
    return query.join(
        Disclosure,
        sa.and_(
            col(Disclosure.sanction_id) == col(Sanction.id),
            col(Disclosure.host_id) == col(Sanction.platform_id),
        ),
    ).where(
        col(Sanction.measure).in_(SUSPENSIONS),
        col(Sanction.subject_kind) == SubjectKind.ACCOUNT,
        col(Sanction.audience) == Audience.PARTNERS,
        col(Sanction.is_binding),
        col(Sanction.platform_id).not_in(followed_platforms()),  # their own nodes do
    )


def _changes(position: int) -> sa.Select[Any]:
    """What happened to such suspensions after a place in the feed."""
    columns = col(Event.position), col(Event.recorded_at), col(Event.sanction_id)
    happened: Any = sa.select(*columns)
    happened = happened.join(Sanction, col(Sanction.id) == col(Event.sanction_id))
    later = _announced(happened).where(col(Event.position) > position)
    return later.order_by(col(Event.position))


def _begin(session: Session, now: datetime) -> None:
    """Takes accounts as they stand: who is told from now on is told of what changes."""
    session.add(Mark(id=1, position=newest_position(session)))
    session.flush()
    start, end, ident = col(Sanction.starts_at), col(Sanction.ends_at), col(Sanction.id)
    at = sa.bindparam("now", now, Utc())
    current = sa.or_(end.is_(None), end > at)
    place = newest(session) + sa.func.row_number().over(order_by=ident)
    word = sa.literal(AccountTurn.DISABLED.value)
    told = sa.select(place, col(Sanction.platform_id), ident, word, start)
    edge = sa.case((start > at, start), else_=end)
    looked = sa.select(ident, edge).where(sa.or_(start > at, end.is_not(None)))
    for table, query in (
        (Turn, _announced(told).where(current, start <= at)),
        (Watch, _announced(looked).where(current)),
    ):
        names = list(table.model_fields)
        session.execute(sa.insert(table).from_select(names, query))

"""Receivers: whom this node pushes events to, how far each has come, and what it didn't take.

Nothing here names a person. What is due are places in the feed; what is sent is made when it is
sent, so that an erasure reaches it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, Session, col, select

from governance.errors import Conflict, InvalidInput, NotFound
from governance.events import Event
from governance.feed import newest_position
from governance.fields import EnumText, Stored, new_id
from governance.fields import UTCDateTime as Utc
from governance.membership import find_platform
from governance.rules.delivery import pause_after
from governance.turns import Turn
from governance.words import Delivery, LetterState, ReceiverStatus

MOST_RECEIVERS = 20  # of a platform
TOKEN_ERRORS = frozenset(  # RFC 8935 section 2.4
    {
        *("invalid_request", "invalid_key", "invalid_issuer", "invalid_audience"),
        *("authentication_failed", "access_denied"),
    }
)
MOST_LETTERS = 10_000  # of a receiver; the oldest make room


class Receiver(Stored, table=True):
    """A platform's endpoint. `position` is the feed's newest place that is done with: taken, or
    nothing for this receiver, or among its letters."""

    __tablename__ = "receivers"

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id", index=True)
    delivery: Delivery = Field(sa_type=EnumText(Delivery))
    url: str | None = None
    filter: dict[str, Any] = Field(default_factory=dict, sa_type=sa.JSON)
    added_at: datetime = Field(sa_type=Utc)
    status: ReceiverStatus = Field(default=ReceiverStatus.ENABLED, sa_type=EnumText(ReceiverStatus))
    reason: str | None = None  # for the status, as whoever set it says
    generation: int = 0  # of the secret that webhooks are signed with
    position: int = Field(sa_type=sa.BigInteger)
    attempts: int = 0  # that failed in a row
    problem: str | None = None  # why the last one did
    next_at: datetime | None = Field(default=None, sa_type=Utc)


class Letter(Stored, table=True):
    """An event that a receiver didn't take; replayed, it waits to be sent again. `position` is its
    place in the feed; below zero, that of an account's turn."""

    __tablename__ = "letters"

    receiver_id: str = Field(primary_key=True, foreign_key="receivers.id")
    position: int = Field(primary_key=True, sa_type=sa.BigInteger)
    state: LetterState = Field(sa_type=EnumText(LetterState))
    problem: str
    at: datetime = Field(sa_type=Utc)


class Stream(Stored, table=True):
    """What a receiver of tokens is beside what every receiver is."""

    __tablename__ = "streams"

    receiver_id: str = Field(primary_key=True, foreign_key="receivers.id")
    issuer_id: str = Field(foreign_key="platforms.id")
    description: str | None = None
    requested: list[str] = Field(sa_type=sa.JSON)  # URIs of event types
    algorithm: str
    authorization: bytes | None = None  # sealed: the header that the receiver wants
    verifications: int = 0  # asked for
    is_verifying: bool = False
    verification_state: str | None = None
    verified_at: datetime | None = Field(default=None, sa_type=Utc)
    acknowledged: list[int] = Field(default_factory=list, sa_type=sa.JSON)  # ahead of the rest
    turn: int | None = Field(default=None, sa_type=sa.BigInteger)  # done with; null: none wanted


def add_webhook(
    session: Session,
    domain: str,
    url: str,
    *,
    wanted: Mapping[str, Any],
    after: int | None,
    now: datetime,
) -> Receiver:
    """A platform's endpoint for webhooks, from a place in the feed on, or from now on."""
    platform = find_platform(session, domain)
    check_room(session, platform.id)
    receiver = Receiver(
        id=new_id("psh"),
        platform_id=platform.id,
        delivery=Delivery.WEBHOOK,
        url=url,
        filter=dict(wanted),
        added_at=now,
        position=newest_position(session) if after is None else after,
    )
    session.add(receiver)
    session.flush()
    return receiver


def check_room(session: Session, platform_id: str) -> None:
    """Conflict where a platform has as many receivers as it may."""
    counted = sa.select(sa.func.count()).where(col(Receiver.platform_id) == platform_id)
    if session.execute(counted).scalar_one() >= MOST_RECEIVERS:
        raise Conflict(f"the platform has {MOST_RECEIVERS} receivers, the most there may be")


def found(session: Session, ident: str) -> Receiver:
    receiver = session.get(Receiver, ident)
    if receiver is None:
        raise NotFound(f"no receiver {ident}; `comity push list` shows them", path=["id"])
    return receiver


def listed(session: Session) -> list[Receiver]:
    """Every receiver, in the order they came."""
    return list(session.exec(select(Receiver).order_by(col(Receiver.added_at), col(Receiver.id))))


def remove(session: Session, ident: str) -> None:
    """Forgets a receiver, its letters, and the stream that it may be."""
    receiver = found(session, ident)
    for table in (Letter, Stream):
        session.execute(sa.delete(table).where(col(table.receiver_id) == ident))
    session.delete(receiver)


def set_status(session: Session, ident: str, status: ReceiverStatus, reason: str | None) -> None:
    """Pauses or goes on. What a paused receiver missed waits; a disabled one starts anew."""
    receiver = found(session, ident)
    if status is ReceiverStatus.ENABLED:
        if receiver.status is ReceiverStatus.DISABLED:
            receiver.position = newest_position(session)
        receiver.attempts, receiver.next_at, receiver.problem = 0, None, None
    receiver.status, receiver.reason = status, reason
    session.add(receiver)


def rotate(session: Session, ident: str) -> Receiver:
    """Signs with a new secret from now on, and with the old one beside it until the next time."""
    receiver = found(session, ident)
    if receiver.delivery is not Delivery.WEBHOOK:
        raise InvalidInput("expected a webhook: tokens are signed with the node's keys")
    receiver.generation += 1
    session.add(receiver)
    return receiver


def due(session: Session, now: datetime) -> list[Receiver]:
    """Receivers that something may have to be sent to now."""
    waiting = sa.exists().where(
        col(Letter.receiver_id) == col(Receiver.id), col(Letter.state) == LetterState.WAITING
    )
    verifying = sa.exists().where(
        col(Stream.receiver_id) == col(Receiver.id), col(Stream.is_verifying)
    )
    turning = sa.exists().where(
        col(Stream.receiver_id) == col(Receiver.id),
        col(Turn.platform_id) == col(Stream.issuer_id),
        col(Turn.position) > col(Stream.turn),
    )
    query = select(Receiver).where(
        Receiver.status == ReceiverStatus.ENABLED,
        Receiver.delivery != Delivery.POLL,
        sa.or_(col(Receiver.next_at).is_(None), col(Receiver.next_at) <= now),
        sa.or_(col(Receiver.position) < newest_position(session), waiting, verifying, turning),
    )
    return list(session.exec(query.order_by(col(Receiver.id))))


def are_pushed(session: Session) -> bool:
    """Whether there is anybody to send to."""
    pushed = sa.exists().where(
        col(Receiver.status) == ReceiverStatus.ENABLED, col(Receiver.delivery) != Delivery.POLL
    )
    return bool(session.scalar(sa.select(pushed)))


@dataclass(frozen=True, slots=True)
class Backlog:
    """How receivers of one way of delivery and one status stand."""

    delivery: Delivery
    status: ReceiverStatus
    count: int
    failing: int  # whose last attempt failed
    behind: int  # events of the feed that the one furthest back isn't done with, at most


def backlogs(session: Session) -> list[Backlog]:
    """How all receivers stand; one statement."""
    end = sa.select(sa.func.max(col(Event.position))).scalar_subquery()
    failing = sa.func.count(sa.case((col(Receiver.attempts) > 0, 1)))
    behind = sa.func.coalesce(end - sa.func.min(col(Receiver.position)), 0)
    by = col(Receiver.delivery), col(Receiver.status)
    counted = sa.select(*by, sa.func.count(), failing, behind).group_by(*by).order_by(*by)
    return [Backlog(*row) for row in session.execute(counted)]


def dead_letters(session: Session) -> int:
    """How many events weren't taken, and wait for nobody."""
    dead = sa.select(sa.func.count()).where(col(Letter.state) == LetterState.DEAD)
    return int(session.execute(dead).scalar_one())


def waiting(session: Session, ident: str, most: int) -> list[int]:
    """Places of letters that are to be sent again, oldest first."""
    query = (
        select(Letter.position)
        .where(Letter.receiver_id == ident, Letter.state == LetterState.WAITING)
        .order_by(col(Letter.position))
        .limit(most)
    )
    return list(session.exec(query))


def letters(session: Session, ident: str | None = None) -> list[Letter]:
    """What one receiver, or any, didn't take."""
    query = select(Letter).order_by(col(Letter.receiver_id), col(Letter.position))
    return list(session.exec(query if ident is None else query.where(Letter.receiver_id == ident)))


def replay(session: Session, ident: str, positions: Sequence[int] = ()) -> int:
    """Sends dead letters again, all of a receiver's unless some are named; how many."""
    receiver = found(session, ident)
    which = sa.update(Letter).where(
        col(Letter.receiver_id) == ident, col(Letter.state) == LetterState.DEAD
    )
    if positions:
        which = which.where(col(Letter.position).in_(positions))
    done = session.execute(which.values(state=LetterState.WAITING))
    receiver.attempts, receiver.next_at = 0, None
    session.add(receiver)
    return int(done.rowcount)  # type: ignore[attr-defined]


def advance(session: Session, ident: str, before: int, to: int) -> bool:
    """Notes that a receiver is done with the feed up to a place; False if it is elsewhere by now,
    as it is where another process serves it too."""
    done = session.execute(
        sa.update(Receiver)
        .where(col(Receiver.id) == ident, col(Receiver.position) == before)
        .values(position=to, attempts=0, problem=None, next_at=None)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def well(session: Session, ident: str) -> None:
    """Notes that a receiver took something that isn't of the feed."""
    done = sa.update(Receiver).where(col(Receiver.id) == ident)
    session.execute(done.values(attempts=0, problem=None, next_at=None))


def failed(session: Session, ident: str, problem: str, *, now: datetime, jitter: float) -> None:
    """Notes a failure, and when to try again."""
    receiver = session.get(Receiver, ident)
    if receiver is not None:
        receiver.attempts += 1
        receiver.problem = problem
        receiver.next_at = now + pause_after(receiver.attempts, jitter)
        session.add(receiver)


def bury(session: Session, ident: str, position: int, problem: str, *, now: datetime) -> None:
    """Makes an event a dead letter; the oldest make room."""
    if session.get(Receiver, ident) is None:
        return  # it was removed meanwhile
    letter = Letter(
        receiver_id=ident, position=position, state=LetterState.DEAD, problem=problem, at=now
    )
    session.merge(letter)
    session.flush()
    kept = (
        sa.select(col(Letter.position))
        .where(col(Letter.receiver_id) == ident)
        .order_by(sa.desc(col(Letter.at)), sa.desc(col(Letter.position)))
        .offset(MOST_LETTERS)
    )
    excess = list(session.scalars(kept))
    if excess:
        session.execute(
            sa.delete(Letter).where(
                col(Letter.receiver_id) == ident, col(Letter.position).in_(excess)
            )
        )


def answered(session: Session, ident: str, position: int) -> None:
    """Forgets a letter that was taken after all."""
    session.execute(
        sa.delete(Letter).where(col(Letter.receiver_id) == ident, col(Letter.position) == position)
    )

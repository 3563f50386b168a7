"""Streams of security event tokens: one platform's events for another (OpenID Shared Signals 1.0).

A stream is a receiver whose filter is its issuer's events, of the types that were asked for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance import receivers, turns
from governance.errors import Conflict, Forbidden, NotFound
from governance.feed import newest_position
from governance.fields import new_id
from governance.membership import Actor
from governance.platforms import Platform
from governance.receivers import Letter, Receiver, Stream
from governance.words import Delivery, EventType, Role

VERIFIED_EVERY = timedelta(seconds=10)  # at most
MOST_ACKNOWLEDGED = 1_000  # ahead of the first that isn't
MANAGERS = (Role.ADMIN,)


def manager(actor: Actor | None) -> Actor:
    """Forbidden unless the member manages its platform's streams."""
    if actor is None or not actor.roles.intersection(MANAGERS):
        raise Forbidden(f"expected the role {' or '.join(MANAGERS)}")
    return actor


def create(
    session: Session,
    actor: Actor,
    issuer: Platform,
    stream: Stream,
    *,
    delivery: Delivery,
    url: str | None,
    types: Sequence[EventType],
    has_turns: bool = False,
    now: datetime,
) -> Receiver:
    """A stream of the issuer's events for the member's platform, from now on."""
    receivers.check_room(session, actor.platform_id)
    receiver = Receiver(
        id=stream.receiver_id,
        platform_id=actor.platform_id,
        delivery=delivery,
        url=url,
        filter=wanted(issuer, types),
        added_at=now,
        position=newest_position(session),
    )
    session.add(receiver)
    session.flush()
    want_turns(session, stream, has_turns=has_turns)
    session.add(stream)
    session.flush()
    return receiver


def new_stream_id() -> str:
    return new_id("psh")


def wanted(issuer: Platform, types: Sequence[EventType]) -> dict[str, object]:
    """The filter of the feed that a stream is."""
    return {"platform": issuer.domain, "types": [str(one) for one in types]}


def want_turns(session: Session, stream: Stream, *, has_turns: bool) -> None:
    """Tells of the issuer's accounts from now on, or no longer."""
    if not has_turns:
        stream.turn = None
    elif stream.turn is None:
        stream.turn = turns.newest(session)


def turned(session: Session, ident: str, before: int, to: int) -> bool:
    """Notes that a stream is done with turns up to a place; False if it is elsewhere by now."""
    done = session.execute(
        sa.update(Stream)
        .where(col(Stream.receiver_id) == ident, col(Stream.turn) == before)
        .values(turn=to)
    )
    receivers.well(session, ident)
    return bool(done.rowcount)  # type: ignore[attr-defined]


def own(session: Session, actor: Actor, issuer: Platform, ident: str) -> tuple[Receiver, Stream]:
    """A stream of the member's platform with an issuer; NotFound for all others."""
    receiver, stream = session.get(Receiver, ident), session.get(Stream, ident)
    if receiver is None or stream is None or receiver.platform_id != actor.platform_id:
        raise NotFound("no such stream of this platform", path=["stream_id"])
    if stream.issuer_id != issuer.id:
        raise NotFound("no such stream of this platform", path=["stream_id"])
    return receiver, stream


def all_own(session: Session, actor: Actor, issuer: Platform) -> list[tuple[Receiver, Stream]]:
    """The platform's streams with an issuer, oldest first."""
    query = (
        select(Receiver, Stream)
        .join(Stream, col(Stream.receiver_id) == col(Receiver.id))
        .where(Receiver.platform_id == actor.platform_id, Stream.issuer_id == issuer.id)
        .order_by(col(Receiver.added_at), col(Receiver.id))
    )
    return [(receiver, stream) for receiver, stream in session.exec(query)]


def ask_verification(
    session: Session, receiver: Receiver, stream: Stream, state: str | None, *, now: datetime
) -> None:
    """Has a verification event sent; Conflict if the last was asked for a moment ago."""
    last = stream.verified_at
    if last is not None and timedelta() <= now - last < VERIFIED_EVERY:
        seconds = VERIFIED_EVERY.total_seconds()
        raise Conflict(f"expected one verification in {seconds:.0f} seconds")
    stream.verifications += 1
    stream.is_verifying, stream.verification_state, stream.verified_at = True, state, now
    receiver.next_at = None
    session.add(stream)
    session.add(receiver)


def verified(session: Session, ident: str, number: int) -> None:
    """The receiver took the verification event."""
    session.execute(
        sa.update(Stream)
        .where(col(Stream.receiver_id) == ident, col(Stream.verifications) == number)
        .values(is_verifying=False, verification_state=None)
    )


def acknowledge(
    session: Session, receiver: Receiver, stream: Stream, positions: Sequence[int]
) -> None:
    """Notes events that a polling receiver is done with, in whatever order."""
    newest, turn = newest_position(session), turns.newest(session)
    told = {p for p in positions if receiver.position < p <= newest}
    if stream.turn is not None:
        told |= {p for p in positions if stream.turn < -p <= turn}
    ahead = sorted({*stream.acknowledged, *told}, key=abs)
    stream.acknowledged = ahead[:MOST_ACKNOWLEDGED]
    session.add(stream)
    session.execute(
        sa.delete(Letter).where(
            col(Letter.receiver_id) == receiver.id, col(Letter.position).in_(positions)
        )
    )


def settle(session: Session, receiver: Receiver, stream: Stream, position: int, turn: int) -> None:
    """Everything up to a place in the feed, and up to a turn, is done with."""
    receiver.position = max(position, receiver.position)
    if stream.turn is not None:
        stream.turn = max(turn, stream.turn)
    open_ = (receiver.position, stream.turn or 0)
    stream.acknowledged = [p for p in stream.acknowledged if p > open_[0] or -p > open_[1]]
    session.add(receiver)
    session.add(stream)

"""Appending to the feed, within the transaction that changes what it tells of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from governance import decisions
from governance.adoptions import Receipt
from governance.appeals import Appeal
from governance.events import Event
from governance.log.sequencing import ledger_of
from governance.log.writing import UNSIGNED, Decision
from governance.platforms import Platform
from governance.rows import insert
from governance.rules.durations import MICROSECOND, duration
from governance.rules.status import timeline
from governance.sanctions import Sanction
from governance.words import EventType

_LAST = sa.select(col(Event.position)).order_by(sa.desc(col(Event.position))).limit(1)


class Happening(NamedTuple):
    """Something that happened to a sanction, and its state after it. `decision` is what begins
    the sanction's case in the log, with its platform's `signature` or `null`; of what comes later,
    `told` is logged beside its changes. A `receipt` is by the platform whose it is."""

    type: EventType
    sanction: Sanction
    appeal: Appeal | None = None
    occurred_at: datetime | None = None
    decision: bytes | None = None
    signature: str = UNSIGNED
    told: Mapping[str, str | int] = MappingProxyType({})
    receipt: Receipt | None = None

    @property
    def platform_id(self) -> str:
        """The platform that decided."""
        return self.receipt.platform_id if self.receipt else self.sanction.platform_id


def settle(sanction: Sanction) -> Sanction:
    """Writes down when the sanction starts and ends, and how long that is, after any of its
    instants changed."""
    line = timeline(sanction)
    sanction.starts_at, sanction.ends_at = line.starts_at, line.ends_at
    sanction.end_reason = line.end_reason
    length = duration(sanction.measure, (line.starts_at, line.ends_at))
    sanction.lasts = None if length is None else length // MICROSECOND
    return sanction


def append(session: Session, happenings: Sequence[Happening], *, now: datetime) -> None:
    """Adds to the end of the feed, and to what the transaction logs.

    The caller holds the writers' turn until the commit, so positions follow the order of commits.
    """
    insert(session, Event, rows(session, happenings, now=now))


def rows(
    session: Session, happenings: Sequence[Happening], *, now: datetime
) -> list[dict[str, Any]]:
    """The same, but for writing the rows of the feed. Sanctions that begin are told where."""
    session.flush()
    position = newest_position(session)
    ledger = ledger_of(session)
    # A clock that jumped back must not reorder what was known when; a peer's clock is its own.
    recorded_at = ledger.instant(now)
    found, index = list[dict[str, Any]](), ledger.size
    for event in happenings:
        position = position_after(position, event.type, index)
        if event.type is EventType.SANCTION_ISSUED:
            event.sanction.first_event, event.sanction.first_entry = position, index
        found.append(row_of(event, position, recorded_at))
        if event.type is not EventType.NOTICE_DUE:
            ledger.add(_logged(session, event, recorded_at))
            index += 1
    return found


def position_after(newest: int, event: EventType, index: int) -> int:
    """The position that follows, of an event that is logged at an index.

    What is logged has an odd one that the index gives, so that a feed made again from the log is
    the same. A notice, which is between platforms, has the even one after it: whoever may not see
    it can't tell that it is there.
    """
    return newest + 1 if event is EventType.NOTICE_DUE else max(next_odd(newest), 2 * index + 1)


def next_odd(newest: int) -> int:
    """The position that follows, of what is in a log: a peer's has no index here."""
    return newest + 1 + newest % 2


def newest_position(session: Session) -> int:
    """Where the feed ends."""
    return session.execute(_LAST).scalar() or 0


def row_of(event: Happening, position: int, recorded_at: datetime) -> dict[str, Any]:
    """The event's row, with the state that its sanction and appeal are in now."""
    sanction, appeal, receipt = event.sanction, event.appeal, event.receipt
    return {
        "position": position,
        "type": event.type,
        "occurred_at": event.occurred_at or recorded_at,
        "recorded_at": recorded_at,
        "platform_id": event.platform_id,
        "sanction_id": sanction.id,
        "appeal_id": appeal.id if appeal else None,
        "appeal_state": appeal.state if appeal else None,
        "validity": sanction.validity,
        "expires_at": sanction.expires_at,
        "starts_at": sanction.starts_at,
        "ends_at": sanction.ends_at,
        "end_reason": sanction.end_reason,
        "receipt_state": receipt.state if receipt else None,
        "receipt_due_at": receipt.due_at if receipt else None,
    }


def _logged(session: Session, event: Happening, at: datetime) -> Decision:
    sanction = event.sanction
    decision = event.decision or decisions.changed(
        event.type,
        session.get_one(Platform, event.platform_id).domain,
        sanction,
        event.receipt or event.appeal,
        event.occurred_at or at,
        event.told,
    )
    begins = event.decision is not None
    return Decision(decision, event.platform_id, sanction.id, at, event.signature, begins)

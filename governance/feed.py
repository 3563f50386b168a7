"""Appending to the feed, within the transaction that changes what it tells of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.appeals import Appeal
from governance.events import Event
from governance.rules.status import timeline
from governance.sanctions import Sanction
from governance.words import EventType

_LAST = (
    sa.select(col(Event.position), col(Event.recorded_at))
    .order_by(sa.desc(col(Event.position)))
    .limit(1)
)
_INSERT = sa.insert(Event.__table__)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a sanction, and its state after it."""

    type: EventType
    sanction: Sanction
    appeal: Appeal | None = None
    occurred_at: datetime | None = None


def settle(sanction: Sanction) -> Sanction:
    """Writes down when the sanction starts and ends, after any of its instants changed."""
    line = timeline(sanction)
    sanction.starts_at, sanction.ends_at = line.starts_at, line.ends_at
    sanction.end_reason = line.end_reason
    return sanction


def append(session: Session, happenings: Sequence[Happening], *, now: datetime) -> None:
    """Adds to the end of the feed. The caller holds the writers' turn until the commit, so
    positions have no gap and follow the order of commits."""
    session.flush()
    position, recorded_at = session.execute(_LAST).one_or_none() or (0, now)
    # A clock that jumped back must not reorder what was known when.
    recorded_at = max(recorded_at, now)
    rows = [
        {
            "position": position + offset,
            "type": event.type,
            "occurred_at": event.occurred_at or recorded_at,
            "recorded_at": recorded_at,
            "platform_id": event.sanction.platform_id,
            "sanction_id": event.sanction.id,
            "appeal_id": event.appeal.id if event.appeal else None,
            "appeal_state": event.appeal.state if event.appeal else None,
            "validity": event.sanction.validity,
            "expires_at": event.sanction.expires_at,
            "starts_at": event.sanction.starts_at,
            "ends_at": event.sanction.ends_at,
            "end_reason": event.sanction.end_reason,
        }
        for offset, event in enumerate(happenings, start=1)
    ]
    if rows:
        session.execute(_INSERT, rows)

"""Appending to the feed, within the transaction that changes what it tells of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from governance import decisions
from governance.appeals import Appeal
from governance.events import Event
from governance.log.sequencing import Decision, ledger_of
from governance.platforms import Platform
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
    """Something that happened to a sanction, and its state after it. `decision` is what begins
    the sanction's case in the log; of what comes later, `told` is logged beside its changes."""

    type: EventType
    sanction: Sanction
    appeal: Appeal | None = None
    occurred_at: datetime | None = None
    decision: bytes | None = None
    told: Mapping[str, str] = field(default_factory=dict)


def settle(sanction: Sanction) -> Sanction:
    """Writes down when the sanction starts and ends, after any of its instants changed."""
    line = timeline(sanction)
    sanction.starts_at, sanction.ends_at = line.starts_at, line.ends_at
    sanction.end_reason = line.end_reason
    return sanction


def append(session: Session, happenings: Sequence[Happening], *, now: datetime) -> None:
    """Adds to the end of the feed, and to what the transaction logs. The caller holds the
    writers' turn until the commit, so positions have no gap and follow the order of commits."""
    session.flush()
    position, recorded_at = session.execute(_LAST).one_or_none() or (0, now)
    # A clock that jumped back must not reorder what was known when.
    recorded_at = ledger_of(session).instant(max(recorded_at, now))
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
    for event in happenings:
        if event.type is not EventType.NOTICE_DUE:  # between a platform and an account's host
            _log(session, event, recorded_at)


def _log(session: Session, event: Happening, at: datetime) -> None:
    sanction = event.sanction
    decision = event.decision or decisions.changed(
        event.type,
        session.get_one(Platform, sanction.platform_id).domain,
        sanction,
        event.appeal,
        event.occurred_at or at,
        event.told,
    )
    ledger_of(session).add(Decision(decision, sanction.platform_id, sanction.id, at))

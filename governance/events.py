"""The feed: every change in commit order, with the state it led to.

A sanction's newest event not later than an instant tells what was known at that instant.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, col

from governance.fields import PLACE, EnumText, Stored
from governance.fields import UTCDateTime as Utc
from governance.sanctions import Sanction
from governance.words import AppealState, EndReason, EventType, ReceiptState, Validity

LATER = sa.text(f"type <> '{EventType.SANCTION_ISSUED}'")
APPEALS = sa.text("appeal_id IS NOT NULL")
NOTICES = sa.text("type IN ('NOTICE_DUE', 'NOTICE_RECORDED')")

RECEIPTS = frozenset({EventType.RECEIPT_RECORDED, EventType.RECEIPT_DUE})
SAID_OF_OTHERS = RECEIPTS | {EventType.NOTICE_RECORDED}  # may be in another log than the sanction


class Event(Stored, table=True):
    """One entry of the feed. `recorded_at` never goes backwards along `position`, which is odd for
    what is in the log, two for each entry, and even for what isn't. A turn appends a thousand, and
    has just read or written whose they are: the database doesn't look for these once more."""

    __tablename__ = "events"
    __table_args__ = (
        sa.Index(
            "events_of_sanction",
            "sanction_id",
            "position",
            sqlite_where=LATER,
            postgresql_where=LATER,
        ),
        sa.Index(
            "events_of_appeal",
            "appeal_id",
            "position",
            sqlite_where=APPEALS,
            postgresql_where=APPEALS,
        ),
        sa.Index("events_of_notices", "position", sqlite_where=NOTICES, postgresql_where=NOTICES),
    )

    position: int = Field(primary_key=True, sa_type=PLACE)
    type: EventType = Field(sa_type=EnumText(EventType))
    occurred_at: datetime = Field(sa_type=Utc)
    recorded_at: datetime = Field(sa_type=Utc)
    platform_id: str
    sanction_id: str
    appeal_id: str | None = Field(default=None, foreign_key="appeals.id")
    appeal_state: AppealState | None = Field(default=None, sa_type=EnumText(AppealState))
    validity: Validity = Field(sa_type=EnumText(Validity))
    expires_at: datetime | None = Field(default=None, sa_type=Utc)
    starts_at: datetime | None = Field(default=None, sa_type=Utc)
    ends_at: datetime | None = Field(default=None, sa_type=Utc)
    end_reason: EndReason | None = Field(default=None, sa_type=EnumText(EndReason))
    receipt_state: ReceiptState | None = Field(default=None, sa_type=EnumText(ReceiptState))
    receipt_due_at: datetime | None = Field(default=None, sa_type=Utc)


def is_later(event: Any) -> sa.ColumnElement[bool]:
    """Whether an event isn't its sanction's first, as the index of sanctions' events is known by.
    Where the first one is, each sanction's row says."""
    first = sa.literal_column(f"'{EventType.SANCTION_ISSUED}'", sa.Text())
    return sa.type_coerce(event.type, sa.Text()) != first


def places_of(sanctions: Any) -> sa.CompoundSelect[Any]:
    """The places of all events of some sanctions, given as `in_` takes their ids."""
    first = sa.select(col(Sanction.first_event)).where(col(Sanction.id).in_(sanctions))
    later = sa.select(col(Event.position)).where(col(Event.sanction_id).in_(sanctions))
    return sa.union_all(first, later.where(is_later(Event)))

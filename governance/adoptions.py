"""Adoptions and receipts: what a platform does with another platform's sanction.

An adoption is a sanction like any other, `derived_from` the one that it takes over. The receipt
says what each platform did with a sanction that reached it, and with its correction.
"""

from base64 import b32encode
from hashlib import sha256

import sqlalchemy as sa
from pydantic import Field as PlainField
from sqlmodel import Field

from governance.drafts import SanctionSignature
from governance.fields import Draft, EnumText, Instant, LongText, Shape, ShortText, Stored
from governance.fields import UTCDateTime as Utc
from governance.words import Measure, ReceiptState, Remedy, SanctionAnswer


class ReceiptStatement(Shape):
    """The public part of a receipt."""

    id: str = Field(primary_key=True, description="Global id, prefixed rcp_")
    state: ReceiptState = Field(
        sa_type=EnumText(ReceiptState), description="What the platform did, or is to do"
    )
    at: Instant = Field(sa_type=Utc, description="When it came to this, by the log")
    due_at: Instant | None = Field(
        default=None, sa_type=Utc, description="When a remedy is, or was, due"
    )


class Receipt(ReceiptStatement, Stored, table=True):
    """A receipt as stored: one for each sanction and platform that it reached."""

    __tablename__ = "receipts"
    __table_args__ = (
        sa.Index("receipts_newest", "at", "id"),
        sa.Index("receipts_of_sanction", "sanction_id", "at", "id"),
        sa.Index("receipts_of_platform", "platform_id", "at", "id"),
    )

    sanction_id: str = Field(foreign_key="sanctions.id")
    platform_id: str = Field(foreign_key="platforms.id")
    adoption_id: str | None = Field(default=None, foreign_key="sanctions.id", index=True)
    replacement_id: str | None = Field(default=None, foreign_key="sanctions.id")
    reason: str | None = None  # private, and erased with the sanction's disclosures


def receipt_id(sanction_id: str, platform_id: str) -> str:
    """The id that follows from whose receipt it is, so that the log alone tells the same."""
    name = sha256(f"{sanction_id} {platform_id}".encode()).digest()
    return f"rcp_{b32encode(name).decode().lower()[:26]}"


class AdoptionDraft(Draft):
    """A platform's own decision to take another's sanction over."""

    sanction_id: str = PlainField(max_length=64, description="The sanction to take over")
    issuer_reference: ShortText = PlainField(
        description="The platform's own reference; makes retries safe"
    )
    measure: Measure = PlainField(description="What the own sanction does to its subject")
    expires_at: Instant | None = PlainField(
        default=None, description="At most the source's end, which null means"
    )
    reason: LongText = PlainField(description="The reason as it is told to the subject")
    own_grounds: LongText | None = PlainField(
        default=None, description="Private; null if the source is the only ground"
    )
    signature: SanctionSignature | None = PlainField(
        default=None, description="The platform's own signature; else the node vouches"
    )


class AnswerDraft(Draft):
    """What a platform says to a sanction that it doesn't adopt."""

    sanction_id: str = PlainField(max_length=64, description="The sanction answered")
    answer: SanctionAnswer = PlainField(description="Noted, declined or disputed")
    reason: LongText | None = PlainField(
        default=None, description="Why, for the platform that decided; needed to dispute"
    )


class RemedyDraft(Draft):
    """What became of a copy after its source was corrected."""

    sanction_id: str = PlainField(max_length=64, description="The own copy")
    remedy: Remedy = PlainField(description="What became of the copy")
    replacement_id: str | None = PlainField(
        default=None, max_length=64, description="The new sanction, for KEPT_ON_OWN_GROUNDS"
    )
    reason: LongText | None = PlainField(
        default=None, description="Why, for the platform that decided"
    )

"""Appeals: requests to review one sanction, with their messages, votes and invitations."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from governance.fields import Draft, EnumText, Instant, LongText, Shape, Stored
from governance.fields import UTCDateTime as Utc
from governance.words import AppealMove, AppealState, Author, InadmissibleCode, Outcome


class AppealStatement(Shape):
    """The public part of an appeal."""

    id: str = Field(primary_key=True, description="Global id, prefixed apl_")
    outcome: Outcome | None = Field(
        default=None, sa_type=EnumText(Outcome), description="How it was decided; null until then"
    )
    filed_at: Instant = Field(sa_type=Utc, description="When the appeal was filed")
    due_at: Instant = Field(sa_type=Utc, description="When an answer is due, pauses included")
    decided_at: Instant | None = Field(
        default=None, sa_type=Utc, description="When it was decided; null until then"
    )
    inadmissible_code: InadmissibleCode | None = Field(
        default=None,
        sa_type=EnumText(InadmissibleCode),
        description="Why it was refused without a review",
    )
    outside_outcome: Outcome | None = Field(
        default=None, sa_type=EnumText(Outcome), description="The outside body's outcome"
    )
    implemented_at: Instant | None = Field(
        default=None, sa_type=Utc, description="When the outside outcome was implemented"
    )


class Appeal(AppealStatement, Stored, table=True):
    """An appeal as stored. LAPSED is never stored: it follows from `lapses_at` and the clock."""

    __tablename__ = "appeals"
    __table_args__ = (
        sa.Index("appeals_of_sanction", "sanction_id", "filed_at", "id"),
        sa.Index("appeals_newest", "filed_at", "id"),
        sa.Index("appeals_due", "due_at"),
    )

    sanction_id: str = Field(foreign_key="sanctions.id")
    origin_id: str = Field(foreign_key="sanctions.id", index=True)  # the one first appealed against
    platform_id: str = Field(foreign_key="platforms.id")
    state: AppealState = Field(sa_type=EnumText(AppealState))
    filed_by: Author = Field(sa_type=EnumText(Author))
    asked_at: datetime | None = Field(default=None, sa_type=Utc)
    lapses_at: datetime | None = Field(default=None, sa_type=Utc)


class AppealMessage(Stored, table=True):
    """What appellant and platform wrote to each other."""

    __tablename__ = "appeal_messages"

    id: str = Field(primary_key=True)
    appeal_id: str = Field(foreign_key="appeals.id", index=True)
    author: Author = Field(sa_type=EnumText(Author))
    text: str
    at: datetime = Field(sa_type=Utc)


class Vote(Stored, table=True):
    """One reviewer's decision on an appeal."""

    __tablename__ = "votes"

    appeal_id: str = Field(primary_key=True, foreign_key="appeals.id")
    member_id: str = Field(primary_key=True, foreign_key="members.id")
    outcome: Outcome = Field(sa_type=EnumText(Outcome))
    new_expires_at: datetime | None = Field(default=None, sa_type=Utc)
    at: datetime = Field(sa_type=Utc)


class Invitation(Stored, table=True):
    """A platform whose reviewers may decide one case of another platform."""

    __tablename__ = "invitations"

    sanction_id: str = Field(primary_key=True, foreign_key="sanctions.id")
    platform_id: str = Field(primary_key=True, foreign_key="platforms.id")
    at: datetime = Field(sa_type=Utc)


class SecretUse(Stored, table=True):
    """The first use of an appeal secret, so that its retry gets the same answer."""

    __tablename__ = "secret_uses"

    sanction_id: str = Field(primary_key=True, foreign_key="sanctions.id")
    secret_hash: str
    fingerprint: str
    appeal_id: str = Field(foreign_key="appeals.id")
    at: datetime = Field(sa_type=Utc)


class FilingDraft(Draft):
    """An appeal as it is filed."""

    sanction_id: str = Field(max_length=64, description="The sanction appealed against")
    grounds: LongText = Field(description="Why the decision should be changed")
    appeal_secret: str | None = Field(
        default=None, max_length=128, description="Stands in for a credential"
    )


class MoveDraft(Draft):
    """A step in an appeal."""

    appeal_id: str = Field(max_length=64, description="The appeal that moves")
    move: AppealMove = Field(description="The step to take")
    message: LongText | None = Field(default=None, description="Told to the other side")
    code: InadmissibleCode | None = Field(default=None, description="Why, for REFUSE")
    outcome: Outcome | None = Field(default=None, description="Outside outcome, for RECORD_FINAL")
    implemented_at: Instant | None = Field(
        default=None, description="When the outside outcome was implemented"
    )
    appeal_secret: str | None = Field(
        default=None, max_length=128, description="For the person's own moves"
    )


class InvitationDraft(Draft):
    """Inviting reviewers of another platform to one case."""

    appeal_id: str = Field(max_length=64, description="The appeal to be reviewed")
    platform: str = Field(max_length=300, description="Domain of the invited platform")


class DecisionDraft(Draft):
    """A reviewer's decision."""

    appeal_id: str = Field(max_length=64, description="The appeal decided")
    outcome: Outcome = Field(description="What the reviewer decides")
    new_expires_at: Instant | None = Field(default=None, description="The new end, for REDUCED")
    statement: LongText = Field(description="Reasons, told to the appellant")

"""Tallies: how many sanctions of a day are alike, so that figures of long times needn't read each.

They hold no person, and nothing that the sanctions and appeals beside them don't say.
"""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from governance.fields import EnumText, Stored
from governance.fields import UTCDateTime as Utc
from governance.vocabulary import Category
from governance.words import (
    AppealState,
    Automation,
    DurationBucket,
    EventType,
    Measure,
    Outcome,
    Validity,
)

# What a day's sanctions are counted by, few groups first. `lasts` is there for medians.
BY: Mapping[str, tuple[str, ...]] = {
    "MEASURE": ("measure", "automation", "duration_bucket", "lasts"),
    "CATEGORY": ("category", "lasts"),
    "PLATFORM": ("platform_id", "automation", "duration_bucket", "lasts"),
    "PLATFORM_CATEGORY": ("platform_id", "category"),
}
# The same of what ended on a day.
ENDED = ("measure", "validity")
# And of the appeals against a day's sanctions, by their answer.
DECISION = ("platform_id", "measure", "category", "automation")
ANSWER = ("state", "outcome", "due_at")
ANSWERS_BY: Mapping[str, tuple[str, ...]] = {
    f"ANSWERS_{by}": (*(name for name in names if name in DECISION), *ANSWER)
    for by, names in BY.items()
}

# What happens often and changes no figure.
IDLE = {EventType.SANCTION_REDACTED, EventType.NOTICE_DUE, EventType.NOTICE_RECORDED}


def weeks_by(by: str) -> str:
    """What the sums of weeks are counted by."""
    return f"WEEKS_{by}"


class Tally(Stored, table=True):
    """How many sanctions, issued on one day, or how many appeals against them, are alike in what
    they are counted by. `issued_at` is the day's beginning, of what is counted as ENDED that of the
    day on which it did; what they aren't counted by is empty. Of weeks that are over there are
    sums, under their Monday: see `weeks_by`."""

    __tablename__ = "tallies"
    __table_args__ = ({"sqlite_with_rowid": False},)

    by: str = Field(primary_key=True)
    issued_at: datetime = Field(primary_key=True, sa_type=Utc)
    place: int = Field(primary_key=True)
    platform_id: str | None = None
    measure: Measure | None = Field(default=None, sa_type=EnumText(Measure))
    category: Category | None = Field(default=None, sa_type=EnumText(Category))
    automation: Automation | None = Field(default=None, sa_type=EnumText(Automation))
    duration_bucket: DurationBucket | None = Field(default=None, sa_type=EnumText(DurationBucket))
    lasts: int | None = Field(default=None, sa_type=sa.BigInteger)  # microseconds
    validity: Validity | None = Field(default=None, sa_type=EnumText(Validity))
    state: AppealState | None = Field(default=None, sa_type=EnumText(AppealState))
    outcome: Outcome | None = Field(default=None, sa_type=EnumText(Outcome))
    due_at: datetime | None = Field(default=None, sa_type=Utc)  # of those that await an answer
    number: int


class AppealTally(Stored, table=True):
    """An appeal as it is counted, beside what the sanction is counted by, under the day on which
    that was issued."""

    __tablename__ = "appeal_tallies"
    __table_args__ = ({"sqlite_with_rowid": False},)

    issued_at: datetime = Field(primary_key=True, sa_type=Utc)
    place: int = Field(primary_key=True)
    platform_id: str
    measure: Measure = Field(sa_type=EnumText(Measure))
    category: Category = Field(sa_type=EnumText(Category))
    automation: Automation = Field(sa_type=EnumText(Automation))
    state: AppealState = Field(sa_type=EnumText(AppealState))
    outcome: Outcome | None = Field(default=None, sa_type=EnumText(Outcome))
    due_at: datetime = Field(sa_type=Utc)
    takes: int | None = Field(default=None, sa_type=sa.BigInteger)  # microseconds to the outcome


class Tallied(Stored, table=True):
    """How far tallies go: days before `until` are counted, as events up to `position` left them.
    Of what later events tell, the day isn't to be read here."""

    __tablename__ = "tallied"

    id: int = Field(default=1, primary_key=True)
    position: int = Field(sa_type=sa.BigInteger)
    until: datetime = Field(sa_type=Utc)
    # Whether what ended is counted, too.
    has_ended: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    # Whether weeks and answers are.
    has_weeks: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})

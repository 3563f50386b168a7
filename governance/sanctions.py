"""Sanctions: what is public of them (statement), and what is stored (rows)."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from governance.drafts import SanctionTerms, SanctionTexts
from governance.fields import (
    EnumList,
    EnumText,
    Instant,
    Stored,
)
from governance.fields import UTCDateTime as Utc
from governance.identifiers import SubjectKind
from governance.rules.durations import BUCKETS, MICROSECOND
from governance.words import (
    EndReason,
    PolicyConflict,
    Precision,
    Validity,
    VoidCode,
)


class SanctionStatement(SanctionTerms):
    """The public part of a sanction: what is logged, replicated and exported."""

    id: str = Field(primary_key=True, description="Global id, prefixed san_")
    subject_kind: SubjectKind = Field(
        sa_type=EnumText(SubjectKind), description="Account, content or whole server"
    )
    issued_at: Instant = Field(sa_type=Utc, description="When the platform decided")
    effective_at: Instant = Field(sa_type=Utc, description="When it begins, once approved")
    time_precision: Precision = Field(
        default=Precision.INSTANT,
        sa_type=EnumText(Precision),
        description="How exactly its instants are known",
    )
    validity: Validity = Field(
        default=Validity.STANDING,
        sa_type=EnumText(Validity),
        description="Whether the decision stands",
    )
    policy_conflicts: list[PolicyConflict] = Field(
        default=[],
        sa_type=EnumList(PolicyConflict),
        description="Rules it conflicts with; such records never bind",
    )
    approved_at: Instant | None = Field(
        default=None, sa_type=Utc, description="When a second member approved a termination"
    )
    void_code: VoidCode | None = Field(
        default=None, sa_type=EnumText(VoidCode), description="Which clerical mistake it was"
    )


# What sanctions are counted by: beside the keys of their list, so that neither figures nor lists
# of what is rare have to look each of them up.
COUNTED = (
    *("platform_id", "measure", "category", "ground", "automation", "validity", "source"),
    *("subject_kind", "is_binding", "starts_at", "ends_at", "end_reason", "lasts"),
    "content_language",
)

# Ids are random, so those up to this one are a fair sample of all.
SAMPLED, ONE_SAMPLED_IN = "san_4", 16

# How `rules.durations.bucket` tells those that last for no known time. That the second has no end
# stands in no words of its own: SQLite would look for it among all ends.
_RESTRICTS_NOTHING = "(starts_at IS NULL OR ends_at IS NOT NULL OR measure = 'WARNING')"

# Indexes of what few sanctions are. What all others are isn't in them, so that most decisions
# needn't write them: by name, what is in them and what they are in order of first.
UNUSUAL = {
    "sanctions_not_standing": ("validity <> 'STANDING'", "validity"),
    "sanctions_ended_early": ("end_reason <> 'EXPIRED'", "end_reason"),
    "sanctions_of_servers": ("subject_kind = 'SERVER'", "subject_kind"),
    "sanctions_to_be_erased": ("erasure_asked_at IS NOT NULL",),
    "sanctions_in_language": ("content_language IS NOT NULL", "content_language"),
    "sanctions_of_illegal": ("ground <> 'INCOMPATIBLE_CONTENT'", "ground"),
    "sanctions_of_notices": ("source <> 'OWN_INITIATIVE'", "source"),
    "sanctions_begun_later": ("starts_at IS NULL OR starts_at > issued_at",),
    "sanctions_longest": (f"lasts > {max(BUCKETS.values()) // MICROSECOND}",),
    "sanctions_restricting_none": (f"lasts IS NULL AND {_RESTRICTS_NOTHING}",),
    "sanctions_open_ended": (f"lasts IS NULL AND NOT {_RESTRICTS_NOTHING}",),
    "sanctions_not_binding": ("is_binding IS FALSE",),
}


WITH_KEYWORDS = "json_array_length(keywords) > 0"


def _of_keywords() -> tuple[sa.Index, sa.Index]:
    """Those with keywords, in the order of their list's text, which is JSON on PostgreSQL. There,
    an index is read alone only where it has the column itself, too."""
    name, newest, text = "sanctions_of_keywords", ("issued_at", "id"), sa.text(WITH_KEYWORDS)
    told, beside = sa.text("(CAST(keywords AS TEXT))"), ["keywords", *COUNTED]
    of_text = sa.Index(
        f"{name}_text", told, *newest, postgresql_include=beside, postgresql_where=text
    )
    return (
        sa.Index(name, "keywords", *newest, *COUNTED, sqlite_where=text).ddl_if("sqlite"),
        of_text.ddl_if("postgresql"),
    )


def _unusual(name: str, condition: str, *first: str) -> sa.Index:
    text = sa.text(condition)
    return sa.Index(name, *first, "issued_at", "id", sqlite_where=text, postgresql_where=text)


class Sanction(SanctionStatement, Stored, table=True):
    """A sanction as stored. `starts_at`, `ends_at` and `end_reason` are what
    `rules.status.timeline` says of the instants beside them, `lasts` is `rules.durations.duration`;
    effect is never stored."""

    __tablename__ = "sanctions"
    __table_args__ = (
        sa.UniqueConstraint("platform_id", "reference_key"),
        sa.Index("sanctions_newest", "issued_at", "id", *COUNTED),
        sa.Index(
            "sanctions_sampled",
            "id",
            "issued_at",
            *COUNTED,
            sqlite_where=sa.text(f"id < '{SAMPLED}'"),
            postgresql_where=sa.text(f"id < '{SAMPLED}'"),
        ),
        sa.Index("sanctions_of_platform", "platform_id", "issued_at", "id"),
        sa.Index("sanctions_of_measure", "measure", "issued_at", "id"),
        sa.Index("sanctions_of_category", "category", "issued_at", "id"),
        sa.Index("sanctions_of_automation", "automation", "issued_at", "id"),
        sa.Index("sanctions_ended", "ends_at", "id", "measure", "redacted_at", "validity"),
        *(_unusual(name, *columns) for name, columns in UNUSUAL.items()),
        *_of_keywords(),
        sa.Index(
            "sanctions_derived",
            "derived_from_id",
            "issued_at",
            "id",
            sqlite_where=sa.text("derived_from_id IS NOT NULL"),
            postgresql_where=sa.text("derived_from_id IS NOT NULL"),
        ),
        sa.Index(
            "sanctions_superseding",
            "supersedes_id",
            unique=True,
            sqlite_where=sa.text("supersedes_id IS NOT NULL"),
            postgresql_where=sa.text("supersedes_id IS NOT NULL"),
        ),
        sa.Index(
            "sanctions_redacted",
            "redacted_at",
            sqlite_where=sa.text("redacted_at IS NOT NULL"),
            postgresql_where=sa.text("redacted_at IS NOT NULL"),
        ),
    )

    platform_id: str = Field(foreign_key="platforms.id")
    issued_by: str | None = None  # the member; of what was issued earlier see `Part`
    reference_key: str
    fingerprint: str | None = None
    recorded_at: datetime = Field(sa_type=Utc)
    first_event: int | None = Field(default=None, sa_type=sa.BigInteger)  # its place in the feed
    first_entry: int | None = Field(default=None, sa_type=sa.BigInteger)  # in this node's log
    is_binding: bool = True
    starts_at: datetime | None = Field(default=None, sa_type=Utc)
    ends_at: datetime | None = Field(default=None, sa_type=Utc)
    end_reason: EndReason | None = Field(default=None, sa_type=EnumText(EndReason))
    lasts: int | None = Field(default=None, sa_type=sa.BigInteger)  # microseconds
    lapses_at: datetime | None = Field(default=None, sa_type=Utc)
    lifted_at: datetime | None = Field(default=None, sa_type=Utc)
    overturned_at: datetime | None = Field(default=None, sa_type=Utc)
    voided_at: datetime | None = Field(default=None, sa_type=Utc)
    superseded_at: datetime | None = Field(default=None, sa_type=Utc)
    source_ended_at: datetime | None = Field(default=None, sa_type=Utc)
    notified_at: datetime | None = Field(default=None, sa_type=Utc)
    redacted_at: datetime | None = Field(default=None, sa_type=Utc)
    erasure_asked_at: datetime | None = Field(default=None, sa_type=Utc)  # waits for an appeal
    reduced_after_end: bool = False
    supersedes_id: str | None = Field(default=None, foreign_key="sanctions.id")
    derived_from_id: str | None = Field(default=None, foreign_key="sanctions.id")
    has_own_grounds: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    secret_generation: int = 0
    secret_hash: str | None = None


class Disclosure(SanctionTexts, Stored, table=True):
    """What a statement commits to, and the keys of those that it names. Erasing a subject deletes
    this row and its keys.

    Neither these nor keys and parts refer to a sanction in a way that the database looks for: it
    was written or read in the same turn, and none is ever deleted."""

    __tablename__ = "disclosures"
    __table_args__ = (
        sa.Index(
            "disclosures_of_host",
            "host_id",
            "sanction_id",
            sqlite_where=sa.text("host_id IS NOT NULL"),
            postgresql_where=sa.text("host_id IS NOT NULL"),
        ),
    )

    sanction_id: str = Field(primary_key=True)
    seed: bytes
    subject: str
    aliases: list[str] = Field(
        default=[], sa_type=sa.JSON, sa_column_kwargs={"server_default": "[]"}
    )
    host_id: str | None = None
    policy_reference: dict[str, str | None] | None = Field(
        default=None, sa_type=sa.JSON(none_as_null=True)
    )
    own_grounds: str | None = None  # of an adoption that doesn't rest on its source alone
    lookup_keys: list[str] = Field(  # those of `SubjectKey`, which has no index by the sanction
        default=[], sa_type=sa.JSON, sa_column_kwargs={"server_default": "[]"}
    )


class SubjectKey(Stored, table=True):
    """Keyed hashes of a sanction's subject and its aliases, for lookups."""

    __tablename__ = "subject_keys"
    __table_args__ = ({"sqlite_with_rowid": False},)

    key: str = Field(primary_key=True)
    sanction_id: str = Field(primary_key=True)


class Part(Stored, table=True):
    """Who else took part in deciding a sanction than who issued it, or issued what it replaces;
    what separation of duties is checked against."""

    __tablename__ = "parts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    sanction_id: str = Field(primary_key=True)
    member_id: str = Field(primary_key=True)
    part: str = Field(primary_key=True)


class Note(Stored, table=True):
    """The private reason given for a change of a sanction."""

    __tablename__ = "notes"

    id: str = Field(primary_key=True)
    sanction_id: str = Field(foreign_key="sanctions.id", index=True)
    event: str
    text: str
    at: datetime = Field(sa_type=Utc)

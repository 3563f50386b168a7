"""Sanctions: what a moderator decides (draft), what is public (statement), what is stored (row)."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationInfo, field_validator
from sqlmodel import Field, SQLModel

from governance.fields import (
    URI,
    Base64Of32,
    Base64Of64,
    Draft,
    EnumList,
    EnumText,
    Instant,
    LongText,
    ShortText,
)
from governance.fields import UTCDateTime as Utc
from governance.identifiers import SubjectKind
from governance.vocabulary import TERRITORIES, Category, ContentType, Keyword, keyword_belongs
from governance.words import (
    Audience,
    Automation,
    EndReason,
    Ground,
    Measure,
    PermanentBasis,
    PolicyConflict,
    Precision,
    Source,
    Validity,
    VoidCode,
)

MOST_ALIASES = 5


def _territory(code: str) -> str:
    if code not in TERRITORIES:
        raise ValueError("expected two-letter codes of EEA states, such as DE")
    return code


Territory = Annotated[str, AfterValidator(_territory)]
LANGUAGE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
Language = Annotated[str, StringConstraints(pattern=LANGUAGE)]


class SanctionTerms(BaseModel):
    """What a decision says in codes and instants, the same in draft and statement."""

    measure: Measure = Field(
        sa_type=EnumText(Measure), description="What the sanction does to its subject"
    )
    ground: Ground = Field(
        sa_type=EnumText(Ground), description="Against the law, or against the terms"
    )
    category: Category = Field(
        sa_type=EnumText(Category), description="Category of the EU transparency database"
    )
    keywords: list[Keyword] = Field(
        default=[],
        max_length=20,
        sa_type=EnumList(Keyword),
        description="Keywords of the category, in the EU's terms",
    )
    permanent_basis: PermanentBasis | None = Field(
        default=None,
        sa_type=EnumText(PermanentBasis),
        description="Why a termination may be permanent; null otherwise",
    )
    expires_at: Instant | None = Field(
        default=None, sa_type=Utc, description="When it ends by itself; null if open-ended"
    )
    conduct_from: Instant | None = Field(
        default=None, sa_type=Utc, description="When the sanctioned conduct began, included"
    )
    conduct_to: Instant | None = Field(
        default=None, sa_type=Utc, description="When the sanctioned conduct ended, included"
    )
    is_automated_detection: bool = Field(description="Whether a machine found the conduct")
    automation: Automation = Field(
        sa_type=EnumText(Automation), description="How far machines took the decision"
    )
    source: Source = Field(
        sa_type=EnumText(Source), description="What brought the case to attention"
    )
    content_type: list[ContentType] = Field(
        default=[],
        max_length=len(ContentType),
        sa_type=EnumList(ContentType),
        description="Kinds of content concerned",
    )
    content_date: Instant | None = Field(
        default=None, sa_type=Utc, description="When the content concerned was published"
    )
    content_language: Language | None = Field(
        default=None, description="Language of the content, as a BCP 47 tag"
    )
    territorial_scope: list[Territory] = Field(
        default=[],
        max_length=len(TERRITORIES),
        sa_type=sa.JSON,
        description="EEA states where it applies; empty means all",
    )
    audience: Audience = Field(
        default=Audience.PARTNERS,
        sa_type=EnumText(Audience),
        description="Who may see the private disclosures",
    )


class PolicyReference(BaseModel, extra="forbid"):
    """The published rule that a sanction rests on."""

    rule: ShortText = Field(description="Name or number of the rule")
    version: ShortText | None = Field(
        default=None, description="Version of the rules in force then"
    )
    url: URI | None = Field(
        default=None, max_length=2_048, description="Where the rule is published"
    )

    @field_validator("url", mode="after")
    @classmethod
    def _is_a_page(cls, url: URI | None) -> URI | None:
        if url is not None and not url.lower().startswith(("https://", "http://")):
            raise ValueError("expected the address of a page, https://…")
        return url


class SanctionSignature(Draft):
    """A platform's own signature of its decision, and what the decision was made from."""

    key: Base64Of32 = Field(description="The registered public key, base64")
    value: Base64Of64 | None = Field(
        default=None, description="The Ed25519 signature, base64; left out in previews alone"
    )
    seed: Base64Of32 = Field(
        repr=False, description="Random, for this decision alone: commitments' seed, base64"
    )
    issued_at: Instant = Field(description="When the platform decided, within a minute of now")


class SanctionTexts(BaseModel):
    """What a statement only commits to: kept beside it, for those entitled, and erasable."""

    ground_reference: ShortText | None = Field(
        default=None, description="The law or clause of the terms it rests on"
    )
    explanation: LongText | None = Field(
        default=None, description="Public explanation that names no person"
    )
    reason: LongText | None = Field(
        default=None, description="The reason as it is told to the subject"
    )
    facts: LongText | None = Field(default=None, description="Private facts of the case")
    other_measure: ShortText | None = Field(
        default=None, description="Private description of an *_OTHER measure"
    )
    issuer_reference: ShortText | None = Field(
        default=None, description="The platform's own reference of the decision"
    )
    case_reference: ShortText | None = Field(
        default=None, description="Shared by restrictions that were decided together"
    )
    content_uri: URI | None = Field(
        default=None,
        max_length=2_048,
        sa_type=sa.Text,
        description="Address of the content concerned",
    )


class SanctionDraft(SanctionTexts, SanctionTerms, Draft):  # validated from right to left
    """A decision as a moderator enters it."""

    issuer_reference: ShortText = Field(
        description="The platform's own reference; makes retries safe"
    )
    subject: URI = Field(description="Whom or what it is about, as a URI")
    subject_kind: SubjectKind | None = Field(
        default=None, description="Needed where URI and measure leave it open"
    )
    aliases: list[URI] = Field(
        default=[], max_length=MOST_ALIASES, description="Other URIs of the same account"
    )
    ground_reference: ShortText = Field(description="The law or clause of the terms it rests on")
    reason: LongText = Field(description="The reason as it is told to the subject")
    effective_at: Instant | None = Field(
        default=None, description="When it begins; null means at once"
    )
    supersedes: str | None = Field(
        default=None,
        max_length=64,
        description="Id of the sanction that this one replaces, which ends at once",
    )
    policy_reference: PolicyReference | None = Field(
        default=None, description="The published rule it rests on"
    )
    signature: SanctionSignature | None = Field(
        default=None, description="The platform's own signature; else the node vouches"
    )

    @field_validator("keywords", mode="after")
    @classmethod
    def _keywords_of_the_category(
        cls, keywords: list[Keyword], info: ValidationInfo
    ) -> list[Keyword]:
        category = info.data.get("category")
        for keyword in keywords:
            if category is not None and not keyword_belongs(keyword, category):
                raise ValueError(f"expected keywords of {category}, got {keyword}")
        return list(dict.fromkeys(keywords))

    @field_validator("conduct_to", mode="after")
    @classmethod
    def _conduct_in_order(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("conduct_from")
        if start is not None and end is not None and end < start:
            raise ValueError("expected conductTo not before conductFrom")
        return end

    @field_validator("other_measure", mode="after")
    @classmethod
    def _other_is_described(cls, text: str | None, info: ValidationInfo) -> str | None:
        measure = info.data.get("measure")
        if text is not None and measure is not None and not measure.endswith("_OTHER"):
            raise ValueError(f"expected nothing with {measure}; it describes *_OTHER measures")
        return text


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
)

# Indexes of what few sanctions are. What all others are isn't in them, so that most decisions
# needn't write them: by name, what is in them and what they are in order of first.
UNUSUAL = {
    "sanctions_not_standing": ("validity <> 'STANDING'", "validity"),
    "sanctions_ended_early": ("end_reason <> 'EXPIRED'", "end_reason"),
    "sanctions_of_servers": ("subject_kind = 'SERVER'",),
    "sanctions_to_be_erased": ("erasure_asked_at IS NOT NULL",),
    "sanctions_in_language": ("content_language IS NOT NULL", "content_language"),
    "sanctions_of_illegal": ("ground <> 'INCOMPATIBLE_CONTENT'", "ground"),
    "sanctions_of_notices": ("source <> 'OWN_INITIATIVE'", "source"),
    "sanctions_with_keywords": ("json_array_length(keywords) > 0",),
}


def _unusual(name: str, condition: str, *first: str) -> sa.Index:
    text = sa.text(condition)
    return sa.Index(name, *first, "issued_at", "id", sqlite_where=text, postgresql_where=text)


class Sanction(SanctionStatement, SQLModel, table=True):
    """A sanction as stored. `starts_at`, `ends_at` and `end_reason` are what
    `rules.status.timeline` says of the instants beside them, `lasts` is `rules.durations.duration`;
    effect is never stored."""

    __tablename__ = "sanctions"
    __table_args__ = (
        sa.UniqueConstraint("platform_id", "reference_key"),
        sa.Index("sanctions_newest", "issued_at", "id", *COUNTED),
        sa.Index("sanctions_of_platform", "platform_id", "issued_at", "id"),
        sa.Index("sanctions_of_measure", "measure", "issued_at", "id"),
        sa.Index("sanctions_of_category", "category", "issued_at", "id"),
        sa.Index("sanctions_ended", "ends_at", "id", "measure", "redacted_at"),
        *(_unusual(name, *columns) for name, columns in UNUSUAL.items()),
        sa.Index(
            "sanctions_derived",
            "derived_from_id",
            "issued_at",
            "id",
            sqlite_where=sa.text("derived_from_id IS NOT NULL"),
            postgresql_where=sa.text("derived_from_id IS NOT NULL"),
        ),
        sa.Index(
            "sanctions_redacted",
            "redacted_at",
            sqlite_where=sa.text("redacted_at IS NOT NULL"),
            postgresql_where=sa.text("redacted_at IS NOT NULL"),
        ),
    )

    platform_id: str = Field(foreign_key="platforms.id")
    reference_key: str
    fingerprint: str | None = None
    recorded_at: datetime = Field(sa_type=Utc)
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
    supersedes_id: str | None = Field(default=None, foreign_key="sanctions.id", unique=True)
    derived_from_id: str | None = Field(default=None, foreign_key="sanctions.id")
    has_own_grounds: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    secret_generation: int = 0
    secret_hash: str | None = None


class Disclosure(SanctionTexts, SQLModel, table=True):
    """What a statement commits to. Erasing a subject deletes this row and its keys."""

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

    sanction_id: str = Field(primary_key=True, foreign_key="sanctions.id")
    seed: bytes
    subject: str
    aliases: list[str] = Field(
        default=[], sa_type=sa.JSON, sa_column_kwargs={"server_default": "[]"}
    )
    host_id: str | None = Field(default=None, foreign_key="platforms.id")
    policy_reference: dict[str, str | None] | None = Field(
        default=None, sa_type=sa.JSON(none_as_null=True)
    )
    own_grounds: str | None = None  # of an adoption that doesn't rest on its source alone


class SubjectKey(SQLModel, table=True):
    """Keyed hashes of a sanction's subject and its aliases, for lookups."""

    __tablename__ = "subject_keys"
    __table_args__ = {"sqlite_with_rowid": False}

    key: str = Field(primary_key=True)
    sanction_id: str = Field(primary_key=True, foreign_key="sanctions.id", index=True)


class Part(SQLModel, table=True):
    """Who took part in deciding a sanction; what separation of duties is checked against."""

    __tablename__ = "parts"
    __table_args__ = {"sqlite_with_rowid": False}

    sanction_id: str = Field(primary_key=True, foreign_key="sanctions.id")
    member_id: str = Field(primary_key=True)
    part: str = Field(primary_key=True)


class Note(SQLModel, table=True):
    """The private reason given for a change of a sanction."""

    __tablename__ = "notes"

    id: str = Field(primary_key=True)
    sanction_id: str = Field(foreign_key="sanctions.id", index=True)
    event: str
    text: str
    at: datetime = Field(sa_type=Utc)

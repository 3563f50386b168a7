"""What a moderator decides, as it is entered: terms, texts, a signature."""

import re
from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from pydantic import AfterValidator, ValidationInfo, field_validator
from sqlmodel import Field

from governance.fields import (
    URI,
    Base64Of32,
    Base64Of64,
    Draft,
    EnumList,
    EnumText,
    Instant,
    LongText,
    Shape,
    ShortText,
)
from governance.fields import UTCDateTime as Utc
from governance.identifiers import SubjectKind
from governance.rules.policy import OTHER_MEASURES
from governance.vocabulary import TERRITORIES, Category, ContentType, Keyword, keyword_belongs
from governance.words import (
    Audience,
    Automation,
    Ground,
    Measure,
    PermanentBasis,
    Source,
)

MOST_ALIASES = 5


def _territory(code: str) -> str:
    if code not in TERRITORIES:
        raise ValueError("expected two-letter codes of EEA states, such as DE")
    return code


Territory = Annotated[str, AfterValidator(_territory)]
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def language(tag: str) -> str:
    """The tag, if it looks like one; else ValueError."""
    if not _LANGUAGE.fullmatch(tag):
        raise ValueError("expected a BCP 47 tag, such as en or pt-BR")
    return tag


Language = Annotated[str, AfterValidator(language)]


class SanctionTerms(Shape):
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


class PolicyReference(Shape, extra="forbid"):
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


class SanctionTexts(Shape):
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
        if text is not None and measure is not None and measure not in OTHER_MEASURES:
            raise ValueError(f"expected nothing with {measure}; it describes *_OTHER measures")
        return text

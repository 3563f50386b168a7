"""A row of the EU's transparency database as the decisions it states."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from governance.drafts import SanctionDraft
from governance.errors import InvalidInput
from governance.fields import validated
from governance.importing import dsa_words as words
from governance.importing.runs import NOT_STATED
from governance.requesting import Dating, Request
from governance.rules.policy import OTHER_MEASURES
from governance.vocabulary import TERRITORIES, Category, Keyword, keyword_belongs
from governance.words import Ground, Measure, Precision, Source

DAY = timedelta(days=1)
NO_DOMAIN = "dsa.invalid"  # RFC 2606 section 2: never anybody's
OPTIONAL = ("source_type", "territorial_scope", "content_type", "content_date")
EARLIEST, LATEST = 1900, 9998  # years; every time zone's clock can print them

# The file's column behind a field of the draft.
COLUMNS = {
    "issuerReference": "uuid",
    "subject": "uuid",
    "reason": "incompatible_content_explanation",
    "facts": "decision_facts",
    "explanation": "decision_facts",
    "groundReference": "incompatible_content_ground",
    "policyReference": "decision_ground_reference_url",
    "otherMeasure": "decision_visibility_other",
    "contentLanguage": "content_language",
    "territorialScope": "territorial_scope",
}

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?)?(?:Z|\+00:00| UTC)?", re.ASCII
)
_SLASHED = re.compile(r"(\d\d)/(\d\d)/(\d{4})", re.ASCII)  # day first


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in UTC, and whether only its day is known."""

    at: datetime
    is_day: bool

    @property
    def last(self) -> datetime:
        """The last instant it may stand for."""
        return self.at + DAY - timedelta(microseconds=1) if self.is_day else self.at

    @property
    def end(self) -> datetime:
        """The end, exclusive, of something that lasts until it; a day is included."""
        return self.at + DAY if self.is_day else self.at


@dataclass(frozen=True, slots=True)
class Restriction:
    """One of the restrictions that a statement imposes."""

    measure: Measure
    end: Moment | None
    described: str | None


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text.strip().lower()) is not None


def platform_domain(name: str) -> str:
    """A domain for a platform that the database knows by name alone; it is nobody's.

    A name of other characters than letters, digits and spaces gets a part of its hash, so that no
    two such names share a domain.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    if slug != name.lower().replace(" ", "-"):
        slug = f"{slug}-{sha256(name.encode()).hexdigest()[:8]}".strip("-")
    return f"{slug}.{NO_DOMAIN}"


def platform_name(row: Mapping[str, str]) -> str:
    name = " ".join(row["platform_name"].split())
    if not 0 < len(name) <= 200:
        raise InvalidInput("expected a name of 1 to 200 characters", path=["platform_name"])
    return name


def requests(row: Mapping[str, str], *, is_public: bool) -> list[Request]:
    """Every restriction of a statement as a request; InvalidInput names the column at fault."""
    uuid = row["uuid"].strip().lower()
    if not is_uuid(uuid):
        raise InvalidInput("expected a UUID", path=["uuid"])
    created, applied = moment(row, "created_at"), moment(row, "application_date")
    start = applied or created
    if start is None:
        raise InvalidInput("expected a date, got none", path=["application_date"])
    restrictions = list(_restrictions(row))
    if not restrictions:
        raise InvalidInput("expected at least one restriction", path=["decision_visibility"])
    for restriction in restrictions:
        if restriction.end and restriction.end.end <= start.at:
            column = _end_column(restriction.measure)
            raise InvalidInput("expected an end not before application_date", path=[column])
    # The database knows when a decision was sent to it; it was taken by then.
    issued_at = min(start.at, created.at) if created else start.at
    shared = _terms(row, start) | _texts(row, is_public)
    return [_request(uuid, r, start, issued_at, shared) for r in restrictions]


def _request(
    uuid: str,
    restriction: Restriction,
    start: Moment,
    issued_at: datetime,
    shared: dict[str, object],
) -> Request:
    end = restriction.end
    draft = validated(
        SanctionDraft,
        shared
        | {
            "measure": restriction.measure,
            "other_measure": restriction.described,
            "effective_at": start.at,
            "expires_at": end.end if end else None,
            "subject": f"urn:uuid:{uuid}",
            "issuer_reference": f"{uuid}#{restriction.measure.value}",
            "case_reference": uuid,
            "aliases": [],  # or a copy is made of their default, which takes longer than a check
        },
    )
    is_day = start.is_day or (end is not None and end.is_day)
    precision = Precision.DAY if is_day else Precision.INSTANT
    return Request(draft, dating=Dating(issued_at, precision), record_conflicts=True)


def _restrictions(row: Mapping[str, str]) -> Iterator[Restriction]:
    for column, known in (
        ("decision_visibility", words.VISIBILITY),
        ("decision_monetary", words.MONETARY),
        ("decision_provision", words.PROVISION),
        ("decision_account", words.ACCOUNT),
    ):
        for measure in dict.fromkeys(words.meanings(row, column, known)):
            is_other = measure in OTHER_MEASURES
            described = (_text(row, f"{column}_other") or NOT_STATED) if is_other else None
            yield Restriction(measure, moment(row, _end_column(measure)), described)


def _end_column(measure: Measure) -> str:
    kind = measure.partition("_")[0]
    of = {"CONTENT": "visibility", "MONETIZATION": "monetary", "SERVICE": "service"}
    return f"end_date_{of.get(kind, 'account')}_restriction"


def _terms(row: Mapping[str, str], start: Moment) -> dict[str, object]:
    category, keywords = _classified(row)
    content = moment(row, "content_date")
    conduct = content or start
    languages = words.listed(row.get("content_language", ""))
    territories = [code.upper() for code in words.listed(row.get("territorial_scope", ""))]
    if unknown := next((code for code in territories if code not in TERRITORIES), None):
        raise InvalidInput(
            f"expected codes of EEA states, got {unknown[:20]!r}", path=["territorial_scope"]
        )
    return {
        "ground": words.needed(row, "decision_ground", words.GROUNDS),
        "category": category,
        "keywords": keywords,
        "conduct_from": conduct.at,
        "conduct_to": conduct.last,
        "is_automated_detection": words.needed(row, "automated_detection", words.YES_NO),
        "automation": words.needed(row, "automated_decision", words.AUTOMATIONS),
        "source": words.meaning(row, "source_type", words.SOURCES) or Source.OWN_INITIATIVE,
        "content_type": words.meanings(row, "content_type", words.CONTENT_TYPES),
        "content_date": content.at if content else None,
        "content_language": languages[0].lower() if len(languages) == 1 else None,
        "territorial_scope": territories,
    }


def _classified(row: Mapping[str, str]) -> tuple[Category, list[Keyword]]:
    """Category and keywords in v2; a keyword that belongs to another category becomes OTHER."""
    category = words.needed(row, "category", words.CATEGORIES)
    given = words.meanings(row, "category_specification", words.KEYWORDS)
    code = words.plain("category", words.listed(row["category"])[0])
    if code in words.SAID_BY_CATEGORY:
        given.insert(0, words.SAID_BY_CATEGORY[code])
    fitting = (k if keyword_belongs(k, category) else Keyword.OTHER for k in given)
    return category, list(dict.fromkeys(fitting))


def _texts(row: Mapping[str, str], is_public: bool) -> dict[str, object]:
    """The free texts; the ground as the source words it, and its facts, are public only where
    that is wanted.

    Who reported the content (source_identity) isn't taken over: it names a third person.
    """
    is_illegal = words.meaning(row, "decision_ground", words.GROUNDS) is Ground.ILLEGAL_CONTENT
    prefix = "illegal_content" if is_illegal else "incompatible_content"
    ground = _text(row, "illegal_content_legal_ground" if is_illegal else f"{prefix}_ground")
    facts = _text(row, "decision_facts")
    url = _text(row, "decision_ground_reference_url")
    missing = [column for column in OPTIONAL if not words.listed(row.get(column, ""))]
    remark = f"Not stated by the source: {', '.join(missing)}." if missing else None
    hidden = () if is_public else (ground and f"Ground: {ground}", facts)
    private = [text for text in (*hidden, remark) if text]
    return {
        "ground_reference": (ground if is_public else None) or NOT_STATED,
        "reason": _text(row, f"{prefix}_explanation") or NOT_STATED,
        "explanation": facts if is_public else None,
        "facts": "\n\n".join(private) or None,
        "policy_reference": {"rule": ground or NOT_STATED, "url": url}
        if url and is_public
        else None,
    }


def _text(row: Mapping[str, str], column: str) -> str | None:
    text = row.get(column, "").strip()
    return None if text in ("", "\\N") else text


def moment(row: Mapping[str, str], column: str) -> Moment | None:
    """The date in a column, in UTC; a bare date or a midnight is a whole day."""
    text = row.get(column, "").strip()
    return None if text in ("", "\\N", "null", "NULL") else _moment(text, column)


@lru_cache(maxsize=4_096)  # days above all
def _moment(text: str, column: str) -> Moment:
    if match := _SLASHED.fullmatch(text):
        day, month, year = match.groups()
        parts = [year, month, day]
    elif match := _ISO.fullmatch(text):
        parts = [part for part in match.groups() if part is not None]
    else:
        raise InvalidInput(f"expected a date such as 2024-11-22, got {text[:40]!r}", path=[column])
    try:
        at = datetime(*(int(part) for part in parts), tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        at = None
    if at is None or not EARLIEST <= at.year <= LATEST:
        expected = f"expected a day of the years {EARLIEST} to {LATEST}, got {text[:40]!r}"
        raise InvalidInput(expected, path=[column])
    return Moment(at, (at.hour, at.minute, at.second) == (0, 0, 0))

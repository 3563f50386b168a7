"""What the EU's DSA Transparency Database takes (schema v2, in force since 2025-07-01).

Its codes of what was decided, and what it would refuse of a statement.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from governance.importing import dsa_words as words
from governance.vocabulary import LANGUAGES, TERRITORIES, Category, ContentType, Keyword
from governance.words import Automation, Ground, Measure, Source

EARLIEST_APPLICATION, EARLIEST_CONTENT = date(2020, 1, 1), date(2000, 1, 1)
LATEST = date(2038, 1, 1)  # of any day
Statement = dict[str, Any]

_VISIBILITY = {measure: f"CONTENT_{code}" for code, measure in words.VISIBILITY.items()} | {
    Measure.CONTENT_OTHER: "OTHER",
    Measure.SERVER_LIMITED: "OTHER",
}
_MONETARY = {measure: code for code, measure in words.MONETARY.items()}
_PROVISION = {measure: code for code, measure in words.PROVISION.items()} | {
    Measure.SERVER_SUSPENDED: "TOTAL_SUSPENSION"
}
_ACCOUNT = {measure: code for code, measure in words.ACCOUNT.items()}
DECISIONS: Mapping[str, tuple[Mapping[Measure, str], str]] = {
    "decision_visibility": (_VISIBILITY, "end_date_visibility_restriction"),
    "decision_monetary": (_MONETARY, "end_date_monetary_restriction"),
    "decision_provision": (_PROVISION, "end_date_service_restriction"),
    "decision_account": (_ACCOUNT, "end_date_account_restriction"),
}
SOURCES = {
    Source.NOTICE: "SOURCE_ARTICLE_16",
    Source.TRUSTED_FLAGGER: "SOURCE_TRUSTED_FLAGGER",
    Source.OTHER_NOTIFICATION: "SOURCE_TYPE_OTHER_NOTIFICATION",
    Source.OWN_INITIATIVE: "SOURCE_VOLUNTARY",
}
_REQUIRED = (
    *("decision_ground", "category", "content_type", "content_date", "application_date"),
    *("decision_facts", "source_type", "automated_detection", "automated_decision", "puid"),
)
_LONGEST = {
    "decision_visibility_other": 500,
    "decision_monetary_other": 500,
    "decision_ground_reference_url": 500,
    "illegal_content_legal_ground": 500,
    "illegal_content_explanation": 2_000,
    "incompatible_content_ground": 500,
    "incompatible_content_explanation": 2_000,
    "category_specification_other": 500,
    "content_type_other": 500,
    "decision_facts": 5_000,
    "puid": 500,
}
_CODES: Mapping[str, frozenset[str]] = {
    **{
        name: frozenset(f"{name.upper()}_{code}" for code in codes.values())
        for name, (codes, _) in DECISIONS.items()
    },
    "decision_ground": frozenset(f"DECISION_GROUND_{ground}" for ground in Ground),
    "category": frozenset(f"STATEMENT_CATEGORY_{category}" for category in Category),
    "category_specification": frozenset(f"KEYWORD_{keyword}" for keyword in Keyword),
    "content_type": frozenset(f"CONTENT_TYPE_{kind}" for kind in ContentType),
    "content_language": frozenset(LANGUAGES),
    "territorial_scope": frozenset(TERRITORIES),
    "source_type": frozenset(SOURCES.values()),
    "automated_detection": frozenset({"Yes", "No"}),
    "automated_decision": frozenset(f"AUTOMATED_DECISION_{a}" for a in Automation),
}
# What each code that needs words needs them in.
_OTHERS = {
    "decision_visibility": ("DECISION_VISIBILITY_OTHER", "decision_visibility_other"),
    "decision_monetary": ("DECISION_MONETARY_OTHER", "decision_monetary_other"),
    "category_specification": ("KEYWORD_OTHER", "category_specification_other"),
    "content_type": ("CONTENT_TYPE_OTHER", "content_type_other"),
}
_GROUNDED = {
    "DECISION_GROUND_ILLEGAL_CONTENT": (
        "illegal_content_legal_ground",
        "illegal_content_explanation",
    ),
    "DECISION_GROUND_INCOMPATIBLE_CONTENT": (
        "incompatible_content_ground",
        "incompatible_content_explanation",
    ),
}
DATES = ("application_date", "content_date", *(end for _, end in DECISIONS.values()))


def problems(told: Statement) -> list[str]:
    """What the database would refuse, each with its field; nothing if it is ready."""
    needed = [*_REQUIRED, *_GROUNDED.get(told.get("decision_ground", ""), ())]
    needed += [other for name, (code, other) in _OTHERS.items() if code in _listed(told, name)]
    found = [f"{name}: it is required" for name in needed if not told.get(name)]
    if not any(told.get(name) for name in DECISIONS):
        found.append("decision_visibility: expected at least one restriction")
    for name, known in _CODES.items():
        unknown = set(_listed(told, name)) - known
        found += [f"{name}: {code!r} isn't a code of it" for code in sorted(unknown)]
    for name, longest in _LONGEST.items():
        if len(told.get(name) or "") > longest:
            found.append(f"{name}: expected at most {longest:,} characters")
    if told.get("puid") and not re.fullmatch(r"[A-Za-z0-9_-]+", told["puid"]):
        found.append("puid: expected letters, digits, - and _ alone")
    if (page := told.get("decision_ground_reference_url")) and not _is_page(page):
        found.append("decision_ground_reference_url: expected the address of a page")
    return found + _date_problems(told)


def _date_problems(told: Statement) -> list[str]:
    days = {name: date.fromisoformat(told[name]) for name in DATES if told.get(name)}
    applied = days.get("application_date")
    earliest = {"application_date": EARLIEST_APPLICATION, "content_date": EARLIEST_CONTENT}
    found = []
    for name, day in days.items():
        if name in earliest and day < earliest[name]:
            found.append(f"{name}: expected {earliest[name]} or a day after it")
        elif name not in earliest and applied and day < applied:
            found.append(f"{name}: expected a day not before application_date")
        if day > LATEST:
            found.append(f"{name}: expected {LATEST} or a day before it")
    return found


def _is_page(address: str) -> bool:
    try:
        return bool(urlsplit(address).hostname) and not re.search(r"\s", address)
    except ValueError:
        return False


def _listed(told: Statement, name: str) -> list[str]:
    value = told.get(name) or []
    return [value] if isinstance(value, str) else list(value)

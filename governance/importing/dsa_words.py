"""Codes of the EU's transparency database, with or without prefixes, v1 and v2, in our words.

How v1 codes continue in v2 (since 2025-07-01): European Commission, DSA Transparency Database,
CC BY 4.0, https://doi.org/10.2906/134353607485211. Where v2 dropped a code, its label in v2 or the
category that took over its keywords decides.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

from governance.errors import InvalidInput
from governance.vocabulary import Category, ContentType, Keyword
from governance.words import Automation, Ground, Measure, Source

T = TypeVar("T")

VISIBILITY = {
    code: Measure[f"CONTENT_{code}"]
    for code in (
        "REMOVED",
        "DISABLED",
        "DEMOTED",
        "AGE_RESTRICTED",
        "INTERACTION_RESTRICTED",
        "LABELLED",
        "OTHER",
    )
}
MONETARY = {
    "SUSPENSION": Measure.MONETIZATION_SUSPENDED,
    "TERMINATION": Measure.MONETIZATION_TERMINATED,
    "OTHER": Measure.MONETIZATION_OTHER,
}
PROVISION = {
    "PARTIAL_SUSPENSION": Measure.SERVICE_RESTRICTED,
    "TOTAL_SUSPENSION": Measure.SERVICE_SUSPENDED,
    "PARTIAL_TERMINATION": Measure.SERVICE_TERMINATED,
    "TOTAL_TERMINATION": Measure.SERVICE_TERMINATED,
}
ACCOUNT = {"SUSPENDED": Measure.ACCOUNT_SUSPENDED, "TERMINATED": Measure.ACCOUNT_TERMINATED}

GROUNDS = {ground.value: ground for ground in Ground}
AUTOMATIONS = {automation.value: automation for automation in Automation}
YES_NO = {"YES": True, "NO": False, "1": True, "0": False, "TRUE": True, "FALSE": False}
CONTENT_TYPES = {content_type.value: content_type for content_type in ContentType}
SOURCES = {
    "ARTICLE_16": Source.NOTICE,
    "TRUSTED_FLAGGER": Source.TRUSTED_FLAGGER,
    "OTHER_NOTIFICATION": Source.OTHER_NOTIFICATION,
    "VOLUNTARY": Source.OWN_INITIATIVE,
}

CATEGORIES = {category.value: category for category in Category} | {
    "UNSAFE_AND_ILLEGAL_PRODUCTS": Category.UNSAFE_AND_PROHIBITED_PRODUCTS,
    "SCOPE_OF_PLATFORM_SERVICE": Category.OTHER_VIOLATION_TC,
    "NON_CONSENSUAL_BEHAVIOUR": Category.CYBER_VIOLENCE,
    "PORNOGRAPHY_OR_SEXUALIZED_CONTENT": Category.OTHER_VIOLATION_TC,
}
# What a v1 category said and its successor doesn't say any more.
SAID_BY_CATEGORY = {"PORNOGRAPHY_OR_SEXUALIZED_CONTENT": Keyword.ADULT_SEXUAL_MATERIAL}

KEYWORDS = {keyword.value: keyword for keyword in Keyword} | {
    "ONLINE_BULLYING_INTIMIDATION": Keyword.CYBER_BULLYING_INTIMIDATION,
    "INSUFFICIENT_INFORMATION_TRADERS": Keyword.INSUFFICIENT_INFORMATION_ON_TRADERS,
    "DISINFORMATION": Keyword.MISINFORMATION_DISINFORMATION,
    "MISINFORMATION": Keyword.MISINFORMATION_DISINFORMATION,
    "FOREIGN_INFORMATION_MANIPULATION": Keyword.MISINFORMATION_DISINFORMATION,
    "NON_CONSENSUAL_ITEMS_DEEPFAKE": Keyword.NON_CONSENSUAL_MATERIAL_DEEPFAKE,
    "IMAGE_BASED_SEXUAL_ABUSE": Keyword.NON_CONSENSUAL_IMAGE_SHARING,
    "REGULATED_GOODS_SERVICES": Keyword.PROHIBITED_PRODUCTS,
    "DANGEROUS_TOYS": Keyword.UNSAFE_PRODUCTS,
    "GENDER_BASED_VIOLENCE": Keyword.OTHER,
}

_PREFIXES = {
    "decision_visibility": ("DECISION_VISIBILITY_", "CONTENT_"),
    "decision_monetary": ("DECISION_MONETARY_",),
    "decision_provision": ("DECISION_PROVISION_",),
    "decision_account": ("DECISION_ACCOUNT_",),
    "decision_ground": ("DECISION_GROUND_",),
    "category": ("STATEMENT_CATEGORY_",),
    "category_specification": ("KEYWORD_",),
    "content_type": ("CONTENT_TYPE_",),
    "source_type": ("SOURCE_", "TYPE_"),
    "automated_decision": ("AUTOMATED_DECISION_",),
}
_NOTHING = frozenset({"", "[]", "null", "NULL", "None", "\\N"})


@lru_cache(maxsize=4_096)  # a dump repeats few different cells
def listed(cell: str) -> tuple[str, ...]:
    """The codes in a cell: a JSON array, a list as Python prints it, or one code alone."""
    text = cell.strip()
    if text in _NOTHING:
        return ()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    codes = (code.strip().strip("\"'") for code in text.split(","))
    return tuple(dict.fromkeys(code for code in codes if code not in _NOTHING))


def plain(column: str, code: str) -> str:
    """A code without the prefixes of its column."""
    code = code.upper()
    for prefix in _PREFIXES.get(column, ()):
        code = code.removeprefix(prefix)
    return code


@lru_cache(maxsize=4_096)
def _bare(column: str, cell: str) -> tuple[tuple[str, str], ...]:
    """The codes in a cell, each as it is and without prefixes."""
    return tuple((code, plain(column, code)) for code in listed(cell))


def meanings(row: Mapping[str, str], column: str, known: Mapping[str, T]) -> list[T]:
    """What the codes of a column mean; InvalidInput names one that isn't known."""
    found: list[T] = []
    for code, bare in _bare(column, row.get(column, "")):
        meaning = known.get(bare)
        if meaning is None:
            raise InvalidInput(f"expected a code of {column}, got {code[:60]!r}", path=[column])
        found.append(meaning)
    return found


def meaning(row: Mapping[str, str], column: str, known: Mapping[str, T]) -> T | None:
    """What the one code of a column means; None where the row doesn't say."""
    found = meanings(row, column, known)
    if len(found) > 1:
        raise InvalidInput(f"expected one code of {column}, got {len(found)}", path=[column])
    return found[0] if found else None


def needed(row: Mapping[str, str], column: str, known: Mapping[str, T]) -> T:
    """What the one code of a column means; the database requires it of every statement."""
    found = meaning(row, column, known)
    if found is None:
        raise InvalidInput(f"expected a code of {column}, got none", path=[column])
    return found

"""The domain's words as GraphQL enums: values equal their names, meanings are descriptions."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import strawberry

from governance import vocabulary, words
from governance.errors import RefusalCode
from governance.identifiers import SubjectKind

REFUSALS: dict[str, str] = {
    "INVALID_INPUT": "A field has the wrong shape; the path names it",
    "UNAUTHENTICATED": "A credential is missing, unknown, expired or revoked",
    "FORBIDDEN": "The member's roles don't reach this",
    "NOT_FOUND": "Absent, or not yours: nobody is told which",
    "CONFLICT": "The state of things doesn't allow it any more",
    "REFERENCE_REUSED": "The reference was used for another decision",
    "ERASED": "The reference was used and its record erased",
    "MEASURE_NOT_OFFERED": "The policy has no such measure",
    "END_REQUIRED": "A sanction of this kind needs an end",
    "END_BEFORE_START": "The end lies before the start or in the past",
    "TOO_LONG": "Longer than the policy or the present end allows",
    "TOTAL_TOO_LONG": "Suspensions together would exceed the cap",
    "PERMANENCE_NOT_ALLOWED": "Only spam, bots and fake accounts, and without an end",
    "BASIS_NOT_ALLOWED": "A permanent basis belongs to terminations alone",
    "BACKDATED": "A sanction can't begin before it is decided",
    "CONDUCT_REQUIRED": "The time of the conduct is missing",
    "DOUBLE_JEOPARDY": "The same conduct is sanctioned already",
    "AUTOMATION_NOT_MARKED": "A service decided and didn't say so",
    "DUTIES_NOT_SEPARATE": "The member took part in the decision before",
    "SIGNATURE_INVALID": "The signature doesn't hold, or not by this key",
    "APPEAL_OPEN": "An appeal is open already",
    "APPEAL_WINDOW_CLOSED": "The time to appeal is over",
    "ESCALATE_INSTEAD": "The appeal was decided; the next step is to escalate",
    "QUOTA_EXCEEDED": "As many as are allowed, at once or in a day",
}
KINDS = {
    "ACCOUNT": "An account of a person, group or program",
    "CONTENT": "One piece of content",
    "SERVER": "A whole server with all its accounts",
}

_DESCRIPTIONS: dict[type[StrEnum], tuple[str, Mapping[Any, str]]] = {
    RefusalCode: ("Why something was refused; stable across versions", REFUSALS),
    SubjectKind: ("What kind of subject a sanction is about", KINDS),
    vocabulary.Category: (
        "Categories of the EU's DSA Transparency Database",
        vocabulary.CATEGORY_LABELS,
    ),
    vocabulary.Keyword: (
        "Keywords of the EU's DSA Transparency Database",
        vocabulary.KEYWORD_LABELS,
    ),
    vocabulary.ContentType: (
        "Kinds of content the EU's database tells apart",
        vocabulary.CONTENT_TYPE_LABELS,
    ),
}


def register() -> None:
    """Makes every code of the domain a GraphQL enum. Once, before the types are built."""
    for word in words.Word.__subclasses__():
        register_word(word)
    for kind, (description, meanings) in _DESCRIPTIONS.items():
        _register(kind, description, meanings)


def register_word(word: type[words.Word]) -> None:
    _register(word, word.__doc__ or "", {str(w): w.description for w in word})


def _register(kind: type[StrEnum], description: str, meanings: Mapping[Any, str]) -> None:
    strawberry.enum(kind, description=description.rstrip("."))
    definition = kind.__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = meanings[value.name]


register()

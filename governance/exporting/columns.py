"""What the files of a day hold: one row for each entry of the log, in columns.

A row is made of one entry alone, so it never changes and can be proved: `leafHash` is the entry's
place in the tree, and `events` has the entry itself.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from governance.appeals import Appeal, AppealStatement
from governance.decisions import APPEAL, STATEMENT
from governance.log.leaves import BEGINS, Leaf
from governance.log.notes import encode
from governance.sanctions import SanctionStatement

SCHEMA_VERSION = 1
Row = Mapping[str, Any]


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    LONG = "whole number"
    FLAG = "true or false"
    INSTANT = "instant, UTC"
    TEXTS = "list of texts"


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `description` is what the documentation says, `words` are the codes it takes."""

    name: str
    kind: Kind
    description: str
    is_nullable: bool = True
    words: type[StrEnum] | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Files of one kind: what they hold, their columns, and the row of an entry, if it has one."""

    name: str
    about: str
    columns: tuple[Column, ...]
    row: Callable[[int, bytes, Leaf], dict[str, Any] | None]


def _words_of(annotation: Any) -> type[StrEnum] | None:
    """The codes that a value is of, or its items are."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, StrEnum) else None
    return next((words for one in get_args(annotation) if (words := _words_of(one))), None)


def _kind_of(annotation: Any) -> Kind:
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is list:
        return Kind.TEXTS
    if annotation is bool:
        return Kind.FLAG
    if annotation is datetime or datetime in get_args(annotation):
        return Kind.INSTANT
    return Kind.TEXT


def _of_model(model: type[BaseModel], names: tuple[str, ...]) -> Iterator[Column]:
    for name in names:
        field = model.model_fields[name]
        kind = _kind_of(field.annotation)
        is_nullable = kind not in (Kind.TEXTS, Kind.FLAG) and not field.is_required()
        words = _words_of(field.annotation)
        yield Column(to_camel(name), kind, field.description or "", is_nullable, words)


_ENTRY = (
    Column("logIndex", Kind.LONG, "The entry's index in the decision log, from 0", False),
    Column("leafHash", Kind.TEXT, "The entry's hash in the log's tree, base64", False),
    Column("loggedAt", Kind.INSTANT, "When it was logged, which says whose day it is", False),
    Column("platform", Kind.TEXT, "Domain of the platform that decided; null for the node"),
)
_SANCTION = Column("sanctionId", Kind.TEXT, "Global id of the sanction, prefixed san_", False)
_TYPE = Column("type", Kind.TEXT, "What happened, such as APPEAL_DECIDED", False)
_STATEMENT = tuple(_of_model(SanctionStatement, STATEMENT))
_STORED = {
    "state": "Where the appeal stood after it",
    "filed_by": "Who filed it",
    "asked_at": "When the appellant was asked",
    "lapses_at": "When it lapses unless the appellant answers",
}


def _of_appeals() -> Iterator[Column]:
    for name in APPEAL:
        field = (AppealStatement if name not in _STORED else Appeal).model_fields[name]
        described, kind = field.description or _STORED[name], _kind_of(field.annotation)
        yield Column(to_camel(name), kind, described, words=_words_of(field.annotation))


_APPEAL = tuple(_of_appeals())


def type_of(leaf: Leaf) -> str:
    """What happened, as the feed names it: SANCTION_ISSUED for `sanction.issued`."""
    return str(leaf.decision["type"]).upper().replace(".", "_")


def _entry(index: int, leaf_hash: bytes, leaf: Leaf) -> dict[str, Any]:
    return {
        "logIndex": index,
        "leafHash": encode(leaf_hash),
        "loggedAt": leaf.logged_at,
        "platform": leaf.platform,
    }


def _told(given: Mapping[str, Any], columns: tuple[Column, ...]) -> dict[str, Any]:
    """What the log leaves out is null, empty or false."""
    empty: dict[Kind, Callable[[], Any]] = {Kind.TEXTS: list, Kind.FLAG: bool}
    return {
        c.name: given[c.name] if c.name in given else empty.get(c.kind, lambda: None)()
        for c in columns
    }


def _statement(index: int, leaf_hash: bytes, leaf: Leaf) -> dict[str, Any] | None:
    if leaf.decision["type"] != BEGINS:
        return None
    signature = leaf.signature if isinstance(leaf.signature, Mapping) else {}
    return {
        **_entry(index, leaf_hash, leaf),
        "sanctionId": leaf.case,
        "issuedAt": leaf.decision["at"],
        "supersedesId": leaf.decision.get("supersedes"),
        "signedBy": signature.get("key"),
        **_told(leaf.decision["statement"], _STATEMENT),
    }


def _appeal(index: int, leaf_hash: bytes, leaf: Leaf) -> dict[str, Any] | None:
    appeal = leaf.decision.get("appeal")
    if appeal is None:
        return None
    return {
        **_entry(index, leaf_hash, leaf),
        "appealId": appeal,
        "sanctionId": leaf.case,
        "type": type_of(leaf),
        "at": leaf.decision["at"],
        **_told(leaf.decision.get("changed", {}), _APPEAL),
    }


def _event(index: int, leaf_hash: bytes, leaf: Leaf) -> dict[str, Any] | None:
    return {
        **_entry(index, leaf_hash, leaf),
        "type": type_of(leaf),
        "at": leaf.decision["at"],
        "sanctionId": leaf.case,
        "appealId": leaf.decision.get("appeal"),
        "entry": leaf.data.decode(),
    }


_AT = Column("at", Kind.INSTANT, "When it happened, as its platform says", False)
STATEMENTS = Dataset(
    "statements",
    "A row for each sanction, as it was logged when it was issued or recorded.",
    (
        *_ENTRY,
        _SANCTION,
        Column("issuedAt", Kind.INSTANT, "When the platform decided", False),
        Column("supersedesId", Kind.TEXT, "The sanction that this one replaced"),
        Column("signedBy", Kind.TEXT, "The platform's key, if it signed it itself, base64"),
        *_STATEMENT,
    ),
    _statement,
)
APPEALS = Dataset(
    "appeals",
    "A row for each move of an appeal, with what it changed; what it left is null.",
    (
        *_ENTRY,
        Column("appealId", Kind.TEXT, "Global id of the appeal, prefixed apl_", False),
        _SANCTION,
        _TYPE,
        _AT,
        *_APPEAL,
    ),
    _appeal,
)
EVENTS = Dataset(
    "events",
    "A row for each entry of the log, with the entry itself.",
    (
        *_ENTRY,
        _TYPE,
        _AT,
        Column("sanctionId", Kind.TEXT, "The sanction it is about, if any"),
        Column("appealId", Kind.TEXT, "The appeal it is about, if any"),
        Column("entry", Kind.TEXT, "The entry as it was hashed, canonical JSON", False),
    ),
    _event,
)
DATASETS = (STATEMENTS, APPEALS, EVENTS)

# What may be erased lies beside the days, and is written anew then.
EXPLANATIONS = Dataset(
    "explanations",
    "A row for each public text that the log commits to, while it isn't erased.",
    (
        _SANCTION,
        Column(
            "field", Kind.TEXT, "explanation, groundReference, policyReference or subject", False
        ),
        Column("value", Kind.TEXT, "The field's text; of policyReference, JSON", False),
        Column("key", Kind.TEXT, "Opens the log's commitment to it, base64; null if lost"),
    ),
    lambda index, leaf_hash, leaf: None,
)
ALL = {dataset.name: dataset for dataset in (*DATASETS, EXPLANATIONS)}


def rows_of(dataset: Dataset, entries: list[tuple[int, bytes, Leaf]]) -> list[dict[str, Any]]:
    """The rows of entries, in their order."""
    made = (dataset.row(*entry) for entry in entries)
    return [row for row in made if row is not None]

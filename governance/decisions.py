"""What is logged of each happening: codes, instants and commitments, and nothing personal.

A decision is what its author knows, as canonical JSON (RFC 8785). What a sanction discloses is
only committed to, each field for itself, so that the log stays checkable when it was erased.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any

from pydantic.alias_generators import to_camel, to_snake
from sqlmodel import SQLModel

from governance.adoptions import Receipt
from governance.appeals import Appeal
from governance.fields import print_instant
from governance.log import forms
from governance.log.canonical import canonical, canonical_of_ours
from governance.log.commitments import commitments as bound
from governance.log.kinds import Fields
from governance.log.leaves import VERSION
from governance.log.notes import encode
from governance.sanctions import Disclosure, Sanction
from governance.words import EventType

_camel = cache(to_camel)  # of names of fields alone


def _names(form: Fields) -> tuple[str, ...]:
    """The columns that are logged, of the fields that the form declares."""
    return tuple(map(to_snake, form.kinds))


STATEMENT, COMMITTED = _names(forms.STATEMENT), _names(forms.COMMITTED)
APPEAL, RECEIPT = _names(forms.APPEAL), _names(forms.RECEIPT)
_NAMED = tuple(zip(STATEMENT, forms.STATEMENT.kinds, strict=True))
_KEPT = tuple(zip(COMMITTED, forms.COMMITTED.kinds, strict=True))


def kind_of(event: EventType) -> str:
    """The name of an event in the log: `sanction.issued` for SANCTION_ISSUED."""
    return event.value.lower().replace("_", ".", 1)


# What each later event sets of its sanction.
CHANGES: Mapping[EventType, tuple[str, ...]] = {
    event: _names(forms.CHANGES[kind_of(event)])
    for event in EventType
    if kind_of(event) in forms.CHANGES
}


def issued(
    domain: str, sanction: Sanction, commitments: Mapping[str, str], replaces: str | None
) -> bytes:
    """The decision that begins a case; `leaves.case_id` says which."""
    given = vars(sanction)
    told = _head(kind_of(EventType.SANCTION_ISSUED), domain, sanction.issued_at)
    told["statement"] = {name: given[key] for key, name in _NAMED if given[key]}
    told["commitments"] = commitments
    for name, case in (("supersedes", replaces), ("derivedFrom", sanction.derived_from_id)):
        if case is not None:
            told[name] = case
    return canonical_of_ours(told, print_instant)


def commitments(disclosure: Disclosure) -> dict[str, str]:
    """What the log has of each field that is disclosed: base64, by the field's name."""
    given = vars(disclosure)
    made = bound(disclosure.seed, {name: given[key] for key, name in _KEPT if given[key]})
    return {name: encode(one) for name, one in made.items()}


def changed(
    event: EventType,
    domain: str,
    sanction: Sanction,
    about: Appeal | Receipt | None,
    at: datetime,
    told: Mapping[str, str | int],
) -> bytes:
    """The decision about a case that was begun before, or about an appeal or receipt of it."""
    row: SQLModel = about or sanction
    names = CHANGES.get(event, ())
    if about is not None:
        names = APPEAL if isinstance(about, Appeal) else RECEIPT
    return _decision(
        event,
        domain,
        at,
        case=sanction.id,
        appeal=about.id if isinstance(about, Appeal) else None,
        changed=_plain({name: getattr(row, name) for name in names}) or None,
        **told,
    )


def of_node(kind: str, domain: str | None, at: datetime, **told: Any) -> bytes:
    """What is about no case: platforms, members without their names, keys."""
    return canonical(_head(kind, domain, at) | told)


def _decision(event: EventType, domain: str, at: datetime, **told: Any) -> bytes:
    given = {name: value for name, value in told.items() if value is not None}
    return canonical(_head(kind_of(event), domain, at) | given)


def _head(kind: str, domain: str | None, at: datetime) -> dict[str, Any]:
    return {"version": VERSION, "type": kind, "platform": domain, "at": print_instant(at)}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON, by the names of the schema; what is null, empty or false is left out."""
    return {_camel(name): _json(value) for name, value in values.items() if value}


def _json(value: Any) -> Any:
    if isinstance(value, Enum):
        return value._value_
    if isinstance(value, datetime):
        return print_instant(value)
    return [_json(one) for one in value] if isinstance(value, list) else value

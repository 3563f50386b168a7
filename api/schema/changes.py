"""How a field that runs a use case is declared: its input, its payload, what is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from api.outward import Outside
from api.schema.declaring import argument, declared, parameter
from governance.errors import Refused, Unauthenticated
from governance.membership import Actor
from governance.settings import Keys


@dataclass(frozen=True, slots=True)
class Act:
    """What a change may use: an open transaction, the node's keys, who acts, the one `now`."""

    session: Session
    keys: Keys
    someone: Actor | None
    now: datetime

    @property
    def actor(self) -> Actor:
        """The member that acts; Unauthenticated without a credential."""
        if self.someone is None:
            raise Unauthenticated("this takes a member's credential")
        return self.someone


@dataclass(frozen=True, slots=True)
class Changed:
    """The row that the payload's objects are read through: an id, and a secret or null."""

    id: str
    secret: str | None = None
    given: Mapping[str, list[list[str | None]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """How a mutation is done: the draft it takes, the payload it answers, the use case."""

    draft: type[Any]
    payload: type
    use: Callable[[Act, Any], Any]
    refused: Callable[[Refused], Changed] | None = None  # of what only looks; else a Refusal
    prepare: Callable[[Outside, str, Actor, Any], Any] | None = None  # asks others, before it


def change(
    result: Any,
    draft: type[Any],
    payload: type,
    description: str,
    *,
    refused: Callable[[Refused], Changed] | None = None,
    prepare: Callable[[Outside, str, Actor, Any], Any] | None = None,
) -> Callable[[Callable[[Act, Any], Any]], Any]:
    """Declares a mutation: its result, the input it takes, the payload of its success. With
    `refused` it is a query that runs a use case: it writes nothing and its payload holds both.
    With `prepare` other servers are asked before the transaction begins."""

    given = [parameter("input", argument(draft, "What to do"))]

    def declare(use: Callable[[Act, Any], Any]) -> Any:
        done = Change(draft, payload, use, refused, prepare)
        return declared(use, result, description, given, change=done)

    return declare

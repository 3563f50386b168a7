"""Fields of Query that Python computes, since a database can't or needn't."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry.pydantic
from sqlmodel import Session

Compute = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a computation may use: an open transaction that reads, and the one `now`."""

    session: Session
    now: datetime


def computed(kind: object, description: str) -> Callable[[Compute], Any]:
    """Declares such a field. The function gets an `Asked`, then its GraphQL arguments by their
    Python names; it answers an object whose attributes are the fields, or None, or is Refused."""

    def declare(compute: Compute) -> Any:
        def unused(self: object) -> None:
            raise AssertionError("the executor replaces every resolver")

        signature = inspect.signature(compute)
        _, *given = signature.parameters.values()
        this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        unused.__signature__ = inspect.Signature([this, *given])  # type: ignore[attr-defined]
        unused.__annotations__ = {p.name: p.annotation for p in given}
        unused.__name__, unused.__module__ = compute.__name__, compute.__module__
        return strawberry.pydantic.field(
            unused, graphql_type=kind, description=description, metadata={"computed": compute}
        )

    return declare

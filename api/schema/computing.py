"""Fields of Query that Python computes, since a database can't or needn't."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from api.schema.declaring import declared

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
        _, *given = inspect.signature(compute).parameters.values()
        return declared(compute, kind, description, given, computed=compute)

    return declare

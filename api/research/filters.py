"""Filters that outlive their request: kept as they were sent, and asked again of each record."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from api.reads.dialects import DIALECTS
from api.reads.fields import Condition, Read, Row, rows_of
from api.reads.values import Argument, Env, Getter, Late
from api.schema.filters import SanctionFilter, fits
from governance.errors import InvalidInput
from governance.records import sanctions
from governance.rules.disclosure import PUBLIC
from governance.selections import Fit


def wanted(given: SanctionFilter | None, now: datetime) -> dict[str, Any]:
    """A filter as it is kept; InvalidInput where it can't be asked, or asks for somebody."""
    if given is None:
        return {}
    if given.subject is not None:
        message = "expected no subject: pseudonyms are not for finding anybody"
        raise InvalidInput(message, path=["filter", "subject"])
    kept = given.model_dump(mode="json", by_alias=True, exclude_none=True)
    try:
        _asked(rows_of(sanctions.Sanction).c, kept, "sqlite", now)
    except InvalidInput as refused:
        raise InvalidInput(refused.message, path=["filter", *refused.path]) from None
    return kept


def fit(kept: Mapping[str, Any], dialect: str, now: datetime) -> Fit:
    """Whether a sanction fits a filter that was kept, as everybody may ask, at an instant."""
    return lambda row: _asked(row, kept, dialect, now)


def _asked(
    row: Row, kept: Mapping[str, Any], dialect: str, now: datetime
) -> tuple[Condition, Mapping[str, Any]]:
    binds: dict[str, Getter] = {}
    read = Read(DIALECTS[dialect], PUBLIC.kind, binds)
    found = fits(row, read, {name: _argument(value) for name, value in kept.items()})
    env = Env({}, now, PUBLIC)
    return sa.and_(sa.true(), *found), {name: get(env) for name, get in binds.items()}


def _argument(value: Any) -> Argument:
    if isinstance(value, bool):
        return value
    return Late(lambda _: value, isinstance(value, list) and len(value) == 1)

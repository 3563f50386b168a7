"""Column types and scalars that records share: UTC instants, enums as text, ids."""

import re
import secrets
from base64 import b32encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, NewType, TypeVar

import orjson
import sqlalchemy as sa
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel

from governance.errors import InvalidInput
from governance.log.errors import Malformed
from governance.log.notes import decode

# In SQLite an integer that is the row's own id: a place is found without another index.
PLACE: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

URI = NewType("URI", str)
Long = NewType("Long", int)
Cursor = NewType("Cursor", str)

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5_000)]


def _base64_of(size: int) -> AfterValidator:
    def check(text: str) -> str:
        try:
            fits = len(decode(text)) == size
        except Malformed:
            fits = False
        if not fits:
            raise ValueError(f"expected base64 of {size} bytes")
        return text

    return AfterValidator(check)


Base64Of32 = Annotated[str, _base64_of(32)]
Base64Of64 = Annotated[str, _base64_of(64)]

# RFC 3339 section 5.6, with the offset required; a fraction finer than a microsecond is cut.
_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def parse_instant(value: object) -> datetime:
    """RFC 3339 text with an offset, or an aware datetime, as UTC; else ValueError."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("expected an instant with an offset, got one without")
        return value.astimezone(UTC)
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected RFC 3339 with an offset, such as 2026-01-31T12:00:00Z")
    day, time, fraction, offset = match.groups()
    try:
        parsed = datetime.fromisoformat(f"{day}T{time}{(fraction or '')[:7]}{offset.upper()}")
        return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("expected an instant that exists, such as 2026-01-31T12:00:00Z") from None


def printed_anew(value: datetime) -> str:
    """RFC 3339 in UTC, always six digits and Z; for instants that are printed once."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    if value.microsecond:
        # As below, but four times as fast: every question takes a few.
        return orjson.dumps(value, option=orjson.OPT_UTC_Z)[1:-1].decode()
    return f"{value.isoformat(timespec='microseconds')[:26]}Z"


@lru_cache(4_096)
def print_instant(value: datetime) -> str:
    """The same, kept, as one instant is printed wherever it is logged or stored."""
    return printed_anew(value)


Instant = Annotated[datetime, BeforeValidator(parse_instant)]


class UTCDateTime(TypeDecorator[datetime]):
    """An aware instant. `timestamptz` on PostgreSQL, RFC 3339 text on SQLite."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime never reaches the database")
        return print_instant(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value).astimezone(UTC)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


class EnumText(TypeDecorator[StrEnum]):
    """An enum stored as the text of its value; PostgreSQL's own enum types can't shrink."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.enum(value)


class EnumList(TypeDecorator[Sequence[StrEnum]]):
    """A list of enum values as a JSON array of text."""

    impl = sa.JSON
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__(none_as_null=True)
        self.enum = enum

    def process_bind_param(self, value: Sequence[StrEnum] | None, dialect: Dialect) -> Any:
        return None if value is None else [self.enum(item).value for item in value]

    def process_result_value(self, value: Any, dialect: Dialect) -> list[StrEnum] | None:
        return None if value is None else [self.enum(item) for item in value]


class items(GenericFunction[str]):
    """The texts in a column's JSON array, as a table of `value`."""

    inherit_cache = True


@compiles(items, "sqlite")
def _on_sqlite(found: items, compiler: SQLCompiler, **given: Any) -> str:
    return f"json_each{compiler.process(found.clause_expr, **given)}"


@compiles(items, "postgresql")
def _on_postgresql(found: items, compiler: SQLCompiler, **given: Any) -> str:
    return f"json_array_elements_text{compiler.process(found.clause_expr, **given)}"


def new_id(prefix: str) -> str:
    """A prefixed random id: 130 bits, lower-case letters and digits."""
    return f"{prefix}_{b32encode(secrets.token_bytes(17)).decode().lower()[:26]}"


class Shape(BaseModel, defer_build=True):
    """Fields whose checks are built once something is checked: of most nothing ever is."""


class Stored(SQLModel):
    """A row of a table, which nothing checks."""

    model_config = {"defer_build": True}


class Draft(Shape, extra="forbid", alias_generator=to_camel, populate_by_name=True):
    """Input as it is given: camelCase names, nothing unknown."""


AnyDraft = TypeVar("AnyDraft", bound=Draft)


# What is wrong with a field, in our words where pydantic has its own.
_SAID = {
    "string_too_short": "expected text",
    "string_too_long": "expected at most {max_length:,} characters",
    "too_short": "expected at least {min_length:,}",
    "too_long": "expected at most {max_length:,}, got {actual_length:,}",
}


def validated(draft: type[AnyDraft], raw: Mapping[str, Any]) -> AnyDraft:
    """The raw input as a draft; InvalidInput names the first field that isn't right."""
    if may_hold_nul(raw):
        refuse_nul(raw)
    try:
        return draft.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        said = _SAID.get(first["type"], "{msg}").format(**first, **first.get("ctx", {}))
        raise InvalidInput(said.removeprefix("Value error, "), path=first["loc"]) from None


def may_hold_nul(raw: object) -> bool:
    """False where it surely doesn't: a look at each value of many takes long."""
    try:
        return rb"\u0000" in orjson.dumps(raw)
    except orjson.JSONEncodeError:
        return True


def refuse_nul(value: object, *path: str | int) -> None:
    """InvalidInput for text with the one character that PostgreSQL can't store."""
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidInput("expected text without NUL characters", path=path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            refuse_nul(item, *path, key)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            refuse_nul(item, *path, place)

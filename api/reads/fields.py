"""How a type of the schema says where its fields come from.

A column of the same name needs no word. Anything else is a method with `@sql(GraphQLType)`. It
sees the row and the `Read`, and returns an SQL expression or one of `api.reads.nodes`.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.selectable import FromClause
from sqlmodel import SQLModel

from api.reads.caches import Kept
from api.reads.dialects import Dialect, Rows
from api.reads.pieces import SEAL, Piece, conditions, kept_pieces, piece_of, whole
from api.reads.values import Argument, Env, Getter, Late
from governance.errors import InvalidInput
from governance.fields import UTCDateTime, parse_instant, refuse_nul
from governance.rules.disclosure import ViewerKind

# Python's first and last instants, which asyncpg takes for infinities.
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

Row = Any  # the columns of a FROM element
Condition = sa.ColumnElement[bool]


def _now(env: Env) -> datetime:
    return env.now


def _platform_id(env: Env) -> str | None:
    return env.viewer.platform_id


def _project_id(env: Env) -> str | None:
    return env.viewer.project_id


@dataclass(frozen=True, slots=True)
class Read:
    """What a field's method may use: the clock, who asks, and bound values."""

    dialect: Dialect
    viewer: ViewerKind
    binds: dict[str, Getter]
    pieces: Kept[Piece] = field(default_factory=kept_pieces)
    clock: Getter = _now
    is_elsewhen: bool = False  # at another instant than now

    @property
    def now(self) -> sa.ColumnElement[datetime]:
        """The one `now` of the request, or the instant asked about."""
        return self.bound(self.clock, UTCDateTime(), "now")

    @property
    def platform_id(self) -> sa.ColumnElement[str]:
        """The asking partner's platform."""
        return self.bound(_platform_id, sa.Text(), "platform")

    @property
    def project_id(self) -> sa.ColumnElement[str]:
        """The asking project's member; null for everybody else."""
        return self.bound(_project_id, sa.Text(), "project")

    def at(self, clock: Getter) -> "Read":
        """The same, at another instant."""
        return replace(self, clock=clock, is_elsewhen=True)

    def as_viewer(self, viewer: ViewerKind) -> "Read":
        return replace(self, viewer=viewer)

    def bound(
        self, get: Getter, kind: sa.types.TypeEngine[Any], name: str = "b"
    ) -> sa.ColumnElement[Any]:
        """A parameter whose value `get` finds at each execution. Where one name is asked for
        with the same `get` again, it is the same parameter."""
        found = name
        while self.binds.get(found) is not get and (found in self.binds or found == "b"):
            found = f"{name}{len(self.binds)}"
        self.binds[found] = get
        return sa.bindparam(found, type_=kind, required=False)

    def text(
        self, value: Argument, convert: Callable[[str], str] | None = None
    ) -> sa.ColumnElement[str]:
        """An argument's text as a parameter, converted at each execution."""
        get = getter(value)

        def read(env: Env) -> str:
            text = get(env)
            refuse_nul(text)
            return convert(text) if convert else str(text)

        return self.bound(read, sa.Text())

    def instant(self, value: Argument, name: str) -> sa.ColumnElement[datetime]:
        """An argument's instant as a parameter; refused where it isn't RFC 3339."""
        return self.bound(instant_of(value, name), UTCDateTime())

    def among(self, column: sa.ColumnElement[str], value: Argument) -> Condition:
        """Whether the column is one of the argument's values."""
        get = getter(value)
        if isinstance(value, Late) and value.is_single:
            return sa.type_coerce(column, sa.Text()) == self.bound(lambda e: get(e)[0], sa.Text())
        values = self.bound(lambda env: self.dialect.listed(get(env)), self.dialect.list_type)
        return self.dialect.among(column, values)

    def number(self, value: Argument) -> sa.ColumnElement[int]:
        """An argument's whole number as a parameter."""
        return self.bound(getter(value), sa.BigInteger())

    def sealed(self, what: str, *parts: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
        """A place that something is put into after the statement ran, `what` of these parts: what
        a database can't compute, or must not know."""
        self.binds[SEAL] = lambda env: env.seal
        found: sa.ColumnElement[str] = sa.bindparam(SEAL, type_=sa.Text(), required=False)
        found += what
        for part in parts:
            found = found + "." + sa.cast(part, sa.Text())
        return found + ";"

    def piece(
        self,
        key: Hashable | None,
        make: "Callable[[Read], Rows | None]",
        cut: Callable[[str], str] = whole,
    ) -> str:
        """What is cut out of a statement, as text that parts of others are joined with. It is made
        once for a key; anew where there is none. Empty where there is no statement."""

        def made() -> Piece:
            apart = replace(self, binds={})
            statement = make(apart)
            if statement is None:
                return Piece("", {})
            return piece_of(statement, apart.binds, self.dialect, cut)

        is_kept = key is not None and not self.is_elsewhen
        found = self.pieces.get((self.viewer, key), made) if is_kept else made()
        self.binds.update(found.binds)
        return found.sql

    def where(
        self, key: Hashable | None, source: FromClause, make: "Callable[[Read], list[Condition]]"
    ) -> str:
        """Conditions on the rows of a table as such a text, empty where there are none."""

        def statement(read: Read) -> sa.Select[Any]:
            return sa.select(sa.literal_column("1")).select_from(source).where(*make(read))

        return self.piece(key, statement, conditions)

    def rows(self, get: Getter, *columns: str) -> FromClause:
        """Rows of text that Python brings, numbered by a column `ord`."""
        return self.dialect.rows(
            self.bound(lambda env: self.dialect.json(get(env)), sa.Text()), columns
        )


def getter(value: Argument) -> Getter:
    if isinstance(value, Late):
        return value.get
    return lambda _: value


def instant_of(value: Argument, name: str) -> Getter:
    """Reads an argument as an instant; InvalidInput names the argument."""
    get = getter(value)

    def read(env: Env) -> datetime:
        try:
            instant = parse_instant(get(env))
        except ValueError as error:
            raise InvalidInput(f"{name}: {error}", path=[name]) from None
        if instant in (FIRST, LAST):
            raise InvalidInput(f"{name}: expected an instant within history", path=[name])
        return instant

    return read


def is_any_of(column: sa.ColumnElement[Any], words: Iterable[str]) -> Condition:
    """Whether a code is one of these: literals, since a plan's words never change."""
    return sa.type_coerce(column, sa.Text()).in_(
        [sa.literal_column(f"'{w}'") for w in sorted(words)]
    )


def rows_of(record: type[SQLModel], name: str | None = None) -> Any:
    """The rows of a record's table, under a name of their own; pieces are told which."""
    return sa.alias(_plain(record), name)


@cache
def _plain(record: type[SQLModel]) -> sa.TableClause:
    """Its table, of which only names and types are known: a name of its own has every column made
    anew, and with keys and constraints that was a third of what planning took."""
    table: sa.Table = record.__table__  # type: ignore[attr-defined]
    return sa.table(table.name, *(sa.column(name, of.type) for name, of in table.c.items()))


def value_from(source: FromClause, column: Any, *where: Condition) -> sa.ColumnElement[Any]:
    """A column of the one row of the source that fits; null where none does. Conditions may
    mean the rows of anything around it."""
    found: sa.Select[Any] = sa.select(column).select_from(source).where(*where)
    return found.correlate_except(source).scalar_subquery()


def within(
    at: sa.ColumnElement[datetime], read: Read, values: dict[str, Argument], name: str
) -> list[Condition]:
    """The conditions of parts of a filter such as `filedAfter` and `filedBefore`, of those that are
    given; refused where the second is before the first."""
    given = {end: values[end] for end in (f"{name}After", f"{name}Before") if end in values}
    if len(given) > 1:
        read.bound(_in_order(given), sa.types.NullType(), "order")
    instants = {end: read.instant(value, end) for end, value in given.items()}
    return [at >= i if end.endswith("After") else at < i for end, i in instants.items()]


def _in_order(given: dict[str, Argument]) -> Getter:
    """A look at two instants, where the statement needs nothing."""
    (first, after), (last, before) = ((end, instant_of(v, end)) for end, v in given.items())

    def look(env: Env) -> None:
        if before(env) < after(env):
            raise InvalidInput(f"{last}: expected an instant not before {first}", path=[last])

    return look


def there_is(source: FromClause, *where: Condition) -> Condition:
    """Whether a row of the source fits. Conditions may mean the rows of anything around it."""
    found: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(source).where(*where)
    return found.correlate_except(source).exists()

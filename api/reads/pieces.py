"""Pieces of statements, made of columns and conditions once and put together as text.

What is asked is combined in so many ways that most are asked for the first time, and to make a
statement of columns and conditions takes a hundred times as long as to join pieces that are kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

from api.reads.caches import Kept
from api.reads.dialects import MARK, Dialect, Rows
from api.reads.texts import Text
from api.reads.values import Getter
from governance.fields import UTCDateTime, printed_anew

SEAL = "seal"  # the parameter that marks where something is put in later
KEPT_PIECES, KEPT_TEXT = 2_000, 4_000_000  # and characters of all


@dataclass(frozen=True, slots=True)
class Piece:
    """SQL with marked parameters, and where their values come from as drivers take them; also what
    is looked at though no parameter needs it."""

    sql: str
    binds: Mapping[str, Getter]


def kept_pieces() -> Kept[Piece]:
    return Kept(KEPT_PIECES, KEPT_TEXT, lambda piece: len(piece.sql))


def compiled(statement: Rows, dialect: Dialect) -> SQLCompiler:
    found = statement.compile(dialect=dialect.engine, compile_kwargs={"render_postcompile": True})
    assert isinstance(found, SQLCompiler)
    return found


def piece_of(
    statement: Rows,
    binds: Mapping[str, Getter],
    dialect: Dialect,
    cut: Callable[[str], str],
) -> Piece:
    """What is cut out of a statement. Its parameters are named by their getters: those of other
    pieces have other names, as long as both are there."""
    found = compiled(statement, dialect)
    names, getters = dict[str, str](), dict[str, Getter]()
    for name in {*MARK.findall(found.string), *binds}:
        parameter, get = found.binds.get(name), binds.get(name)
        process = processor(parameter.type, dialect) if parameter is not None else None
        if get is None:
            get = _constant(found.params[name])
        names[name] = SEAL if name == SEAL else f"p{id(get)}"
        getters[names[name]] = processed(get, process)
    return Piece(cut(MARK.sub(lambda mark: f"\x01{names[mark[1]]}\x02", found.string)), getters)


def _constant(value: Any) -> Getter:
    return lambda _: value


def processor(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """How a value of the type is handed to the driver, if not as it is."""
    if isinstance(kind, UTCDateTime):
        return _given_text if dialect.name == "sqlite" else None  # as the type has it, but faster
    found: Callable[[Any], Any] | None = kind.dialect_impl(dialect.engine).bind_processor(
        dialect.engine
    )
    return found


def _given_text(value: datetime | None) -> str | None:
    return None if value is None else printed_anew(value)


def processed(get: Getter, process: Callable[[Any], Any] | None) -> Getter:
    if process is None:
        return get
    return lambda env: process(get(env))


def whole(sql: str) -> str:
    """The statement as it is."""
    return sql


def conditions(sql: str) -> str:
    """What stands after WHERE, if anything, of a statement that reads one table."""
    found = sql.partition("\nWHERE ")[2]
    return found and f"({found})"


def expression(sql: str) -> str:
    """What is selected as `told`, from one table if from any."""
    return sql.removeprefix("SELECT ").rpartition(" AS told")[0]


class Written(sa.TableClause):
    """Rows that a text finds, which is put before what is selected from them."""

    inherit_cache = False

    def __init__(self, sql: str, **columns: sa.types.TypeEngine[Any]) -> None:
        super().__init__("written", *(sa.column(name, kind) for name, kind in columns.items()))
        self.sql = sql

    def before(self, statement: str) -> Text:
        """What the statement tells of the rows, as one value."""
        whole = f"(WITH {self.name} AS ({self.sql}) {statement})"
        return sa.literal_column(whole, sa.Text())

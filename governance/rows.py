"""Rows that are written many at once, with nothing between their values and the database.

A unit of work watches every attribute of every object, and a statement's parameters are prepared
one by one; a thousand decisions have some 70,000 of them. Here each column is printed at once, and
the engine takes the rows as it takes them fastest.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

import orjson
import psycopg
import sqlalchemy as sa
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel

from governance.fields import EnumList, EnumText, UTCDateTime, print_instant

TOGETHER = 200  # rows in a statement, of at most 32,766 values
FEWEST_COPIED = 10  # rows; COPY takes a round trip more than an insert
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

Row = TypeVar("Row", bound=SQLModel)
Printer = Callable[[Any], Any]


class Made:
    """The values of a row by their names, with nothing that watches them."""


def made(table: type[Row], **values: Any) -> Row:
    """A row that isn't stored yet: its values by name, the defaults too. `insert` writes its
    `vars`; no session takes it."""
    row = Made()
    row.__dict__ = {**_defaults(table), **values}
    return row  # type: ignore[return-value]


def insert(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows of one table, each with all of its columns; what else they hold is left out."""
    names = table.__table__.columns.keys()  # type: ignore[attr-defined]
    insert_tuples(session, table, names, list(map(itemgetter(*names), rows)))


def insert_tuples(
    session: Session, table: type[SQLModel], names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """The same of rows that are tuples of the columns named."""
    if rows:
        columns = zip(*rows, strict=True)
        insert_columns(session, table, dict(zip(names, columns, strict=True)))


def insert_columns(
    session: Session, table: type[SQLModel], columns: Mapping[str, Sequence[Any]]
) -> None:
    """Writes rows of one table, given by all of its columns; they have one length, not 0."""
    is_copied = session.get_bind().dialect.name == "postgresql"
    printers = _columns(table, as_text=is_copied)
    names, cells = [], []
    for name, values in columns.items():
        if values[0] is not None or values.count(None) < len(values):
            printer = printers[name]
            names.append(name)
            cells.append(values if printer is None else _printed(values, printer))
    target = f"{table.__tablename__} ({', '.join(map(_quoted, names))})"
    if is_copied and len(cells[0]) >= FEWEST_COPIED:
        _copy(session, f"COPY {target} FROM STDIN", cells)
        return
    row = f"({', '.join([mark(session)] * len(names))})"
    rows, run = list(zip(*cells, strict=True)), session.connection().exec_driver_sql
    whole = len(rows) - len(rows) % TOGETHER
    if whole:
        parts = [rows[at : at + TOGETHER] for at in range(0, whole, TOGETHER)]
        statement = f"INSERT INTO {target} VALUES {', '.join([row] * TOGETHER)}"
        run(statement, [tuple(chain.from_iterable(part)) for part in parts])
    if rest := rows[whole:]:
        run(f"INSERT INTO {target} VALUES {row}", rest)


def among(
    session: Session, query: str, texts: Collection[str], *given: str
) -> Sequence[Sequence[Any]]:
    """The rows of a query that ends with a column: where it is one of the texts. `{}` stands for
    what else is given. On PostgreSQL each text is looked for by itself, or a plan that was made
    while a table was small would go on reading all of it."""
    query, each = query.format(mark(session)), json(list(texts))
    if session.get_bind().dialect.name == "postgresql":
        lookups = f"json_array_elements_text(%s) one CROSS JOIN LATERAL ({query} = one OFFSET 0)"
        wanted, values = f"SELECT found.* FROM {lookups} found", (each, *given)
    else:
        wanted, values = f"{query} IN (SELECT value FROM json_each(?))", (*given, each)
    return session.connection().exec_driver_sql(wanted, values).all()


def mark(session: Session) -> str:
    """What stands for a value in a statement that is the driver's."""
    return "%s" if session.get_bind().dialect.name == "postgresql" else "?"


def _copy(session: Session, statement: str, cells: Sequence[Sequence[str | None]]) -> None:
    """Rows as the text that PostgreSQL's COPY reads."""
    columns = map(_escaped, cells)
    data = "".join([f"{line}\n" for line in map("\t".join, zip(*columns, strict=True))])
    with _driver(session, statement) as connection:
        assert isinstance(connection, psycopg.Connection)
        with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.write(data)


def fetch(session: Session, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What the driver finds, for statements that take less than all that is around them."""
    with _driver(session, statement) as connection:
        if isinstance(connection, psycopg.Connection):
            with connection.cursor(binary=True) as cursor:
                return cursor.execute(statement.encode(), values).fetchall()
        found: list[tuple[Any, ...]] = connection.execute(statement, values).fetchall()
        return found


@contextmanager
def _driver(session: Session, statement: str) -> Iterator[Any]:
    """The connection as its driver has it, with errors as the engine raises them."""
    try:
        yield session.connection().connection.driver_connection
    except (psycopg.Error, sqlite3.Error) as error:
        of = psycopg.Error if isinstance(error, psycopg.Error) else sqlite3.Error
        raise sa.exc.DBAPIError.instance(statement, None, error, of) from error


def _escaped(cells: Sequence[str | None]) -> list[str]:
    text = "".join([cell for cell in cells if cell])
    if any(escaped in text for escaped in "\\\t\n\r"):
        cells = [cell and cell.translate(_ESCAPES) for cell in cells]
    return [r"\N" if cell is None else cell for cell in cells]


def _printed(values: Sequence[Any], printer: Printer) -> list[Any]:
    """Each object once: one instant, or one word, is in many rows."""
    if printer is str:  # as fast as finding what is known
        return [None if value is None else str(value) for value in values]
    known: dict[int, Any] = {id(None): None}
    for value in values:
        if id(value) not in known:
            known[id(value)] = printer(value)
    return [known[id(value)] for value in values]


@lru_cache(64)
def _columns(table: type[SQLModel], *, as_text: bool) -> dict[str, Printer | None]:
    """The columns, and how their values are written."""
    found = table.__table__.columns  # type: ignore[attr-defined]
    return {column.key: _printer(column.type, as_text=as_text) for column in found}


def _printer(kind: TypeEngine[Any], *, as_text: bool) -> Printer | None:
    if isinstance(kind, UTCDateTime):
        return print_instant
    if isinstance(kind, EnumText):
        return lambda value: kind.enum(value).value
    if isinstance(kind, EnumList):
        return lambda value: json([kind.enum(item).value for item in value])
    if isinstance(kind, sa.JSON):
        return json
    if as_text and isinstance(kind, sa.LargeBinary):
        return lambda value: rf"\x{value.hex()}"
    if as_text and isinstance(kind, sa.Boolean):
        return lambda value: str(value).lower()
    if as_text and isinstance(kind, sa.Integer):
        return str
    return None


def json(value: object) -> str:
    """As the columns of lists and objects hold it."""
    return orjson.dumps(value).decode()


def _quoted(name: str) -> str:
    return f'"{name}"'


@lru_cache(64)
def _defaults(table: type[SQLModel]) -> Mapping[str, Any]:
    fields = table.model_fields.items()
    return {name: field.get_default() for name, field in fields if not field.is_required()}

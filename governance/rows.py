"""Rows that are written many at once, with nothing between their values and the database.

A unit of work watches every attribute of every object, and a statement's parameters are prepared
one by one; a thousand decisions have some 70,000 of them. Here each column is printed at once, and
the engine takes the rows as it takes them fastest.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel

from governance.fields import EnumList, EnumText, UTCDateTime, print_instant

FEWEST_COPIED = 10  # rows; COPY takes a round trip more than an insert
AT_ONCE = 25  # rows in a statement of SQLite's, where that is faster
_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}  # the backslash first

Row = TypeVar("Row", bound=SQLModel)
Printer = Callable[[Any], Any]
_Write = Callable[[str], None]


class Made:
    """The values of a row by their names, with nothing that watches them."""


def made(table: type[Row], **values: Any) -> Row:
    """A row that isn't stored yet: its values by name, the defaults too. `insert` writes its
    `vars`; no session takes it."""
    row = Made()
    row.__dict__ = {**_defaults(table), **values}
    return row  # type: ignore[return-value]


Columns = Mapping[str, Sequence[Any]]  # of one length, not 0


def insert(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows of one table, each with all of its columns; what else they hold is left out."""
    insert_each(session, [(table, rows)])


def insert_each(
    session: Session, tables: Iterable[tuple[type[SQLModel], Sequence[Mapping[str, Any]]]]
) -> None:
    """The same of several tables, in order."""
    with inserting(session, ((table, columns_of(table, rows)) for table, rows in tables if rows)):
        pass


@contextmanager
def inserting(session: Session, parts: Iterable[tuple[type[SQLModel], Columns]]) -> Iterator[None]:
    """Writes rows of tables, in order, given by all of their columns; those of one table may come
    in parts. PostgreSQL takes them in while the next are made, and the last until this ends;
    nothing else may be asked of the session meanwhile."""
    is_able, copies = session.get_bind().dialect.name == "postgresql", dict[str, _Write]()
    with ExitStack() as under_way:
        for table, columns in parts:
            names, cells = _cells(table, columns, as_text=is_able)
            target = f"{table.__tablename__} ({', '.join(map(_quoted, names))})"
            if is_able and (target in copies or len(cells[0]) >= FEWEST_COPIED):
                text = _text(cells)
                if target not in copies:
                    under_way.close()
                    copies = {target: under_way.enter_context(_copying(session, target))}
                copies[target](text)
            else:
                under_way.close()
                copies = {}
                _insert(session, table, target, cells)
        yield


def columns_of(table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> Columns:
    """The columns of a table's rows, of which there are some."""
    names = table.__table__.columns.keys()  # type: ignore[attr-defined]
    return dict(zip(names, zip(*map(itemgetter(*names), rows), strict=True), strict=True))


def _cells(
    table: type[SQLModel], columns: Columns, *, as_text: bool
) -> tuple[list[str], list[Sequence[Any]]]:
    """The columns that have values, by their names, as the database takes them."""
    printers = _columns(table, as_text=as_text)
    names, cells = list[str](), list[Sequence[Any]]()
    for name, values in columns.items():
        if values[0] is not None or values.count(None) < len(values):
            printer = printers[name]
            names.append(name)
            cells.append(values if printer is None else _printed(values, printer))
    return names, cells


def _insert(
    session: Session, table: type[SQLModel], target: str, cells: Sequence[Sequence[Any]]
) -> None:
    row = f"({', '.join([mark(session)] * len(cells))})"
    flat: list[Any] = [None] * len(cells) * len(cells[0])
    for place, column in enumerate(cells):
        flat[place :: len(cells)] = column
    count, verb = _at_once(session, table)
    several = len(cells[0]) // count * count * len(cells)
    for rows, values in ((count, flat[:several]), (1, flat[several:])):
        width = rows * len(cells)
        given = [values[at : at + width] for at in range(0, len(values), width)]
        if given:
            statement = f"{verb} INTO {target} VALUES {', '.join([row] * rows)}"
            run(session, statement, given)


def _at_once(session: Session, table: type[SQLModel]) -> tuple[int, str]:
    """How many rows a statement takes, and how it begins. SQLite keeps a copy of what several rows
    change, to undo it where one is refused, which takes longer than one row at a time; with OR FAIL
    it doesn't, unless the table has foreign keys."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    if is_sqlite and not table.__table__.foreign_keys:  # type: ignore[attr-defined]
        return AT_ONCE, "INSERT OR FAIL"
    return 1, "INSERT"


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


def _text(cells: Sequence[Sequence[str | None]]) -> str:
    """Rows as the text that PostgreSQL's COPY reads."""
    columns = map(_escaped, cells)
    return "".join([f"{line}\n" for line in map("\t".join, zip(*columns, strict=True))])


@contextmanager
def _copying(session: Session, target: str) -> Iterator[_Write]:
    """Sends rows to PostgreSQL, which has taken them in when this ends."""
    statement = f"COPY {target} FROM STDIN"
    with _driver(session, statement) as cursor, cursor.copy(statement.encode()) as copy:
        yield copy.write


def fetch(session: Session, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What the driver finds, for statements that take less than all that is around them."""
    with _driver(session, statement, values, is_binary=True) as cursor:
        found: list[tuple[Any, ...]] = cursor.execute(statement, values).fetchall()
        return found


def run(session: Session, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Has the driver run a statement with each of some rows' values."""
    if len(rows) == 1:
        with _driver(session, statement, rows[0]) as cursor:
            cursor.execute(statement, rows[0])
    else:
        with _driver(session, statement, rows, is_many=True) as cursor:
            cursor.executemany(statement, rows)


@contextmanager
def _driver(
    session: Session,
    statement: str,
    values: Sequence[Any] = (),
    *,
    is_many: bool = False,
    is_binary: bool = False,
) -> Iterator[Any]:
    """A cursor as the driver has it, with errors as the engine raises them; who watches the
    engine's statements is told."""
    connection = session.connection()
    driver = connection.dialect.loaded_dbapi
    given = {"binary": True} if is_binary and connection.dialect.name == "postgresql" else {}
    try:
        with closing(connection.connection.cursor(**given)) as cursor:
            connection.dispatch.before_cursor_execute(
                connection, cursor, statement, values, None, is_many
            )
            yield cursor
    except driver.Error as error:
        raise sa.exc.DBAPIError.instance(statement, None, error, driver.Error) from error


def _escaped(cells: Sequence[str | None]) -> list[str]:
    text = "".join(filter(None, cells))
    for char, written in _ESCAPES.items():
        if char in text:
            cells = [cell and cell.replace(char, written) for cell in cells]
    return [r"\N" if cell is None else cell for cell in cells]


def _printed(values: Sequence[Any], printer: Printer) -> list[Any]:
    """Each object once: one instant, or one word, is in many rows."""
    if printer is str:  # as fast as finding what is known
        return [None if value is None else str(value) for value in values]
    places = list(map(id, values))
    each = dict(zip(places, values, strict=True)).items()
    known = {place: None if value is None else printer(value) for place, value in each}
    return list(map(known.__getitem__, places))


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
        return lambda value: json([kind.enum(item).value for item in value] if value else [])
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
    """As the columns of lists and objects hold it; most lists are empty."""
    return "[]" if value == [] else orjson.dumps(value).decode()


def _quoted(name: str) -> str:
    return f'"{name}"'


@lru_cache(64)
def _defaults(table: type[SQLModel]) -> Mapping[str, Any]:
    fields = table.model_fields.items()
    return {name: field.get_default() for name, field in fields if not field.is_required()}

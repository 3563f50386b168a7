"""What differs between SQLite and PostgreSQL when JSON is built as text."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg, PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler, SQLiteDialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import Grouping, UnaryExpression
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.selectable import FromClause

from api.reads.instants import Instants, PostgreSQLInstants, SQLiteInstants
from api.reads.texts import Text, bracketed, whole_number

Order = Sequence[sa.ColumnElement[Any]]
Rows = sa.Select[Any] | sa.CompoundSelect[Any]
Told = Callable[..., Text]  # of keys
MARK = re.compile("\x01(.*?)\x02")  # where a parameter stands in what was compiled
POSITION = "position"  # of a sorted row, where the engine has to be told


class Dialect(Instants, Protocol):
    """One engine's way of saying it."""

    name: str
    bytewise: str  # the collation that compares bytes
    sign: str  # before the number of a parameter
    takes_rows_along: bool  # whether it sorts them as fast as their keys
    engine: sa.Dialect
    list_type: sa.types.TypeEngine[Any]

    def numbered_in(self, sql: str) -> tuple[str, Sequence[str]]: ...
    def __hash__(self) -> int: ...
    def quoted(self, text: Text) -> Text: ...
    def joined(self, item: Text, *order: sa.ColumnElement[Any]) -> sa.FunctionElement[str]: ...
    def sorted(self, rows: sa.Select[Any], order: Order) -> sa.Select[Any]: ...
    def gathered(self, items: sa.Select[Any], order: Order) -> sa.Select[Any]: ...
    def once(self, rows: sa.Select[Any]) -> sa.Subquery: ...
    def numbered(self, order: Order) -> sa.ColumnElement[int]: ...
    def outermost(
        self, told: Told, keys: Order, kept: sa.ColumnElement[bool], *, is_least: bool
    ) -> Text: ...
    def few(self, rows: Rows) -> Rows: ...
    def row_key(self, source: FromClause) -> sa.ColumnElement[Any]: ...
    def unindexed(self, row: Any) -> Any: ...
    def to_sort(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]: ...
    def listed(self, values: Iterable[str]) -> Any: ...
    def among(self, column: sa.ColumnElement[str], values: Any) -> sa.ColumnElement[bool]: ...
    def rows(self, values: Any, columns: Sequence[str]) -> FromClause: ...
    def items(self, column: sa.ColumnElement[Any]) -> Any: ...
    def json(self, value: object) -> str: ...
    def json_of(self, text: Text) -> sa.ColumnElement[Any]: ...
    def text_of(self, column: sa.ColumnElement[Any]) -> Text: ...
    def place_in(self, text: Text, part: Text) -> sa.ColumnElement[int]: ...
    def most(self, *values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]: ...
    def least(self, *values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]: ...


class _Shared:
    place: str  # the engine's name for where a row of a table lies
    sign: str
    unlimited: str  # what it takes for no limit

    def once(self, rows: sa.Select[Any]) -> sa.Subquery:
        """Rows whose columns are computed once, however often they are meant: with an offset, they
        aren't put in their places."""
        limit: sa.ColumnElement[Any] = sa.literal_column(self.unlimited)
        return rows.limit(limit).offset(whole_number(0)).subquery()

    def row_key(self, source: FromClause) -> sa.ColumnElement[Any]:
        """What finds a row of the source once more: of a table its place, since an id is looked
        up in an index first."""
        if not isinstance(getattr(source, "element", None), sa.TableClause):
            return source.c.id
        key: sa.ColumnClause[Any] = sa.column(self.place)
        key.table = source
        return key

    def numbered_in(self, sql: str) -> tuple[str, Sequence[str]]:
        """A compiled statement with its parameters numbered, as found by name they take longer, and
        their names."""
        places: dict[str, int] = {}

        def numbered(found: re.Match[str]) -> str:
            return f"{self.sign}{places.setdefault(found[1], len(places) + 1)}"

        return MARK.sub(numbered, sql), list(places)

    def json(self, value: object) -> str:
        return orjson.dumps(value).decode()


# To compare it tells SQLite that it is there, and an index is made of those where it is.
MAY_LACK = {"content_language"}


class _Unindexed:
    """A row whose columns no index is looked for by."""

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getitem__(self, name: str) -> sa.ColumnElement[Any]:
        column = self._row[name]
        if name in MAY_LACK:
            return sa.func.ifnull(column, sa.null(), type_=column.type)
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)

    __getattr__ = __getitem__

    def __contains__(self, name: str) -> bool:
        return name in self._row

    def get(self, name: str, default: Any) -> Any:
        return self[name] if name in self._row else default


class _Marked(SQLCompiler):
    """Parameters between signs that nothing else of a statement has."""

    def bindparam_string(self, name: str, *given: Any, **options: Any) -> str:
        found = super().bindparam_string(name, *given, **options)
        return found.replace(f":{name}", f"\x01{name}\x02", 1)


class _MarkedSQLite(_Marked, SQLiteCompiler):
    pass


class _MarkedPostgreSQL(_Marked, PGCompiler_asyncpg):
    pass


class _SQLite(SQLiteDialect):
    statement_compiler = _MarkedSQLite
    supports_statement_cache = True


class _PostgreSQL(PGDialect_asyncpg):
    statement_compiler = _MarkedPostgreSQL
    supports_statement_cache = True


class SQLite(SQLiteInstants, _Shared):
    """Before 3.44 there is no ORDER BY in aggregates: `joined` relies on the order of the subquery
    it reads, as `numbered` does."""

    name = "sqlite"
    bytewise = "BINARY"
    place, unlimited = "rowid", "-1"
    takes_rows_along = False
    sign = "?"
    engine: sa.Dialect = _SQLite(paramstyle="named")
    list_type: sa.types.TypeEngine[Any] = sa.Text()

    def quoted(self, text: Text) -> Text:
        return sa.func.json_quote(text, type_=sa.Text())

    def joined(self, item: Text, *order: sa.ColumnElement[Any]) -> sa.FunctionElement[str]:
        return sa.func.group_concat(item, sa.literal_column("','"), type_=sa.Text())

    def sorted(self, rows: sa.Select[Any], order: Order) -> sa.Select[Any]:
        return rows.order_by(*order)

    def gathered(self, items: sa.Select[Any], order: Order) -> sa.Select[Any]:
        rows = self.sorted(items, order).subquery()
        return sa.select(bracketed(self.joined(rows.c[0]))).select_from(rows)

    def numbered(self, order: Order) -> sa.ColumnElement[int]:
        return sa.func.row_number().over()  # it would sort once more

    def outermost(
        self, told: Told, keys: Order, kept: sa.ColumnElement[bool], *, is_least: bool
    ) -> Text:
        """What is told of the least or the greatest keys that are kept: it sorts as they do."""
        pick = sa.func.min if is_least else sa.func.max
        return pick(sa.collate(told(*keys), self.bytewise), type_=sa.Text()).filter(kept)

    def listed(self, values: Iterable[str]) -> str:
        return self.json(list(values))

    def among(self, column: sa.ColumnElement[str], values: Any) -> sa.ColumnElement[bool]:
        each = sa.func.json_each(values).table_valued("value")
        return sa.type_coerce(column, sa.Text()).in_(sa.select(each.c.value))

    def rows(self, values: Any, columns: Sequence[str]) -> FromClause:
        each = sa.func.json_each(values).table_valued("key", "value")
        picked = [
            sa.func.json_extract(each.c.value, f"$[{i}]", type_=sa.Text()).label(name)
            for i, name in enumerate(columns)
        ]
        return sa.select(each.c.key.label("ord"), *picked).subquery()

    def few(self, rows: Rows) -> Rows:
        return rows

    def unindexed(self, row: Any) -> Any:
        """The row, for conditions that shan't decide along which index it is found: without
        statistics, it is any of them."""
        return _Unindexed(row)

    def to_sort(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return key  # unindexed

    def items(self, column: sa.ColumnElement[Any]) -> Any:
        """The texts of a column's JSON list, as rows with a `value`."""
        return sa.func.json_each(sa.type_coerce(column, sa.Text())).table_valued("value")

    def json_of(self, text: Text) -> sa.ColumnElement[Any]:
        return sa.type_coerce(text, sa.JSON())

    def text_of(self, column: sa.ColumnElement[Any]) -> Text:
        """The text of a column of JSON, as it was stored."""
        return sa.type_coerce(column, sa.Text())

    def place_in(self, text: Text, part: Text) -> sa.ColumnElement[int]:
        return sa.func.instr(text, part, type_=sa.Integer())

    def most(self, *values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.func.max(*values, type_=values[0].type)

    def least(self, *values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.func.min(*values, type_=values[0].type)


class PostgreSQL(PostgreSQLInstants, _Shared):
    """Compiled for asyncpg; a column's `json` text is taken as it was stored."""

    name = "postgresql"
    bytewise = "C"
    place, unlimited = "ctid", "ALL"
    takes_rows_along = True
    sign = "$"
    engine: sa.Dialect = _PostgreSQL(paramstyle="named")  # type: ignore[no-untyped-call]
    list_type: sa.types.TypeEngine[Any] = postgresql.ARRAY(sa.Text())

    def quoted(self, text: Text) -> Text:
        return sa.cast(sa.func.to_json(sa.cast(text, sa.Text())), sa.Text())

    def joined(self, item: Text, *order: sa.ColumnElement[Any]) -> sa.FunctionElement[str]:
        ordered: Any = postgresql.aggregate_order_by(sa.literal_column("','"), *order)
        return sa.func.string_agg(item, ordered, type_=sa.Text())

    def sorted(self, rows: sa.Select[Any], order: Order) -> sa.Select[Any]:
        return rows.add_columns(self.numbered(order).label(POSITION))

    def gathered(self, items: sa.Select[Any], order: Order) -> sa.Select[Any]:
        [item] = items.selected_columns
        return items.with_only_columns(bracketed(self.joined(item, *order)))

    def numbered(self, order: Order) -> sa.ColumnElement[int]:
        return sa.func.row_number().over(order_by=list(order))

    def outermost(
        self, told: Told, keys: Order, kept: sa.ColumnElement[bool], *, is_least: bool
    ) -> Text:
        """It is told of one row alone: printing an instant takes longer than sorting."""
        at, ident = keys
        order = [key.asc() if is_least else key.desc() for key in keys]
        pick = sa.func.min if is_least else sa.func.max
        ordered: Any = postgresql.aggregate_order_by(ident, *order)
        idents = sa.func.array_agg(ordered, type_=postgresql.ARRAY(sa.Text())).filter(kept)
        return told(pick(at, type_=at.type).filter(kept), Grouping(idents)[whole_number(1)])

    def listed(self, values: Iterable[str]) -> list[str]:
        return [str(value) for value in values]

    def among(self, column: sa.ColumnElement[str], values: Any) -> sa.ColumnElement[bool]:
        return sa.type_coerce(column, sa.Text()) == sa.any_(values)

    def rows(self, values: Any, columns: Sequence[str]) -> FromClause:
        # The text of `json` would be read once more for each value.
        each = (
            sa.func.jsonb_array_elements(sa.cast(values, postgresql.JSONB))
            .table_valued(sa.column("value", postgresql.JSONB), with_ordinality="ord")
            .render_derived()
        )
        picked = [each.c.value[i].as_string().label(name) for i, name in enumerate(columns)]
        return sa.select(each.c.ord, *picked).subquery()

    def few(self, rows: Rows) -> Rows:
        """The rows, of one column, with a plan for some ten of them: without statistics of how many
        there are, a third of a table would be expected."""
        [column] = rows.selected_columns
        all_of_them = sa.func.array(rows.scalar_subquery())
        each = sa.func.unnest(all_of_them, type_=column.type).column_valued(column.key)
        return sa.select(each)

    def unindexed(self, row: Any) -> Any:
        return row

    def to_sort(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The key, in whose order no index is read: to find so few, it expects, takes longer than
        to come upon them among all."""
        return self.most(key)

    def items(self, column: sa.ColumnElement[Any]) -> Any:
        listed = sa.func.json_array_elements_text(column).table_valued("value")
        return listed.render_derived()

    def json_of(self, text: Text) -> sa.ColumnElement[Any]:
        return sa.cast(text, postgresql.JSON)

    def text_of(self, column: sa.ColumnElement[Any]) -> Text:
        return sa.cast(column, sa.Text())

    def place_in(self, text: Text, part: Text) -> sa.ColumnElement[int]:
        return sa.func.strpos(text, part, type_=sa.Integer())

    def most(self, *values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.func.greatest(*values, type_=values[0].type)

    def least(self, *values: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.func.least(*values, type_=values[0].type)


DIALECTS: dict[str, Dialect] = {"sqlite": SQLite(), "postgresql": PostgreSQL()}

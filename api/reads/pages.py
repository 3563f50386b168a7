"""Connections: keyset pages, forwards and backwards, one statement whatever is selected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from graphql import FieldNode
from sqlalchemy.sql.selectable import FromClause

from api.reads.cursors import beyond, cursor
from api.reads.fields import Read, Row, getter
from api.reads.nodes import Finding, One, Page
from api.reads.pieces import Written, expression
from api.reads.texts import Text, bracketed, concatenated, flag, literal, name_of
from api.reads.totals import is_estimated, total
from api.reads.values import Argument, Env, Getter, key_of
from governance.errors import InvalidInput
from governance.fields import UTCDateTime

if TYPE_CHECKING:
    from api.reads.compiler import Compiler

DEFAULT_PAGE = 50
LONGEST_PAGE = 1_000
TOTALS = {"totalCount", "isTotalCountEstimated"}  # which are counted by the conditions
KEYS: dict[str, Any] = {"page_at": UTCDateTime(), "page_id": sa.Text(), "page_row": sa.Text()}
NONE, ONE_MORE = (sa.literal_column(number, sa.Integer()) for number in ("0", "1"))


def compiled_page(
    compiler: Compiler, connection: str, nodes: Sequence[FieldNode], page: Page, read: Read
) -> Text:
    """The JSON of a connection. Looks one row further than asked, to know whether more follow."""
    selections = compiler.below(connection, nodes)
    names = {selected[0].name.value for selected in selections.values()}
    if names == {"nodes"} and page.arguments.get("last") is None and not _is_by_id(page):
        page, size = _conditioned(page, read), _size(page, read)[0]
        return _items_alone(compiler, selections, page, read, connection, size)
    if page.finding is None or _takes_along(page, read):
        page = _conditioned(page, read)
        return _told(compiler, connection, selections, page, read).scalar_subquery()
    is_total = not names.isdisjoint(TOTALS)

    def told(read: Read) -> sa.Select[Any]:
        counted = _conditioned(page, read) if is_total else page
        return _told(compiler, connection, selections, counted, read, found)

    found = Written(_found(page, page.finding, read, connection), **KEYS)
    key = None if is_total else compiler.key(nodes, ["filter"])
    return found.before(read.piece(None if key is None else (key, _is_by_id(page)), told))


def _conditioned(page: Page, read: Read) -> Page:
    """The page with the conditions of what it finds, for statements that are no texts."""
    if page.finding is None:
        return page
    return replace(page, where=page.finding.conditions(page.source.c, read))


def _told(
    compiler: Compiler,
    connection: str,
    selections: Mapping[str, Sequence[FieldNode]],
    page: Page,
    read: Read,
    found: FromClause | None = None,
) -> sa.Select[Any]:
    """What is told of the rows, of which maybe the keys were found."""
    size, is_backward = _size(page, read)
    rows = _rows(page, read, connection, size, is_backward, found)
    told, keys = partial(cursor, read, connection), (rows.at, rows.ident)
    kept = rows.place <= size
    edge = name_of(page.type) + "Edge"

    aggregates: list[Text] = []
    joined: list[One] = []

    def agg(item: Text) -> Text:
        place = rows.place.desc() if is_backward else rows.place.asc()
        aggregates.append(listed := bracketed(read.dialect.joined(item, place).filter(kept)))
        return listed

    def node(selected: Sequence[FieldNode]) -> Text:
        return compiler.objects(name_of(page.type), selected, rows.row, read, joined)

    def edges(selected: Sequence[FieldNode]) -> Text:
        parts: list[Text | str] = []
        for key, inner in compiler.below(edge, selected).items():
            name = inner[0].name.value
            if name == "node":
                value = node(inner)
            elif name == "cursor":
                value = concatenated(['"', told(*keys), '"'])
            else:
                value = literal(f'"{edge}"')
            parts += [f',"{key}":', value]
        return agg(_object(parts))

    def info(selected: Sequence[FieldNode]) -> Text:
        more = sa.func.coalesce(sa.func.max(rows.place), NONE) > size
        before = page.arguments.get("after") is not None
        after = page.arguments.get("before") is not None
        first, last = (
            read.dialect.outermost(told, keys, kept, is_least=is_least)
            for is_least in (not page.newest_first, page.newest_first)
        )
        looks_further = "hasPreviousPage" if is_backward else "hasNextPage"
        known: dict[str, Text] = {
            "__typename": literal('"PageInfo"'),
            "hasNextPage": flag(after if is_backward else more),
            "hasPreviousPage": flag(more if is_backward else before),
            "startCursor": _nullable(first),
            "endCursor": _nullable(last),
        }
        parts: list[Text | str] = []
        for key, inner in compiler.below("PageInfo", selected).items():
            name = inner[0].name.value
            if name in {"startCursor", "endCursor", looks_further}:
                aggregates.append(known[name])
            parts += [f',"{key}":', known[name]]
        return _object(parts)

    parts: list[Text | str] = []
    for key, selected in selections.items():
        name = selected[0].name.value
        if name == "__typename":
            value = literal(f'"{connection}"')
        elif name == "totalCount":
            value = total(page, read)
        elif name == "isTotalCountEstimated":
            value = is_estimated(page)
        elif name == "edges":
            value = edges(selected)
        elif name == "nodes":
            value = agg(node(selected))
        else:
            value = info(selected)
        parts += [f',"{key}":', value]
    if not aggregates:  # which would keep it to one row, however many the page has
        return sa.select(_object(parts))
    return sa.select(_object(parts)).select_from(_with(rows.source, joined))


def _is_by_id(page: Page) -> bool:
    return page.is_sparse or (page.finding is not None and page.finding.is_by_id)


def _takes_along(page: Page, read: Read) -> bool:
    return read.dialect.takes_rows_along and not _is_by_id(page)


def _found(page: Page, finding: Finding, read: Read, connection: str) -> str:
    """The keys of the rows, as a text."""
    given = {name: value for name, value in page.arguments.items() if value is not None}
    cursors = key_of({name: given[name] for name in ("after", "before") if name in given})
    sizes = key_of({name: given[name] for name in ("first", "last") if name in given})

    def is_beyond(source: FromClause, keys: tuple[Any, Any], how: str) -> str:
        key = None if cursors is None else ("beyond", connection, how, cursors)
        of = replace(page, keys=keys)
        return read.where(key, source, lambda read: beyond(of, read, connection))

    def size(read: Read) -> sa.Select[Any]:
        return sa.select((_size(page, read)[0] + ONE_MORE).label("told"))

    most = read.piece(None if sizes is None else ("most", sizes), size, expression)
    descending = page.newest_first is not ("last" in given)
    return finding.keys(read, is_beyond, most, descending=descending)


def _with(rows: FromClause, joined: Iterable[One]) -> FromClause:
    """The rows with what was found to be joined to them."""
    for one in joined:
        rows = sa.outerjoin(rows, one.source, sa.and_(*one.where))
    return rows


def _items_alone(
    compiler: Compiler,
    selections: Mapping[str, Sequence[FieldNode]],
    page: Page,
    read: Read,
    connection: str,
    size: sa.ColumnElement[int],
) -> Text:
    """The JSON where nobody asks what comes before or after: no numbering, no further row."""
    place = read.dialect.row_key(page.source).label("page_row")
    found = _keys(page, read, connection, page.newest_first, size, place)
    places = _sorted([found.c.page_at, found.c.page_id], page.newest_first)
    row = _Along(page.source.c, found)
    parts: list[Text | str] = []
    joined: list[One] = []
    for key, selected in selections.items():
        item = compiler.objects(name_of(page.type), selected, row, read, joined)
        parts += [f',"{key}":', bracketed(read.dialect.joined(item, *places))]
    whole = sa.select(_object(parts)).select_from(_with(found, joined))
    return (_fetched(whole, found) if read.dialect.takes_rows_along else whole).scalar_subquery()


def _fetched(whole: sa.Select[Any], found: sa.Subquery) -> sa.Select[Any]:
    """The same, with rows that no index is enough for: one that has all columns that are asked for
    would be read to its end, should none of its rows fit."""
    return whole.where(found.c.page_row.is_not(None))


@dataclass(frozen=True, slots=True)
class _Rows:
    """A page's rows and one more: their keys, their places in reading order, their columns."""

    source: FromClause
    at: sa.ColumnElement[datetime]
    ident: sa.ColumnElement[str]
    place: sa.ColumnElement[int]
    row: Row


class _Along:
    """The columns of a source that subselects within each other take along, each once somebody asks
    for it."""

    def __init__(self, columns: Row, *within: Any) -> None:
        self._columns, self._within = columns, within
        self._taken: dict[str, sa.ColumnElement[Any]] = {}

    def __getitem__(self, name: str) -> sa.ColumnElement[Any]:
        if name not in self._taken:
            column = self._columns[name]
            for rows in self._within:
                rows.element = rows.element.add_columns(column)
                column = sa.column(name, column.type)
                column.table = rows
            self._taken[name] = column
        return self._taken[name]

    __getattr__ = __getitem__

    def get(self, name: str, default: Any) -> Any:
        return self[name] if name in self._columns else default


def _rows(
    page: Page,
    read: Read,
    connection: str,
    size: Any,
    is_backward: bool,
    found: FromClause | None = None,
) -> _Rows:
    """Where the engine sorts rows as fast as their keys, what is asked of them comes along.
    Otherwise the keys alone are sorted and numbered; an outer join keeps their order when the rest
    of each row is fetched."""
    descending = page.newest_first is not is_backward
    most = size + ONE_MORE
    key = page.keys[1] if _is_by_id(page) else read.dialect.row_key(page.source)
    if found is None:
        found = _keys(page, read, connection, descending, most, key.label("page_row"))
    again = _sorted([found.c.page_at, found.c.page_id], descending)
    number = read.dialect.numbered(again).label("page_place")
    numbered = sa.select(found, number)
    comes_along = _takes_along(page, read)
    if comes_along:
        assert isinstance(found, sa.Subquery)
        numbered = _fetched(numbered, found)
    within = [found, numbered.subquery()]
    if is_backward:
        placed = within[-1].c
        within.append(sa.select(*placed).order_by(placed.page_place.desc()).subquery())
    rows = within[-1]
    keys = rows.c.page_at, rows.c.page_id, rows.c.page_place
    if comes_along:
        return _Rows(rows, *keys, _Along(page.source.c, *within))
    return _Rows(sa.outerjoin(rows, page.source, key == rows.c.page_row), *keys, page.source.c)


def _keys(
    page: Page,
    read: Read,
    connection: str,
    descending: bool,
    most: sa.ColumnElement[int],
    row: sa.ColumnElement[Any],
) -> sa.Subquery:
    """The keys of a page's rows, and what finds each once more."""
    at, ident = page.keys
    # The cursor's first: of two bounds SQLite takes the one that it is told first.
    where = [*beyond(page, read, connection), *page.where]
    return (
        sa.select(at.label("page_at"), ident.label("page_id"), row)
        .select_from(page.source)
        .where(*where)
        .order_by(*_sorted(page.keys, descending))
        .limit(most)
        .correlate_except(page.source)
        .subquery()
    )


def _sorted(keys: Iterable[Any], descending: bool) -> list[sa.ColumnElement[Any]]:
    return [key.desc() if descending else key.asc() for key in keys]


def _size(page: Page, read: Read) -> tuple[sa.ColumnElement[int], bool]:
    """How many rows, and whether they are counted from the end."""
    first, last = page.arguments.get("first"), page.arguments.get("last")
    if first is not None and last is not None:
        raise InvalidInput("expected first or last, not both", path=["last"])
    name, value = ("last", last) if last is not None else ("first", first)
    return _limit(read, value, name), last is not None


def _limit(read: Read, value: Argument, name: str) -> sa.ColumnElement[int]:
    """A size that the document says is a literal: PostgreSQL makes a plan for each value of a
    parameter anew, which takes as long as a page."""
    said = DEFAULT_PAGE if value is None else getattr(value, "constant", None)
    if isinstance(said, int) and 0 <= said <= LONGEST_PAGE:
        return sa.literal_column(str(said), sa.Integer())
    return read.bound(page_size(getter(value), name), sa.Integer())


def page_size(get: Getter, name: str) -> Getter:
    """How many are asked for; InvalidInput out of range."""

    def read_size(env: Env) -> int:
        size = get(env)
        if size is None:
            return DEFAULT_PAGE
        if not 0 <= size <= LONGEST_PAGE:
            raise InvalidInput(f"{name}: expected 0 to {LONGEST_PAGE}, got {size}", path=[name])
        return int(size)

    return read_size


def _object(parts: list[Text | str]) -> Text:
    if parts and isinstance(parts[0], str):
        parts[0] = parts[0].removeprefix(",")
    return concatenated(["{", *parts, "}"])


def _nullable(cursor: Any) -> Text:
    quoted = concatenated(['"', cursor, '"'])
    return sa.func.coalesce(quoted, literal("null"), type_=sa.Text())

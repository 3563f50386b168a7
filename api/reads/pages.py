"""Connections: keyset pages, forwards and backwards, one statement whatever is selected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from graphql import FieldNode
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import One, Page, Read, getter
from api.reads.texts import Text, bracketed, concatenated, flag, literal, name_of
from api.reads.totals import is_estimated, total
from api.reads.values import Argument, Env, Getter
from governance.errors import InvalidInput
from governance.fields import UTCDateTime, parse_instant

if TYPE_CHECKING:
    from api.reads.compiler import Compiler

DEFAULT_PAGE = 50
LONGEST_PAGE = 1_000
NONE, ONE_MORE = (sa.literal_column(number, sa.Integer()) for number in ("0", "1"))


def compiled_page(
    compiler: Compiler, connection: str, nodes: Sequence[FieldNode], page: Page, read: Read
) -> Text:
    """The JSON of a connection. Looks one row further than asked, to know whether more follow."""
    size, is_backward = _size(page, read)
    selections = compiler.below(connection, nodes)
    is_plain = {s[0].name.value for s in selections.values()} == {"nodes"}
    if is_plain and not is_backward and not page.is_sparse and not page.ways:
        return _items_alone(compiler, selections, page, read, connection, size)
    rows = _rows(page, read, connection, size, is_backward)
    told, keys = partial(_cursor, read, connection), (rows.c["page_at"], rows.c["page_id"])
    kept = rows.c.position <= size
    edge = name_of(page.type) + "Edge"

    aggregates: list[Text] = []
    joined: list[One] = []

    def agg(item: Text) -> Text:
        joined = read.dialect.joined(item, _place(rows, is_backward))
        aggregates.append(listed := bracketed(joined.filter(kept)))
        return listed

    def node(selected: Sequence[FieldNode]) -> Text:
        return compiler.objects(name_of(page.type), selected, page.source.c, read, joined)

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
        more = sa.func.coalesce(sa.func.max(rows.c.position), NONE) > size
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
        return sa.select(_object(parts)).scalar_subquery()
    # The keys alone are sorted and numbered; an outer join keeps their order when the rest of
    # each row is fetched.
    is_row = _row_key(page, read) == rows.c.page_row
    whole = _with(sa.outerjoin(rows, page.source, is_row), joined)
    return sa.select(_object(parts)).select_from(whole).scalar_subquery()


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
    order = [key.desc() if page.newest_first else key.asc() for key in page.keys]
    where = [*page.where, *_edges(page, read, connection)]
    found = (
        sa.select(page.source)
        .where(*where)
        .order_by(*order)
        .limit(size)
        .correlate_except(page.source)
        .subquery()
    )
    again = [found.c[str(key.key)] for key in page.keys]
    places = [key.desc() if page.newest_first else key.asc() for key in again]
    parts: list[Text | str] = []
    joined: list[One] = []
    for key, selected in selections.items():
        item = compiler.objects(name_of(page.type), selected, found.c, read, joined)
        parts += [f',"{key}":', bracketed(read.dialect.joined(item, *places))]
    return sa.select(_object(parts)).select_from(_with(found, joined)).scalar_subquery()


def _rows(page: Page, read: Read, connection: str, size: Any, is_backward: bool) -> Any:
    """The keys of the page's rows and one more, numbered in reading order."""
    descending = page.newest_first is not is_backward
    most = size + ONE_MORE
    if page.ways:
        parts = []
        for way in page.ways:
            this = replace(page, source=way.source, keys=way.keys, where=way.where)
            taken = sa.case((way.is_taken, most), else_=NONE)
            parts.append(sa.select(_keys(this, read, connection, descending, taken)))
        each = sa.union_all(*parts).subquery()
        order = [each.c.page_at, each.c.page_id]
        found = sa.select(each).order_by(*_sorted(order, descending)).limit(most).subquery()
    else:
        found = _keys(page, read, connection, descending, most)
    again = [found.c.page_at, found.c.page_id]
    position = read.dialect.numbered([c.desc() if descending else c for c in again])
    numbered = sa.select(found, position.label("position")).subquery()
    if not is_backward:
        return numbered
    return sa.select(numbered).order_by(numbered.c.position.desc()).subquery()


def _keys(
    page: Page, read: Read, connection: str, descending: bool, most: sa.ColumnElement[int]
) -> sa.Subquery:
    at, ident = page.keys
    where = [*page.where, *_edges(page, read, connection)]
    return (
        sa.select(
            at.label("page_at"), ident.label("page_id"), _row_key(page, read).label("page_row")
        )
        .select_from(page.source)
        .where(*where)
        .order_by(*_sorted(page.keys, descending))
        .limit(most)
        .correlate_except(page.source)
        .subquery()
    )


def _sorted(keys: Iterable[Any], descending: bool) -> list[sa.ColumnElement[Any]]:
    return [key.desc() if descending else key.asc() for key in keys]


def _row_key(page: Page, read: Read) -> Any:
    """What finds a row once more. PostgreSQL's place of a row is in no index, and each row that
    is looked at would have to be fetched for it."""
    is_by_id = page.is_sparse or page.ways
    return page.keys[1] if is_by_id else read.dialect.row_key(page.source)


def _edges(page: Page, read: Read, connection: str) -> list[sa.ColumnElement[bool]]:
    """The conditions of the cursors that are given."""
    given = {name: page.arguments.get(name) for name in ("after", "before")}
    return [
        _beyond(page, read, connection, name, edge)
        for name, edge in given.items()
        if edge is not None
    ]


def _beyond(
    page: Page, read: Read, connection: str, name: str, edge: Argument
) -> sa.ColumnElement[bool]:
    """Whether a row lies behind the cursor, by (instant, id)."""
    at, ident = page.keys
    point = sa.tuple_(
        read.bound(_decoded(connection, name, edge, 0), UTCDateTime()),
        read.bound(_decoded(connection, name, edge, 1), sa.Text()),
    )
    row = sa.tuple_(at, ident)
    return row < point if page.newest_first is (name == "after") else row > point


def _decoded(connection: str, name: str, edge: Argument, part: int) -> Getter:
    get = getter(edge)

    def read(env: Env) -> datetime | str:
        text = get(env)
        match = re.fullmatch(r"(\w+)~([0-9TZ:.-]{27})~(\w{1,64})", str(text), re.ASCII)
        try:
            if match is None or match[1] != connection.removesuffix("Connection"):
                raise ValueError
            return parse_instant(match[2]) if part == 0 else match[3]
        except ValueError:
            raise InvalidInput(
                f"{name}: expected a cursor of this connection", path=[name]
            ) from None

    return read


def _cursor(read: Read, connection: str, at: Any, ident: Any) -> Text:
    kind = connection.removesuffix("Connection")
    return concatenated([f"{kind}~", read.dialect.instant(at), "~", ident])


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


def _place(rows: Any, is_backward: bool) -> sa.ColumnElement[Any]:
    position: sa.ColumnElement[Any] = rows.c.position
    return position.desc() if is_backward else position.asc()


def _object(parts: list[Text | str]) -> Text:
    if parts and isinstance(parts[0], str):
        parts[0] = parts[0].removeprefix(",")
    return concatenated(["{", *parts, "}"])


def _nullable(cursor: Any) -> Text:
    quoted = concatenated(['"', cursor, '"'])
    return sa.func.coalesce(quoted, literal("null"), type_=sa.Text())

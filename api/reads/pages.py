"""Connections: keyset pages, forwards and backwards, one statement whatever is selected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from graphql import FieldNode
from sqlalchemy.sql.selectable import FromClause

from api.reads.cursors import beyond, cursor
from api.reads.fields import Read
from api.reads.nodes import Finding, One, Page
from api.reads.pieces import Written, expression
from api.reads.places import (
    ONE_MORE,
    Along,
    fetched,
    in_order,
    is_by_id,
    keys_of_page,
    placed,
    takes_along,
)
from api.reads.sizes import size_of
from api.reads.texts import Text, bracketed, concatenated, flag, literal, name_of
from api.reads.totals import is_estimated, total
from api.reads.values import key_of
from governance.fields import UTCDateTime

if TYPE_CHECKING:
    from api.reads.compiler import Compiler

TOTALS = {"totalCount", "isTotalCountEstimated"}  # which are counted by the conditions
KEYS: dict[str, Any] = {"page_at": UTCDateTime(), "page_id": sa.Text(), "page_row": sa.Text()}
NONE = sa.literal_column("0", sa.Integer())


def compiled_page(
    compiler: Compiler, connection: str, nodes: Sequence[FieldNode], page: Page, read: Read
) -> Text:
    """The JSON of a connection. Looks one row further than asked, to know whether more follow."""
    selections = compiler.below(connection, nodes)
    names = {selected[0].name.value for selected in selections.values()}
    if names == {"nodes"} and page.arguments.get("last") is None and not is_by_id(page):
        page, size = _conditioned(page, read), size_of(page, read)[0]
        return _items_alone(compiler, selections, page, read, connection, size)
    if page.finding is None or takes_along(page, read):
        page = _conditioned(page, read)
        return _told(compiler, connection, selections, page, read).scalar_subquery()
    is_total = not names.isdisjoint(TOTALS)

    def told(read: Read) -> sa.Select[Any]:
        counted = _conditioned(page, read) if is_total else page
        return _told(compiler, connection, selections, counted, read, found)

    found = Written(_found(page, page.finding, read, connection), **KEYS)
    key = None if is_total else compiler.key(nodes, ["filter"])
    return found.before(read.piece(None if key is None else (key, is_by_id(page)), told))


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
    size, is_backward = size_of(page, read)
    rows = placed(page, read, connection, size, is_backward, found)
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
        return sa.select((size_of(page, read)[0] + ONE_MORE).label("told"))

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
    found = keys_of_page(page, read, connection, page.newest_first, size, place)
    places = in_order([found.c.page_at, found.c.page_id], page.newest_first)
    row = Along(page.source.c, found)
    parts: list[Text | str] = []
    joined: list[One] = []
    for key, selected in selections.items():
        item = compiler.objects(name_of(page.type), selected, row, read, joined)
        parts += [f',"{key}":', bracketed(read.dialect.joined(item, *places))]
    whole = sa.select(_object(parts)).select_from(_with(found, joined))
    return (fetched(whole, found) if read.dialect.takes_rows_along else whole).scalar_subquery()


def _object(parts: list[Text | str]) -> Text:
    if parts and isinstance(parts[0], str):
        parts[0] = parts[0].removeprefix(",")
    return concatenated(["{", *parts, "}"])


def _nullable(cursor: Any) -> Text:
    quoted = concatenated(['"', cursor, '"'])
    return sa.func.coalesce(quoted, literal("null"), type_=sa.Text())

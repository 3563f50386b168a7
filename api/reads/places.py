"""The rows of a page: found by their keys, in the places that they have in its order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.selectable import FromClause

from api.reads.cursors import beyond
from api.reads.fields import Read, Row
from api.reads.nodes import Page

ONE_MORE = sa.literal_column("1", sa.Integer())


def is_by_id(page: Page) -> bool:
    return page.is_sparse or (page.finding is not None and page.finding.is_by_id)


def takes_along(page: Page, read: Read) -> bool:
    return read.dialect.takes_rows_along and not is_by_id(page)


def fetched(whole: sa.Select[Any], found: sa.Subquery) -> sa.Select[Any]:
    """The same, with rows that no index is enough for: one that has all columns that are asked for
    would be read to its end, should none of its rows fit."""
    return whole.where(found.c.page_row.is_not(None))


@dataclass(frozen=True, slots=True)
class Placed:
    """A page's rows and one more: their keys, their places in reading order, their columns."""

    source: FromClause
    at: sa.ColumnElement[datetime]
    ident: sa.ColumnElement[str]
    place: sa.ColumnElement[int]
    row: Row


class Along:
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


def placed(
    page: Page,
    read: Read,
    connection: str,
    size: Any,
    is_backward: bool,
    found: FromClause | None = None,
) -> Placed:
    """Where the engine sorts rows as fast as their keys, what is asked of them comes along.
    Otherwise the keys alone are sorted and numbered; an outer join keeps their order when the rest
    of each row is fetched."""
    descending = page.newest_first is not is_backward
    most = size + ONE_MORE
    key = page.keys[1] if is_by_id(page) else read.dialect.row_key(page.source)
    if found is None:
        found = keys_of_page(page, read, connection, descending, most, key.label("page_row"))
    again = in_order([found.c.page_at, found.c.page_id], descending)
    number = read.dialect.numbered(again).label("page_place")
    numbered = sa.select(found, number)
    comes_along = takes_along(page, read)
    if comes_along:
        assert isinstance(found, sa.Subquery)
        numbered = fetched(numbered, found)
    within = [found, numbered.subquery()]
    if is_backward:
        placed = within[-1].c
        within.append(sa.select(*placed).order_by(placed.page_place.desc()).subquery())
    rows = within[-1]
    keys = rows.c.page_at, rows.c.page_id, rows.c.page_place
    if comes_along:
        return Placed(rows, *keys, Along(page.source.c, *within))
    return Placed(sa.outerjoin(rows, page.source, key == rows.c.page_row), *keys, page.source.c)


def keys_of_page(
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
        .order_by(*in_order(page.keys, descending))
        .limit(most)
        .correlate_except(page.source)
        .subquery()
    )


def in_order(keys: Iterable[Any], descending: bool) -> list[sa.ColumnElement[Any]]:
    return [key.desc() if descending else key.asc() for key in keys]

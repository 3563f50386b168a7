"""Finds pages of what fits a filter, along whichever of its ways is short."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from api.reads.fields import Condition, Read, Row
from api.reads.nodes import Beyond
from api.reads.pieces import expression
from api.reads.values import Argument, known_words, parts_of
from api.schema.filters import fits, is_sparse
from api.schema.ways import (
    DAYS,
    IN_FORCE,
    MOST_LISTED,
    MOST_READ,
    PLACE,
    ROW,
    SANCTIONS,
    Way,
    all_days,
    fitting,
    short,
    ways_of,
    where,
)
from governance.words import Effect


@dataclass(frozen=True, slots=True)
class Shortest:
    """Finds pages of what fits: along a short one of several ways, where an engine may take a long
    one, as it knows of the parts of a filter only what is usual of their values. Without a short
    one, all are looked at."""

    given: Argument
    ways: Sequence[Way]
    is_by_id: bool

    def conditions(self, row: Row, read: Read) -> list[Condition]:
        return fits(row, read, self.given)

    def keys(self, read: Read, beyond: Beyond, most: str, *, descending: bool) -> str:
        if not self.ways:
            fit = fitting(ROW, read, self.given, is_indexed=True)
            return self._page(read, beyond, most, descending, fit, "in order")
        parts = [*self.ways, all_days(self.given)]
        taken = [f"= {place}" for place, _ in enumerate(self.ways)] + ["< 0"]
        pages = []
        for way, is_taken in zip(parts, taken, strict=True):
            fit = way.fitting(read, self.given)
            limit = f"CASE WHEN {PLACE} {is_taken} THEN {most} ELSE 0 END"
            # Sorted along a way, and not looked for in the order of all; of some, in no order.
            order = "to sort" if way.ids or way.answered else "along"
            order = "in order" if is_taken == "< 0" else order
            pages.append(self._page(read, beyond, limit, descending, fit, order))
            if beside := way.fitting_beside(read, self.given):
                # From their own bound on: from the cursor's, all that lies before it would be read.
                order = "in order" if descending else "since"
                pages.append(self._page(read, beyond, limit, descending, beside, order))
        order = f"ORDER BY {_sorted('page_at', 'page_id', descending)} LIMIT {most}"
        every = " UNION ALL ".join(f"SELECT * FROM ({page}) AS part" for page in pages)
        place = short(self.ways, read, MOST_LISTED, MOST_READ)
        return f"WITH {place} SELECT * FROM ({every}) AS each_way {order}"

    def _page(
        self,
        read: Read,
        beyond: Beyond,
        most: str,
        descending: bool,
        fit: Sequence[str],
        how: str,
    ) -> str:
        """The keys of those that fit, up to so many."""
        keys = _keys(read, how)
        at, ident = (_told(read, key, (how, place)) for place, key in enumerate(keys))
        place = ident if self.is_by_id else f"{ROW.name}.rowid"
        columns = f"{at} AS page_at, {ident} AS page_id, {place} AS page_row"
        order = f"ORDER BY {_sorted(at, ident, descending)} LIMIT {most}"
        # The cursor's first: of two bounds SQLite takes the one that it is told first.
        edge = _keys(read, "along") if how == "since" else keys
        fitting = where(beyond(ROW, edge, how), *fit)
        return f"SELECT {columns} FROM {SANCTIONS}{fitting} {order}"


def _keys(read: Read, how: str) -> tuple[Any, Any]:
    row = ROW.c if how in {"in order", "since"} else read.dialect.unindexed(ROW.c)
    keys = row.issued_at, row.id
    if how == "to sort":
        return read.dialect.to_sort(keys[0]), read.dialect.to_sort(keys[1])
    return keys


def _told(read: Read, key: sa.ColumnElement[Any], kept: Hashable) -> str:
    def column(_: Read) -> sa.Select[Any]:
        return sa.select(key.label("told"))

    return read.piece(("page's", kept), column, expression)


def _sorted(at: str, ident: str, descending: bool) -> str:
    order = "DESC" if descending else "ASC"
    return f"{at} {order}, {ident} {order}"


def shortest(given: Argument) -> Shortest:
    """The pages of what fits a filter."""
    ways, asked = ways_of(given), parts_of(given)
    if known_words(asked.get("effects")) == [Effect.IN_FORCE]:
        ways.append(IN_FORCE)
    chosen = any(way.ids or way.answered for way in ways)
    # One part that has an index is read along it: in order, and there is nothing else to look at.
    is_plain = len(asked.keys() - {*DAYS}) < 2 or all(way.is_whole for way in ways)
    if is_plain and not chosen:
        ways = []
    return Shortest(given, ways, bool(ways) or is_sparse(given))

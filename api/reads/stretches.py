"""The feed by pages: forwards alone, after a place that is kept for good, one statement.

A page looks at so many places and no more, however few of what is there fit: it would read the
whole feed for what is rare, be stopped for that, and leave nowhere to go on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa
from graphql import FieldNode

from api.reads.fields import Read, getter, there_is
from api.reads.nodes import Stretch
from api.reads.sizes import page_size
from api.reads.texts import Text, bracketed, concatenated, flag, literal, name_of
from api.reads.values import Argument, Env, Getter
from governance.errors import InvalidInput

if TYPE_CHECKING:
    from api.reads.compiler import Compiler

PREFIX = "feed~"
WINDOW = 50_000  # places that a page looks at


def compiled_stretch(
    compiler: Compiler, type_name: str, nodes: Sequence[FieldNode], stretch: Stretch, read: Read
) -> Text:
    """The JSON of a stretch. Looks one row further than asked, to know whether more follow."""
    size = read.bound(page_size(getter(stretch.first), "first"), sa.Integer())
    start = place_of(stretch.after)
    after = read.bound(start, sa.BigInteger())
    until = read.bound(lambda env: start(env) + WINDOW, sa.BigInteger())
    within, is_beyond = [stretch.key <= until], there_is(stretch.source, stretch.key > until)
    if stretch.is_short:
        within, is_beyond = [], sa.false()
    rows = (
        sa.select(stretch.source, sa.func.row_number().over(order_by=stretch.key).label("place"))
        .where(stretch.key > after, *within, *stretch.where)
        .order_by(stretch.key)
        .limit(size + 1)
        .subquery()
    )
    kept, is_full = rows.c.place <= size, sa.func.coalesce(sa.func.max(rows.c.place), 0) > size
    last = sa.func.coalesce(sa.func.max(rows.c[str(stretch.key.key)]).filter(kept), after)
    reached = sa.case((sa.and_(sa.not_(is_full), is_beyond), until), else_=last)
    known: dict[str, Text] = {
        "__typename": literal(f'"{type_name}"'),
        "hasNextPage": flag(sa.or_(is_full, is_beyond)),
        "endCursor": _quoted(reached),
    }
    parts: list[Text | str] = []
    for key, selected in compiler.below(type_name, nodes).items():
        name = selected[0].name.value
        if name == "nodes":
            item = compiler.objects(name_of(stretch.type), selected, rows.c, read)
            known[name] = bracketed(read.dialect.joined(item, rows.c.place).filter(kept))
        parts += [f'{"," if parts else ""}"{key}":', known[name]]
    whole = concatenated(["{", *parts, "}"])
    # The count keeps it to one row, however many there are and whatever is selected.
    one = sa.select(whole.label("json"), sa.func.count()).select_from(rows).subquery()
    return sa.select(one.c.json).scalar_subquery()


def cursor(position: sa.ColumnElement[int]) -> Text:
    """The cursor of a place in the feed."""
    return sa.literal_column(f"'{PREFIX}'", sa.Text()).concat(sa.cast(position, sa.Text()))


def _quoted(position: sa.ColumnElement[int]) -> Text:
    """Null at the beginning, where there is nothing to come after."""
    json = concatenated(['"', cursor(position), '"'])
    return sa.case((position > 0, json), else_=literal("null"))


def place_of(after: Argument) -> Getter:
    """The place that a cursor names, 0 for the beginning; InvalidInput where it names none."""
    get = getter(after)

    def read(env: Env) -> int:
        text = get(env)
        if text is None:
            return 0
        match = re.fullmatch(f"{PREFIX}([0-9]{{1,18}})", str(text), re.ASCII)
        if match is None:
            raise InvalidInput("after: expected a cursor of the feed", path=["after"])
        return int(match[1])

    return read

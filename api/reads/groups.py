"""Figures by group, in one statement: of each source that is needed, the rows that fit are grouped
once; medians are taken from a sorted pass of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from graphql import FieldNode
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.selectable import FromClause

from api.reads.dialects import POSITION
from api.reads.fields import Condition, Read, Row
from api.reads.nodes import Figures, Groups
from api.reads.texts import Text, bracketed, concatenated, literal, name_of, whole_number

if TYPE_CHECKING:
    from api.reads.compiler import Compiler

MOST_GROUPS = 10_000
SECOND = 1_000_000  # microseconds
QUARTER = 6 * 3_600 * SECOND  # of a day


def compiled_groups(
    compiler: Compiler, type_name: str, nodes: Sequence[FieldNode], groups: Groups, read: Read
) -> Text:
    """The JSON of all groups, in the order of their keys; more than MOST_GROUPS are refused."""
    parts: list[Text | str] = []
    for key, selected in compiler.below(type_name, nodes).items():
        name = selected[0].name.value
        if name == "rows":
            value = _rows(compiler, selected, groups, read)
        elif name == "asOf":
            at = sa.select(read.now.label("at")).subquery()  # a column prints as an instant
            told = concatenated(['"', read.dialect.instant(at.c["at"]), '"'])
            value = sa.select(told).scalar_subquery()
        else:
            value = literal(f'"{type_name}"')
        parts += [f'{"," if parts else ""}"{key}":', value]
    return concatenated(["{", *parts, "}"])


def _rows(compiler: Compiler, nodes: Sequence[FieldNode], groups: Groups, read: Read) -> Text:
    kind = name_of(groups.type)
    first, *others = groups.parts
    wanted = _columns(compiler, kind, nodes)
    grouped = _grouped(first, wanted)
    source: Any = grouped
    told: dict[str, sa.ColumnElement[Any]] = {n: grouped.c[n] for n in first.counts if n in wanted}
    told |= {name: grouped.c[name] for name in first.rates if name in wanted}
    for part in others:
        if wanted & {*part.counts, *part.rates}:
            more = _grouped(part, wanted)
            source = source.outerjoin(more, _same_keys(grouped, more, first))
            told |= {n: _or_zero(more.c[n]) for n in part.counts if n in wanted}
            told |= {n: more.c[n] for n in part.rates if n in wanted}
    for part in groups.parts:
        for name in wanted & set(part.medians):
            middle = _median(part, name)
            source = source.outerjoin(middle, _same_keys(grouped, middle, first))
            told[name] = middle.c[name]
    keys = [key.told(grouped.c[f"key{n}"]) for n, key in enumerate(first.keys)]
    columns = [column.label(name) for name, column in told.items()]
    ordered = [sa.collate(key, read.dialect.bytewise) for key in keys]
    listed = sa.select(_listed(keys, read).label("keys"), *columns).select_from(source)
    found = read.dialect.sorted(listed, ordered).limit(MOST_GROUPS + 1).subquery()
    json = compiler.objects(kind, nodes, found.c, read)
    joined = read.dialect.joined(json, *(c for c in found.c if c.key == POSITION))
    too_many = read.sealed("groups", whole_number(MOST_GROUPS))
    is_fit = sa.func.count() <= whole_number(MOST_GROUPS)
    whole = sa.case((is_fit, bracketed(joined)), else_=too_many)
    return sa.select(whole).select_from(found).scalar_subquery()


def _columns(compiler: Compiler, kind: str, nodes: Sequence[FieldNode]) -> set[str]:
    """The columns that the selected fields are read from."""
    selections = compiler.below(kind, nodes).values()
    names = {selected[0].name.value for selected in selections} - {"__typename"}
    return {str(compiler.methods[kind, name]) for name in names}


def _grouped(part: Figures, wanted: set[str]) -> sa.Subquery:
    aggregates: dict[str, sa.ColumnElement[Any]] = {**part.counts, **part.rates}
    told = [column.label(name) for name, column in aggregates.items() if name in wanted]
    columns = _labelled(part)
    # Without keys there is one group, also of no rows at all.
    told = told if columns or told else [sa.func.count().label("rows")]
    found = sa.select(*columns, *told).select_from(part.source).where(*part.where)
    return found.group_by(*(key.column for key in part.keys)).subquery()


def _median(part: Figures, name: str) -> sa.Subquery:
    """The mean of the one or two values in the middle of each group."""
    value: sa.ColumnElement[int] = part.medians[name]
    weight = whole_number(1) if part.weight is None else part.weight
    found = sa.select(*_labelled(part), value.label("value"), weight.label("weight"))
    found = found.select_from(part.source).where(*part.where, value.is_not(None))
    placed = _placed(part, found.subquery()) if part.weight is None else _near(part, found.cte())
    both = sa.func.min(placed.c.value) + sa.func.max(placed.c.value)
    half, second = whole_number(SECOND), whole_number(2 * SECOND)
    seconds = Grouping(sa.cast(both, sa.BigInteger()) + half).op("/")(second)
    keys = _keys_in(part, placed)
    middle = sa.select(*keys, seconds.label(name)).where(_is_middle(placed.c))
    return middle.group_by(*keys).subquery()


def _placed(part: Figures, valued: FromClause) -> sa.Subquery:
    """Each value, and how many there are up to it. Values are counted before they are put in order,
    since many are alike."""
    keys = _keys_in(part, valued)
    number = sa.func.sum(valued.c.weight).label("number")
    each = sa.select(*keys, valued.c.value, number).group_by(*keys, valued.c.value).subquery()
    same = _keys_in(part, each)
    up_to = sa.func.sum(each.c.number).over(partition_by=same, order_by=each.c.value)
    whole = sa.func.sum(each.c.number).over(partition_by=same)
    told = each.c.value, each.c.number, up_to.label("up_to"), whole.label("whole")
    return sa.select(*same, *told).subquery()


def _near(part: Figures, valued: sa.CTE) -> sa.Subquery:
    """The same of values near the middle: hardly any two may be alike, and most need no order but
    by quarters of days."""
    quarter = Grouping(valued.c.value).op("/")(whole_number(QUARTER))
    keys = _keys_in(part, valued)
    roughly = _placed(part, sa.select(*keys, quarter.label("value"), valued.c.weight).subquery())
    same = _keys_in(part, roughly)
    rough = roughly.c
    before = sa.func.min(rough.up_to - rough.number).label("before")
    first, last = sa.func.min(rough.value).label("first"), sa.func.max(rough.value).label("last")
    told = first, last, before, sa.func.max(rough.whole).label("whole")
    middle = sa.select(*same, *told).where(_is_middle(rough)).group_by(*same).subquery()
    both = sa.join(valued, middle, _same_keys(valued, middle, part))
    number = sa.func.sum(valued.c.weight).label("number")
    by = *keys, valued.c.value, middle.c.before, middle.c.whole
    near = sa.select(*by, number).select_from(both)
    near = near.where(quarter >= middle.c.first, quarter <= middle.c.last)
    each = near.group_by(*by).subquery()
    same = _keys_in(part, each)
    since = sa.func.sum(each.c.number).over(partition_by=same, order_by=each.c.value)
    up_to = (each.c.before + since).label("up_to")
    return sa.select(*same, each.c.value, each.c.number, each.c.whole, up_to).subquery()


def _is_middle(placed: Row) -> Condition:
    before = Grouping(placed.up_to - placed.number)
    # Doubled, since half of an odd number is none.
    return sa.and_(placed.up_to + placed.up_to >= placed.whole, before + before <= placed.whole)


def _keys_in(part: Figures, source: FromClause) -> list[sa.ColumnElement[Any]]:
    return [source.c[f"key{n}"] for n in range(len(part.keys))]


def _or_zero(count: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(count, whole_number(0), type_=sa.Integer())


def _labelled(part: Figures) -> list[sa.ColumnElement[Any]]:
    return [key.column.label(f"key{n}") for n, key in enumerate(part.keys)]


def _same_keys(one: FromClause, other: FromClause, part: Figures) -> Any:
    names = [f"key{n}" for n in range(len(part.keys))]
    return sa.and_(sa.true(), *(one.c[name] == other.c[name] for name in names))


def _listed(keys: Sequence[sa.ColumnElement[str]], read: Read) -> Text:
    """The keys as a JSON list."""
    texts: list[Text | str] = []
    for key in keys:
        texts += [",", read.dialect.quoted(sa.type_coerce(key, sa.Text()))]
    return concatenated(["[", *texts[1:], "]"])

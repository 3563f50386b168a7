"""Facets: how many of the sanctions that fit a filter have each value of each dimension."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
import strawberry.pydantic
from pydantic import Field
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import All, Key, Read, getter, rows_of
from api.reads.values import Argument, Env, Getter
from api.schema.filters import fits
from api.schema.statistics import MAY_LACK, StatisticsDimension, alike, dimensions_of, keys_of
from api.schema.tallied import tallies_of
from governance.errors import InvalidInput
from governance.fields import Shape
from governance.records import sanctions

MOST_NEWEST = 10_000
# Of few values: sanctions that are alike in all of these are counted first, which leaves little to
# count by each.
FEW = {
    StatisticsDimension.GROUND,
    StatisticsDimension.EFFECT,
    StatisticsDimension.AUTOMATION,
    StatisticsDimension.VALIDITY,
    StatisticsDimension.SUBJECT_KIND,
    StatisticsDimension.SOURCE,
    StatisticsDimension.END_REASON,
    StatisticsDimension.LANGUAGE,
    StatisticsDimension.IS_APPEALED,
    StatisticsDimension.IS_BINDING,
}


@strawberry.pydantic.type(description="How many sanctions have one value of one dimension")
class Facet(Shape):
    dimension: StatisticsDimension = Field(description="What they are counted by")
    key: str = Field(description="The value, as in the keys of statistics")
    number: int = Field(description="How many of those looked at have it")


def facets_of(read: Read, by: Argument, given: Argument, newest: Argument) -> All:
    """The sanctions are read once and then counted by each dimension on its own."""
    dimensions = dimensions_of(by, "by", len(StatisticsDimension))
    if not dimensions:
        raise InvalidInput("by: expected a dimension at least", path=["by"])
    counted = _tallied(read, dimensions, given) if newest is None else None
    if counted is None:
        counted = _looked_at(read, dimensions, given, newest)
    rows = sa.union_all(*counted).subquery()
    return All(Facet, rows, order=[rows.c.dimension, rows.c.number.desc(), rows.c.key])


def _tallied(
    read: Read, dimensions: Sequence[StatisticsDimension], given: Argument
) -> list[sa.Select[Any]] | None:
    """Each dimension from its tallies; None unless all have them."""
    tallies = tallies_of(read, given)
    each = [alike(tallies, [dimension], read, given) for dimension in dimensions]
    if any(one.weight is None for one in each):
        return None
    return [
        _facet(dimension, one.keys[0], one.keys[0].column, one.number, one.source)
        for dimension, one in zip(dimensions, each, strict=True)
    ]


def _looked_at(
    read: Read, dimensions: Sequence[StatisticsDimension], given: Argument, newest: Argument
) -> list[sa.Select[Any]]:
    found = rows_of(sanctions.Sanction)
    keys = keys_of(dimensions, found.c, read)
    each = (key.column.label(f"key{n}") for n, key in enumerate(keys))
    chosen = sa.select(*each).select_from(found)
    chosen = chosen.where(*fits(found.c, read, given))
    if newest is not None:
        order = found.c.issued_at.desc(), found.c.id.desc()
        chosen = chosen.order_by(*order).limit(read.bound(_most(newest), sa.Integer()))
    looked_at = chosen.cte("looked_at")
    few = [looked_at.c[f"key{n}"] for n, one in enumerate(dimensions) if one in FEW]
    alike = sa.select(*few, sa.func.count().label("number")).group_by(*few).cte("alike")
    sources = [alike if one in FEW else looked_at for one in dimensions]
    return [
        _facet(one, key, *_each(one, source.c[f"key{n}"], source, read))
        for n, (one, key, source) in enumerate(zip(dimensions, keys, sources, strict=True))
    ]


def _each(
    dimension: StatisticsDimension, value: sa.ColumnElement[str], source: FromClause, read: Read
) -> tuple[sa.ColumnElement[str], sa.ColumnElement[int], FromClause]:
    """What is counted: a value of each sanction, or each of its keywords."""
    if dimension in FEW:
        return value, sa.func.sum(source.c.number), source
    if dimension is not StatisticsDimension.KEYWORD:
        return value, sa.func.count(), source
    keyword = read.dialect.items(value)
    return keyword.c.value, sa.func.count(), sa.join(source, keyword, sa.true())


def _facet(
    dimension: StatisticsDimension,
    key: Key,
    value: sa.ColumnElement[str],
    number: sa.ColumnElement[int],
    source: FromClause,
) -> sa.Select[Any]:
    counted = sa.select(value.label("key"), number.label("number")).select_from(source)
    if dimension in MAY_LACK:
        counted = counted.where(value.is_not(None))
    group = counted.group_by(value).subquery().c
    name = sa.literal_column(f"'{dimension}'", sa.Text())
    return sa.select(name.label("dimension"), key.told(group.key).label("key"), group.number)


def _most(newest: Argument) -> Getter:
    get = getter(newest)

    def read(env: Env) -> int:
        most: int = get(env)
        if not 0 < most <= MOST_NEWEST:
            message = f"newest: expected 1 to {MOST_NEWEST:,}, got {most}"
            raise InvalidInput(message, path=["newest"])
        return most

    return read

"""Facets: how many of the sanctions that fit a filter have each value of each dimension."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
import strawberry.pydantic
from pydantic import Field
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import All, Condition, Key, Read, getter, rows_of
from api.reads.texts import literal, whole_number
from api.reads.totals import part_of
from api.reads.values import Argument, Env, Getter, parts_of
from api.schema.filters import fits, is_appealed
from api.schema.statistics import MAY_LACK, StatisticsDimension, alike, dimensions_of, keys_of
from api.schema.tallied import tallies_of
from api.schema.ways import MOST_COUNTED, Way, place_of_short, sample_of, sampled_appeals, ways_of
from governance.errors import InvalidInput
from governance.fields import Shape
from governance.records import sanctions
from governance.sanctions import COUNTED, ONE_SAMPLED_IN

MOST_NEWEST = 10_000
MOST_SAMPLED = 5_000
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
    is_estimated: bool = Field(description="Whether the number is an estimate")


def facets_of(
    read: Read, by: Argument, given: Argument, newest: Argument, may_estimate: Argument
) -> All:
    """The sanctions are read once and then counted by each dimension on its own."""
    dimensions = dimensions_of(by, "by", len(StatisticsDimension))
    if not dimensions:
        raise InvalidInput("by: expected a dimension at least", path=["by"])
    if newest is not None and may_estimate is True:
        raise InvalidInput("mayEstimate: expected none beside newest", path=["mayEstimate"])
    if may_estimate is True:
        return all_of(Facet, *_estimated(read, dimensions, given))
    counted = _tallied(read, dimensions, given) if newest is None else None
    if counted is None:
        counted, _ = _each_of(read, dimensions, _newest(read, given, newest))
    return all_of(Facet, counted)


def all_of(
    kind: type,
    counted: Sequence[sa.Select[Any]],
    times: sa.ColumnElement[float] | None = None,
    is_estimated: sa.ColumnElement[bool] | None = None,
) -> All:
    """What was counted, so many times as many, by dimension and with the most frequent first."""
    rows = sa.union_all(*counted).subquery()
    number: sa.ColumnElement[int] = rows.c.number
    if times is not None:
        number = sa.cast(sa.func.round(number * times), sa.BigInteger())
    whether = sa.false() if is_estimated is None else is_estimated
    told = number.label("number"), whether.label("is_estimated")
    found = sa.select(rows.c.dimension, rows.c.key, *told).subquery()
    return All(kind, found, order=[found.c.dimension, found.c.number.desc(), found.c.key])


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


def _newest(read: Read, given: Argument, newest: Argument) -> sa.Select[Any]:
    found = rows_of(sanctions.Sanction)
    chosen = sa.select(found).where(*fits(found.c, read, given))
    if newest is None:
        return chosen
    order = found.c.issued_at.desc(), found.c.id.desc()
    return chosen.order_by(*order).limit(read.bound(_most(newest), sa.Integer()))


def _estimated(
    read: Read, dimensions: Sequence[StatisticsDimension], given: Argument
) -> tuple[list[sa.Select[Any]], sa.ColumnElement[float], sa.ColumnElement[bool]]:
    """Those that fit, where a way to them is short, and otherwise those of a fair sample, each of
    which stands for so many; and whether that is so."""
    ways, sample = ways_of(given), sample_of(given)
    place = place_of_short(ways, read, MOST_COUNTED, MOST_COUNTED)
    is_sample = place < whole_number(0)
    values = parts_of(given)
    needed = ["id", "issued_at", *COUNTED]
    if StatisticsDimension.KEYWORD in dimensions or "keywords" in values:  # in no index
        needed.append("keywords")

    def part(is_taken: Condition, most: int, way: Way, asked: Argument) -> sa.Select[Any]:
        found = rows_of(sanctions.Sanction)
        where = way.where(found.c, read, asked)
        limit = sa.case((is_taken, whole_number(most)), else_=whole_number(0))
        chosen = sa.select(*(found.c[name] for name in needed)).where(*where)
        if way is sample:
            # Sorted, where its index isn't in this order, and another is.
            chosen = chosen.order_by(found.c.id + literal("") if way.answered else found.c.id)
        return chosen.limit(limit)

    # A short way is read whole, and what else has to fit is said once for all ways; but for the
    # subject, which takes columns that aren't counted by.
    inner = {name: value for name, value in values.items() if name == "subject"}
    outer = {name: value for name, value in values.items() if name != "subject"}
    ways_taken = [
        sa.select(part(place == whole_number(n), MOST_COUNTED, way, inner).subquery())
        for n, way in enumerate(ways)
    ]
    along = sa.union_all(*ways_taken).subquery()
    fitting = sa.select(along).where(*fits(along.c, read, outer))
    sampled = part(is_sample, MOST_SAMPLED, sample, given).subquery()
    some = sa.select(sampled)
    if StatisticsDimension.IS_APPEALED in dimensions:
        # Of the sample at once: to look for those of each took PostgreSQL as long as all else.
        fitting = fitting.add_columns(is_appealed(along.c).label("is_appealed"))
        some = some.add_columns(sampled.c.id.in_(sampled_appeals()).label("is_appealed"))
    chosen = sa.union_all(fitting, some)
    counted, looked_at = _each_of(read, dimensions, chosen)
    last = sa.func.max(looked_at.c.id)
    each = sa.case(
        (sa.not_(is_sample), whole_number(1)),
        (sa.func.count() < whole_number(MOST_SAMPLED), whole_number(ONE_SAMPLED_IN)),
        else_=sa.literal_column("1.0") / part_of(last, read),
    )
    times = sa.select(sa.cast(each, sa.Float())).select_from(looked_at).scalar_subquery()
    return counted, times, is_sample


def _each_of(
    read: Read,
    dimensions: Sequence[StatisticsDimension],
    chosen: sa.Select[Any] | sa.CompoundSelect[Any],
) -> tuple[list[sa.Select[Any]], sa.CTE]:
    """The counts of each dimension, and what they are counted in."""
    found = chosen.subquery()
    keys = keys_of(dimensions, found.c, read)
    each = (key.column.label(f"key{n}") for n, key in enumerate(keys))
    looked_at = sa.select(found.c.id, *each).cte("looked_at")
    names = {one: f"key{n}" for n, one in enumerate(dimensions)}
    counted = [
        _facet(one, key, *_each(one, looked_at.c[names[one]], looked_at, read))
        for one, key in zip(dimensions, keys, strict=True)
        if one not in FEW
    ]
    if few := {one: name for one, name in names.items() if one in FEW}:
        counted.append(_together(few, looked_at))
    return counted, looked_at


def _together(dimensions: Mapping[StatisticsDimension, str], source: sa.CTE) -> sa.Select[Any]:
    """Dimensions that have few values, by the names of their columns: what is alike in all of them
    is counted by each. SQLite reads a statement anew wherever it is meant, so that they are one."""
    shared = [source.c[name] for name in dimensions.values()]
    alike = sa.select(*shared, sa.func.count().label("number")).group_by(*shared).subquery().c
    each = sa.union_all(*(sa.select(literal(one).label("dimension")) for one in dimensions))
    dimension = each.subquery().c.dimension
    keys = ((dimension == literal(one), alike[name]) for one, name in dimensions.items())
    by = dimension, sa.case(*keys).label("key")
    found = sa.select(*by, sa.func.sum(alike.number).label("number")).group_by(*by).subquery()
    return sa.select(found).where(found.c.key.is_not(None))


def _each(
    dimension: StatisticsDimension, value: sa.ColumnElement[str], source: FromClause, read: Read
) -> tuple[sa.ColumnElement[str], sa.ColumnElement[int], FromClause]:
    """What is counted: a value of each sanction, or each of its keywords."""
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

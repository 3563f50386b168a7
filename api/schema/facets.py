"""Facets: how many of the sanctions that fit a filter have each value of each dimension."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
import strawberry.pydantic
from pydantic import Field
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import Condition, Read, Row, getter, rows_of
from api.reads.nodes import All, Key
from api.reads.pieces import Written, expression
from api.reads.texts import whole_number
from api.reads.totals import part_of
from api.reads.values import Argument, Env, Getter, parts_of
from api.schema.filters import fits, is_appealed
from api.schema.statistics import (
    MAY_LACK,
    StatisticsDimension,
    alike,
    dimensions_of,
    domain,
    keys_of,
)
from api.schema.tallied import tallies_of
from api.schema.ways import (
    MOST_COUNTED,
    PLACE,
    ROW,
    SANCTIONS,
    Way,
    fitting,
    sample_of,
    sampled_appeals,
    short,
    ways_of,
    where,
)
from governance.errors import InvalidInput
from governance.fields import Shape
from governance.records import sanctions
from governance.sanctions import COUNTED, ONE_SAMPLED_IN

# What texts name: what was chosen, what is counted of it, and the place of the short way.
_TABLE = rows_of(sanctions.Sanction).c
NEEDED = ("id", "issued_at", *COUNTED)
FOUND = sa.table("found_0", *(sa.column(n, _TABLE[n].type) for n in (*NEEDED, "keywords")))
APPEALED = "is_appealed"  # which a row of the sample is told by another look
_WITH = (*FOUND.c, sa.column(APPEALED, sa.Boolean()))
TOLD = sa.table(FOUND.name, *(sa.column(one.name, one.type) for one in _WITH))
LOOKED_AT = sa.table("looked_at", sa.column("id", sa.Text()))
SHORT = sa.table("short", sa.column("place", sa.Integer()))

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
        sql = _estimated(read, dimensions, given)
    elif newest is None and (tallied := read.piece(None, partial(_tallied, dimensions, given))):
        sql = _exact(tallied)
    else:
        chosen = partial(_newest, given, newest)
        looked_at, counted = _each_of(read, dimensions, read.piece(None, chosen))
        sql = f"WITH {looked_at} {_exact(counted)}"
    told: dict[str, Any] = {"number": sa.BigInteger(), "is_estimated": sa.Boolean()}
    found = Written(sql, dimension=sa.Text(), key=sa.Text(), **told)
    return All(Facet, found, order=[found.c.dimension, found.c.number.desc(), found.c.key])


def _tallied(
    dimensions: Sequence[StatisticsDimension], given: Argument, read: Read
) -> sa.CompoundSelect[Any] | None:
    """Each dimension from its tallies; None unless all have them."""
    tallies = tallies_of(read, given)
    each = [alike(tallies, [dimension], read, given) for dimension in dimensions]
    if any(one.weight is None for one in each):
        return None
    counted = (
        _facet(dimension, one.keys[0], one.keys[0].column, one.number, one.source)
        for dimension, one in zip(dimensions, each, strict=True)
    )
    return sa.union_all(*counted)


def _newest(given: Argument, newest: Argument, read: Read) -> sa.Select[Any]:
    found = rows_of(sanctions.Sanction)
    chosen = sa.select(*(found.c[one.name] for one in FOUND.c)).where(*fits(found.c, read, given))
    if newest is None:
        return chosen
    order = found.c.issued_at.desc(), found.c.id.desc()
    return chosen.order_by(*order).limit(read.bound(_most(newest), sa.Integer()))


def _exact(counted: str) -> str:
    return f'SELECT dimension, "key", number, 1 < 0 AS is_estimated FROM ({counted}) AS counted'


def _estimated(read: Read, dimensions: Sequence[StatisticsDimension], given: Argument) -> str:
    """Those that fit, where a way to them is short, and otherwise those of a fair sample, each of
    which stands for so many; and whether that is so."""
    ways, sample = ways_of(given), sample_of(given)
    values = parts_of(given)
    needed = [*NEEDED]
    if StatisticsDimension.KEYWORD in dimensions or "keywords" in values:  # in no index
        needed.append("keywords")
    columns = ", ".join(f"{ROW.name}.{name}" for name in needed)

    def part(way: Way, asked: Argument, is_taken: str, most: int, order: str = "") -> str:
        rows = f"SELECT {columns} FROM {SANCTIONS}{where(*way.fitting(read, asked))}{order}"
        limit = f"CASE WHEN {PLACE} {is_taken} THEN {most} ELSE 0 END"
        return f"({rows} LIMIT {limit}) AS {FOUND.name}"

    def more(whether: Callable[[Row], Condition]) -> str:
        if StatisticsDimension.IS_APPEALED not in dimensions:
            return "*"
        told = read.piece(("told", whether), lambda _: _told_of(whether(FOUND.c)), expression)
        return f"*, {told} AS {APPEALED}"

    # A short way is read whole, and what else has to fit is said once for all ways; but for the
    # subject, which takes columns that aren't counted by.
    inner: Argument = {name: value for name, value in values.items() if name == "subject"}
    outer: Argument = {name: value for name, value in values.items() if name != "subject"}
    along = " UNION ALL ".join(
        f"SELECT * FROM {part(way, inner, f'= {n}', MOST_COUNTED)}" for n, way in enumerate(ways)
    )
    fit = where(*fitting(FOUND, read, outer, is_indexed=True))
    # Sorted, where its index isn't in this order, and another is.
    order = f"{ROW.name}.id || ''" if sample.answered else f"{ROW.name}.id"
    some = part(sample, given, "< 0", MOST_SAMPLED, f" ORDER BY {order}")
    chosen = (
        f"SELECT {more(is_appealed)} FROM ({along}) AS {FOUND.name}{fit}"
        # Of the sample at once: to look for those of each took PostgreSQL as long as all else.
        f" UNION ALL SELECT {more(_is_sampled_appealed)} FROM {some}"
    )
    looked_at, counted = _each_of(read, dimensions, chosen, TOLD)
    number = f"CAST(round(number * ({read.piece(('times', MOST_SAMPLED), _times)})) AS BIGINT)"
    told = f'dimension, "key", {number} AS number, {PLACE} < 0 AS is_estimated'
    tables = f"{short(ways, read, MOST_COUNTED, MOST_COUNTED)}, {looked_at}"
    return f"WITH {tables} SELECT {told} FROM ({counted}) AS counted"


def _is_sampled_appealed(row: Row) -> Condition:
    return row.id.in_(sampled_appeals())  # type: ignore[no-any-return]


def _told_of(column: sa.ColumnElement[Any], source: FromClause = FOUND) -> sa.Select[Any]:
    return sa.select(column.label("told")).select_from(source)


def _times(read: Read) -> sa.Select[Any]:
    """How many each of those looked at stands for."""
    last, place = sa.func.max(LOOKED_AT.c.id), sa.select(SHORT.c.place).scalar_subquery()
    each = sa.case(
        (place >= whole_number(0), whole_number(1)),
        (sa.func.count() < whole_number(MOST_SAMPLED), whole_number(ONE_SAMPLED_IN)),
        else_=sa.literal_column("1.0") / part_of(last, read),
    )
    return sa.select(sa.cast(each, sa.Float())).select_from(LOOKED_AT)


def _each_of(
    read: Read,
    dimensions: Sequence[StatisticsDimension],
    chosen: str,
    source: FromClause = FOUND,
) -> tuple[str, str]:
    """What is counted in, and the counts of each dimension."""
    names = {one: f"key{n}" for n, one in enumerate(dimensions)}
    keys = "".join(f", {_key(one, source, read)} AS {name}" for one, name in names.items())
    looked_at = f"{LOOKED_AT.name} AS (SELECT id{keys} FROM ({chosen}) AS {FOUND.name})"
    counted = [
        read.piece(("counted", one, name), partial(_by, one, name))
        for one, name in names.items()
        if one not in FEW
    ]
    if few := {one: name for one, name in names.items() if one in FEW}:
        counted.append(_together(few))
    return looked_at, " UNION ALL ".join(counted)


def _key(dimension: StatisticsDimension, source: FromClause, read: Read) -> str:
    def made(read: Read) -> sa.Select[Any]:
        [key] = keys_of([dimension], source.c, read)
        return _told_of(key.column, source)

    return read.piece(("key", dimension, source is TOLD), made, expression)


def _together(dimensions: Mapping[StatisticsDimension, str]) -> str:
    """Dimensions that have few values, by the names of their columns: what is alike in all of them
    is counted by each. SQLite reads a statement anew wherever it is meant, so that they are one."""
    shared = ", ".join(dimensions.values())
    alike = f"SELECT {shared}, count(*) AS number FROM {LOOKED_AT.name} GROUP BY {shared}"
    each = " UNION ALL ".join(f"SELECT '{one}' AS dimension" for one in dimensions)
    keys = " ".join(f"WHEN dimension = '{one}' THEN {name}" for one, name in dimensions.items())
    key = f"CASE {keys} END"
    found = (
        f'SELECT dimension, {key} AS "key", sum(number) AS number'
        f" FROM ({each}) AS each_of, ({alike}) AS alike GROUP BY dimension, {key}"
    )
    return f'SELECT * FROM ({found}) AS together WHERE "key" IS NOT NULL'


def _by(dimension: StatisticsDimension, name: str, read: Read) -> sa.Select[Any]:
    """The counts of one dimension, of each sanction's value, or of each of its keywords."""
    value: sa.ColumnElement[str] = sa.column(name, sa.Text(), _selectable=LOOKED_AT)
    source: FromClause = LOOKED_AT
    if dimension is StatisticsDimension.KEYWORD:
        keyword = read.dialect.items(value)
        value, source = keyword.c.value, sa.join(LOOKED_AT, keyword, sa.true())
    is_platform = dimension is StatisticsDimension.PLATFORM
    key = Key(value, domain) if is_platform else Key(value)
    return _facet(dimension, key, value, sa.func.count(), source)


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

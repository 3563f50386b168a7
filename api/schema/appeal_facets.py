"""Facets of appeals: how many of those that fit a filter have each value of each dimension."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
import strawberry.pydantic
from pydantic import Field

from api.reads.fields import Read, Row, rows_of
from api.reads.nodes import All, Key
from api.reads.texts import literal, whole_number
from api.reads.totals import EXACT, SAMPLE, part_of
from api.reads.values import Argument, Structural
from api.schema.appeals import filed, is_overdue, state
from api.schema.enums import register_word
from api.schema.statistics import dimensions_of, domain, flag
from governance.appeals import Appeal
from governance.errors import InvalidInput
from governance.fields import Shape
from governance.words import Word


class AppealDimension(Structural, Word):
    """What appeals are counted by."""

    PLATFORM = "PLATFORM", "Domain of the answering platform"
    STATE = "STATE", "Where the appeal stands, by the clock"
    OUTCOME = "OUTCOME", "How it was decided, of those that were"
    IS_OVERDUE = "IS_OVERDUE", "Whether an answer is overdue, true or false"


register_word(AppealDimension)

COLUMNS: dict[AppealDimension, Callable[[Row, Read], sa.ColumnElement[Any]]] = {
    AppealDimension.PLATFORM: lambda row, _: row.platform_id,
    AppealDimension.STATE: state,
    AppealDimension.OUTCOME: lambda row, _: row.outcome,
    AppealDimension.IS_OVERDUE: lambda row, read: flag(is_overdue(row, read)),
}


@strawberry.pydantic.type(description="How many appeals have one value of one dimension")
class AppealFacet(Shape):
    dimension: AppealDimension = Field(description="What they are counted by")
    key: str = Field(description="The value, as in filters; of platforms the domain")
    number: int = Field(description="How many have it")
    is_estimated: bool = Field(description="Whether the number is an estimate")


def _all_of(
    counted: Sequence[sa.Select[Any]],
    times: sa.ColumnElement[float],
    is_estimated: sa.ColumnElement[bool],
) -> All:
    """What was counted, so many times as many, by dimension and with the most frequent first."""
    rows = sa.union_all(*counted).subquery()
    number = sa.cast(sa.func.round(rows.c.number * times), sa.BigInteger())
    told = number.label("number"), is_estimated.label("is_estimated")
    found = sa.select(rows.c.dimension, rows.c.key, *told).subquery()
    order = [found.c.dimension, found.c.number.desc(), found.c.key]
    return All(AppealFacet, found, order=order)


def appeal_facets_of(read: Read, by: Argument, given: Argument) -> All:
    """Those that fit are counted by each dimension on its own where they are EXACT at most, and
    otherwise those of a fair sample: see `api.reads.totals`."""
    dimensions = dimensions_of(by, "by", len(AppealDimension))
    if not dimensions:
        raise InvalidInput("by: expected a dimension at least", path=["by"])

    def fitting() -> tuple[Row, sa.Select[Any]]:
        row = rows_of(Appeal).c
        told: list[sa.ColumnElement[Any]] = [
            sa.type_coerce(COLUMNS[one](row, read), sa.Text()).label(f"key{place}")
            for place, one in enumerate(dimensions)
        ]
        return row, sa.select(*told).where(*filed(row, read, given))

    some = fitting()[1].limit(whole_number(EXACT + 1)).cte("some")
    number = sa.select(sa.func.count()).select_from(some).scalar_subquery()
    is_many = number > whole_number(EXACT)
    every = rows_of(Appeal).c.id
    first = sa.select(every).order_by(every).limit(whole_number(SAMPLE)).subquery()
    end = sa.select(sa.func.max(first.c.id).label("id")).cte("end_of_sample")
    last = sa.select(end.c.id).scalar_subquery()
    part = sa.select(part_of(end.c.id, read)).scalar_subquery()
    row, sampled = fitting()
    most = sa.case((is_many, whole_number(SAMPLE)), else_=whole_number(0))
    sample = sampled.where(row.id <= last).limit(most).subquery()
    none = sa.case((is_many, whole_number(0)), else_=whole_number(EXACT))
    looked_at = sa.union_all(
        sa.select(sa.select(some).limit(none).subquery()), sa.select(sample)
    ).cte("looked_at")
    counted = []
    for place, one in enumerate(dimensions):
        value = looked_at.c[f"key{place}"]
        group = sa.select(value.label("key"), sa.func.count().label("number"))
        groups = group.where(value.is_not(None)).group_by(value).subquery().c
        key = Key(groups.key, domain) if one is AppealDimension.PLATFORM else Key(groups.key)
        name = literal(one).label("dimension")
        counted.append(sa.select(name, key.told(groups.key).label("key"), groups.number))
    times = sa.case((is_many, sa.literal_column("1.0") / part), else_=whole_number(1))
    return _all_of(counted, times, is_many)

"""Statistics: sanctions that fit a filter, grouped and counted, with their appeals."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry.pydantic
from pydantic import BaseModel, Field
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import (
    Condition,
    Figures,
    Groups,
    Key,
    Read,
    Row,
    getter,
    is_any_of,
    rows_of,
    value_from,
)
from api.reads.values import Argument, Env, Getter, Late, Structural
from api.schema.appeals import is_overdue
from api.schema.durations import bucket, microseconds
from api.schema.enums import register_word
from api.schema.filters import fits
from api.schema.sanctions import effect
from governance.errors import InvalidInput
from governance.fields import Long
from governance.platforms import Platform as PlatformRow
from governance.records import appeals, sanctions
from governance.words import Outcome, Word

MOST_DIMENSIONS = 3
MOST_NEWEST = 10_000


class StatisticsDimension(Structural, Word):
    """What statistics are grouped by."""

    PLATFORM = "PLATFORM", "Domain of the deciding platform"
    MEASURE = "MEASURE", "What the sanction does to its subject"
    CATEGORY = "CATEGORY", "Category of the EU's database"
    GROUND = "GROUND", "Against the law, or against the terms"
    EFFECT = "EFFECT", "What the sanction does at `asOf`"
    AUTOMATION = "AUTOMATION", "How far machines took the decision"
    VALIDITY = "VALIDITY", "Whether the decision stands"
    SUBJECT_KIND = "SUBJECT_KIND", "Account, content or whole server"
    SOURCE = "SOURCE", "What brought the case to attention"
    DURATION_BUCKET = "DURATION_BUCKET", "How long it restricts, as a DurationBucket"
    DAY = "DAY", "Day of issue in UTC, such as 2026-03-01"
    WEEK = "WEEK", "ISO 8601 week of issue in UTC, such as 2026-W09"
    MONTH = "MONTH", "Month of issue in UTC, such as 2026-03"


register_word(StatisticsDimension)


@strawberry.pydantic.type(description="The figures of one group of sanctions")
class StatisticsRow(BaseModel):
    keys: list[str] = Field(description="The group's keys, in the order of groupBy")
    sanction_count: int = Field(description="Sanctions and outside decisions, of any validity")
    appeal_count: int = Field(description="Appeals against them, in any state")
    overturned_count: int = Field(description="Appeals that the platform decided OVERTURNED")
    reduced_count: int = Field(description="Appeals that the platform decided REDUCED")
    overdue_appeal_count: int = Field(description="Appeals whose answer is overdue at `asOf`")
    overturn_rate: float | None = Field(
        description="overturnedCount by appeals with an outcome; null without any"
    )
    median_seconds_to_decision: Long | None = Field(
        description="From filing to the outcome, pauses included, of decided appeals"
    )
    median_duration_seconds: Long | None = Field(
        description="From start to end; without warnings, open-ended and never begun ones"
    )


@strawberry.pydantic.type(description="Grouped figures, and the instant they are true of")
class Statistics(BaseModel):
    as_of: datetime = Field(description="The instant these figures are true of")
    rows: list[StatisticsRow] = Field(
        description="One for each group, by their keys; 10,000 at most"
    )


Column = Callable[[Row, Read], sa.ColumnElement[Any]]
COLUMNS: dict[StatisticsDimension, Column] = {
    StatisticsDimension.PLATFORM: lambda row, read: row.platform_id,
    StatisticsDimension.MEASURE: lambda row, read: row.measure,
    StatisticsDimension.CATEGORY: lambda row, read: row.category,
    StatisticsDimension.GROUND: lambda row, read: row.ground,
    StatisticsDimension.EFFECT: effect,
    StatisticsDimension.AUTOMATION: lambda row, read: row.automation,
    StatisticsDimension.VALIDITY: lambda row, read: row.validity,
    StatisticsDimension.SUBJECT_KIND: lambda row, read: row.subject_kind,
    StatisticsDimension.SOURCE: lambda row, read: row.source,
    StatisticsDimension.DURATION_BUCKET: bucket,
    StatisticsDimension.DAY: lambda row, read: read.dialect.day(row.issued_at),
    StatisticsDimension.WEEK: lambda row, read: read.dialect.week(row.issued_at),
    StatisticsDimension.MONTH: lambda row, read: read.dialect.month(row.issued_at),
}


def statistics_of(read: Read, group_by: Argument, given: Argument, newest: Argument) -> Groups:
    """The figures of the sanctions that fit the filter, and of the appeals against them."""
    dimensions = _dimensions(group_by)
    of_appeals = rows_of(appeals.Appeal)
    of_sanctions, fit = _chosen(read, given, newest)
    about, about_fit = _chosen(read, given, newest)
    counted = Figures(
        of_sanctions,
        _keys(dimensions, of_sanctions.c, read),
        counts={"sanction_count": sa.func.count()},
        medians={"median_duration_seconds": microseconds(of_sanctions.c, read)},
        where=fit,
    )
    answered = Figures(
        sa.join(of_appeals, about, about.c.id == of_appeals.c.sanction_id),
        _keys(dimensions, about.c, read),
        counts={
            "appeal_count": sa.func.count(),
            "overturned_count": _number(_is(of_appeals.c, Outcome.OVERTURNED)),
            "reduced_count": _number(_is(of_appeals.c, Outcome.REDUCED)),
            "overdue_appeal_count": _number(is_overdue(of_appeals.c, read)),
        },
        rates={"overturn_rate": _share_overturned(of_appeals.c)},
        medians={"median_seconds_to_decision": _to_decision(of_appeals.c, read)},
        where=about_fit,
    )
    return Groups(StatisticsRow, [counted, answered])


def _chosen(
    read: Read, given: Argument, newest: Argument
) -> tuple[FromClause, Sequence[Condition]]:
    """The sanctions that figures are of, and what they still have to fit."""
    found = rows_of(sanctions.Sanction)
    fit = fits(found.c, read, given)
    if newest is None:
        return found, fit
    most = read.bound(_most(newest), sa.Integer())
    order = found.c.issued_at.desc(), found.c.id.desc()
    return sa.select(found).where(*fit).order_by(*order).limit(most).subquery(), ()


def _most(newest: Argument) -> Getter:
    get = getter(newest)

    def read(env: Env) -> int:
        most: int = get(env)
        if not 0 < most <= MOST_NEWEST:
            message = f"newest: expected 1 to {MOST_NEWEST:,}, got {most}"
            raise InvalidInput(message, path=["newest"])
        return most

    return read


def _dimensions(group_by: Argument) -> Sequence[StatisticsDimension]:
    assert isinstance(group_by, Late)
    found: Sequence[StatisticsDimension] = group_by.constant or ()
    if len(found) > MOST_DIMENSIONS:
        message = f"groupBy: expected at most {MOST_DIMENSIONS} dimensions, got {len(found)}"
        raise InvalidInput(message, path=["groupBy"])
    if len(set(found)) < len(found):
        raise InvalidInput("groupBy: expected each dimension once", path=["groupBy"])
    return found


def _keys(dimensions: Sequence[StatisticsDimension], row: Row, read: Read) -> list[Key]:
    found = []
    for dimension in dimensions:
        column = sa.type_coerce(COLUMNS[dimension](row, read), sa.Text())
        is_platform = dimension is StatisticsDimension.PLATFORM
        found.append(Key(column, _domain) if is_platform else Key(column))
    return found


def _domain(platform_id: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Domains are looked up once a group, not once a row."""
    found = rows_of(PlatformRow)
    return value_from(found, found.c.domain, found.c.id == platform_id)


def _is(appeal: Row, outcome: Outcome) -> sa.ColumnElement[bool]:
    return is_any_of(appeal.outcome, [outcome])


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.count(sa.case((condition, sa.literal_column("1"))))


def _share_overturned(appeal: Row) -> sa.ColumnElement[float]:
    overturned = sa.cast(_number(_is(appeal, Outcome.OVERTURNED)), sa.Numeric())
    decided = sa.func.nullif(sa.func.count(appeal.outcome), sa.literal_column("0"))
    return sa.func.round(overturned * sa.literal_column("1.0") / decided, sa.literal_column("12"))


def _to_decision(appeal: Row, read: Read) -> sa.ColumnElement[int]:
    length = read.dialect.microseconds(appeal.filed_at, appeal.decided_at)
    return sa.case((appeal.outcome.is_not(None), length))

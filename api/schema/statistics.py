"""Statistics: sanctions that fit a filter, grouped and counted, with their appeals."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry.pydantic
from pydantic import Field
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import Condition, Read, Row, is_any_of, rows_of, value_from
from api.reads.nodes import Figures, Groups, Key
from api.reads.texts import whole_number
from api.reads.values import Argument, Late, Structural
from api.schema.appeals import is_overdue
from api.schema.durations import bucket
from api.schema.ended import ended
from api.schema.enums import register_word
from api.schema.filters import fits, is_appealed
from api.schema.receipts import is_overdue as is_late
from api.schema.sanctions import binds, effect, end_reason
from api.schema.tallied import ONE, Tallies, answer, tallies_of
from governance.errors import InvalidInput
from governance.fields import Long, Shape
from governance.platforms import Platform as PlatformRow
from governance.records import adoptions, appeals, peers, sanctions
from governance.tallies import ANSWER
from governance.words import Outcome, Word

MOST_DIMENSIONS = 3


class StatisticsDimension(Structural, Word):
    """What statistics are grouped by."""

    PLATFORM = "PLATFORM", "Domain of the deciding platform"
    MEASURE = "MEASURE", "What the sanction does to its subject"
    CATEGORY = "CATEGORY", "Category of the EU's database"
    GROUND = "GROUND", "Against the law, or against the terms"
    EFFECT = "EFFECT", "What the sanction does at `asOf`"
    AUTOMATION = "AUTOMATION", "How far machines took the decision"
    VALIDITY = "VALIDITY", "Whether the decision stands"
    KEYWORD = "KEYWORD", "Each of its keywords; in `facets` alone"
    SUBJECT_KIND = "SUBJECT_KIND", "Account, content or whole server"
    SOURCE = "SOURCE", "What brought the case to attention"
    END_REASON = "END_REASON", "Why it ended, once it has; in `facets` alone"
    LANGUAGE = "LANGUAGE", "Language of its content, if told; in `facets` alone"
    IS_APPEALED = "IS_APPEALED", "Whether any appeal was filed, true or false"
    IS_BINDING = "IS_BINDING", "Whether it counts in status, true or false"
    DURATION_BUCKET = "DURATION_BUCKET", "How long it restricts, as a DurationBucket"
    DAY = "DAY", "Day of issue in UTC, such as 2026-03-01"
    WEEK = "WEEK", "ISO 8601 week of issue in UTC, such as 2026-W09"
    MONTH = "MONTH", "Month of issue in UTC, such as 2026-03"


register_word(StatisticsDimension)


@strawberry.pydantic.type(description="The figures of one group of sanctions")
class StatisticsRow(Shape):
    keys: list[str] = Field(description="The group's keys, in the order of groupBy")
    sanction_count: int = Field(description="Sanctions and outside decisions, of any validity")
    appeal_count: int = Field(description="Appeals against them, in any state")
    decided_count: int = Field(description="Appeals that the platform decided, whatever came of it")
    overturned_count: int = Field(description="Appeals that the platform decided OVERTURNED")
    reduced_count: int = Field(description="Appeals that the platform decided REDUCED")
    overdue_appeal_count: int = Field(description="Appeals whose answer is overdue at `asOf`")
    echo_count: int = Field(description="Sanctions that rest on another platform's alone")
    overdue_receipt_count: int = Field(
        description="Copies among them whose correction is overdue at `asOf`"
    )
    overturn_rate: float | None = Field(
        description="overturnedCount by decidedCount; null where that is 0"
    )
    median_seconds_to_decision: Long | None = Field(
        description="From filing to the outcome, pauses included, of decided appeals"
    )
    median_duration_seconds: Long | None = Field(
        description="From start to end; without warnings, open-ended and never begun ones"
    )


@strawberry.pydantic.type(description="Grouped figures, and the instant they are true of")
class Statistics(Shape):
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
    StatisticsDimension.KEYWORD: lambda row, read: row.keywords,  # a list
    StatisticsDimension.SUBJECT_KIND: lambda row, read: row.subject_kind,
    StatisticsDimension.SOURCE: lambda row, read: row.source,
    StatisticsDimension.END_REASON: end_reason,
    StatisticsDimension.LANGUAGE: lambda row, read: row.content_language,
    StatisticsDimension.IS_APPEALED: lambda row, read: flag(
        row.is_appealed if "is_appealed" in row else is_appealed(row)
    ),
    StatisticsDimension.IS_BINDING: lambda row, read: flag(binds(row, read)),
    StatisticsDimension.DURATION_BUCKET: lambda row, read: (
        row.duration_bucket if "duration_bucket" in row else bucket(row, read)
    ),
    StatisticsDimension.DAY: lambda row, read: read.dialect.day(row.issued_at),
    StatisticsDimension.WEEK: lambda row, read: read.dialect.week(row.issued_at),
    StatisticsDimension.MONTH: lambda row, read: read.dialect.month(row.issued_at),
}

# What a sanction may have none of, or several, and so is in no one group.
MAY_LACK = {StatisticsDimension.END_REASON, StatisticsDimension.LANGUAGE}
IN_FACETS_ALONE = {StatisticsDimension.KEYWORD, *MAY_LACK}

# Of these, days have tallies; the others' own columns are read from each sanction.
TALLIED = {
    StatisticsDimension.PLATFORM: "platform_id",
    StatisticsDimension.MEASURE: "measure",
    StatisticsDimension.CATEGORY: "category",
    StatisticsDimension.AUTOMATION: "automation",
    StatisticsDimension.DURATION_BUCKET: "duration_bucket",
    StatisticsDimension.DAY: "issued_at",
    StatisticsDimension.WEEK: "issued_at",
    StatisticsDimension.MONTH: "issued_at",
}
OF_ENDED = {StatisticsDimension.MEASURE: "measure", StatisticsDimension.VALIDITY: "validity"}


@dataclass(frozen=True, slots=True)
class Alike:
    """Where sanctions that fit are counted: rows that each stand for one or more of them."""

    source: FromClause
    where: Sequence[Condition]
    keys: Sequence[Key]
    weight: sa.ColumnElement[int] | None = None

    @property
    def number(self) -> sa.ColumnElement[int]:
        """How many sanctions are in a group."""
        if self.weight is None:
            return sa.func.count()
        return sa.func.coalesce(sa.func.sum(self.weight), whole_number(0))


def statistics_of(read: Read, group_by: Argument, given: Argument) -> Groups:
    """The figures of the sanctions that fit the filter, and of the appeals against them."""
    dimensions = dimensions_of(group_by, "groupBy", MOST_DIMENSIONS)
    if found := IN_FACETS_ALONE.intersection(dimensions):
        message = f"groupBy: expected no {', '.join(sorted(found))}: ask `facets`"
        raise InvalidInput(message, path=["groupBy"])
    tallies = tallies_of(read, given)
    counted = alike(tallies, dimensions, read, given)
    lasting = alike(tallies, dimensions, read, given, "lasts")
    lengths = {"median_duration_seconds": lasting.source.c.lasts}
    parts = [
        Figures(
            counted.source,
            counted.keys,
            counts={"sanction_count": counted.number},
            where=counted.where,
        ),
        Figures(
            lasting.source,
            lasting.keys,
            counts={},
            medians=lengths,
            where=lasting.where,
            weight=lasting.weight,
        ),
        *_answered(tallies, dimensions, read, given),
        _echoes(dimensions, read, given),
        _corrections(dimensions, read, given),
    ]
    return Groups(StatisticsRow, parts)


def alike(
    tallies: Tallies | None,
    dimensions: Sequence[StatisticsDimension],
    read: Read,
    given: Argument,
    *more: str,
) -> Alike:
    """The sanctions that fit: from tallies, if those are by all that is needed."""
    found = None
    if tallies is not None and TALLIED.keys() >= {*dimensions}:
        found = tallies.alike([*(TALLIED[dimension] for dimension in dimensions), *more])
    elif {*dimensions} <= OF_ENDED.keys() and not more:
        found = ended(read, given, [OF_ENDED[dimension] for dimension in dimensions])
    if found is not None:
        return Alike(found, [], keys_of(dimensions, found.c, read), found.c.number)
    row = rows_of(sanctions.Sanction)
    # SQLite would read all of them in an index's order of a key, and look each up in its row.
    keys = keys_of(dimensions, read.dialect.unindexed(row.c), read)
    return Alike(row, fits(row.c, read, given), keys)


def _echoes(dimensions: Sequence[StatisticsDimension], read: Read, given: Argument) -> Figures:
    """Those that aren't independent, found from what names a source."""
    found, derived = rows_of(sanctions.Sanction), rows_of(sanctions.Sanction)
    unknown = rows_of(peers.PeerSource)  # a source that isn't here
    named = sa.union(
        sa.select(derived.c.id).where(derived.c.derived_from_id.is_not(None)),
        sa.select(unknown.c.sanction_id),
    )
    echo = found.c.id.in_(named), sa.not_(found.c.has_own_grounds)
    return Figures(
        found,
        keys_of(dimensions, found.c, read),
        counts={"echo_count": sa.func.count()},
        where=[*echo, *fits(found.c, read, given)],
    )


def _corrections(dimensions: Sequence[StatisticsDimension], read: Read, given: Argument) -> Figures:
    """The copies that a platform has to correct and hasn't in time."""
    receipt, copy = rows_of(adoptions.Receipt), rows_of(sanctions.Sanction)
    return Figures(
        sa.join(receipt, copy, copy.c.id == receipt.c.adoption_id),
        keys_of(dimensions, copy.c, read),
        counts={"overdue_receipt_count": sa.func.count()},
        where=[is_late(receipt.c, read), *fits(copy.c, read, given)],
    )


def _answered(
    tallies: Tallies | None,
    dimensions: Sequence[StatisticsDimension],
    read: Read,
    given: Argument,
) -> Iterator[Figures]:
    """The appeals against the sanctions that fit, counted; and how long answers to them took."""
    (found, keys), (taking, keys_of_taking) = _answers(tallies, dimensions, read, given)
    row = found.c
    decided = _number(row, row.outcome.is_not(None))
    overturned, reduced = (
        _number(row, is_any_of(row.outcome, [one])) for one in (Outcome.OVERTURNED, Outcome.REDUCED)
    )
    yield Figures(
        found,
        keys,
        counts={
            "appeal_count": sa.func.sum(row.number),
            "decided_count": decided,
            "overturned_count": overturned,
            "reduced_count": reduced,
            "overdue_appeal_count": _number(row, is_overdue(row, read)),
        },
        rates={"overturn_rate": _share(overturned, decided)},
    )
    medians = {"median_seconds_to_decision": taking.c.takes}
    yield Figures(taking, keys_of_taking, {}, medians=medians, weight=taking.c.number)


Keyed = tuple[FromClause, Sequence[Key]]


def _answers(
    tallies: Tallies | None,
    dimensions: Sequence[StatisticsDimension],
    read: Read,
    given: Argument,
) -> tuple[Keyed, Keyed]:
    """Where they are counted by their answer, and where by how long it took: each found once for
    both, where days aren't counted so."""
    if tallies is not None and TALLIED.keys() >= {*dimensions}:
        names = [TALLIED[dimension] for dimension in dimensions]
        answers, takes = tallies.answers(names, ANSWER), tallies.answers(names, ["takes"])
        if answers is not None and takes is not None:
            keys, others = (keys_of(dimensions, one.c, read) for one in (answers, takes))
            return (answers, keys), (takes, others)
    appeal, about = rows_of(appeals.Appeal), rows_of(sanctions.Sanction)
    named = keys_of(dimensions, about.c, read)
    found = (
        sa.select(
            ONE, *answer(appeal.c, read), *(k.column.label(f"key{n}") for n, k in enumerate(named))
        )
        .select_from(sa.join(appeal, about, about.c.id == appeal.c.sanction_id))
        .where(*fits(about.c, read, given))
        .cte("answers")
    )
    both = found, [replace(key, column=found.c[f"key{n}"]) for n, key in enumerate(named)]
    return both, both


def dimensions_of(given: Argument, name: str, most: int) -> Sequence[Any]:
    """The dimensions that an argument lists; InvalidInput for too many and for one twice."""
    assert isinstance(given, Late)
    found: Sequence[Any] = given.constant or ()
    if len(found) > most:
        message = f"{name}: expected at most {most} dimensions, got {len(found)}"
        raise InvalidInput(message, path=[name])
    if len(set(found)) < len(found):
        raise InvalidInput(f"{name}: expected each dimension once", path=[name])
    return found


def keys_of(dimensions: Sequence[StatisticsDimension], row: Row, read: Read) -> list[Key]:
    """What a row's groups are, by dimension."""
    found = []
    for dimension in dimensions:
        column = sa.type_coerce(COLUMNS[dimension](row, read), sa.Text())
        is_platform = dimension is StatisticsDimension.PLATFORM
        found.append(Key(column, domain) if is_platform else Key(column))
    return found


def flag(condition: Condition) -> sa.ColumnElement[str]:
    """What holds as a key."""
    return sa.case((condition, sa.literal_column("'true'")), else_=sa.literal_column("'false'"))


def domain(platform_id: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Domains are looked up once a group, not once a row."""
    found = rows_of(PlatformRow)
    return value_from(found, found.c.domain, found.c.id == platform_id)


def _number(appeal: Row, condition: Condition) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, appeal.number), else_=whole_number(0)))


def _share(part: sa.ColumnElement[int], whole: sa.ColumnElement[int]) -> sa.ColumnElement[float]:
    number = sa.cast(part, sa.Numeric()) * sa.literal_column("1.0")
    return sa.func.round(number / sa.func.nullif(whole, whole_number(0)), whole_number(12))

"""The ways to what fits a filter: along an index of each part of it that has one, along all of its
days, and to a fair sample.

Which of them is short depends on values that a statement's plan doesn't know. So whoever reads
along them asks first, in the same statement, which holds few.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.selectable import FromClause

from api.reads.dialects import Rows
from api.reads.fields import Condition, Read, Row, rows_of
from api.reads.texts import literal, whole_number
from api.reads.values import Argument, Env, key_of, known_words, parts_of
from api.schema.durations import unmeasured
from api.schema.filters import (
    along,
    apart,
    fits,
    has_any_of,
    has_keywords,
    is_longest,
    unusual,
)
from api.schema.visible import is_heard
from governance.fields import UTCDateTime
from governance.platforms import Platform
from governance.records import appeals, sanctions
from governance.rules.durations import BUCKETS
from governance.sanctions import SAMPLED
from governance.words import DurationBucket, Effect

ROW = rows_of(sanctions.Sanction, "sanctions_0")  # in texts
SANCTIONS = f"sanctions AS {ROW.name}"
PLACE = "(SELECT place FROM short)"
MOST_COUNTED = 10_000  # along a short way, one by one
MOST_LISTED = 20_000  # along a short way, to list the first of them
MOST_READ = 60_000  # the same where its index holds all that they are chosen by

INDEXED = {"platform", "measures", "categories", "automations", "languages", "subject"}
DAYS = ("issuedAfter", "issuedBefore")


@dataclass(frozen=True, slots=True)
class Way:
    """A way: what is looked for, maybe along ids that other rows tell; whether its index holds all
    that is counted, or rows are looked up; which part of the filter that answers; what it shares
    with others that are alike; and what isn't along it, and lies together in the order of all."""

    conditions: Callable[[Row, Read], list[Condition]]
    ids: Callable[[Read], Rows] | None = None
    is_whole: bool = False
    answered: str = ""
    key: Hashable | None = None
    beside: Callable[[Row, Read], list[Condition]] | None = None

    def all_rows(self, read: Read) -> str:
        """What there is along it, to be counted, as a text."""
        if self.ids:
            return read.piece(_keyed("ids", self.key), self.ids)
        return f"SELECT 1 AS one FROM {SANCTIONS}{where(self._looked_for(read))}"

    def fitting(self, read: Read, given: Argument) -> list[str]:
        """The conditions of the filter, of those that fit along this way, as texts."""
        rest = {name: value for name, value in parts_of(given).items() if name != self.answered}
        asked = [self._looked_for(read), *fitting(ROW, read, rest)]
        # True of all, but in no index: one of everything would tempt SQLite.
        return asked if self.is_whole else [*asked, f"{ROW.name}.secret_generation >= 0"]

    def fitting_beside(self, read: Read, given: Argument) -> list[str]:
        """The same of those beside it; none of them unless there are any."""
        beside = self.beside
        if beside is None:
            return []
        asked = read.where(_keyed("beside", self.key), ROW, lambda read: beside(ROW.c, read))
        return [asked, *fitting(ROW, read, given)]

    def _looked_for(self, read: Read) -> str:
        return read.where(_keyed("along", self.key), ROW, lambda read: self.conditions(ROW.c, read))


def ways_of(given: Argument) -> list[Way]:
    """The ways to what fits, that along its days last. All days are no shorter than any other."""
    values = parts_of(given)
    parts = [{name: value} for name, value in values.items() if name != "keywords"]
    found = [_along(part) for part in parts if INDEXED & part.keys() or unusual(ROW.c, part)]
    if "keywords" in values:
        found.append(_along_keywords(values["keywords"]))
    asked = {
        PENDING: known_words(values.get("effects")) == [Effect.PENDING],
        APPEALED: values.get("isAppealed") is True,
        NOT_BINDING: values.get("isBinding") is False,
    }
    found += [way for way, is_asked in asked.items() if is_asked]
    return found if found and values.keys().isdisjoint(DAYS) else [*found, all_days(given)]


def sample_of(given: Argument) -> Way:
    """The way to a fair sample; of what few are, among those."""
    values = parts_of(given)
    if values.get("isAppealed") is True:
        return SAMPLED_APPEALED
    if "keywords" in values:
        return _along_keywords(values["keywords"], is_sampled=True)
    return SAMPLED_ANY


def fitting(
    source: FromClause, read: Read, given: Argument, *, is_indexed: bool = False
) -> list[str]:
    """The conditions of a filter as texts, each kept for whoever asks for the same part; maybe so
    that no index is looked for by them."""
    row = source.c if is_indexed else read.dialect.unindexed(source.c)

    def made(part: dict[str, Argument]) -> str:
        key = _keyed(f"{source.description} {is_indexed}", key_of(part))
        return read.where(key, source, lambda read: fits(row, read, part))

    return [made(part) for part in apart(given)]


def _keyed(what: str, key: Hashable | None) -> Hashable | None:
    return None if key is None else (what, key)


def where(*conditions: str) -> str:
    given = " AND ".join(filter(None, conditions))
    return f" WHERE {given}" if given else ""


def short(ways: Sequence[Way], read: Read, most_fetched: int, most_read: int) -> str:
    """`short`, whose `place` is that of the first of the ways along which there are so many at
    most, whose rows have to be looked up, or whose index holds all; -1 if none is."""

    def is_short(way: Way) -> str:
        most = most_read if way.is_whole else most_fetched
        held = f"SELECT count(*) FROM ({way.all_rows(read)} LIMIT {most + 1}) AS held"
        return f"({held}) <= {most}"

    whens = " ".join(f"WHEN {is_short(way)} THEN {place}" for place, way in enumerate(ways))
    return f"short AS (SELECT CASE {whens} ELSE -1 END AS place)"


def _along(part: dict[str, Argument]) -> Way:
    return Way(lambda row, read: along(row, read, part), key=key_of(part))


def _along_keywords(given: Argument, *, is_sampled: bool = False) -> Way:
    """Those whose list of keywords is one of those that have any of these."""

    def conditions(row: Row, read: Read) -> list[Condition]:
        lists = read.dialect.few(_lists_with(given, read))
        is_any = read.dialect.text_of(row.keywords).in_(lists)
        sampled = _sampled(read.dialect.unindexed(row), read) if is_sampled else []
        return [has_keywords(row), is_any, *sampled]

    key = key_of({"keywords": given})
    key = None if key is None else ("any keyword", is_sampled, key)
    return Way(conditions, is_whole=True, answered="keywords", key=key)


def _lists_with(given: Argument, read: Read) -> sa.Select[Any]:
    """All lists of keywords that have any of these, each found after the one before."""

    def least(*others: sa.ColumnElement[str]) -> sa.Select[Any]:
        row = rows_of(sanctions.Sanction).c
        told = read.dialect.text_of(row.keywords)
        least = sa.func.min(told, type_=sa.Text()).label("told")
        return sa.select(least).where(has_keywords(row), *(told > one for one in others))

    lists = least().cte(recursive=True, nesting=True)
    following = least(lists.c.told).scalar_subquery()
    lists = lists.union_all(sa.select(following).where(lists.c.told.is_not(None)))
    fitting = has_any_of(read.dialect.json_of(lists.c.told), read, given)
    return sa.select(lists.c.told).where(lists.c.told.is_not(None), fitting)


def all_days(given: Argument) -> Way:
    days = {name: value for name, value in parts_of(given).items() if name in DAYS}
    return Way(lambda row, read: along(row, read, days), is_whole=True, key=key_of(days))


def _pending(read: Read) -> Rows:
    """Those that begin later than they were decided, or never, and those decided in the future."""
    one, other = rows_of(sanctions.Sanction), rows_of(sanctions.Sanction)
    ahead = sa.select(other.c.id).where(other.c.issued_at > read.now)
    return sa.union_all(sa.select(one.c.id).where(_begins_later(one.c)), ahead)


def _begins_later(row: Row) -> Condition:
    return sa.or_(row.starts_at.is_(None), row.starts_at > row.issued_at)


def _lasting(read: Read) -> Rows:
    """Those that may be in force though they were issued long ago."""
    row = [rows_of(sanctions.Sanction).c for _ in range(4)]
    return sa.union_all(
        sa.select(row[0].id).where(is_longest(row[0])),
        sa.select(row[1].id).where(*unmeasured(row[1], DurationBucket.OPEN_ENDED)),
        sa.select(row[2].id).where(*unmeasured(row[2], DurationBucket.NONE)),
        sa.select(row[3].id).where(_begins_later(row[3])),
    )


def _is_recent(row: Row, read: Read) -> Condition:
    return row.issued_at > read.bound(_half_a_year_ago, UTCDateTime(), "recent")  # type: ignore[no-any-return]


def _half_a_year_ago(env: Env) -> datetime:
    return env.now - max(BUCKETS.values())


def _appealed(read: Read) -> Rows:
    filed = rows_of(appeals.Appeal)
    return sa.select(filed.c.sanction_id)


def _not_binding(read: Read) -> Rows:
    """Those that don't conform to the policy, and those of platforms that aren't heard."""
    one, other = rows_of(sanctions.Sanction), rows_of(sanctions.Sanction)
    platform = rows_of(Platform)
    conflicts = one.c.is_binding.op("IS")(sa.literal_column("FALSE"))  # as its index says
    speaks = sa.select(platform.c.id.label("platform_id")).subquery()
    unheard = sa.select(speaks.c.platform_id).where(sa.not_(is_heard(speaks.c, read)))
    alone = sa.select(one.c.id).where(conflicts)
    theirs = sa.select(other.c.id).where(other.c.platform_id.in_(unheard))
    return sa.union_all(alone, theirs)


def _among(ids: Callable[[Read], Rows]) -> Way:
    return Way(lambda row, read: [row.id.in_(_few(ids(read)))], ids, key=ids)


def _few(rows: Rows) -> Any:
    return rows.limit(whole_number(MOST_LISTED + 1))


# What is in force and not among those was issued no longer ago than they last.
IN_FORCE = Way(
    lambda row, read: [row.id.in_(_few(_lasting(read))), sa.not_(_is_recent(row, read))],
    _lasting,
    key=_lasting,
    beside=lambda row, read: [_is_recent(row, read)],
)
PENDING, APPEALED, NOT_BINDING = _among(_pending), _among(_appealed), _among(_not_binding)


def _sampled(row: Row, read: Read) -> list[Condition]:
    return [row.id < literal(SAMPLED)]


def _sampled_appealed(row: Row, read: Read) -> list[Condition]:
    return [row.id < literal(SAMPLED), row.id.in_(sampled_appeals())]


def sampled_appeals() -> sa.Select[Any]:
    """The sanctions of the sample against which any appeal was filed."""
    filed = rows_of(appeals.Appeal)
    return sa.select(filed.c.sanction_id).where(filed.c.sanction_id < literal(SAMPLED))


SAMPLED_ANY = Way(_sampled, is_whole=True, key="any")
SAMPLED_APPEALED = Way(_sampled_appealed, is_whole=True, key="appealed")

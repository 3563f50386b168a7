"""The ways to what fits a filter: along an index of each part of it that has one, along all of its
days, and to a fair sample.

Which of them is short depends on values that a statement's plan doesn't know. So whoever reads
along them asks first, in the same statement, which holds few.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from api.reads.dialects import Rows
from api.reads.fields import Along, Condition, Read, Row, rows_of
from api.reads.texts import literal, whole_number
from api.reads.values import Argument, known_words, parts_of
from api.schema.filters import along, fits, has_any_of, has_keywords, unusual
from api.schema.visible import is_heard
from governance.platforms import Platform
from governance.records import appeals, sanctions
from governance.sanctions import SAMPLED
from governance.words import Effect

MOST_COUNTED = 10_000  # along a short way, one by one
MOST_LISTED = 20_000  # along a short way, to list the first of them
MOST_READ = 60_000  # the same where its index holds all that they are chosen by

INDEXED = {"platform", "measures", "categories", "languages", "subject"}
DAYS = ("issuedAfter", "issuedBefore")


@dataclass(frozen=True, slots=True)
class Way:
    """A way: what is looked for, maybe along ids that other rows tell; whether its index holds
    all that is counted, or rows are looked up; and which part of the filter that answers."""

    conditions: Callable[[Row, Read], list[Condition]]
    ids: Callable[[Read], Rows] | None = None
    is_whole: bool = False
    answered: str = ""

    def all_of_it(self, read: Read) -> Rows:
        """What there is along it, to be counted."""
        if self.ids:
            return self.ids(read)
        row = rows_of(sanctions.Sanction)
        one = sa.select(whole_number(1).label("one")).select_from(row)
        return one.where(*self.conditions(row.c, read))

    def where(self, row: Row, read: Read, given: Argument) -> list[Condition]:
        """The conditions of the filter, of those that fit along this way."""
        plain = read.dialect.unindexed(row)
        rest = {name: value for name, value in parts_of(given).items() if name != self.answered}
        where = [*self.conditions(row, read), *fits(plain, read, rest)]
        if self.is_whole:
            return where
        # True of all, but in no index: one of everything would tempt SQLite.
        return [*where, row.secret_generation >= whole_number(0)]


def ways_of(given: Argument) -> list[Way]:
    """The ways to what fits, that along its days last. All days are no shorter than any other."""
    values = parts_of(given)
    row = rows_of(sanctions.Sanction).c
    parts = [{name: value} for name, value in values.items() if name != "keywords"]
    found = [_along(part) for part in parts if INDEXED & part.keys() or unusual(row, part)]
    if "keywords" in values:
        found.append(_along_keywords(values["keywords"]))
    asked = {
        PENDING: known_words(values.get("effects")) == [Effect.PENDING],
        APPEALED: values.get("isAppealed") is True,
        NOT_BINDING: values.get("isBinding") is False,
    }
    found += [way for way, is_asked in asked.items() if is_asked]
    return found if found and values.keys().isdisjoint(DAYS) else [*found, _all_days(given)]


def sample_of(given: Argument) -> Way:
    """The way to a fair sample; of what few are, among those."""
    values = parts_of(given)
    if values.get("isAppealed") is True:
        return Way(_sampled_appealed, is_whole=True)
    if "keywords" in values:
        return _along_keywords(values["keywords"], _sampled)
    return Way(_sampled, is_whole=True)


def place_of_short(
    ways: Sequence[Way], read: Read, most_fetched: int, most_read: int
) -> sa.ColumnElement[int]:
    """The place of the first of the ways along which there are so many at most, whose rows have to
    be looked up, or whose index holds all; -1 if none is."""
    whens = []
    for place, way in enumerate(ways):
        most = most_read if way.is_whole else most_fetched
        some = way.all_of_it(read).limit(whole_number(most + 1)).subquery()
        held = sa.select(sa.func.count()).select_from(some).scalar_subquery()
        whens.append((held <= whole_number(most), whole_number(place)))
    found = sa.select(sa.case(*whens, else_=whole_number(-1)).label("place")).cte("short")
    return sa.select(found.c.place).scalar_subquery()


def pages_along(read: Read, given: Argument) -> list[Along]:
    """The ways for pages of what fits, where an engine may take a long one: it knows of the parts
    of a filter only what is usual of their values. Without a short one, all are looked at."""
    ways = ways_of(given)
    chosen = any(way.ids or way.answered for way in ways)
    if sum(not way.is_whole for way in ways) < 2 and not chosen:
        return []
    place = place_of_short(ways, read, MOST_LISTED, MOST_READ)
    found = []
    for number, way in enumerate(ways):
        row = rows_of(sanctions.Sanction)
        plain = read.dialect.unindexed(row.c)  # sorted, and not looked for in the order of all
        keys = plain.issued_at, plain.id
        if way.ids or way.answered:  # whose index isn't in their order
            keys = read.dialect.to_sort(keys[0]), read.dialect.to_sort(keys[1])
        where = way.where(row.c, read, given)
        found.append(Along(row, keys, where, place == whole_number(number)))
    row = rows_of(sanctions.Sanction)
    where = _all_days(given).where(row.c, read, given)
    return [*found, Along(row, (row.c.issued_at, row.c.id), where, place < whole_number(0))]


def _along(part: dict[str, Argument]) -> Way:
    return Way(lambda row, read: along(row, read, part))


def _along_keywords(
    given: Argument, also: Callable[[Row, Read], list[Condition]] = lambda row, read: []
) -> Way:
    """Those whose list of keywords is one of those that have any of these."""

    def conditions(row: Row, read: Read) -> list[Condition]:
        lists = read.dialect.few(_lists_with(given, read))
        is_any = read.dialect.text_of(row.keywords).in_(lists)
        return [has_keywords(row), is_any, *also(read.dialect.unindexed(row), read)]

    return Way(conditions, is_whole=True, answered="keywords")


def _lists_with(given: Argument, read: Read) -> sa.Select[Any]:
    """All lists of keywords that have any of these, each found after the one before."""

    def least(*others: sa.ColumnElement[str]) -> sa.Select[Any]:
        row = rows_of(sanctions.Sanction).c
        told = read.dialect.text_of(row.keywords)
        least = sa.func.min(told, type_=sa.Text()).label("told")
        return sa.select(least).where(has_keywords(row), *(told > one for one in others))

    lists = least().cte(recursive=True)
    following = least(lists.c.told).scalar_subquery()
    lists = lists.union_all(sa.select(following).where(lists.c.told.is_not(None)))
    fitting = has_any_of(read.dialect.json_of(lists.c.told), read, given)
    return sa.select(lists.c.told).where(lists.c.told.is_not(None), fitting)


def _all_days(given: Argument) -> Way:
    days = {name: value for name, value in parts_of(given).items() if name in DAYS}
    return Way(lambda row, read: along(row, read, days), is_whole=True)


def _pending(read: Read) -> Rows:
    """Those that begin later than they were decided, or never, and those decided in the future."""
    one, other = rows_of(sanctions.Sanction), rows_of(sanctions.Sanction)
    begins_later = sa.or_(one.c.starts_at.is_(None), one.c.starts_at > one.c.issued_at)
    ahead = sa.select(other.c.id).where(other.c.issued_at > read.now)
    return sa.union_all(sa.select(one.c.id).where(begins_later), ahead)


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
    return Way(lambda row, read: [row.id.in_(_few(ids(read)))], ids)


def _few(rows: Rows) -> Any:
    return rows.limit(whole_number(MOST_LISTED + 1))


PENDING, APPEALED, NOT_BINDING = _among(_pending), _among(_appealed), _among(_not_binding)


def _sampled(row: Row, read: Read) -> list[Condition]:
    return [row.id < literal(SAMPLED)]


def _sampled_appealed(row: Row, read: Read) -> list[Condition]:
    return [row.id < literal(SAMPLED), row.id.in_(sampled_appeals())]


def sampled_appeals() -> sa.Select[Any]:
    """The sanctions of the sample against which any appeal was filed."""
    filed = rows_of(appeals.Appeal)
    return sa.select(filed.c.sanction_id).where(filed.c.sanction_id < literal(SAMPLED))

"""Filters of sanctions, for lists, counts and statistics alike."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
import strawberry.pydantic
from pydantic import Field

from api.reads.fields import Condition, Read, Row, getter, is_any_of, rows_of, there_is, within
from api.reads.texts import literal
from api.reads.values import Argument, Env, Late, known_words, parts_of
from api.schema.durations import bucket, unmeasured
from api.schema.sanctions import binds, effect, has_ended
from api.schema.subjects import is_of_platform, lookup_keys
from api.schema.visible import sees_subject
from governance.drafts import language
from governance.errors import InvalidInput
from governance.fields import URI, Draft, Instant
from governance.identifiers import SubjectKind
from governance.records import appeals
from governance.rules.durations import BUCKETS, MICROSECOND
from governance.sanctions import SubjectKey
from governance.vocabulary import Category, Keyword
from governance.words import (
    Automation,
    DurationBucket,
    Effect,
    EndReason,
    Ground,
    Measure,
    Source,
    Validity,
)


@strawberry.pydantic.input(description="Which sanctions; every part given must fit")
class SanctionFilter(Draft):
    platform: str | None = Field(default=None, description="Domain of the deciding platform")
    subject: URI | None = Field(default=None, description="A server, or what you may see")
    subject_kinds: list[SubjectKind] | None = Field(default=None, description="Any of these kinds")
    measures: list[Measure] | None = Field(default=None, description="Any of these measures")
    categories: list[Category] | None = Field(default=None, description="Any of these categories")
    effects: list[Effect] | None = Field(default=None, description="Any of these effects, now")
    validities: list[Validity] | None = Field(default=None, description="Any of these validities")
    end_reasons: list[EndReason] | None = Field(default=None, description="Ended for any of these")
    grounds: list[Ground] | None = Field(default=None, description="Any of these grounds")
    keywords: list[Keyword] | None = Field(default=None, description="Any of these keywords")
    automations: list[Automation] | None = Field(
        default=None, description="Decided by machines so far"
    )
    sources: list[Source] | None = Field(default=None, description="Brought up by any of these")
    languages: list[str] | None = Field(
        default=None, description="Content in any of these languages"
    )
    durations: list[DurationBucket] | None = Field(
        default=None, description="As long as any of these"
    )
    is_appealed: bool | None = Field(default=None, description="Whether any appeal was filed")
    is_binding: bool | None = Field(default=None, description="Whether it counts in status")
    issued_after: Instant | None = Field(default=None, description="Issued then or later")
    issued_before: Instant | None = Field(default=None, description="Issued before then")
    ended_after: Instant | None = Field(default=None, description="Ended then or later")
    ended_before: Instant | None = Field(default=None, description="Ended before then, and by now")


# What is asked of one column, by the part of the filter.
WORDS = {
    "subjectKinds": "subject_kind",
    "measures": "measure",
    "categories": "category",
    "validities": "validity",
    "grounds": "ground",
    "automations": "automation",
    "sources": "source",
}


# What no index is ordered by: those that fit may be few among all.
SPARSE = {"durations", "effects", "isAppealed", "isBinding"}


def fits(found: Row, read: Read, given: Argument) -> list[Condition]:
    """The conditions of a filter."""
    values = parts_of(given)
    is_by_end = not values.keys().isdisjoint(("endedAfter", "endedBefore"))
    where = along(found, read, values, is_by_end=is_by_end)
    if "effects" in values:
        where.append(read.among(effect(found, read), values["effects"]))
    if "durations" in values:
        where.append(read.among(bucket(found, read), values["durations"]))
    if "endReasons" in values:
        is_over = has_ended(found, read)
        if read.dialect.name == "sqlite":  # which would look for all ends up to now and sort them
            is_over = effect(found, read) == sa.literal_column(f"'{Effect.ENDED}'")
        where += [is_over, read.among(found.end_reason, values["endReasons"])]
    if "keywords" in values:
        where.append(has_any_of(found.keywords, read, values["keywords"]))
    for name, asked in FLAGS.items():
        if isinstance(values.get(name), bool):
            flag = asked(found, read)
            where.append(flag if values[name] else sa.not_(flag))
    if when := within(found.ends_at, read, values, "ended"):
        where += [*when, has_ended(found, read)]
    return where


def along(
    found: Row, read: Read, values: dict[str, Argument], *, is_by_end: bool = False
) -> list[Condition]:
    """Those of its conditions that indexes of sanctions are in order of, or are made of."""
    where = fits_columns(found, read, values, is_by_end=is_by_end)
    if "subject" in values:
        asked = rows_of(SubjectKey)
        keys = Late(lookup_keys(values["subject"], "filter"))
        named = sa.select(asked.c.sanction_id).where(read.among(asked.c.key, keys))
        where += [found.id.in_(named), sees_subject(found, read)]
    where += unusual(found, values)
    if "languages" in values:
        where.append(read.among(found.content_language, _languages(values["languages"])))
    return where


def has_any_of(keywords: sa.ColumnElement[Any], read: Read, given: Argument) -> Condition:
    """Whether a list of keywords has any of these."""
    keyword = read.dialect.items(keywords)
    return there_is(keyword, read.among(keyword.c.value, given))


def is_appealed(found: Row) -> Condition:
    filed = rows_of(appeals.Appeal)
    return there_is(filed, filed.c.sanction_id == found.id)


FLAGS: Mapping[str, Callable[[Row, Read], Condition]] = {
    "isBinding": binds,
    "isAppealed": lambda row, _: is_appealed(row),
}


# What takes longer to find out of a row, and is looked at last.
LAST = ["effects", "durations", "endReasons", "keywords", *FLAGS]


def apart(given: Argument) -> list[dict[str, Argument]]:
    """The parts of a filter whose conditions don't depend on each other."""
    values = parts_of(given)
    if not values.keys().isdisjoint(("endedAfter", "endedBefore")):
        return [values]
    days: dict[str, Argument] = {
        n: values[n] for n in ("issuedAfter", "issuedBefore") if n in values
    }
    others = [name for name in values if name not in days]
    others.sort(key=lambda name: LAST.index(name) if name in LAST else -1)
    return [*([days] if days else []), *({name: values[name]} for name in others)]


def is_sparse(given: Argument) -> bool:
    """Whether what fits may have to be looked for among everything."""
    return not SPARSE.isdisjoint(parts_of(given))


def fits_columns(
    found: Row, read: Read, values: dict[str, Argument], *, is_by_end: bool = False
) -> list[Condition]:
    """The conditions on what is told by one column each. Of what ended in some time, SQLite, which
    has no statistics, would look for the words first."""
    where: list[Condition] = []
    if "platform" in values:
        where.append(is_of_platform(found, read, values["platform"]))
    for name, column in WORDS.items():
        if name in values:
            word = found[column].concat(literal("")) if is_by_end else found[column]
            where.append(read.among(word, values[name]))
    return [*where, *within(found.issued_at, read, values, "issued")]


def unusual(found: Row, values: dict[str, Argument]) -> list[Condition]:
    """What follows from the filter, in the words by which an index of unusual sanctions is known:
    see `governance.sanctions.UNUSUAL`."""
    where: list[Condition] = []
    usual = {
        "validities": (found.validity, Validity.STANDING),
        "endReasons": (found.end_reason, EndReason.EXPIRED),
        "grounds": (found.ground, Ground.INCOMPATIBLE_CONTENT),
        "sources": (found.source, Source.OWN_INITIATIVE),
    }
    for name, (column, word) in usual.items():
        given = values.get(name)
        if isinstance(given, Late) and given.is_unusual:
            where.append(sa.type_coerce(column, sa.Text()) != sa.literal_column(f"'{word}'"))
    if known_words(values.get("subjectKinds")) == [SubjectKind.SERVER]:
        where.append(is_any_of(found.subject_kind, [SubjectKind.SERVER]))
    match known_words(values.get("durations")):
        case [DurationBucket.OVER_180_DAYS]:
            where.append(is_longest(found))
        case [DurationBucket.OPEN_ENDED | DurationBucket.NONE as word]:
            where += unmeasured(found, word)
    if "keywords" in values:
        where.append(has_keywords(found))
    return where


def is_longest(found: Row) -> Condition:
    longest = max(BUCKETS.values()) // MICROSECOND
    return found.lasts > sa.literal_column(str(longest), sa.BigInteger())  # type: ignore[no-any-return]


def has_keywords(found: Row) -> Condition:
    return sa.func.json_array_length(found.keywords) > sa.literal_column("0")


def _languages(given: Argument) -> Late:
    """Languages as they are stored; what is no BCP 47 tag is refused."""
    get = getter(given)

    def read(env: Env) -> list[str]:
        tags: list[str] = get(env)
        for tag in tags:
            try:
                language(tag)
            except ValueError as error:
                raise InvalidInput(f"languages: {error}", path=["languages"]) from None
        return tags

    return Late(read, isinstance(given, Late) and given.is_single)

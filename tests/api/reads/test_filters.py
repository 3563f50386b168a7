"""What a filter finds is what its fields say of each sanction, on both engines."""

from collections import Counter
from typing import Any

import pytest

from governance.fields import print_instant
from governance.vocabulary import Category, Keyword
from governance.words import Automation, DurationBucket, EndReason, Ground, Measure, Source
from tests.api.worlds import Asking
from tests.builders import MICRO, NOW

FOUND = (
    "query($filter: SanctionFilter) { sanctions(filter: $filter, first: 1000) { nodes { id } } }"
)
ALL = """{ sanctions(first: 1000) { nodes {
  id measure category ground keywords automation source contentLanguage endReason
  appeals(first: 1) { nodes { id } }
} } }"""


async def ids(ask: Asking, **fits: object) -> list[str]:
    found = await ask.data(FOUND, {"filter": fits})
    return [node["id"] for node in found["sanctions"]["nodes"]]


async def test_each_word_finds_the_sanctions_that_say_it(ask: Asking) -> None:
    nodes = (await ask.data(ALL))["sanctions"]["nodes"]
    words: dict[str, tuple[Any, str]] = {
        "measures": (Measure, "measure"),
        "categories": (Category, "category"),
        "grounds": (Ground, "ground"),
        "automations": (Automation, "automation"),
        "sources": (Source, "source"),
        "endReasons": (EndReason, "endReason"),
    }
    for name, (enum, field) in words.items():
        for word in enum:
            expected = [node["id"] for node in nodes if node[field] == word]
            assert await ids(ask, **{name: [word]}) == expected, (name, word)
        some = list(enum)[:2]
        assert await ids(ask, **{name: some}) == [n["id"] for n in nodes if n[field] in some], name
        assert await ids(ask, **{name: []}) == []


async def test_keywords_are_found_among_several(ask: Asking) -> None:
    nodes = (await ask.data(ALL))["sanctions"]["nodes"]
    said = {keyword for node in nodes for keyword in node["keywords"]}
    assert len(said) > 1
    unsaid = next(keyword for keyword in Keyword if keyword not in said)
    for keywords in [[word] for word in said] + [sorted(said), [unsaid], []]:
        expected = [node["id"] for node in nodes if {*node["keywords"]} & {*keywords}]
        assert await ids(ask, keywords=keywords) == expected


async def test_languages_are_found_as_they_are_written(ask: Asking) -> None:
    nodes = (await ask.data(ALL))["sanctions"]["nodes"]
    said = {node["contentLanguage"] for node in nodes} - {None}
    assert said
    for language in said:
        expected = [node["id"] for node in nodes if node["contentLanguage"] == language]
        assert await ids(ask, languages=[language]) == expected


@pytest.mark.parametrize("tag", ["", "english", "en_GB", "\0", "é", "en-", "x" * 10_000])
async def test_what_is_no_language_is_refused(ask: Asking, tag: str) -> None:
    assert await ask.codes(FOUND, {"filter": {"languages": [tag]}}) == ["INVALID_INPUT"]


async def test_the_appealed_are_told_from_the_others(ask: Asking) -> None:
    nodes = (await ask.data(ALL))["sanctions"]["nodes"]
    appealed = [node["id"] for node in nodes if node["appeals"]["nodes"]]
    assert 0 < len(appealed) < len(nodes)
    assert await ids(ask, isAppealed=True) == appealed
    assert await ids(ask, isAppealed=False) == [n["id"] for n in nodes if n["id"] not in appealed]
    assert await ids(ask, isAppealed=None) == [node["id"] for node in nodes]


async def test_what_ended_is_found_by_when(ask: Asking) -> None:
    ends = "{ sanctions(first: 1000) { nodes { id endedAt } } }"
    nodes = (await ask.data(ends))["sanctions"]["nodes"]
    ended = sorted({node["endedAt"] for node in nodes} - {None})
    middle = ended[len(ended) // 2]
    for asked, fits in (
        ({"endedAfter": middle}, lambda at: at >= middle),
        ({"endedBefore": middle}, lambda at: at < middle),
        ({"endedAfter": ended[1], "endedBefore": middle}, lambda at: ended[1] <= at < middle),
        ({"endedAfter": "2000-01-01T00:00:00Z"}, lambda at: True),
        ({"endedBefore": "3000-01-01T00:00:00Z"}, lambda at: True),
    ):
        expected = [node["id"] for node in nodes if node["endedAt"] and fits(node["endedAt"])]
        assert await ids(ask, **asked) == expected, asked


async def test_buckets_of_durations_are_those_that_statistics_count(ask: Asking) -> None:
    counts = "{ statistics(groupBy: [DURATION_BUCKET]) { rows { keys sanctionCount } } }"
    rows = (await ask.data(counts))["statistics"]["rows"]
    counted = {row["keys"][0]: row["sanctionCount"] for row in rows}
    assert len(counted) > 3
    for bucket in DurationBucket:
        assert len(await ids(ask, durations=[bucket])) == counted.get(bucket, 0), bucket


COUNTED = """query($filter: SanctionFilter, $newest: Int) {
  facets(by: [PLATFORM, VALIDITY, SUBJECT_KIND], filter: $filter, newest: $newest) {
    dimension key number
  }
}"""
TOLD = """query($filter: SanctionFilter, $first: Int) {
  sanctions(filter: $filter, first: $first) { nodes {
    platform { domain } validity subjectKind
  } }
}"""


@pytest.mark.parametrize("newest", [1, 7, 20, 200])
async def test_the_newest_alone_are_counted_where_that_is_asked(ask: Asking, newest: int) -> None:
    fits = {"measures": ["ACCOUNT_SUSPENDED"]}
    rows = (await ask.data(COUNTED, {"filter": fits, "newest": newest}))["facets"]
    nodes = (await ask.data(TOLD, {"filter": fits, "first": newest}))["sanctions"]["nodes"]
    expected = Counter(("PLATFORM", node["platform"]["domain"]) for node in nodes)
    expected += Counter(("VALIDITY", node["validity"]) for node in nodes)
    expected += Counter(("SUBJECT_KIND", node["subjectKind"]) for node in nodes)
    assert {(row["dimension"], row["key"]): row["number"] for row in rows} == expected


async def test_figures_say_of_what_instant_they_are(ask: Asking) -> None:
    told = await ask.data("{ statistics(groupBy: []) { asOf } }")
    assert told["statistics"]["asOf"] == print_instant(NOW)


@pytest.mark.parametrize("newest", [0, -1, 10_001])
async def test_a_number_of_newest_out_of_range_is_refused(ask: Asking, newest: int) -> None:
    assert await ask.codes(COUNTED, {"newest": newest}) == ["INVALID_INPUT"]


RANGES = {
    "sanctions": ("SanctionFilter", "{ sanctions(filter: $filter) { totalCount } }"),
    "statistics": (
        "SanctionFilter",
        "{ statistics(groupBy: [], filter: $filter) { rows { sanctionCount } } }",
    ),
    "days": (
        "SanctionFilter",
        "{ statistics(groupBy: [DAY], filter: $filter) { rows { medianDurationSeconds } } }",
    ),
    "facets": ("SanctionFilter", "{ facets(by: [MEASURE], filter: $filter) { dimension } }"),
    "appeals": ("AppealFilter", "{ appeals(filter: $filter) { totalCount } }"),
}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        *((query, name) for query in RANGES if query != "appeals" for name in ("issued", "ended")),
        ("appeals", "filed"),
    ],
)
async def test_a_range_the_wrong_way_round_is_refused(ask: Asking, query: str, name: str) -> None:
    kind, asked = RANGES[query]
    document = f"query($filter: {kind}) {asked}"
    first, last = f"{name}After", f"{name}Before"
    wrong = {first: print_instant(NOW), last: print_instant(NOW - MICRO)}
    [error] = (await ask.answer(document, {"filter": wrong}))["errors"]
    assert error["message"] == f"{last}: expected an instant not before {first}"
    assert error["extensions"]["code"] == "INVALID_INPUT"
    for end in (print_instant(NOW), "2026-03-01T14:00:00+02:00"):  # nothing, or the same instant
        assert await ask.data(document, {"filter": {first: print_instant(NOW), last: end}})


@pytest.mark.parametrize(
    ("kind", "asked"),
    [*RANGES.values(), ("EventFilter", "{ eventPage(filter: $filter) { nodes { type } } }")],
)
async def test_what_is_no_domain_is_refused_by_the_field_that_has_it(
    ask: Asking, kind: str, asked: str
) -> None:
    document = f"query($filter: {kind}) {asked}"
    [error] = (await ask.answer(document, {"filter": {"platform": "no domain"}}))["errors"]
    assert error["message"].startswith("platform: ")
    assert error["extensions"]["code"] == "INVALID_INPUT"

"""Facets count each dimension on its own, over no more than the newest that fit; both engines."""

from collections import Counter
from typing import Any

import pytest

from api.schema.statistics import IN_FACETS_ALONE, StatisticsDimension
from tests.api.worlds import Asking

FACETS = """query($by: [StatisticsDimension!]!, $filter: SanctionFilter, $newest: Int) {
  facets(by: $by, filter: $filter, newest: $newest) { dimension key number }
}"""
GROUPED = """query($by: [StatisticsDimension!]!, $filter: SanctionFilter) {
  statistics(groupBy: $by, filter: $filter) { rows { keys sanctionCount } }
}"""
EVERY = [str(dimension) for dimension in StatisticsDimension]
GROUPS = [str(one) for one in StatisticsDimension if one not in IN_FACETS_ALONE]


async def facets(ask: Asking, **asked: Any) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for one in (await ask.data(FACETS, asked))["facets"]:
        found.setdefault(one["dimension"], {})[one["key"]] = one["number"]
    return found


@pytest.mark.parametrize("given", [{}, {"measures": ["ACCOUNT_SUSPENDED"]}, {"isAppealed": True}])
async def test_facets_are_the_counts_of_statistics(ask: Asking, given: dict[str, Any]) -> None:
    found = await facets(ask, by=EVERY, filter=given)
    for dimension in GROUPS:
        told = await ask.data(GROUPED, {"by": [dimension], "filter": given})
        rows = told["statistics"]["rows"]
        assert found[dimension] == {row["keys"][0]: row["sanctionCount"] for row in rows}


async def test_a_facet_asked_for_alone_is_the_same(ask: Asking) -> None:
    every = await facets(ask, by=EVERY)
    for dimension in EVERY:
        assert (await facets(ask, by=[dimension])).get(dimension) == every.get(dimension)


async def test_only_the_newest_are_looked_at(ask: Asking) -> None:
    listed = (await ask.data("{ sanctions(first: 3) { nodes { measure } } }"))["sanctions"]["nodes"]
    found = (await facets(ask, by=["MEASURE"], newest=3))["MEASURE"]
    measures = [node["measure"] for node in listed]
    assert found == {measure: measures.count(measure) for measure in measures}


@pytest.mark.parametrize("newest", [None, 9])
async def test_a_sanction_counts_for_each_of_its_keywords(ask: Asking, newest: int | None) -> None:
    query = "query($first: Int) { sanctions(first: $first) { nodes { keywords } } }"
    nodes = (await ask.data(query, {"first": newest or 1_000}))["sanctions"]["nodes"]
    expected = Counter(keyword for node in nodes for keyword in node["keywords"])
    found = await facets(ask, by=["KEYWORD", "MEASURE"], newest=newest)
    assert found.get("KEYWORD", {}) == expected
    assert sum(found["MEASURE"].values()) == len(nodes)


async def test_a_sanction_counts_for_what_it_has(ask: Asking) -> None:
    query = "{ sanctions(first: 1000) { nodes { endReason contentLanguage } } }"
    nodes = (await ask.data(query))["sanctions"]["nodes"]
    found = await facets(ask, by=["END_REASON", "LANGUAGE"])
    for dimension, name in (("END_REASON", "endReason"), ("LANGUAGE", "contentLanguage")):
        assert found[dimension] == Counter(node[name] for node in nodes if node[name])


@pytest.mark.parametrize("dimension", sorted(IN_FACETS_ALONE))
async def test_statistics_arent_grouped_by_what_a_sanction_may_lack(
    ask: Asking, dimension: str
) -> None:
    assert await ask.codes(GROUPED, {"by": [dimension]}) == ["INVALID_INPUT"]


async def test_of_nothing_there_is_nothing(ask: Asking) -> None:
    assert await facets(ask, by=EVERY, filter={"issuedBefore": "1970-01-01T00:00:00Z"}) == {}


@pytest.mark.parametrize(
    "asked",
    [
        {"by": []},
        {"by": ["DAY", "DAY"]},
        {"by": ["DAY"], "newest": 0},
        {"by": ["DAY"], "newest": 10_001},
    ],
)
async def test_what_cannot_be_counted_is_refused(ask: Asking, asked: dict[str, Any]) -> None:
    assert await ask.codes(FACETS, asked) == ["INVALID_INPUT"]


async def test_all_facets_take_one_statement(ask: Asking) -> None:
    before = ask.statements
    await facets(ask, by=EVERY)
    assert ask.statements - before == 1

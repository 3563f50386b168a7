"""What a filter finds is what its fields say of each sanction, on both engines."""

from typing import Any

import pytest

from governance.vocabulary import Category, Keyword
from governance.words import Automation, EndReason, Ground, Measure, Source
from tests.api.worlds import Asking

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

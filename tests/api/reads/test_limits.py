"""Documents that are malformed, too deep or too much: refused with a code, never an accident."""

import time

import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

from api.schema.build import schema
from governance.settings import Settings
from tests.api.worlds import Asking

LIMITS = Settings()
DEPTHS = (*range(10, 330, 20), 500, 1_000, 5_000, 100_000)


def chain(levels: int) -> str:
    """A valid query of so many levels of fields."""
    text = "id"
    for level in range(levels - 2):
        text = f"{'supersedes' if level % 2 else 'supersededBy'} {{ {text} }}"
    return f'{{ sanction(id: "san_none") {{ {text} }} }}'


async def test_as_deep_as_allowed_is_answered(ask: Asking) -> None:
    deepest = "id platform { name }"
    for _ in range(2):
        deepest = f"id appeals {{ nodes {{ sanction {{ {deepest} }} }} }}"
    query = f"{{ sanctions(first: 1) {{ nodes {{ {deepest} }} }} }}"
    assert await ask.codes(query) == []


async def test_one_level_too_many_is_refused_however_it_is_spelled(ask: Asking) -> None:
    assert await ask.codes(chain(LIMITS.max_depth + 1)) == ["LIMIT_EXCEEDED"]
    assert await ask.codes(chain(LIMITS.max_depth - 4)) == []
    inline = chain(LIMITS.max_depth + 1).replace("{ id }", "{ ... { ... on Sanction { id } } }")
    assert await ask.codes(inline) == ["LIMIT_EXCEEDED"]
    inline = chain(LIMITS.max_depth - 4).replace("{ id }", "{ ... { ... on Sanction { id } } }")
    assert await ask.codes(inline) == []
    spread = '{ sanction(id: "san_none") { ...F0 } }'
    for n in range(LIMITS.max_depth):
        spread += f" fragment F{n} on Sanction {{ supersedes {{ ...F{n + 1} }} }}"
    spread += f" fragment F{LIMITS.max_depth} on Sanction {{ id }}"
    assert await ask.codes(spread) == ["LIMIT_EXCEEDED"]


def aliased(number: int) -> str:
    return " ".join(f"a{n}: __typename" for n in range(number))


@pytest.mark.parametrize(
    "document",
    [
        "{ ALIASES }",
        "{ policy { ALIASES } }",
        "{ ... { ALIASES } }",
        "{ ...F } fragment F on Query { ALIASES }",
        "query A { ALIASES } query B { __typename }",
        "{ __schema { ALIASES } }",
        '{ __type(name: "Query") { fields { ALIASES } } }',
    ],
)
async def test_one_alias_too_many_is_refused_wherever_it_hides(ask: Asking, document: str) -> None:
    for number, codes in ((LIMITS.max_aliases, []), (LIMITS.max_aliases + 1, ["LIMIT_EXCEEDED"])):
        text = document.replace("ALIASES", aliased(number))
        answer = await ask.answer(text, operation_name="A" if "query A" in text else None)
        assert [e["extensions"]["code"] for e in answer.get("errors", ())] == codes


async def test_aliases_of_a_fragment_count_each_time_it_is_spread(ask: Asking) -> None:
    half = aliased(LIMITS.max_aliases // 2)
    twice = f"{{ ...F policy {{ __typename }} ... {{ ...F }} }} fragment F on Query {{ {half} }}"
    assert await ask.codes(twice) == []
    thrice = twice.replace("...F ", "...F ... { ...F } ", 1)
    assert await ask.codes(thrice) == ["LIMIT_EXCEEDED"]


async def test_aliased_introspection_is_counted_too(ask: Asking) -> None:
    roots = " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(61))
    assert await ask.codes(f"{{ {roots} }}") == ["LIMIT_EXCEEDED"]


BOMB = "".join(f" fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(100))
BOMBS = {
    "plain": "{ ...F0 }" + BOMB + " fragment F100 on Query { __typename }",
    "with aliases": "{ ...F0 }" + BOMB + " fragment F100 on Query { a: __typename }",
    "a cycle": "{ ...F0 }" + BOMB + " fragment F100 on Query { ...F0 }",
    "repeated fields": "{ policy { " + "version " * 3_900 + "} }",
    "repeated objects": "{ " + "sanctions { nodes { id } } " * 500 + "}",
    "deep introspection": "{ __schema { types { fields { type { fields { type { fields { type "
    "{ fields { name } } } } } } } } } }",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_refused_or_answered_within_seconds(ask: Asking, name: str) -> None:
    began = time.process_time()
    assert set(await ask.codes(BOMBS[name])) <= {"LIMIT_EXCEEDED", "BAD_DOCUMENT"}
    assert time.process_time() - began < 10


async def test_more_tokens_than_allowed_are_refused(ask: Asking) -> None:
    inside = "{" + " __typename" * (LIMITS.max_tokens - 2) + "}"
    [inside_is] = (await ask.answer(inside))["errors"]
    assert "fields" in inside_is["message"]  # another limit, met once the document is read
    [beyond_is] = (await ask.answer(inside.replace("{", "{ __typename")))["errors"]
    assert beyond_is["message"] == f"expected a document of at most {LIMITS.max_tokens:,} tokens"
    assert beyond_is["extensions"] == {"code": "LIMIT_EXCEEDED"}


def nested(before: str, level: str, inmost: str, end: str, after: str, depth: int) -> str:
    return before + level * depth + inmost + end * depth + after


SHAPES = {
    "fields": ("", "{ policy", "{ version }", "}", ""),
    "inline fragments": ("", "{ ...", "{ __typename }", "}", ""),
    "conditioned fragments": ("", "{ ... on Query", "{ __typename }", "}", ""),
    "list values": ("{ nodes(ids: ", "[", "", "]", ") { id } }"),
    "object values": ("{ sanctions(filter: ", "{ platform: ", "1", "}", ") { totalCount } }"),
    "list types": ("query($x: ", "[", "ID", "]", ") { nodes(ids: $x) { id } }"),
    "default lists": ("query($x: [ID!]! = ", "[", "", "]", ") { nodes(ids: $x) { id } }"),
    "default objects": (
        "query($x: SanctionFilter = ", "{ platform: ", "1", "}",
        ") { sanctions(filter: $x) { totalCount } }",
    ),
    "open braces": ("", "{", "", "", ""),
    "open lists": ("{ nodes(ids: ", "[", "", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
async def test_nesting_without_end_is_refused_at_every_depth(ask: Asking, shape: str) -> None:
    for depth in DEPTHS:
        codes = set(await ask.codes(nested(*SHAPES[shape], depth)))
        assert codes <= {"LIMIT_EXCEEDED", "SYNTAX_ERROR", "BAD_DOCUMENT"}
        assert codes or "fragments" in shape


@pytest.mark.parametrize("depth", [5, 50, 400, 900])
async def test_variables_nested_without_end_are_refused(ask: Asking, depth: int) -> None:
    lists: object = []
    objects: object = 1
    for _ in range(depth):
        lists, objects = [lists], {"platform": objects}
    signatures = {
        "query($x: [ID!]!) { nodes(ids: $x) { id } }": lists,
        "query($x: SanctionFilter) { sanctions(filter: $x) { totalCount } }": objects,
        "query($x: Int) { sanctions(first: $x) { totalCount } }": lists,
        'query($x: DateTime) { suspensionStatus(subject: "https://a.example", at: $x) { until } }':
            objects,
    }  # fmt: skip
    for query, value in signatures.items():
        assert await ask.codes(query, {"x": value}) == ["BAD_DOCUMENT"]


MALFORMED = (
    "",
    " ",
    "{",
    "}",
    "query",
    "{ policy }",
    "{ policy { nothing } }",
    "{ nothing }",
    "{ policy { version { x } } }",
    "{ a: policy { version } a: log { size } }",
    "{ a: \0 }",
    "\N{PARROT}",
    "{ ...F }",
    "fragment F on Query { __typename }",
    "{ sanction { id } }",
    "{ sanction(id: 1.5) { id } }",
    '{ sanctions(first: "1") { totalCount } }',
    "{ sanctions(first: 3000000000) { totalCount } }",
    "{ sanctions(first: $x) { totalCount } }",
    "{ sanctions(wrong: 1) { totalCount } }",
    "{ sanctions(filter: { wrong: 1 }) { totalCount } }",
    "{ sanctions(filter: { effects: [NONE] }) { totalCount } }",
    "query($x: Wrong) { __typename }",
    "query($x: Int) { __typename }",
    "query($x: String) { sanctions(first: $x) { totalCount } }",
    "subscription { __typename }",
    "type A { b: Int }",
    "query A { __typename } query A { log { size } }",
    "query A { __typename } query B { __typename }",
    "{ __typename } { __typename }",
    "{ policy @include { version } }",
    "{ policy @wrong { version } }",
    "{ policy @skip(if: 1) { version } }",
)


@pytest.mark.parametrize("document", MALFORMED)
async def test_a_malformed_document_is_refused_before_anything_is_read(
    ask: Asking, document: str
) -> None:
    answer = await ask.answer(document)
    assert "data" not in answer
    assert {e["extensions"]["code"] for e in answer["errors"]} <= {"SYNTAX_ERROR", "BAD_DOCUMENT"}
    assert ask.statements == 0


async def test_the_standard_introspection_is_answered(ask: Asking) -> None:
    data = await ask.data(get_introspection_query(specified_by_url=True))
    told = print_schema(build_client_schema(data))
    assert {line for line in told.splitlines() if line} == {
        line for line in print_schema(schema()).splitlines() if line
    }


async def test_fragments_that_branch_are_counted_spelled_out(ask: Asking) -> None:
    """Ten of them stand for two thousand fields, which nobody may compile."""
    query = '{ sanction(id: "san_none") { ...F0 } }'
    for n in range(10):
        both = f"supersedes {{ ...F{n + 1} }} supersededBy {{ ...F{n + 1} }}"
        query += f" fragment F{n} on Sanction {{ id {both} }}"
    query += " fragment F10 on Sanction { id }"
    assert await ask.codes(query) == ["LIMIT_EXCEEDED"]


async def test_nested_objects_may_come_before_many_fields(ask: Asking) -> None:
    every = "id measure effect validity endedAt explanation subject reason facts server keywords"
    inner = "...All"
    for _ in range(2):
        inner = f"supersedes {{ {inner} }} ...All"
    query = f'{{ sanction(id: "san_none") {{ {inner} }} }} '
    query += (
        f"fragment All on Sanction {{ {every} platform {{ domain }} policyReference {{ rule }} }}"
    )
    assert await ask.codes(query) == []

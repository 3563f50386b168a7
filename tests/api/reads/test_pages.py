"""Keyset pages against a plain list: each row once, in order, whichever way they are walked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from governance.appeals import Appeal
from governance.platforms import Platform
from governance.sanctions import Sanction
from tests.api.worlds import Asking, Cast
from tests.builders import World, examples

PAGE = """
  totalCount nodes { id } edges { cursor node { id } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
"""
SIGNATURE = "$first: Int, $after: String, $last: Int, $before: String"
PAGING = "first: $first, after: $after, last: $last, before: $before"


@dataclass(frozen=True, slots=True)
class Listed:
    """A connection: how to ask for a page of it, and the ids it should list."""

    name: str
    ids: Sequence[str]
    within: str = ""  # the sanction it is a connection of
    filter: Mapping[str, str] | None = None

    @property
    def field(self) -> str:
        """As it is asked for by a document that says all itself."""
        given = ", ".join(f'{name}: "{value}"' for name, value in (self.filter or {}).items())
        return f"{self.name}(filter: {{ {given} }}, PAGING)" if given else f"{self.name}(PAGING)"

    async def page(self, ask: Asking, **paging: Any) -> Any:
        """The page, or null where there are errors; of a document that is read and planned once."""
        declared, given, text = SIGNATURE, PAGING, f"{self.name}(GIVEN) {{ {PAGE} }}"
        if self.filter:
            declared, given = f"{declared}, $filter: SanctionFilter", f"{given}, filter: $filter"
        if self.within:
            declared, text = f"{declared}, $within: ID!", f"sanction(id: $within) {{ {text} }}"
        variables = {"filter": self.filter, "within": self.within, **paging}
        document = f"query({declared}) {{ {text.replace('GIVEN', given)} }}"
        answer = await ask.answer(document, variables)
        [page] = (answer["data"] or {"": None}).values()
        return page["appeals"] if self.within and page else page


CONNECTIONS = ("sanctions", "filtered", "nothing", "appeals", "platforms", "of one sanction")


async def test_a_platform_may_have_many_names(ask: Asking) -> None:
    alone = "{ sanctions { nodes { platform { domain } } } }"
    names = " ".join(f"p{number}: platform {{ domain }}" for number in range(50))
    data = await ask.data(f"{{ sanctions {{ nodes {{ {names} }} }} }}")
    [expected] = (await ask.data(alone)).values()
    assert expected["nodes"]
    assert data["sanctions"]["nodes"] == [
        {f"p{number}": node["platform"] for number in range(50)} for node in expected["nodes"]
    ]


@pytest.fixture
def connections(still_url: str, cast: Cast) -> Mapping[str, Listed]:
    """Return connections with what they list, by a plain sort in Python."""
    with World(still_url) as world, world.database.reading() as session:
        sanctions = sorted(session.exec(select(Sanction)), key=lambda s: (s.issued_at, s.id))
        appeals = sorted(session.exec(select(Appeal)), key=lambda a: (a.filed_at, a.id))
        platforms = sorted(session.exec(select(Platform)), key=lambda p: (p.added_at, p.id))
    own = [s for s in sanctions if s.platform_id == cast.a.platform.id]
    disputed = [a for a in appeals if a.sanction_id == cast.disputed]
    assert len({s.issued_at for s in own}) < len(own) - 10  # many of one instant
    assert len({a.filed_at for a in disputed}) == 1 < len(disputed)
    return {
        "sanctions": Listed("sanctions", [s.id for s in reversed(sanctions)]),
        "filtered": Listed(
            "sanctions", [s.id for s in reversed(own)], filter={"platform": "a.example"}
        ),
        "nothing": Listed("sanctions", [], filter={"issuedBefore": "0001-01-02T00:00:00Z"}),
        "appeals": Listed("appeals", [a.id for a in reversed(appeals)]),
        "platforms": Listed("platforms", [p.id for p in platforms]),
        "of one sanction": Listed("appeals", [a.id for a in disputed], cast.disputed),
    }


@pytest.mark.property
@pytest.mark.parametrize("name", CONNECTIONS)
@examples(15)
@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.sampled_from([0, 1, 1, 2, 3, 5, 20, 1000])), max_size=12
    )
)
async def test_any_walk_from_both_ends_gives_each_row_once_and_in_order(
    ask: Asking, connections: Mapping[str, Listed], name: str, steps: list[tuple[bool, int]]
) -> None:
    listed = connections[name]
    rest = list(listed.ids)
    after = before = None
    front: list[str] = []
    back: list[str] = []
    for is_backward, size in [*steps, (False, 1000)]:
        far = "last" if is_backward else "first"
        page = await listed.page(ask, **{far: size, "after": after, "before": before})
        start = max(0, len(rest) - size)
        expected = rest[start:] if is_backward else rest[:size]
        assert [edge["node"]["id"] for edge in page["edges"]] == expected
        assert page["nodes"] == [edge["node"] for edge in page["edges"]]
        assert page["totalCount"] == len(listed.ids)
        cursors = [edge["cursor"] for edge in page["edges"]]
        is_more = len(rest) > size
        assert page["pageInfo"] == {
            "hasNextPage": before is not None if is_backward else is_more,
            "hasPreviousPage": is_more if is_backward else after is not None,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        }
        if is_backward:
            rest, back = rest[:start], expected + back
            before = cursors[0] if cursors else before
        else:
            rest, front = rest[size:], front + expected
            after = cursors[-1] if cursors else after
    assert front + back == listed.ids


@pytest.mark.parametrize("name", CONNECTIONS)
async def test_fifty_from_the_start_are_a_page_where_nothing_is_said(
    ask: Asking, connections: Mapping[str, Listed], name: str
) -> None:
    listed = connections[name]
    page = await listed.page(ask)
    assert [node["id"] for node in page["nodes"]] == listed.ids[:50]
    assert page["pageInfo"]["hasNextPage"] is (len(listed.ids) > 50)


@pytest.mark.parametrize("name", CONNECTIONS)
@pytest.mark.parametrize("end", ["first", "last"])
async def test_a_page_of_none_tells_whether_there_are_more(
    ask: Asking, connections: Mapping[str, Listed], name: str, end: str
) -> None:
    listed = connections[name]
    page = await listed.page(ask, **{end: 0})
    assert (page["edges"], page["nodes"], page["totalCount"]) == ([], [], len(listed.ids))
    further = "hasNextPage" if end == "first" else "hasPreviousPage"
    assert page["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    } | {further: bool(listed.ids)}


PARTS: dict[str, Callable[[Sequence[str]], Any]] = {
    "totalCount": lambda ids: {"totalCount": len(ids)},
    "__typename": lambda ids: {"__typename": "SanctionConnection"},
    "pageInfo { hasPreviousPage }": lambda ids: {"pageInfo": {"hasPreviousPage": False}},
    "pageInfo { hasNextPage }": lambda ids: {"pageInfo": {"hasNextPage": bool(ids)}},
    "pageInfo { __typename }": lambda ids: {"pageInfo": {"__typename": "PageInfo"}},
    "edges { __typename }": lambda ids: {"edges": [{"__typename": "SanctionEdge"}] * bool(ids)},
    "nodes { __typename }": lambda ids: {"nodes": [{"__typename": "Sanction"}] * bool(ids)},
    "totalCount @skip(if: true)": lambda ids: {},
    "pageInfo { endCursor @skip(if: true) }": lambda ids: {"pageInfo": {}},
    "edges { cursor @skip(if: true) }": lambda ids: {"edges": [{}] * bool(ids)},
    "nodes { id @skip(if: true) }": lambda ids: {"nodes": [{}] * bool(ids)},
}


@pytest.mark.parametrize("name", ["sanctions", "nothing"])
async def test_any_part_of_a_page_may_be_asked_for_alone(
    ask: Asking, connections: Mapping[str, Listed], name: str
) -> None:
    listed = connections[name]
    for part, expected in PARTS.items():
        field = listed.field.replace("PAGING", "first: 1")
        assert await ask.data(f"{{ {field} {{ {part} }} }}") == {
            "sanctions": expected(listed.ids)
        }, part
    field = listed.field.replace("PAGING", "last: 1")
    backward = await ask.data(f"{{ {field} {{ pageInfo {{ hasNextPage }} totalCount }} }}")
    assert backward["sanctions"]["pageInfo"] == {"hasNextPage": False}


async def test_a_cursor_that_is_not_of_the_connection_is_refused(
    ask: Asking, connections: Mapping[str, Listed]
) -> None:
    of = {n: (await c.page(ask, first=1))["edges"] for n, c in connections.items()}
    sanction, appeal, platform = (
        of[name][0]["cursor"] for name in ("sanctions", "appeals", "platforms")
    )
    foreign = {
        "sanctions": [appeal, platform],
        "appeals": [sanction, platform],
        "platforms": [sanction, appeal],
        "of one sanction": [sanction, platform],
    }
    kind, instant, ident = sanction.split("~")
    tampered = [
        "", " ", "null", "50", "\0", kind, sanction[:-1] + "!", sanction + " ", sanction * 2,
        sanction.lower(), f"{kind}~{instant}~", f"{kind}~~{ident}", f"~{instant}~{ident}",
        f"{kind}~{instant.replace('-', '/')}~{ident}", f"{kind}~{'9' * 27}~{ident}",
        f"{kind}~{instant}~' OR 1=1", f"{kind}~{instant}~{ident * 9}", f"\u0661{sanction}",
    ]  # fmt: skip
    for name, cursors in foreign.items():
        field = connections[name].field.replace("PAGING", "END: $cursor")
        if connections[name].within:
            field = f'sanction(id: "{connections[name].within}") {{ {field} {{ totalCount }} }}'
        else:
            field += " { totalCount }"
        for end in ("after", "before"):
            query = f"query($cursor: String) {{ {field.replace('END', end)} }}"
            for cursor in cursors + tampered:
                assert await ask.codes(query, {"cursor": cursor}) == ["INVALID_INPUT"], cursor
            assert await ask.codes(query, {"cursor": None}) == []


SIZES: list[dict[str, Any]] = [
    {"first": -1},
    {"last": -1},
    {"first": 1001},
    {"last": 1001},
    {"first": -(2**31)},
    {"last": 2**31 - 1},
    {"first": 1, "last": 1},
    {"first": 0, "last": 0},
]


@pytest.mark.parametrize("part", ["totalCount", "nodes { id }", "pageInfo { hasNextPage }"])
async def test_a_size_out_of_range_is_refused_whatever_is_selected(
    ask: Asking, cast: Cast, part: str
) -> None:
    for sizes in SIZES:
        literals = ", ".join(f"{end}: {size}" for end, size in sizes.items())
        late = "query($first: Int, $last: Int) { FIELD(first: $first, last: $last) { PART } }"
        now = f"{{ FIELD({literals}) {{ PART }} }}"
        for field in ("sanctions", "appeals", "platforms"):
            for query in (late, now):
                text = query.replace("FIELD", field).replace("PART", part)
                assert await ask.codes(text, sizes) == ["INVALID_INPUT"]
        nested = f'{{ sanction(id: "{cast.disputed}") {{ appeals({literals}) {{ {part} }} }} }}'
        answer = await ask.answer(nested)
        assert answer["data"] == {"sanction": None}
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_INPUT"]


async def test_null_sizes_are_as_if_left_out(ask: Asking) -> None:
    query = "query($n: Int) { sanctions(first: $n, last: null, after: null) { nodes { id } } }"
    data = await ask.data(query, {"n": None})
    assert len(data["sanctions"]["nodes"]) == 50

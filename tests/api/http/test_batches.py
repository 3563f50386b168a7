"""A batch is answered as graphql-core would answer it, whichever of them does."""

import gc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.changing import TOGETHER
from api.starting import OF_A_DECISION
from governance import preparing
from governance.issuing import MOST_IN_BATCH
from tests.api.http.outside import Node
from tests.api.http.test_any_json import MUTATIONS, changes, fields_of
from tests.builders import Team, examples

PAYLOAD = """__typename issuedCount issuedCount refused: refusedCount results {
  __typename ... on SanctionIssued { appealSecret secret: appealSecret
    sanction { id measure node: platform { __typename domain } appeals { nodes { id } } }
    logEntry { index } } ...Why } """
FRAGMENT = "fragment Why on Refusal { why: code message path }"
STRAIGHT = (
    "mutation($input: IssueSanctionsInput!) { done: issueSanctions(input: $input) { "
    f"{PAYLOAD} }} }} {FRAGMENT}"
)
ROUND = (
    "mutation($input: IssueSanctionsInput!, $all: Boolean!) { done: issueSanctions(input: $input)"
    f" {{ ... @include(if: $all) {{ {PAYLOAD} }} }} }} {FRAGMENT}"
)
NAMES = fields_of(MUTATIONS["issueSanction"])


def told(node: Node, query: str, variables: dict[str, Any], by: Any) -> dict[str, Any]:
    body = {"query": query, "variables": variables}
    answer = node.client.post("/graphql", json=body, headers=node.headers(by) if by else {}).json()
    for error in answer.get("errors", []):
        error.pop("locations", None)
    answer["extensions"].pop("cost", None)
    answer["extensions"].pop("requestId", None)
    return dict(answer)


def both(node: Node, given: Any, by: Any) -> dict[str, Any]:
    """The answer, which is the same both ways; a retry gets the first one's."""
    straight = told(node, STRAIGHT, {"input": given}, by)
    assert straight == told(node, ROUND, {"input": given, "all": True}, by)
    return straight


def test_good_and_bad_items_are_answered_alike(node: Node, team: Team) -> None:
    items = [
        node.body(),
        node.body(expiresAt=None),
        node.body(subject="nobody"),
        node.body(reason=" "),
        node.body(reason="a\0b"),
        node.body(policyReference={"rule": "1"}, keywords=None, aliases="acct:a@b.example"),
        node.body(policyReference={"rule": "1"}, territorialScope="DE"),
    ]
    assert both(node, {"sanctions": items}, team.issuer)["errors"]
    items[5].pop("keywords")
    done = both(node, {"sanctions": items}, team.issuer)["data"]["done"]
    kinds = [result["__typename"] for result in done["results"]]
    assert kinds == ["SanctionIssued", *["Refusal"] * 4, *["SanctionIssued"] * 2]
    assert (done["issuedCount"], done["refused"]) == (3, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"isAutomatedDetection": "yes"},
        {"isAutomatedDetection": 1},
        {"measure": "BANNED"},
        {"issuer_reference": "7"},
        {"issuerReference": 7},
        {"audience": None},
        {"signature": {"key": "x"}},
        {"nonsense": None},
        {"reason": None},
    ],
)
def test_what_isnt_of_the_declared_form_is_refused_whole(
    node: Node, team: Team, change: dict[str, Any]
) -> None:
    before = node.records()
    answer = both(node, {"sanctions": [node.body(), node.body() | change]}, team.issuer)
    assert "data" not in answer
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_DOCUMENT"}
    assert node.records() == before


def test_callers_and_numbers_are_checked_alike(node: Node, team: Team) -> None:
    given: Any = {"sanctions": [node.body()]}
    for by in (None, team.reader, team.reviewer, team.researcher):
        answer = both(node, given, by)
        assert "errors" in answer or answer["data"]["done"]["issuedCount"] == 0
    for given in ({"sanctions": [node.body()] * (MOST_IN_BATCH + 1)}, {"sanctions": []}, {}, []):
        both(node, given, team.issuer)


def test_any_item_is_answered_alike(node: Node, team: Team) -> None:
    @examples(10)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        items = [node.body() | data.draw(changes(NAMES)), node.body()]
        both(node, {"sanctions": items}, team.issuer)

    holds()


def test_a_plain_batch_takes_no_turn_through_graphql_core(
    lite: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("api.execution.execute")
    monkeypatch.delattr("api.execution.get_variable_values")
    answer = told(lite, STRAIGHT, {"input": {"sanctions": [lite.body()]}}, team.issuer)
    assert answer["data"]["done"]["issuedCount"] == 1


def test_what_a_batch_keeps_is_not_looked_through_for_garbage(
    node: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = gc.get_threshold(), list[tuple[int, int]]()
    prepare = preparing.prepare

    def watched(*given: Any) -> Any:
        seen.append((len(given[3]), gc.get_threshold()[0] - before[0]))
        return prepare(*given)

    monkeypatch.setattr(preparing, "prepare", watched)
    items = [node.body() for _ in range(TOGETHER + 1)]
    answer = told(node, STRAIGHT, {"input": {"sanctions": items}}, team.issuer)
    assert answer["data"]["done"]["issuedCount"] == len(items)
    kept = len(items) * OF_A_DECISION
    assert seen == [(TOGETHER, kept), (1, kept)]
    assert gc.get_threshold() == before

"""What would take everybody's time is refused before it does."""

import time
from typing import Any

import pytest

from api.bodies import LARGE, PAUSE
from tests.api.http.outside import OPERATIONS, Node
from tests.builders import Team


def refused(node: Node, query: str, variables: object = None) -> str:
    """The message of the one error, which is that of a limit."""
    answer: dict[str, Any] = node.post(query, variables).json()
    assert "data" not in answer
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED"}
    message: str = error["message"]
    return message


def spread(number: int, inside: str) -> str:
    """A document that spreads so many fragments in one place."""
    names = [f"F{n}" for n in range(number)]
    fragments = "".join(f" fragment {name} on Query {{ {inside} }}" for name in names)
    return "{ ..." + " ...".join(names) + " }" + fragments


@pytest.mark.parametrize(
    "query",
    [
        spread(300, "policy { version }"),
        spread(200, "__typename"),
        "{ " + "policy { version } " * 300 + "}",
        "{ " + "... { policy { version } } " * 300 + "}",
        "{ " + "sanctions { nodes { platform { id } } } " * 100 + "}",
    ],
    ids=["fragments", "empty fragments", "objects", "inline fragments", "deep"],
)
def test_what_takes_long_to_merge_is_refused(lite: Node, query: str) -> None:
    assert "less often" in refused(lite, query)


def test_fragments_may_repeat_what_others_ask_for(lite: Node) -> None:
    assert lite.data(spread(60, "policy { version }")) == {"policy": {"version": 1}}


def test_fragments_that_spread_each_other_are_no_endless_work(lite: Node) -> None:
    names = [f"F{n}" for n in range(18)]
    inside = " ".join(f"... on Query {{ policy {{ ...{name} }} }}" for name in names)
    query = "{ ...F0 }" + "".join(f" fragment {name} on Query {{ {inside} }}" for name in names)
    answer = lite.post(query).json()
    assert {error["extensions"]["code"] for error in answer["errors"]} <= {
        "BAD_DOCUMENT",
        "LIMIT_EXCEEDED",
    }


def test_a_long_document_is_not_read(lite: Node) -> None:
    assert "200,000" in refused(lite, "{ policy { version } } #" + "x" * 200_000)


@pytest.mark.parametrize("digits", [4_301, 50_000])
def test_a_number_of_many_digits_is_no_fault_of_ours(lite: Node, digits: int) -> None:
    query = f"{{ sanctions(first: {'9' * digits}) {{ totalCount }} }}"
    [error] = lite.post(query).json()["errors"]
    assert error["extensions"] == {"code": "BAD_DOCUMENT"}
    assert "9" not in error["message"]


def test_variables_are_counted_before_they_are_coerced(lite: Node, team: Team) -> None:
    before = lite.records()

    def message(sanctions: object) -> str:
        body = {"input": {"sanctions": sanctions}}
        headers = lite.headers(team.issuer)
        request = {"query": OPERATIONS, "operationName": "IssueSanctions", "variables": body}
        answer = lite.client.post("/graphql", json=request, headers=headers).json()
        [error] = answer["errors"]
        assert error["extensions"] == {"code": "LIMIT_EXCEEDED"}
        return str(error["message"])

    assert "got 50,000" in message([{}] * 50_000)
    assert "60,000 values" in message([[0] * 1_000] * 100)
    assert "60,000 values" in message([{"keywords": {str(n): n for n in range(60_001)}}])
    assert lite.records() == before


def test_a_large_body_waits_where_the_last_one_came_to_nothing(lite: Node, team: Team) -> None:
    too_many = {"sanctions": [lite.body() for _ in range(1_001)]}
    headers = {**lite.headers(team.issuer), "Content-Type": "application/json"}
    began = time.monotonic()
    lite.run("IssueSanctions", team.issuer, input=too_many)
    broken = lite.client.post("/graphql", content=b"{" * LARGE, headers=headers)
    assert (broken.status_code, broken.json()["errors"][0]["message"]) == (
        400,
        "expected a body of JSON",
    )
    assert time.monotonic() - began >= PAUSE
    done = lite.do("IssueSanctions", team.issuer, sanctions=too_many["sanctions"][1:])
    assert done["issuedCount"] + done["refusedCount"] == 1_000
    assert time.monotonic() - began >= 2 * PAUSE

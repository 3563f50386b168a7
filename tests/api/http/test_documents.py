"""Documents that are broken, too deep, too wide or too long are refused before they cost much."""

import logging
from itertools import cycle, islice
from typing import Any

import pytest
import sqlalchemy as sa
from graphql import build_client_schema, get_introspection_query, print_schema

from api.schema.build import schema
from tests.api.http.outside import ACCOUNT, Node
from tests.builders import Team

NEW, OLD = "application/graphql-response+json", "application/json"


def refused(node: Node, query: str, code: str, name: str | None = None) -> str:
    """Expects the document to be refused, with the status that each media type has for it."""
    answer: dict[str, Any] = {}
    for accept, status in ((NEW, 400), (OLD, 200)):
        response = node.post(query, name=name, accept=accept)
        assert response.status_code == status, response.text
        assert response.headers["content-type"].startswith(accept)
        answer = response.json()
        assert "data" not in answer
        codes = {error["extensions"]["code"] for error in answer["errors"]}
        assert codes == {code}, answer
    message: str = answer["errors"][0]["message"]
    assert len(message) < 500
    return message


def nested(levels: int) -> str:
    """A document as many levels of fields deep."""
    below = islice(cycle(["appeals(first: 2)", "nodes", "sanction"]), levels - 3)
    names = ["sanctions(first: 9)", "nodes", *below]
    return "{ " + " { ".join([*names, "id"]) + " }" * levels


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "SYNTAX_ERROR"),
        ("query {", "SYNTAX_ERROR"),
        ("nonsense", "SYNTAX_ERROR"),
        ('{ policy(a: "\\ud800") { version } }', "SYNTAX_ERROR"),
        ("{ nothing }", "BAD_DOCUMENT"),
        ("{ policy }", "BAD_DOCUMENT"),
        ("{ policy { version } } { policy { version } }", "BAD_DOCUMENT"),
        ("query A { policy { version } } query B { policy { version } }", "BAD_DOCUMENT"),
        ("fragment F on Policy { version }", "BAD_DOCUMENT"),
        ("{ policy { ...F } }", "BAD_DOCUMENT"),
        ("{ policy { ...F } } fragment F on Policy { ...F }", "BAD_DOCUMENT"),
        ("{ policy { ...F } } fragment F on Policy { ...G } fragment G on Policy { ...F }",
         "BAD_DOCUMENT"),
        ("subscription { policy { version } }", "BAD_DOCUMENT"),
        ("{ policy { version @nonsense } }", "BAD_DOCUMENT"),
        ("{ suspensionStatus(subject: 5) { until } }", "BAD_DOCUMENT"),
        ("{ suspensionStatus { until } }", "BAD_DOCUMENT"),
        ("{ sanctions(filter: { measures: [NONSENSE] }) { totalCount } }", "BAD_DOCUMENT"),
        ("{ sanctions(filter: { nonsense: 1 }) { totalCount } }", "BAD_DOCUMENT"),
        ("{ sanctions(first: 99999999999) { totalCount } }", "BAD_DOCUMENT"),
        ('{ sanctions(first: "1") { totalCount } }', "BAD_DOCUMENT"),
        ("query($x: Nonsense) { policy { version } }", "BAD_DOCUMENT"),
        ("query($x: Int!) { sanctions(first: $x) { totalCount } }", "BAD_DOCUMENT"),
        ("{ suspensionStatuses(subjects: " + "[" * 1_000 + "]" * 1_000 + ") { until } }",
         "SYNTAX_ERROR"),
        ("{ a " * 1_900, "SYNTAX_ERROR"),
        ("{ a " * 3_000, "LIMIT_EXCEEDED"),
        ("{ policy { " + "... { " * 500 + "version" + " }" * 500 + " } }", "SYNTAX_ERROR"),
    ],
)  # fmt: skip
def test_bad_documents_are_refused(lite: Node, query: str, code: str) -> None:
    refused(lite, query, code)


def test_a_name_has_to_be_of_an_operation(lite: Node) -> None:
    query = "query A { policy { version } } query B { policy { longestSuspensionSeconds } }"
    answer = lite.post(query, name="B").json()
    assert answer["data"] == {"policy": {"longestSuspensionSeconds": 180 * 86_400}}
    refused(lite, query, "BAD_DOCUMENT", name="C")


def test_documents_too_deep_are_refused(node: Node, team: Team) -> None:
    node.under_review(team, node.issue(team.issuer)["sanction"])
    deepest = nested(12)
    assert node.answer(deepest)["data"] is not None
    assert "12" in refused(node, nested(14), "LIMIT_EXCEEDED")
    hidden = nested(14).replace("nodes {", "nodes { ... on Sanction {", 1) + " }"
    refused(node, hidden, "LIMIT_EXCEEDED")
    spread = """query { sanctions { nodes { ...A } } }
      fragment A on Sanction { appeals { nodes { sanction { ...B } } } }
      fragment B on Sanction { appeals { nodes { sanction { ...C } } } }
      fragment C on Sanction { appeals { nodes { sanction { ...D } } } }
      fragment D on Sanction { platform { id } }"""
    refused(node, spread, "LIMIT_EXCEEDED")


def test_documents_with_too_many_aliases_are_refused(lite: Node) -> None:
    def aliased(number: int) -> str:
        return "{" + " ".join(f"a{n}: policy {{ version }}" for n in range(number)) + "}"

    assert len(lite.data(aliased(60))) == 60
    assert "60" in refused(lite, aliased(61), "LIMIT_EXCEEDED")
    # Each fragment spreads the one before twice: 2^20 aliases in 1 kB.
    bomb = "{ policy { ...F20 } } fragment F0 on Policy { a: version }" + "".join(
        f" fragment F{n} on Policy {{ ...F{n - 1} ...F{n - 1} }}" for n in range(1, 21)
    )
    refused(lite, bomb, "LIMIT_EXCEEDED")


def test_documents_with_too_many_tokens_are_refused(lite: Node) -> None:
    assert lite.data("{ policy { " + "version " * 500 + "} }") == {"policy": {"version": 1}}
    refused(lite, "{ policy { " + "version " * 4_000 + "} }", "LIMIT_EXCEEDED")
    refused(lite, "{ policy ] # tokens. Parsing aborted.", "SYNTAX_ERROR")


@pytest.mark.parametrize(
    "variables",
    [
        {"subject": None},
        {"subject": 5},
        {"subject": True},
        {"subject": ["acct:a@b.example"]},
        {"subject": {"uri": "acct:a@b.example"}},
        {},
        {"subject": "acct:a@b.example", "at": 1_772_712_000},
        {"subject": "acct:a@b.example", "subjectKind": "PERSON"},
        {"subject": "acct:a@b.example", "subjectKind": 1},
    ],
)
def test_variables_of_the_wrong_type_are_a_bad_document(
    lite: Node, team: Team, variables: dict[str, object]
) -> None:
    answer = lite.run("SuspensionStatus", team.reader, **variables)
    assert "data" not in answer
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_DOCUMENT"}


def test_the_schema_can_be_introspected(lite: Node) -> None:
    result = lite.data(get_introspection_query(specified_by_url=True))
    assert print_schema(build_client_schema(result)) == print_schema(schema())  # type: ignore[arg-type]
    both = "{ __typename __schema { queryType { name } } policy { version } }"
    assert lite.data(both) == {
        "__typename": "Query",
        "__schema": {"queryType": {"name": "Query"}},
        "policy": {"version": 1},
    }


def test_a_fault_of_ours_shows_nothing_of_our_insides(
    node: Node, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "comity")
    issued = node.issue(team.issuer, subject=ACCOUNT, reason="A private reason")
    token = node.headers(team.issuer)["Authorization"].removeprefix("Bearer ")
    with node.world.database.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE appeal_messages"))
    read = node.post(
        "query($i: ID!) { sanction(id: $i) { reason appeals { nodes { messages { text } } } } }",
        {"i": issued["sanction"]["id"]},
        team.issuer,
    )
    filing = {"sanctionId": issued["sanction"]["id"], "appealSecret": issued["appealSecret"]}
    write = node.post(
        "mutation($i: FileAppealInput!) { fileAppeal(input: $i) { __typename } }",
        {"i": {**filing, "grounds": "A private ground"}},
    )
    for answer in (read, write):
        [error] = answer.json()["errors"]
        named = answer.headers["x-request-id"]
        assert error["extensions"] == {"code": "INTERNAL", "requestId": named}
        assert error["message"] == "something went wrong on our side"
    logged = caplog.text
    assert "unexpected" in logged
    for shown in (read.text, write.text, logged):
        for private in (
            ACCOUNT,
            "private",
            token,
            issued["appealSecret"],
            "appeal_messages",
            "SELECT",
            "INSERT",
            "no such table",
            "Traceback",
            "/governance/",
        ):
            assert private not in shown

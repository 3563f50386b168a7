"""A change whose answer can't be read is refused before it is made."""

import pytest

from tests.api.http.outside import Node
from tests.builders import Team

ISSUE = """mutation ($input: IssueSanctionInput!) {
  issueSanction(input: $input) { ... on SanctionIssued { sanction { id PART } } }
}"""
BATCH = """mutation ($input: IssueSanctionsInput!) {
  issueSanctions(input: $input) { results { ... on SanctionIssued { sanction { id PART } } } }
}"""
UNREADABLE = [
    "appeals(first: 2000) { nodes { id } }",
    "appeals(last: -1) { nodes { id } }",
    'appeals(after: "junk") { nodes { id } }',
    "appeals(first: 1, last: 1) { nodes { id } }",
]


@pytest.mark.parametrize("part", UNREADABLE)
def test_what_cannot_be_answered_is_not_written(node: Node, team: Team, part: str) -> None:
    before = node.records()
    for document, given in (
        (ISSUE, node.body()),
        (BATCH, {"sanctions": [node.body(), node.body()]}),
    ):
        query = document.replace("PART", part)
        answer = node.answer(query, {"input": given}, team.issuer)
        assert [e["extensions"]["code"] for e in answer["errors"]] == ["INVALID_INPUT"]
        assert node.records() == before


def test_a_payload_too_deep_for_the_engine_is_refused_before_the_write(
    lite: Node, team: Team
) -> None:
    part = "id"
    for _ in range(8):
        part = f"supersedes {{ {part} }} id measure subject reason facts"
    before = lite.records()
    answer = lite.answer(ISSUE.replace("PART", part), {"input": lite.body()}, team.issuer)
    if "errors" in answer:  # an SQLite before 3.46
        assert [e["extensions"]["code"] for e in answer["errors"]] == ["LIMIT_EXCEEDED"]
        assert lite.records() == before

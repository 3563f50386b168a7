"""Signing over HTTP: keys that everyone sees, entries that name them, previews to sign from."""

from typing import Any

import pytest

from governance.fields import print_instant
from tests.api.http.conftest import Lines
from tests.api.http.outside import Node
from tests.builders import DAY, HOUR, NOW, Team
from tests.signing import Fields, key_of, public, registration, signed

PRIVATE, OTHER = key_of("ours"), key_of("another")
REGISTER = """mutation($input: RegisterKeyInput!) { registerKey(input: $input) { __typename
  ... on KeyChanged { signingKey { key registeredAt retiredAt } }
  ... on Refusal { code message path } } }"""
RETIRE = """mutation($input: RetireKeyInput!) { retireKey(input: $input) { __typename
  ... on KeyChanged { signingKey { key registeredAt retiredAt } }
  ... on Refusal { code message path } } }"""
LISTED = """query($first: Int, $after: String) { platform(domain: "mod.example") {
  signingKeys(first: $first, after: $after) { totalCount nodes { key registeredAt retiredAt }
    pageInfo { hasNextPage endCursor } } } }"""
ISSUE = """mutation($input: IssueSanctionInput!) { issueSanction(input: $input) { __typename
  ... on SanctionIssued { sanction { id logEntry { signedBy } } logEntry { data signedBy } }
  ... on Refusal { code message path } } }"""
ADOPT = ISSUE.replace("IssueSanctionInput", "AdoptSanctionInput").replace(
    "issueSanction(", "adoptSanction("
)
SOURCE = """query($id: ID!) { sanction(id: $id) { subject aliases subjectKind ground
  groundReference policyReference { rule version url } category keywords conductFrom conductTo
  isAutomatedDetection contentType contentDate contentLanguage territorialScope audience
  expiresAt } }"""
PREVIEW = """query($input: IssueSanctionInput!) { previewSanction(input: $input) {
  isAccepted decision refusal { code path } } }"""
BATCH = """mutation($input: IssueSanctionsInput!) { issueSanctions(input: $input) {
  issuedCount refusedCount results { __typename ... on SanctionIssued { logEntry { signedBy } }
  ... on Refusal { code path } } } }"""


@pytest.fixture
def team(node: Node) -> Team:
    """Return a platform that registered a key."""
    team = node.world.team("mod.example")
    node.world.register_key(team, PRIVATE)
    return team


def sent(node: Node, private: Any = PRIVATE, **changes: Any) -> tuple[Fields, bytes]:
    """A signed input of mod.example, and what was signed."""
    return signed(node.body(subjectKind="ACCOUNT", **changes), "mod.example", private, NOW)


def keys(node: Node, **paging: Any) -> Any:
    return node.data(LISTED, paging)["platform"]["signingKeys"]


def test_everyone_sees_a_platforms_keys_and_their_times(node: Node, team: Team) -> None:
    node.clock.forward(DAY)
    given = registration(OTHER, "mod.example", public(PRIVATE))
    found = node.data(REGISTER, {"input": given}, team.admin)["registerKey"]
    then, now = print_instant(NOW), node.at()
    new = {"key": public(OTHER), "registeredAt": now, "retiredAt": None}
    old = {"key": public(PRIVATE), "registeredAt": then, "retiredAt": now}
    assert found == {"__typename": "KeyChanged", "signingKey": new}
    assert keys(node)["nodes"] == [old, new]
    page = keys(node, first=1)
    assert (page["totalCount"], page["nodes"]) == (2, [old])
    assert keys(node, after=page["pageInfo"]["endCursor"])["nodes"] == [new]
    node.clock.forward(HOUR)
    gone = node.data(RETIRE, {"input": {"key": public(OTHER)}}, team.admin)["retireKey"]
    assert gone["signingKey"] == new | {"retiredAt": node.at()}


def test_a_key_without_its_proof_is_refused(node: Node, team: Team) -> None:
    before = node.records()
    given = registration(OTHER, "b.example")
    found = node.data(REGISTER, {"input": given}, team.admin)["registerKey"]
    assert (found["code"], found["path"]) == ("SIGNATURE_INVALID", ["input", "signature"])
    assert "mod.example" in found["message"]
    assert node.records() == before


def test_an_entry_says_by_which_key_it_is_signed(node: Node, team: Team) -> None:
    body, data = sent(node)
    found = node.data(ISSUE, {"input": body}, team.issuer)["issueSanction"]
    assert found["logEntry"]["signedBy"] == public(PRIVATE)
    assert found["sanction"]["logEntry"]["signedBy"] == public(PRIVATE)
    assert found["logEntry"]["data"].startswith('{"decision":' + data.decode())
    again = node.data(ISSUE, {"input": body}, team.issuer)["issueSanction"]
    assert again == found
    plain = node.data(ISSUE, {"input": node.body()}, team.issuer)["issueSanction"]
    assert plain["logEntry"]["signedBy"] is None


def test_an_adoption_is_signed_with_all_that_it_takes_over(node: Node, team: Team) -> None:
    other = node.world.team("other.example")
    source_id = node.world.issue(
        other.issuer,
        aliases=["https://elsewhere.example/users/alice"],
        policy_reference={"rule": "R3", "version": None, "url": None},
    )
    source = node.data(SOURCE, {"id": source_id}, team.issuer)["sanction"]
    assert source["aliases"] == ["https://elsewhere.example/users/alice"]
    given = {
        **{"sanctionId": source_id, "issuerReference": "copy-1", "measure": "ACCOUNT_SUSPENDED"},
        **{"expiresAt": source["expiresAt"], "reason": "As they say", "ownGrounds": "We saw it"},
    }
    body, data = signed(given, "mod.example", PRIVATE, NOW, source)
    found = node.data(ADOPT, {"input": body}, team.issuer)["adoptSanction"]
    assert found["logEntry"]["signedBy"] == public(PRIVATE)
    assert found["logEntry"]["data"].startswith('{"decision":' + data.decode())
    assert node.data(ADOPT, {"input": body}, team.issuer)["adoptSanction"] == found
    assert node.data(SOURCE, {"id": source_id})["sanction"]["aliases"] is None


def test_an_adoption_with_a_bad_signature_leaves_nothing(node: Node, team: Team) -> None:
    source_id = node.world.issue(node.world.team("other.example").issuer)
    source = node.data(SOURCE, {"id": source_id}, team.issuer)["sanction"]
    given = {
        **{"sanctionId": source_id, "issuerReference": "copy-1", "measure": "ACCOUNT_SUSPENDED"},
        **{"expiresAt": source["expiresAt"], "reason": "As they say"},
    }
    body, _ = signed(given, "mod.example", PRIVATE, NOW, source | {"ground": "ILLEGAL_CONTENT"})
    before = node.records()
    refused = node.data(ADOPT, {"input": body}, team.issuer)["adoptSanction"]
    assert (refused["code"], refused["path"]) == (
        "SIGNATURE_INVALID",
        ["input", "signature", "value"],
    )
    assert node.records() == before


def test_an_outside_decision_is_signed_too(node: Node, team: Team) -> None:
    body, _ = sent(node)
    document = ISSUE.replace("issueSanction(", "recordOutsideDecision(")
    found = node.data(document, {"input": body}, team.issuer)["recordOutsideDecision"]
    assert (found["code"], found["path"]) == ("SIGNATURE_INVALID", ["input", "signature", "value"])


def test_a_bad_signature_in_a_batch_refuses_its_own_item(node: Node, team: Team) -> None:
    good, bad = sent(node)[0], sent(node, OTHER)[0]
    late = sent(node)[0]
    late["signature"]["issuedAt"] = node.at(HOUR)
    items = {"sanctions": [good, bad, late, node.body()]}
    found = node.data(BATCH, {"input": items}, team.issuer)["issueSanctions"]
    assert (found["issuedCount"], found["refusedCount"]) == (2, 2)
    first, *refused, last = found["results"]
    assert first["logEntry"]["signedBy"] == public(PRIVATE)
    assert [(one["code"], one["path"]) for one in refused] == [
        ("SIGNATURE_INVALID", ["input", "sanctions", "1", "signature", "key"]),
        ("INVALID_INPUT", ["input", "sanctions", "2", "signature", "issuedAt"]),
    ]
    assert last["logEntry"]["signedBy"] is None


def test_a_preview_answers_what_is_to_be_signed(node: Node, team: Team) -> None:
    before = node.records()
    body, data = sent(node)
    whole = {"isAccepted": True, "decision": data.decode(), "refusal": None}
    unsigned = {k: v for k, v in body["signature"].items() if k != "value"}
    for signature in (unsigned, body["signature"]):
        given = {"input": body | {"signature": signature}}
        assert node.data(PREVIEW, given, team.issuer)["previewSanction"] == whole
    plain = node.data(PREVIEW, {"input": node.body()}, team.issuer)["previewSanction"]
    assert (plain["isAccepted"], plain["decision"]) == (True, None)
    assert node.records() == before


@pytest.mark.parametrize("name", ["key", "value", "issuedAt"])
def test_a_preview_refuses_what_issuing_refuses(node: Node, team: Team, name: str) -> None:
    wrong = {"key": public(OTHER), "value": "A" * 86 + "==", "issuedAt": node.at(HOUR)}
    body, _ = sent(node)
    body["signature"][name] = wrong[name]
    found = node.data(PREVIEW, {"input": body}, team.issuer)["previewSanction"]
    refused = node.data(ISSUE, {"input": body}, team.issuer)["issueSanction"]
    assert found["refusal"] == {"code": refused["code"], "path": refused["path"]}
    assert found["refusal"]["path"] == ["input", "signature", name]
    assert (found["isAccepted"], found["decision"]) == (False, None)


def test_no_seed_is_told_or_logged(node: Node, team: Team, lines: Lines) -> None:
    bodies = [sent(node)[0], sent(node, OTHER)[0], sent(node)[0]]
    bodies[2]["signature"]["value"] = "A" * 86 + "=="
    said = str([node.answer(ISSUE, {"input": body}, team.issuer) for body in bodies])
    said += str([node.answer(PREVIEW, {"input": body}, team.issuer) for body in bodies])
    assert lines.of("request")
    said += lines.text
    assert [body["signature"]["seed"] in said for body in bodies] == [False] * 3


def test_a_key_is_found_by_its_id(node: Node, team: Team) -> None:
    asked = '{ platform(domain: "mod.example") { signingKeys { nodes { id key } } } }'
    [held] = node.data(asked)["platform"]["signingKeys"]["nodes"]
    by_id = "query ($i: ID!) { node(id: $i) { __typename id ... on SigningKey { key } } }"
    assert node.data(by_id, {"i": held["id"]})["node"] == {"__typename": "SigningKey", **held}

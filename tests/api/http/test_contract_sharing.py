"""The contract's documents of sharing are valid, and adoption and correction do what they say."""

from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, print_ast, validate

from api.schema.build import schema
from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, HOUR, MICRO, Team

SHARING = (Path(__file__).parents[2] / "contract" / "sharing.graphql").read_text()
OPERATIONS = {
    operation.name.value: operation
    for operation in parse(SHARING).definitions
    if isinstance(operation, OperationDefinitionNode) and operation.name is not None
}
# What the schema has no field for yet: nothing.
NOT_OFFERED = set[str]()


@pytest.fixture
def third(node: Node) -> Team:
    """Return one more platform of the node."""
    return node.world.team("third.example")


def ask(node: Node, name: str, by: Any = None, **variables: object) -> Any:
    """The one root field of an operation of the contract, without errors."""
    [value] = node.data(print_ast(OPERATIONS[name]), variables, by).values()
    return value


def do(node: Node, name: str, by: Any, **fields: object) -> Any:
    return ask(node, name, by, input=fields)


def adopt(node: Node, by: Any, sanction: dict[str, Any], **changes: object) -> Any:
    given = {
        "sanctionId": sanction["id"],
        "issuerReference": node.body()["issuerReference"],
        "measure": "ACCOUNT_SUSPENDED",
        "expiresAt": sanction["expiresAt"],
        "reason": "Another platform suspended you",
        "ownGrounds": None,
    }
    return do(node, "AdoptSanction", by, **given | changes)


def test_every_operation_offered_is_valid_against_the_schema() -> None:
    document = parse(SHARING)
    found = {
        name
        for name, operation in OPERATIONS.items()
        if validate(schema(), type(document)(definitions=(operation,)))
    }
    assert found <= NOT_OFFERED
    assert len(OPERATIONS) == 9


def test_an_adoption_names_its_source_and_is_no_independent_decision(
    node: Node, team: Team, partner: Team
) -> None:
    source = node.issue(team.issuer, subject=ACCOUNT)["sanction"]
    adopted = adopt(node, partner.issuer, source)
    assert adopted == {
        "__typename": "SanctionIssued",
        "sanction": {
            "id": adopted["sanction"]["id"],
            "isIndependent": False,
            "derivedFrom": {"id": source["id"], "platform": {"domain": "mod.example"}},
            "expiresAt": source["expiresAt"],
        },
        "logEntry": {"index": adopted["logEntry"]["index"]},
    }
    status = node.ask("SuspensionStatus", team.reader, subject=ACCOUNT)
    assert {s["platform"]["domain"]: s["isIndependent"] for s in status["sanctions"]} == {
        "mod.example": True,
        "partner.example": False,
    }


def test_an_adoption_on_own_grounds_is_independent_and_they_are_private(
    node: Node, team: Team, partner: Team, third: Team
) -> None:
    source = node.issue(team.issuer, subject=ACCOUNT)["sanction"]
    adopted = adopt(node, partner.issuer, source, ownGrounds="We saw it")["sanction"]
    assert adopted["isIndependent"] is True
    asked = "query($id: ID!) { sanction(id: $id) { ownGrounds } }"
    for by, told in ((partner.reader, "We saw it"), (third.reader, "We saw it"), (None, None)):
        found = node.data(asked, {"id": adopted["id"]}, by)["sanction"]
        assert found == {"ownGrounds": told}


def test_a_longer_end_or_no_such_sanction_is_refused_with_its_path(
    node: Node, team: Team, partner: Team
) -> None:
    source = node.issue(team.issuer)["sanction"]
    before = node.records()
    later = adopt(node, partner.issuer, source, expiresAt=node.at(7 * DAY + MICRO))
    assert (later["code"], later["path"]) == ("TOO_LONG", ["input", "expiresAt"])
    own = adopt(node, team.issuer, source)
    assert (own["code"], own["path"]) == ("NOT_FOUND", ["input", "sanctionId"])
    assert node.records() == before


def test_a_sanction_is_answered_and_the_reason_is_for_the_two_platforms(
    node: Node, team: Team, partner: Team, third: Team
) -> None:
    source = node.issue(team.issuer)["sanction"]
    given = {"sanctionId": source["id"], "answer": "DISPUTED"}
    missing = do(node, "AnswerSanction", partner.reviewer, **given)
    assert (missing["code"], missing["path"]) == ("INVALID_INPUT", ["input", "reason"])
    said = do(node, "AnswerSanction", partner.reviewer, **given, reason="It was satire")
    assert said == {
        "__typename": "ReceiptRecorded",
        "receipt": {"state": "DISPUTED", "at": node.at(), "reason": "It was satire"},
    }
    asked = "query($id: ID!) { sanction(id: $id) { receipts { nodes { state reason } } } }"
    readers = {None: None, partner.reader: "It was satire", team.reader: "It was satire"}
    for by, reason in {**readers, third.reader: None, team.researcher: None}.items():
        told = node.data(asked, {"id": source["id"]}, by)["sanction"]["receipts"]["nodes"]
        assert told == [{"state": "DISPUTED", "reason": reason}]


def test_propagation_shows_everybody_who_took_it_over_and_what_became_of_it(
    node: Node, team: Team, partner: Team, third: Team
) -> None:
    issued = node.issue(team.issuer, subject=ACCOUNT)
    source = issued["sanction"]
    echo = adopt(node, partner.issuer, source)["sanction"]
    node.clock.forward(HOUR)
    kept = adopt(node, third.issuer, source, ownGrounds="We saw it")["sanction"]
    node.clock.forward(HOUR)
    overturned = node.at()
    node.do("OverturnSanction", team.reviewer, sanctionId=source["id"], reason="Wrong")

    def told(by: Any = None) -> Any:
        found = ask(node, "Propagation", by, id=source["id"])
        found["receipts"]["nodes"].sort(key=lambda one: one["platform"]["domain"])
        return found

    copies = [(echo, "ENDED", "partner.example"), (kept, "IN_FORCE", "third.example")]
    receipts = [("partner.example", "REMEDIED", None), ("third.example", "DUE", node.at(3 * DAY))]
    assert told() == {
        "derivedFrom": None,
        "adoptions": {
            "nodes": [
                {"id": copy["id"], "effect": effect, "expiresAt": source["expiresAt"]}
                | {"platform": {"domain": domain}}
                for copy, effect, domain in copies
            ]
        },
        "receipts": {
            "nodes": [
                {"platform": {"domain": domain}, "state": state, "at": overturned}
                | {"dueAt": due, "isOverdue": False}
                for domain, state, due in receipts
            ]
        },
    }
    assert told(team.researcher) == told(third.reader) == told()
    node.clock.forward(3 * DAY - MICRO)
    assert [r["isOverdue"] for r in told()["receipts"]["nodes"]] == [False, False]
    node.clock.forward(MICRO)
    late = {r["platform"]["domain"]: r["isOverdue"] for r in told()["receipts"]["nodes"]}
    assert late == {"partner.example": False, "third.example": True}
    view = node.data(
        """query($id: ID!, $secret: String!) { appellantView(sanctionId: $id, appealSecret: $secret)
        { sanction { receipts { nodes { state isOverdue platform { domain } } } } } }""",
        {"id": source["id"], "secret": issued["appealSecret"]},
    )["appellantView"]
    shown = view["sanction"]["receipts"]["nodes"]
    assert {r["platform"]["domain"]: r["isOverdue"] for r in shown} == late
    said = do(node, "RecordRemedy", third.issuer, sanctionId=kept["id"], remedy="REMEDIED")
    assert said["receipt"] == {"state": "REMEDIED", "at": node.at(), "reason": None}
    assert [a["effect"] for a in told()["adoptions"]["nodes"]] == ["ENDED", "ENDED"]


def test_a_copy_is_kept_by_naming_what_replaces_it(node: Node, team: Team, partner: Team) -> None:
    source = node.issue(team.issuer, subject=ACCOUNT)["sanction"]
    copy = adopt(node, partner.issuer, source, ownGrounds="We saw it")["sanction"]
    given = {"sanctionId": copy["id"], "remedy": "KEPT_ON_OWN_GROUNDS"}
    early = do(node, "RecordRemedy", partner.issuer, sanctionId=copy["id"], remedy="REMEDIED")
    assert (early["code"], early["path"]) == ("CONFLICT", ["input", "remedy"])
    node.do("OverturnSanction", team.reviewer, sanctionId=source["id"], reason="Wrong")
    missing = do(node, "RecordRemedy", partner.issuer, **given)
    assert (missing["code"], missing["path"]) == ("INVALID_INPUT", ["input", "replacementId"])
    own = node.issue(partner.issuer, subject=ACCOUNT, supersedes=copy["id"])["sanction"]
    said = do(node, "RecordRemedy", partner.issuer, **given, replacementId=own["id"])
    assert said["receipt"]["state"] == "KEPT_ON_OWN_GROUNDS"


def test_the_feed_tells_adopters_what_is_due(node: Node, team: Team, partner: Team) -> None:
    source = node.issue(team.issuer, subject=ACCOUNT)["sanction"]
    adopt(node, partner.issuer, source, ownGrounds="We saw it")
    node.do("LiftSanction", team.issuer, sanctionId=source["id"], reason="Clemency")
    due = node.data(
        """{ eventPage(filter: { types: [RECEIPT_DUE], platform: "partner.example" }) { nodes {
        type subject platform { domain } sanction { id }
        receipt { state dueAt adoption { id } platform { domain } } } } }""",
        by=partner.reader,
    )["eventPage"]["nodes"]
    [event] = due
    assert event["subject"] == ACCOUNT
    assert event["sanction"] == {"id": source["id"]}
    assert (event["receipt"]["state"], event["receipt"]["dueAt"]) == ("DUE", node.at(3 * DAY))
    assert event["platform"] == event["receipt"]["platform"] == {"domain": "partner.example"}


def test_what_was_known_of_receipts_at_an_instant_is_told_as_it_was(
    node: Node, team: Team, partner: Team
) -> None:
    source = node.issue(team.issuer, subject=ACCOUNT)["sanction"]
    adopt(node, partner.issuer, source)
    node.clock.forward(HOUR)
    node.do("OverturnSanction", team.reviewer, sanctionId=source["id"], reason="Wrong")
    asked = """query($subject: URI!, $at: DateTime) { suspensionStatus(subject: $subject, at: $at) {
      sanctions { id receipts { nodes { state at } } adoptions { nodes { effect } } } } }"""
    then = node.data(asked, {"subject": ACCOUNT, "at": node.at(-MICRO)}, team.reader)
    found = {one["id"]: one for one in then["suspensionStatus"]["sanctions"]}[source["id"]]
    assert found["receipts"]["nodes"] == [{"state": "ADOPTED", "at": node.at(-HOUR)}]
    assert found["adoptions"]["nodes"] == [{"effect": "IN_FORCE"}]


def test_whoever_is_late_is_listed(node: Node, team: Team, partner: Team, third: Team) -> None:
    source = node.issue(team.issuer)["sanction"]
    adopt(node, partner.issuer, source, ownGrounds="We saw it")
    adopt(node, third.issuer, source)
    node.clock.forward(HOUR)
    node.do("OverturnSanction", team.reviewer, sanctionId=source["id"], reason="Wrong")
    asked = """query($filter: ReceiptFilter) { receipts(filter: $filter, first: 10) {
      totalCount nodes { state platform { domain } sanction { id } } } }"""

    def found(**wanted: object) -> list[str]:
        nodes = node.data(asked, {"filter": wanted})["receipts"]["nodes"]
        assert {one["sanction"]["id"] for one in nodes} <= {source["id"]}
        return sorted(one["platform"]["domain"] for one in nodes)

    node.clock.forward(3 * DAY - MICRO)
    assert found(isOverdue=True) == []
    node.clock.forward(MICRO)
    assert found(isOverdue=True) == ["partner.example"]
    assert found(isOverdue=False) == found(states=["REMEDIED"]) == ["third.example"]
    assert found() == ["partner.example", "third.example"]
    assert found(platform="third.example", isOverdue=True) == []


def test_a_receipt_is_found_by_its_id(node: Node, team: Team, partner: Team) -> None:
    source = node.issue(team.issuer)["sanction"]
    do(node, "AnswerSanction", partner.issuer, sanctionId=source["id"], answer="NOTED")
    asked = "query($id: ID!) { sanction(id: $id) { receipts { nodes { id } } } }"
    nodes = node.data(asked, {"id": source["id"]})["sanction"]["receipts"]["nodes"]
    [ident] = [one["id"] for one in nodes]
    asked = "query($id: ID!) { node(id: $id) { __typename ... on Receipt { id sanction { id } } } }"
    found = node.data(asked, {"id": ident})["node"]
    assert found == {"__typename": "Receipt", "id": ident, "sanction": {"id": source["id"]}}

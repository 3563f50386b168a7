"""Who may change what, and that it is done. What is refused to whom: test_matrix.py."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from governance.membership import Actor
from governance.words import Role
from tests.api.http.outside import ACCOUNT, Node
from tests.builders import Team

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A mutation, the roles that reach it, and its input."""

    operation: str
    roles: frozenset[Role]
    prepared: Callable[[Node, Team], Fields]


def sanction(node: Node, team: Team) -> Fields:
    return {"sanctionId": node.issue(team.issuer, subject=ACCOUNT)["sanction"]["id"]}


def pending(node: Node, team: Team) -> Fields:
    return {"sanctionId": node.terminate(team.issuer)["sanction"]["id"]}


def appeal(node: Node, team: Team) -> Fields:
    return {"appealId": node.under_review(team, node.issue(team.issuer)["sanction"])}


def filed(node: Node, team: Team) -> Fields:
    fields = sanction(node, team)
    done = node.do("FileAppeal", team.admin, **fields, grounds="Not me")
    return {"appealId": done["appeal"]["id"], "move": "ADMIT"}


ISSUER, REVIEWER, ADMIN = Role.ISSUER, Role.REVIEWER, Role.ADMIN
REASON = {"reason": "Because"}
CASES = [
    Case("IssueSanction", frozenset({ISSUER}), lambda n, t: n.body()),
    Case("RecordOutsideDecision", frozenset({ISSUER}), lambda n, t: n.body(expiresAt=None)),
    Case("ApproveSanction", frozenset({ISSUER, REVIEWER}), pending),
    Case(
        "ShortenSanction",
        frozenset({ISSUER}),
        lambda n, t: {**sanction(n, t), **REASON, "expiresAt": "2026-03-02T12:00:00Z"},
    ),
    Case(
        "LiftSanction",
        frozenset({ISSUER}),
        lambda n, t: {**sanction(n, t), **REASON},
    ),
    Case(
        "VoidSanction",
        frozenset({ISSUER}),
        lambda n, t: {**sanction(n, t), **REASON, "code": "TEST"},
    ),
    Case(
        "OverturnSanction",
        frozenset({ISSUER, REVIEWER}),
        lambda n, t: {**sanction(n, t), **REASON},
    ),
    Case(
        "FileAppeal",
        frozenset({ISSUER, REVIEWER, ADMIN}),
        lambda n, t: {**sanction(n, t), "grounds": "Not me"},
    ),
    Case("MoveAppeal", frozenset({REVIEWER}), filed),
    Case(
        "InviteReviewer",
        frozenset({REVIEWER, ADMIN}),
        lambda n, t: {**appeal(n, t), "platform": "partner.example"},
    ),
    Case(
        "DecideAppeal",
        frozenset({REVIEWER}),
        lambda n, t: {**appeal(n, t), "outcome": "UPHELD", "statement": "It stands"},
    ),
    Case(
        "EraseSubject",
        frozenset({ADMIN}),
        lambda n, t: {**REASON, "subject": sanction(n, t) and ACCOUNT},
    ),
]
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.operation)


def with_every_role(node: Node, team: Team) -> Actor:
    return node.world.member(team, *Role)


@cases
def test_each_role_that_reaches_it_alone_suffices(node: Node, team: Team, case: Case) -> None:
    node.world.team("partner.example")
    for role in sorted(case.roles):
        member = node.world.member(team, role)
        done = node.do(case.operation, member, **case.prepared(node, team))
        assert done["__typename"] != "Refusal", (role, done)
        node.do("EraseSubject", team.admin, subject=ACCOUNT, **REASON)  # a fresh start
        for held in node.ask("Sanctions", filter={"validities": ["STANDING"]})["edges"]:
            fields = {"sanctionId": held["node"]["id"], **REASON}
            node.do("OverturnSanction", team.issuer, **fields)


def test_erasing_reaches_the_own_records_alone(node: Node, team: Team, partner: Team) -> None:
    fields = sanction(node, team)
    erased = node.do("EraseSubject", partner.admin, subject=ACCOUNT, **REASON)
    assert erased["erasedCount"] == 0
    found = node.data(
        "query($i: ID!) { sanction(id: $i) { subject } }", {"i": fields["sanctionId"]}, team.reader
    )
    assert found == {"sanction": {"subject": ACCOUNT}}


def test_a_services_own_word_is_no_approval_and_no_review(node: Node, team: Team) -> None:
    fields = pending(node, team)
    assert node.do("ApproveSanction", team.bot, **fields)["code"] == "FORBIDDEN"
    decided = {**appeal(node, team), "outcome": "UPHELD", "statement": "It stands"}
    assert node.do("DecideAppeal", team.bot, **decided)["code"] == "FORBIDDEN"
    unmarked = node.do("IssueSanction", team.bot, **node.body())
    assert (unmarked["code"], unmarked["path"]) == (
        "AUTOMATION_NOT_MARKED",
        ["input", "automation"],
    )
    assert node.issue(team.bot, automation="FULLY")["sanction"]["automation"] == "FULLY"


@pytest.mark.parametrize("part", ["issuer", "approver"])
def test_nobody_reviews_what_they_decided(node: Node, team: Team, part: str) -> None:
    everything = with_every_role(node, team)
    issuer = everything if part == "issuer" else team.issuer
    approver = everything if part == "approver" else team.issuer_2
    ident = node.terminate(issuer)["sanction"]["id"]
    if part == "issuer":
        own = node.do("ApproveSanction", issuer, sanctionId=ident)
        assert own["code"] == "DUTIES_NOT_SEPARATE"
    node.do("ApproveSanction", approver, sanctionId=ident)
    appeal_id = node.under_review(team, {"id": ident})
    before = node.records()
    decision = {"appealId": appeal_id, "outcome": "UPHELD", "statement": "I was right"}
    assert node.do("DecideAppeal", everything, **decision)["code"] == "DUTIES_NOT_SEPARATE"
    assert node.records() == before

"""Who may change what: every mutation, asked for by everybody, and nothing written when refused."""

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
    """A mutation, the roles that reach it, its input, and where the input names a record."""

    operation: str
    roles: frozenset[Role]
    prepared: Callable[[Node, Team], Fields]
    named_by: str | None = None


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
    Case("ApproveSanction", frozenset({ISSUER, REVIEWER}), pending, "sanctionId"),
    Case(
        "ShortenSanction",
        frozenset({ISSUER}),
        lambda n, t: {**sanction(n, t), **REASON, "expiresAt": "2026-03-02T12:00:00Z"},
        "sanctionId",
    ),
    Case(
        "LiftSanction", frozenset({ISSUER}), lambda n, t: {**sanction(n, t), **REASON}, "sanctionId"
    ),
    Case(
        "VoidSanction",
        frozenset({ISSUER}),
        lambda n, t: {**sanction(n, t), **REASON, "code": "TEST"},
        "sanctionId",
    ),
    Case(
        "OverturnSanction",
        frozenset({ISSUER, REVIEWER}),
        lambda n, t: {**sanction(n, t), **REASON},
        "sanctionId",
    ),
    Case(
        "FileAppeal",
        frozenset({ISSUER, REVIEWER, ADMIN}),
        lambda n, t: {**sanction(n, t), "grounds": "Not me"},
        "sanctionId",
    ),
    Case("MoveAppeal", frozenset({REVIEWER}), filed, "appealId"),
    Case(
        "InviteReviewer",
        frozenset({REVIEWER, ADMIN}),
        lambda n, t: {**appeal(n, t), "platform": "partner.example"},
        "appealId",
    ),
    Case(
        "DecideAppeal",
        frozenset({REVIEWER}),
        lambda n, t: {**appeal(n, t), "outcome": "UPHELD", "statement": "It stands"},
        "appealId",
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
def test_roles_that_do_not_reach_it_are_refused_and_write_nothing(
    node: Node, team: Team, case: Case
) -> None:
    fields = case.prepared(node, team)
    others = set(Role) - case.roles
    members = [node.world.member(team, role) for role in sorted(others)]
    members.append(node.world.member(team, *others))
    before = node.records()
    for member in members:
        refused = node.do(case.operation, member, **fields)
        assert (refused["__typename"], refused["code"]) == ("Refusal", "FORBIDDEN"), member.roles
    public = node.run(case.operation, input=fields)
    assert public["data"] is None
    assert public["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert public["errors"][0]["path"] == [case.operation[0].lower() + case.operation[1:]]
    assert node.records() == before


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


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.named_by], ids=lambda case: case.operation
)
def test_absent_and_not_yours_are_answered_alike(
    node: Node, team: Team, partner: Team, case: Case
) -> None:
    assert case.named_by is not None
    fields = case.prepared(node, team)
    ident = fields[case.named_by]
    absent = ident[:4] + "a" * 26
    strangers = [with_every_role(node, partner), partner.reader]
    before = node.records()
    for stranger in strangers:
        theirs = node.do(case.operation, stranger, **fields)
        nowhere = node.do(case.operation, stranger, **{**fields, case.named_by: absent})
        assert theirs == nowhere
    assert node.do(case.operation, strangers[0], **fields)["code"] == "NOT_FOUND"
    assert node.records() == before


def test_a_batch_by_somebody_else_is_refused_item_by_item(node: Node, team: Team) -> None:
    before = node.records()
    bodies = [node.body(), node.body(subject="nonsense")]
    for member in (team.reader, team.reviewer, team.admin, team.researcher):
        done = node.do("IssueSanctions", member, sanctions=bodies)
        assert (done["issuedCount"], done["refusedCount"]) == (0, 2)
        assert [result["code"] for result in done["results"]] == ["FORBIDDEN", "FORBIDDEN"]
    public = node.run("IssueSanctions", input={"sanctions": bodies})
    assert public["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert node.records() == before


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

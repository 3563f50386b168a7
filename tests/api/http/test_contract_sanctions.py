"""The contract's mutations of sanctions do what its comments say."""

import pytest

from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, HOUR, Team

CHANGES: dict[str, dict[str, str]] = {
    "ApproveSanction": {},
    "ShortenSanction": {"expiresAt": "2026-03-02T12:00:00Z", "reason": "Enough"},
    "LiftSanction": {"reason": "Enough"},
    "VoidSanction": {"code": "TEST", "reason": "A test"},
    "OverturnSanction": {"reason": "Wrong"},
}


@pytest.mark.parametrize("operation", CHANGES)
def test_only_the_issuing_platform_changes_a_sanction(
    node: Node, team: Team, partner: Team, operation: str
) -> None:
    sanction = node.terminate(team.issuer)["sanction"]
    before = node.records()
    refused = node.do(operation, partner.issuer, sanctionId=sanction["id"], **CHANGES[operation])
    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["input", "sanctionId"])
    assert node.records() == before


def test_an_issued_sanction_is_answered_with_its_appeal_secret(node: Node, team: Team) -> None:
    body = node.body(
        subject=ACCOUNT,
        caseReference="case 7",
        aliases=["acct:alice2@elsewhere.example"],
        keywords=["COORDINATED_HARM", "OTHER"],
        explanation="Threats against a neighbour",
        facts="Twelve messages",
        policyReference={"rule": "4.2", "version": "3", "url": "https://mod.example/rules#4"},
        contentUri="https://elsewhere.example/@alice/7",
        contentType=["TEXT", "IMAGE"],
        contentDate="2026-02-27T09:30:00+01:00",
        contentLanguage="de-AT",
        territorialScope=["AT", "DE"],
        audience="PARTNERS",
    )
    issued = node.do("IssueSanction", team.issuer, **body)
    assert issued["__typename"] == "SanctionIssued"
    assert len(issued["appealSecret"]) == 64
    assert issued["logEntry"]["index"] > 0
    sanction = issued["sanction"]
    assert sanction["id"].startswith("san_")
    told = ("measure", "ground", "category", "keywords", "explanation", "automation")
    assert {name: sanction[name] for name in told} == {name: body[name] for name in told}
    assert (sanction["effect"], sanction["validity"]) == ("IN_FORCE", "STANDING")
    assert (sanction["issuedAt"], sanction["effectiveAt"]) == (node.at(), node.at())
    assert (sanction["expiresAt"], sanction["endedAt"]) == (node.at(7 * DAY), None)
    alias = node.ask("SuspensionStatus", team.reader, subject="acct:Alice2@elsewhere.example")
    assert alias["isSuspended"] is True


def test_the_appeal_secret_comes_back_on_a_retry_until_it_was_used(node: Node, team: Team) -> None:
    body = node.body()
    first = node.do("IssueSanction", team.issuer, **body)
    node.clock.forward(DAY)
    before = node.records()
    again = node.do("IssueSanction", team.issuer_2, **body)
    assert again == first
    assert node.records() == before

    filed = node.do(
        "FileAppeal",
        sanctionId=first["sanction"]["id"],
        grounds="Not me",
        appealSecret=first["appealSecret"],
    )
    assert filed["__typename"] == "AppealChanged"
    assert node.do("IssueSanction", team.issuer, **body) == {**first, "appealSecret": None}


def test_an_outside_decision_is_recorded_and_never_binds(node: Node, team: Team) -> None:
    body = node.body(subject=ACCOUNT, expiresAt=None)
    recorded = node.do("RecordOutsideDecision", team.issuer, **body)
    assert recorded["__typename"] == "SanctionIssued"
    assert recorded["sanction"]["policyConflicts"] == ["OUTSIDE_DECISION", "END_REQUIRED"]
    assert recorded["sanction"]["effect"] == "IN_FORCE"
    status = node.ask("SuspensionStatus", team.reader, subject=ACCOUNT)
    assert (status["isSuspended"], status["sanctions"]) == (False, [])
    # The same reference for a binding decision is another body.
    refused = node.do("IssueSanction", team.issuer, **body)
    assert refused["code"] == "REFERENCE_REUSED"


def test_a_batch_answers_each_item_in_order_whatever_became_of_the_others(
    node: Node, team: Team
) -> None:
    bad: dict[int, tuple[dict[str, object], str, str]] = {
        3: ({"subject": "alice"}, "INVALID_INPUT", "subject"),
        250: ({"expiresAt": "tomorrow"}, "INVALID_INPUT", "expiresAt"),
        251: ({"effectiveAt": "2026-03-01"}, "INVALID_INPUT", "effectiveAt"),
        500: ({"expiresAt": None}, "END_REQUIRED", "expiresAt"),
        700: ({"measure": "ACCOUNT_TERMINATED"}, "PERMANENCE_NOT_ALLOWED", "permanentBasis"),
        999: ({"keywords": ["PHISHING"]}, "INVALID_INPUT", "keywords"),
    }
    bodies = [node.body(**bad[n][0] if n in bad else {}) for n in range(1_000)]
    bodies[400] = bodies[399]  # the same again
    bodies[600] = {**node.body(), "issuerReference": bodies[599]["issuerReference"]}
    done = node.do("IssueSanctions", team.issuer, sanctions=bodies)
    assert (done["issuedCount"], done["refusedCount"]) == (993, 7)
    results = done["results"]
    assert len(results) == 1_000
    for place, (_, code, name) in bad.items():
        assert results[place]["code"] == code
        assert results[place]["path"] == ["input", "sanctions", str(place), name]
    assert results[400] == results[399]
    assert results[600]["code"] == "REFERENCE_REUSED"
    assert node.ask("Sanctions", first=1)["totalCount"] == 992
    assert node.do("IssueSanctions", team.issuer, sanctions=bodies) == done


def test_a_batch_of_more_than_a_thousand_is_refused_whole(lite: Node, team: Team) -> None:
    before = lite.records()
    answer = lite.run(
        "IssueSanctions", team.issuer, input={"sanctions": [lite.body() for _ in range(1_001)]}
    )
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED"}
    assert lite.records() == before
    empty = lite.do("IssueSanctions", team.issuer, sanctions=[])
    assert empty == {"issuedCount": 0, "refusedCount": 0, "results": []}


def test_an_unknown_enum_value_in_a_batch_is_a_bad_document(node: Node, team: Team) -> None:
    before = node.records()
    answer = node.run(
        "IssueSanctions",
        team.issuer,
        input={"sanctions": [node.body(), node.body(measure="ACCOUNT_DELETED")]},
    )
    assert "data" not in answer
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "BAD_DOCUMENT"}
    assert "ACCOUNT_DELETED" in error["message"]
    assert node.records() == before


def test_a_second_member_approves_a_termination(node: Node, team: Team) -> None:
    sanction = node.terminate(team.issuer, subject=ACCOUNT)["sanction"]
    assert (sanction["effect"], sanction["expiresAt"]) == ("PENDING", None)
    node.clock.forward(HOUR)
    approved = node.do("ApproveSanction", team.issuer_2, sanctionId=sanction["id"])
    assert approved["__typename"] == "SanctionChanged"
    assert approved["sanction"]["effect"] == "IN_FORCE"
    status = node.ask("SuspensionStatus", team.reader, subject=ACCOUNT)
    assert (status["isSuspended"], status["isPermanent"], status["until"]) == (True, True, None)


def test_a_sanction_is_shortened_to_an_earlier_end(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer)["sanction"]
    fields = {"sanctionId": sanction["id"], "expiresAt": node.at(DAY), "reason": "Enough"}
    changed = node.do("ShortenSanction", team.issuer, **fields)
    assert changed["sanction"] == {**sanction, "expiresAt": node.at(DAY)}


def test_a_lifted_sanction_ends_at_once_and_still_stands(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer, subject=ACCOUNT)["sanction"]
    node.clock.forward(HOUR)
    lifted = node.do("LiftSanction", team.issuer, sanctionId=sanction["id"], reason="Enough")
    assert lifted["sanction"] == {
        **sanction,
        "effect": "ENDED",
        "endReason": "LIFTED",
        "endedAt": node.at(),
    }
    assert not node.ask("SuspensionStatus", team.reader, subject=ACCOUNT)["isSuspended"]


@pytest.mark.parametrize("code", ["WRONG_SUBJECT", "DUPLICATE", "TEST"])
def test_a_clerical_mistake_is_voided(lite: Node, team: Team, code: str) -> None:
    sanction = lite.issue(team.issuer)["sanction"]
    fields = {"sanctionId": sanction["id"], "code": code, "reason": "Oops"}
    voided = lite.do("VoidSanction", team.issuer, **fields)["sanction"]
    assert (voided["validity"], voided["endReason"]) == ("VOIDED", "VOIDED")
    found = lite.data("query($i: ID!) { sanction(id: $i) { voidCode } }", {"i": sanction["id"]})
    assert found == {"sanction": {"voidCode": code}}


def test_a_platform_overturns_its_own_decision_even_when_it_ended(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer, expiresAt=node.at(HOUR))["sanction"]
    node.clock.forward(DAY)
    fields = {"sanctionId": sanction["id"], "reason": "Wrong"}
    overturned = node.do("OverturnSanction", team.reviewer, **fields)["sanction"]
    assert (overturned["validity"], overturned["effect"]) == ("OVERTURNED", "ENDED")
    # It was in force until it expired; that stays true.
    assert (overturned["endedAt"], overturned["endReason"]) == (
        node.at(HOUR - DAY),
        "EXPIRED",
    )


def test_erasing_tells_what_went_and_what_waits_until_when(
    node: Node, team: Team, partner: Team
) -> None:
    node.issue(partner.issuer, subject=ACCOUNT)
    gone = node.issue(team.issuer, subject=ACCOUNT)["sanction"]
    disputed = node.issue(team.issuer, subject=ACCOUNT, category="SELF_HARM")["sanction"]
    node.under_review(team, disputed)
    fields = {"subject": "acct:Alice@ELSEWHERE.example", "reason": "Asked to"}
    assert node.do("EraseSubject", team.admin, **fields) == {
        "__typename": "SubjectErased",
        "erasedCount": 1,
        "deferredCount": 1,
        "deferredUntil": node.at(14 * DAY),
    }
    query = "query($i: ID!) { sanction(id: $i) { disclosureState subject reason measure } }"
    assert node.data(query, {"i": gone["id"]}, team.issuer) == {
        "sanction": {
            "disclosureState": "REDACTED",
            "subject": None,
            "reason": None,
            "measure": "ACCOUNT_SUSPENDED",
        }
    }
    kept = node.data(query, {"i": disputed["id"]}, team.issuer)["sanction"]
    assert (kept["disclosureState"], kept["subject"]) == ("HELD", ACCOUNT)
    status = node.ask("SuspensionStatus", team.reader, subject=ACCOUNT)
    assert len(status["sanctions"]) == 2  # the partner's and the disputed one

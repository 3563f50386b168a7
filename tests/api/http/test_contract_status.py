"""The contract's status queries do what its comments say."""

from typing import Any

from graphql import parse, validate

from api.schema.build import schema
from governance.rules import policy
from tests.api.http.outside import ACCOUNT, OPERATIONS, Node
from tests.builders import DAY, HOUR, Team

SERVER = "https://spam.example"
SERVER_BLOCK: dict[str, Any] = {
    "subject": SERVER,
    "measure": "SERVER_SUSPENDED",
    "conductFrom": None,
    "conductTo": None,
}


def test_public_may_ask_about_servers_and_not_about_accounts(node: Node, team: Team) -> None:
    node.issue(team.issuer, subject=ACCOUNT)
    node.issue(team.issuer, **SERVER_BLOCK)

    for researcher_or_nobody, code in ((team.researcher, "FORBIDDEN"), (None, "UNAUTHENTICATED")):
        status = node.ask("SuspensionStatus", researcher_or_nobody, subject=SERVER)
        assert status["isSuspended"] is True
        refused = node.run("SuspensionStatus", researcher_or_nobody, subject=ACCOUNT)
        assert refused["data"] == {"suspensionStatus": None}
        [error] = refused["errors"]
        assert error["extensions"] == {"code": code}
        assert error["path"] == ["suspensionStatus"]


def test_every_operation_is_valid_against_the_schema() -> None:
    assert validate(schema(), parse(OPERATIONS)) == []


def test_a_suspended_account_is_told_with_its_end_and_who_decided(
    node: Node, team: Team, partner: Team
) -> None:
    sanction = node.issue(team.issuer, subject=ACCOUNT)["sanction"]
    status = node.ask("SuspensionStatus", partner.reader, subject=ACCOUNT)
    assert status == {
        "subject": ACCOUNT,
        "isSuspended": True,
        "isPermanent": False,
        "until": node.at(7 * DAY),
        "asOf": node.at(),
        "stalePeers": [],
        "sanctions": [
            {
                "id": sanction["id"],
                "measure": "ACCOUNT_SUSPENDED",
                "effect": "IN_FORCE",
                "effectiveAt": node.at(),
                "expiresAt": node.at(7 * DAY),
                "isIndependent": True,
                "platform": {"domain": "mod.example", "name": "mod.example"},
            }
        ],
    }


def test_an_unknown_subject_is_no_error(node: Node, team: Team) -> None:
    status = node.ask("SuspensionStatus", team.reader, subject="acct:nobody@elsewhere.example")
    assert (status["isSuspended"], status["isPermanent"]) == (False, False)
    assert (status["until"], status["sanctions"]) == (None, [])


def test_status_never_lists_pending_or_ended_suspensions_or_other_measures(
    node: Node, team: Team
) -> None:
    ended = node.issue(team.issuer, subject=ACCOUNT, expiresAt=node.at(HOUR))
    node.clock.forward(HOUR)
    node.issue(team.issuer, subject=ACCOUNT, effectiveAt=node.at(HOUR), expiresAt=node.at(DAY))
    node.terminate(team.issuer, subject=ACCOUNT)
    node.issue(team.issuer, subject=ACCOUNT, measure="SERVICE_SUSPENDED")
    status = node.ask("SuspensionStatus", team.reader, subject=ACCOUNT)
    assert (status["isSuspended"], status["until"], status["sanctions"]) == (False, None, [])

    past = node.ask("SuspensionStatus", team.reader, subject=ACCOUNT, at=node.at(-HOUR))
    assert [s["id"] for s in past["sanctions"]] == [ended["sanction"]["id"]]
    assert past["asOf"] == node.at(-HOUR)

    future = node.ask("SuspensionStatus", team.reader, subject=ACCOUNT, at=node.at(2 * HOUR))
    assert (future["isSuspended"], future["until"]) == (True, node.at(DAY))


def test_the_kind_is_said_where_the_uri_leaves_it_open(node: Node, team: Team) -> None:
    uri = "https://elsewhere.example/@alice"
    node.issue(team.issuer, subject=uri)
    for kind, is_suspended in (("ACCOUNT", True), ("CONTENT", False)):
        status = node.ask("SuspensionStatus", team.reader, subject=uri, subjectKind=kind)
        assert status["isSuspended"] is is_suspended
    refused = node.run("SuspensionStatus", team.reader, subject=uri, subjectKind="SERVER")
    assert refused["errors"][0]["extensions"] == {"code": "INVALID_INPUT"}


def test_many_subjects_are_answered_in_the_order_asked(node: Node, team: Team) -> None:
    node.issue(team.issuer, subject=ACCOUNT)
    node.issue(team.issuer, **SERVER_BLOCK)
    asked = ["acct:nobody@elsewhere.example", ACCOUNT, SERVER, ACCOUNT.upper()]
    answers = node.ask("SuspensionStatuses", team.reader, subjects=asked)
    assert [a["subject"] for a in answers] == [asked[0], ACCOUNT, SERVER, ACCOUNT]
    assert [a["isSuspended"] for a in answers] == [False, True, True, True]
    assert [a["until"] for a in answers] == [None, *3 * [node.at(7 * DAY)]]


def test_a_malformed_or_forbidden_subject_is_null_in_its_place_with_its_path(
    node: Node, team: Team
) -> None:
    asked = ["acct:alice", SERVER, "nonsense", ACCOUNT]
    partner = node.run("SuspensionStatuses", team.reader, subjects=asked)
    places = [status and status["subject"] for status in partner["data"]["suspensionStatuses"]]
    assert places == [None, SERVER, None, ACCOUNT]
    assert [error["path"] for error in partner["errors"]] == [
        ["suspensionStatuses", 0],
        ["suspensionStatuses", 2],
    ]
    assert {error["extensions"]["code"] for error in partner["errors"]} == {"INVALID_INPUT"}

    public = node.run("SuspensionStatuses", subjects=asked)
    assert [s and s["subject"] for s in public["data"]["suspensionStatuses"]] == [
        None,
        SERVER,
        None,
        None,
    ]
    [forbidden] = [e for e in public["errors"] if e["path"] == ["suspensionStatuses", 3]]
    assert forbidden["extensions"] == {"code": "UNAUTHENTICATED"}


def test_a_thousand_subjects_are_answered_and_one_more_is_refused(node: Node, team: Team) -> None:
    subjects = [f"acct:user{n}@elsewhere.example" for n in range(1_001)]
    answers = node.ask("SuspensionStatuses", team.reader, subjects=subjects[:1_000])
    assert [a["subject"] for a in answers] == subjects[:1_000]
    refused = node.run("SuspensionStatuses", team.reader, subjects=subjects)
    assert refused["errors"][0]["extensions"] == {"code": "INVALID_INPUT"}
    assert refused["data"] is None


def test_the_policy_is_told_as_data(node: Node) -> None:
    assert node.ask("Policy") == {
        "version": policy.POLICY_VERSION,
        "permanentBases": ["SPAM", "BOT", "FAKE_ACCOUNT"],
        "longestSuspensionSeconds": 180 * 86_400,
        "longestTotalSeconds": 180 * 86_400,
        "totalWindowSeconds": 360 * 86_400,
        "ladderSeconds": [86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400],
        "appealWindowSeconds": 183 * 86_400,
        "appealDueSeconds": 14 * 86_400,
        "remedyDueSeconds": 72 * 3_600,
    }


def test_the_log_is_null_until_there_is_one(node: Node) -> None:
    asked: dict[str, Any] = {"index": 0, "size": 1, "from": 0}
    assert node.ask("Log", **asked) is None

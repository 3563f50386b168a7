"""Permanence can't be smuggled in: every back door, tried from outside."""

from typing import Any

import pytest

from tests.api.http.outside import ACCOUNT, TERMINATION, Node
from tests.builders import DAY, MICRO, Team

FOREVER = "9999-12-31T23:59:59.999999Z"
ACCOUNT_MEASURES = [
    "ACCOUNT_SUSPENDED",
    "SERVICE_RESTRICTED",
    "SERVICE_SUSPENDED",
    "MONETIZATION_SUSPENDED",
]


def refused(node: Node, team: Team, code: str, field: str, **changes: object) -> None:
    before = node.records()
    answer = node.do("IssueSanction", team.issuer, **node.body(**changes))
    assert answer["__typename"] == "Refusal", answer
    assert (answer["code"], answer["path"]) == (code, ["input", field])
    assert node.records() == before


@pytest.mark.parametrize("measure", ACCOUNT_MEASURES)
@pytest.mark.parametrize(
    ("end", "code"),
    [
        (None, "END_REQUIRED"),
        (FOREVER, "TOO_LONG"),
        ("2126-03-01T12:00:00Z", "TOO_LONG"),
        ("2026-03-01T12:00:00Z", "END_BEFORE_START"),
        ("0001-01-01T00:00:00Z", "END_BEFORE_START"),
    ],
)
def test_no_end_a_far_end_and_no_length_are_refused(
    lite: Node, team: Team, measure: str, end: str | None, code: str
) -> None:
    refused(lite, team, code, "expiresAt", measure=measure, expiresAt=end)


@pytest.mark.parametrize("measure", ["SERVER_SUSPENDED", "SERVER_LIMITED"])
def test_a_server_needs_an_end_too(lite: Node, team: Team, measure: str) -> None:
    server = {"measure": measure, "subject": "https://spam.example"}
    refused(lite, team, "END_REQUIRED", "expiresAt", **server, expiresAt=None)
    refused(lite, team, "TOO_LONG", "expiresAt", **server, expiresAt=FOREVER)


def test_an_end_left_out_is_as_good_as_null(node: Node, team: Team) -> None:
    body = node.body()
    del body["expiresAt"]
    answer = node.do("IssueSanction", team.issuer, **body)
    assert answer["code"] == "END_REQUIRED"


@pytest.mark.parametrize("measure", ["SERVICE_TERMINATED", "MONETIZATION_TERMINATED"])
def test_permanent_measures_of_others_are_records_alone(
    node: Node, team: Team, measure: str
) -> None:
    for end in (None, node.at(DAY)):
        refused(node, team, "MEASURE_NOT_OFFERED", "measure", measure=measure, expiresAt=end)
    body = node.body(measure=measure, subject=ACCOUNT, expiresAt=None)
    recorded = node.do("RecordOutsideDecision", team.issuer, **body)["sanction"]
    assert {"OUTSIDE_DECISION", "MEASURE_NOT_OFFERED"} <= set(recorded["policyConflicts"])


@pytest.mark.parametrize("basis", ["SPAM", "BOT", "FAKE_ACCOUNT"])
def test_a_basis_belongs_to_terminations_alone(lite: Node, team: Team, basis: str) -> None:
    for measure in (*ACCOUNT_MEASURES, "WARNING"):
        for end in (lite.at(DAY), None):
            refused(
                lite,
                team,
                "BASIS_NOT_ALLOWED",
                "permanentBasis",
                measure=measure,
                permanentBasis=basis,
                expiresAt=end,
            )


def test_only_spam_bots_and_fakes_are_terminated(node: Node, team: Team) -> None:
    refused(
        node,
        team,
        "PERMANENCE_NOT_ALLOWED",
        "permanentBasis",
        **{**TERMINATION, "permanentBasis": None},
    )
    for basis in ("SPAM", "BOT", "FAKE_ACCOUNT"):
        issued = node.terminate(team.issuer, permanentBasis=basis)
        assert issued["sanction"]["effect"] == "PENDING"


def test_a_termination_with_an_end_is_a_time_out(node: Node, team: Team) -> None:
    for end in (node.at(DAY), FOREVER):
        refused(
            node,
            team,
            "PERMANENCE_NOT_ALLOWED",
            "expiresAt",
            **{**TERMINATION, "expiresAt": end},
        )


def test_the_cap_is_exact_to_the_microsecond(node: Node, team: Team) -> None:
    refused(node, team, "TOO_LONG", "expiresAt", expiresAt=node.at(180 * DAY + MICRO))
    node.issue(team.issuer, expiresAt=node.at(180 * DAY))


def test_chained_time_outs_do_not_exceed_the_cap(node: Node, team: Team) -> None:
    """180 days in any 360, so after 180 days the next may come 180 days later, not before."""
    node.issue(team.issuer, subject=ACCOUNT, expiresAt=node.at(180 * DAY))
    named: list[dict[str, Any]] = [
        {"subject": "ACCT:ALICE@Elsewhere.example"},
        {"aliases": [ACCOUNT]},
    ]
    node.clock.forward(180 * DAY)
    for pause in (0 * DAY, DAY, 100 * DAY, 79 * DAY - MICRO):
        node.clock.forward(pause)
        for name in named:
            more = {"expiresAt": node.at(DAY), "category": "SELF_HARM"}
            refused(node, team, "TOTAL_TOO_LONG", "expiresAt", **more, **name)
    node.clock.forward(MICRO)
    node.issue(team.issuer, subject=ACCOUNT, expiresAt=node.at(180 * DAY))


def test_a_batch_cannot_chain_them_either(node: Node, team: Team) -> None:
    half = [
        node.body(
            subject=ACCOUNT,
            effectiveAt=node.at(n * 90 * DAY),
            expiresAt=node.at((n + 1) * 90 * DAY),
        )
        for n in range(4)
    ]
    done = node.do("IssueSanctions", team.issuer, sanctions=half)
    assert [result.get("code") for result in done["results"]] == [
        None,
        None,
        "TOTAL_TOO_LONG",
        "TOTAL_TOO_LONG",
    ]


def test_superseding_does_not_restart_the_clock(node: Node, team: Team) -> None:
    first = node.issue(team.issuer, subject=ACCOUNT, expiresAt=node.at(180 * DAY))
    node.clock.forward(170 * DAY)
    harsher = {"subject": ACCOUNT, "supersedes": first["sanction"]["id"]}
    refused(node, team, "TOTAL_TOO_LONG", "expiresAt", **harsher, expiresAt=node.at(11 * DAY))
    node.issue(team.issuer, **harsher, expiresAt=node.at(10 * DAY))


def test_an_outside_decision_binds_nobody_whatever_it_says(node: Node, team: Team) -> None:
    endings: list[dict[str, Any]] = [
        {"expiresAt": None},
        {"expiresAt": FOREVER},
        {"expiresAt": node.at(DAY)},
        TERMINATION,
    ]
    for ending in endings:
        body = node.body(subject=ACCOUNT, **ending)
        recorded = node.do("RecordOutsideDecision", team.issuer, **body)["sanction"]
        assert recorded["policyConflicts"][0] == "OUTSIDE_DECISION"
        if recorded["measure"] == "ACCOUNT_TERMINATED":
            approval = node.do("ApproveSanction", team.issuer_2, sanctionId=recorded["id"])
            assert approval["code"] == "CONFLICT"
    for at in (None, node.at(DAY / 2), "9999-12-31T23:59:59Z"):
        status = node.ask("SuspensionStatus", team.reader, subject=ACCOUNT, at=at)
        assert (status["isSuspended"], status["isPermanent"]) == (False, False)


def test_content_may_stay_restricted_without_an_end(node: Node, team: Team) -> None:
    issued = node.issue(
        team.issuer,
        subject="https://elsewhere.example/@alice/7",
        measure="CONTENT_REMOVED",
        expiresAt=None,
    )
    assert (issued["sanction"]["effect"], issued["sanction"]["expiresAt"]) == ("IN_FORCE", None)

"""What researchers send, as the contract has it, over HTTP."""

from pathlib import Path
from typing import Any

from tests.api.http.outside import Node
from tests.builders import DAY, Team

RESEARCH = (Path(__file__).parents[2] / "contract" / "research.graphql").read_text()


def asked(node: Node, name: str, **variables: object) -> Any:
    """The data of an operation of the contract, asked by nobody known."""
    response = node.post(RESEARCH, variables, name=name)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert "errors" not in answer, answer
    return answer["data"]


def test_the_public_gets_grouped_figures(node: Node, team: Team, partner: Team) -> None:
    first = node.issue(team.issuer, measure="SERVICE_RESTRICTED", expiresAt=node.at(3 * DAY))
    node.issue(team.issuer)
    node.issue(partner.issuer)
    appeal = node.under_review(team, first["sanction"])
    node.clock.now += 2 * DAY
    done = {"appealId": appeal, "outcome": "OVERTURNED", "statement": "You were right"}
    assert node.do("DecideAppeal", team.reviewer, **done)["__typename"] == "AppealChanged"
    by = ["PLATFORM", "MEASURE"]
    told = asked(node, "Statistics", groupBy=by, filter={"platform": "mod.example"})
    assert told["statistics"]["asOf"] == node.at()
    plain = {
        "sanctionCount": 1,
        "appealCount": 0,
        "overturnedCount": 0,
        "reducedCount": 0,
        "overturnRate": None,
        "medianSecondsToDecision": None,
        "medianDurationSeconds": 7 * 86_400,
        "overdueAppealCount": 0,
    }
    appealed = plain | {
        "appealCount": 1,
        "overturnedCount": 1,
        "overturnRate": 1.0,
        "medianSecondsToDecision": 2 * 86_400,
        "medianDurationSeconds": 2 * 86_400,  # it ended as it was overturned
    }
    assert told["statistics"]["rows"] == [
        {"keys": ["mod.example", "ACCOUNT_SUSPENDED"], **plain},
        {"keys": ["mod.example", "SERVICE_RESTRICTED"], **appealed},
    ]

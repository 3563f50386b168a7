"""Writers at once: exactly one wins, the others get a clean refusal or the same answer."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, Team

MANY = 6
Result = dict[str, Any]


def at_once(*wishes: Callable[[], Result]) -> list[Result]:
    """The results of the wishes, begun together on threads of their own."""
    barrier = Barrier(len(wishes))

    def begin(wish: Callable[[], Result]) -> Result:
        barrier.wait()
        return wish()

    with ThreadPoolExecutor(len(wishes)) as threads:
        return list(threads.map(begin, wishes))


def codes(results: list[Result]) -> Counter[str]:
    return Counter(result.get("code", "done") for result in results)


def test_the_same_body_at_once_is_one_sanction(node: Node, team: Team) -> None:
    body = node.body()
    results = at_once(*MANY * [lambda: node.do("IssueSanction", team.issuer, **body)])
    assert all(result == results[0] for result in results)
    assert results[0]["__typename"] == "SanctionIssued"
    assert node.ask("Sanctions")["totalCount"] == 1


def test_one_reference_at_once_for_two_bodies_is_taken_once(node: Node, team: Team) -> None:
    bodies = [node.body(issuerReference="one") for _ in range(MANY)]
    results = at_once(
        *(lambda b=body: node.do("IssueSanction", team.issuer, **b) for body in bodies)
    )
    assert codes(results) == {"done": 1, "REFERENCE_REUSED": MANY - 1}
    assert node.ask("Sanctions")["totalCount"] == 1


def test_the_same_conduct_at_once_is_sanctioned_once(node: Node, team: Team) -> None:
    body = node.body()
    bodies = [{**body, "issuerReference": f"r{n}"} for n in range(MANY)]
    results = at_once(
        *(lambda b=body: node.do("IssueSanction", team.issuer, **b) for body in bodies)
    )
    assert codes(results) == {"done": 1, "DOUBLE_JEOPARDY": MANY - 1}


def test_time_outs_at_once_do_not_exceed_the_cap(node: Node, team: Team) -> None:
    bodies = [
        node.body(
            subject=ACCOUNT,
            effectiveAt=node.at(n * 100 * DAY),
            expiresAt=node.at((n + 1) * 100 * DAY),
        )
        for n in range(2)
    ]
    results = at_once(
        *(lambda b=body: node.do("IssueSanction", team.issuer, **b) for body in bodies)
    )
    assert codes(results) == {"done": 1, "TOTAL_TOO_LONG": 1}


CHANGES: dict[str, Result] = {
    "LiftSanction": {"reason": "Enough"},
    "OverturnSanction": {"reason": "Wrong"},
    "VoidSanction": {"reason": "Oops", "code": "TEST"},
}


@pytest.mark.parametrize("names", [["LiftSanction"] * 4, ["OverturnSanction", "VoidSanction"] * 2])
def test_ends_at_once_leave_one_end_reason(node: Node, team: Team, names: list[str]) -> None:
    ident = node.issue(team.issuer)["sanction"]["id"]
    results = at_once(
        *(lambda n=name: node.do(n, team.issuer, sanctionId=ident, **CHANGES[n]) for name in names)
    )
    assert codes(results) == {"done": 1, "CONFLICT": 3}
    [winner] = [result["sanction"] for result in results if "sanction" in result]
    assert {**node.ask("Sanction", id=ident), "appeals": None, "logEntry": None} == {
        **winner,
        "appeals": None,
        "logEntry": None,
    }
    assert len(node.records()["events"]) == 2


def test_approvals_at_once_count_once(node: Node, team: Team) -> None:
    ident = node.terminate(team.issuer)["sanction"]["id"]
    members = [team.issuer_2, team.reviewer, team.reviewer_2]
    results = at_once(
        *(lambda m=member: node.do("ApproveSanction", m, sanctionId=ident) for member in members)
    )
    assert codes(results) == {"done": 1, "CONFLICT": 2}


def test_decisions_at_once_decide_once(node: Node, team: Team) -> None:
    appeal_id = node.under_review(team, node.issue(team.issuer)["sanction"])
    decisions = [(team.reviewer, "UPHELD"), (team.reviewer_2, "OVERTURNED")]
    results = at_once(
        *(
            lambda by=by, o=outcome: node.do(
                "DecideAppeal", by, appealId=appeal_id, outcome=o, statement="Reasons"
            )
            for by, outcome in decisions
        )
    )
    assert codes(results) == {"done": 1, "CONFLICT": 1}
    [decided] = [result["appeal"] for result in results if "appeal" in result]
    is_overturned = decided["outcome"] == "OVERTURNED"
    assert decided["sanction"]["validity"] == ("OVERTURNED" if is_overturned else "STANDING")


def test_one_secret_used_at_once_files_one_appeal(node: Node, team: Team) -> None:
    issued = node.issue(team.issuer)
    given = {"sanctionId": issued["sanction"]["id"], "appealSecret": issued["appealSecret"]}
    same = at_once(*MANY * [lambda: node.do("FileAppeal", **given, grounds="Not me")])
    assert all(result == same[0] for result in same)
    assert same[0]["__typename"] == "AppealChanged"
    other = node.issue(team.issuer)
    given = {"sanctionId": other["sanction"]["id"], "appealSecret": other["appealSecret"]}
    results = at_once(
        *(
            lambda n=n: node.do("FileAppeal", **given, grounds=f"Not me, says {n}")
            for n in range(MANY)
        )
    )
    assert codes(results) == {"done": 1, "NOT_FOUND": MANY - 1}
    assert node.ask("Appeals")["pageInfo"]["hasNextPage"] is False
    assert len(node.ask("Appeals")["nodes"]) == 2

"""The story of one account, played from outside over HTTP, on both engines."""

from typing import Any

from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, HOUR, MICRO, Team


def status(node: Node, by: Team, **at: object) -> dict[str, Any]:
    found: dict[str, Any] = node.ask("SuspensionStatus", by.reader, subject=ACCOUNT, **at)
    return found


def test_a_time_out_ends_on_the_microsecond_on_every_surface(
    node: Node, team: Team, partner: Team
) -> None:
    ident = node.issue(team.issuer, subject=ACCOUNT, expiresAt=node.at(DAY))["sanction"]["id"]
    end = node.at(DAY)

    def told() -> tuple[Any, ...]:
        sanction = node.ask("Sanction", id=ident)
        effects = node.ask("Sanctions", filter={"effects": ["IN_FORCE"]})["totalCount"]
        [bulk] = node.ask("SuspensionStatuses", partner.reader, subjects=[ACCOUNT])
        now = status(node, partner)
        assert now["isSuspended"] is bulk["isSuspended"] is bool(now["sanctions"])
        return sanction["effect"], sanction["endReason"], sanction["endedAt"], effects, now["until"]

    node.clock.forward(DAY - MICRO)
    assert told() == ("IN_FORCE", None, None, 1, end)
    assert status(node, partner, at=end)["isSuspended"] is False
    node.clock.forward(MICRO)
    assert told() == ("ENDED", "EXPIRED", end, 0, None)
    assert status(node, partner, at=node.at(-MICRO))["isSuspended"] is True


def test_an_account_is_suspended_by_two_platforms_and_corrected(
    node: Node, team: Team, partner: Team
) -> None:
    body = node.body(subject=ACCOUNT, expiresAt=node.at(3 * DAY))
    first = node.do("IssueSanction", team.issuer, **body)
    assert node.do("IssueSanction", team.issuer, **body) == first
    reused = node.do("IssueSanction", team.issuer, **{**body, "reason": "Another reason"})
    assert (reused["code"], reused["path"]) == ("REFERENCE_REUSED", ["input", "issuerReference"])
    # References are each platform's own.
    longer = {**body, "expiresAt": node.at(9 * DAY)}
    second = node.do("IssueSanction", partner.issuer, **longer)

    both = status(node, partner)
    assert (both["isSuspended"], both["until"]) == (True, node.at(9 * DAY))
    assert [s["platform"]["domain"] for s in both["sanctions"]] == [
        "partner.example",
        "mod.example",
    ]

    # The person appeals against the longer one with the secret alone, is asked, and answers.
    filed = node.do(
        "FileAppeal",
        sanctionId=second["sanction"]["id"],
        grounds="It was my cousin",
        appealSecret=second["appealSecret"],
    )
    appeal = {"appealId": filed["appeal"]["id"]}
    for move in ("ADMIT", "START_REVIEW"):
        node.do("MoveAppeal", partner.reviewer, **appeal, move=move)
    node.do("MoveAppeal", partner.reviewer, **appeal, move="ASK", message="Can you prove it?")
    node.clock.forward(DAY)
    answered = node.do(
        "MoveAppeal",
        **appeal,
        move="ANSWER",
        message="Here it is",
        appealSecret=filed["appealSecret"],
    )
    assert answered["appeal"]["dueAt"] == node.at(14 * DAY)

    node.do(
        "DecideAppeal", partner.reviewer, **appeal, outcome="OVERTURNED", statement="We were wrong"
    )
    # Ending one never ends the other.
    left = status(node, team)
    assert (left["isSuspended"], left["until"]) == (True, first["sanction"]["expiresAt"])
    assert [s["id"] for s in left["sanctions"]] == [first["sanction"]["id"]]
    node.do("OverturnSanction", team.issuer, sanctionId=first["sanction"]["id"], reason="Them too")
    for who in (team, partner):
        assert status(node, who)["isSuspended"] is False
    # What was known then stays known.
    assert status(node, partner, at=node.at(-HOUR))["until"] == second["sanction"]["expiresAt"]


def test_a_termination_binds_once_a_second_member_approved_it(node: Node, team: Team) -> None:
    sanction = node.terminate(team.issuer, subject=ACCOUNT)["sanction"]
    approval = {"sanctionId": sanction["id"]}
    own = node.do("ApproveSanction", team.issuer, **approval)
    assert own["code"] == "DUTIES_NOT_SEPARATE"
    assert status(node, team)["isSuspended"] is False
    node.clock.forward(7 * DAY - MICRO)
    assert node.do("ApproveSanction", team.reviewer, **approval)["sanction"]["effect"] == "IN_FORCE"
    assert status(node, team)["isPermanent"] is True
    again = node.do("ApproveSanction", team.reviewer_2, **approval)
    assert again["code"] == "CONFLICT"


def test_an_unapproved_termination_lapses_on_the_microsecond(node: Node, team: Team) -> None:
    sanction = node.terminate(team.issuer, subject=ACCOUNT)["sanction"]
    node.clock.forward(7 * DAY)
    late = node.do("ApproveSanction", team.issuer_2, sanctionId=sanction["id"])
    assert late["code"] == "CONFLICT"
    lapsed = node.ask("Sanction", id=sanction["id"])
    assert (lapsed["effect"], lapsed["endReason"]) == ("ENDED", "NOT_APPROVED")


def test_a_thousand_at_once_are_read_back_page_by_page(node: Node, team: Team) -> None:
    bodies = [node.body() for _ in range(1_000)]
    done = node.do("IssueSanctions", team.issuer, sanctions=bodies)
    assert (done["issuedCount"], done["refusedCount"]) == (1_000, 0)
    ids = [result["sanction"]["id"] for result in done["results"]]
    asked = [body["subject"] for body in bodies]
    answers = node.ask("SuspensionStatuses", team.reader, subjects=asked)
    assert all(answer["isSuspended"] for answer in answers)

    query = """query($first: Int, $after: String, $last: Int, $before: String) {
      sanctions(first: $first, after: $after, last: $last, before: $before) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    forwards: list[str] = []
    after = None
    for expected in (300, 300, 300, 100):
        page = node.data(query, {"first": 300, "after": after})["sanctions"]
        assert len(page["nodes"]) == expected
        assert page["pageInfo"]["hasNextPage"] is (expected == 300)
        forwards += [found["id"] for found in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert forwards == sorted(ids, reverse=True)

    oldest = node.data(query, {"last": 999})["sanctions"]
    assert [found["id"] for found in oldest["nodes"]] == forwards[1:]
    before = oldest["pageInfo"]["startCursor"]
    rest = node.data(query, {"last": 999, "before": before})["sanctions"]
    assert [found["id"] for found in rest["nodes"]] == forwards[:1]
    assert rest["pageInfo"]["hasPreviousPage"] is False


def test_erased_records_are_answered_as_erased_and_confirm_nothing(node: Node, team: Team) -> None:
    body = node.body(subject=ACCOUNT)
    issued = node.do("IssueSanction", team.issuer, **body)
    node.do("EraseSubject", team.admin, subject=ACCOUNT, reason="Asked to")
    assert status(node, team)["isSuspended"] is False
    same = node.do("IssueSanction", team.issuer, **body)
    other = node.do("IssueSanction", team.issuer, **{**body, "subject": "acct:bob@b.example"})
    assert same["code"] == "ERASED"
    assert same == other  # whoever retries can't confirm a guess
    filed = node.do(
        "FileAppeal",
        sanctionId=issued["sanction"]["id"],
        grounds="x",
        appealSecret=issued["appealSecret"],
    )
    assert filed["code"] == "NOT_FOUND"

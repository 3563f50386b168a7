"""The contract's mutations of appeals, and the person's own view, do what its comments say."""

from typing import Any

from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, HOUR, Team


def by_secret(node: Node, issued: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Files an appeal as the sanctioned person does: without a credential."""
    given = {
        "sanctionId": issued["sanction"]["id"],
        "grounds": "It wasn't me",
        "appealSecret": issued["appealSecret"],
        **fields,
    }
    return node.do("FileAppeal", **given)


def test_without_credential_or_secret_nobody_files(node: Node, team: Team, partner: Team) -> None:
    issued = node.issue(team.issuer)
    before = node.records()
    nobody = node.run("FileAppeal", input={"sanctionId": issued["sanction"]["id"], "grounds": "x"})
    assert nobody["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    for secret in ("wrong", "0" * 64, issued["appealSecret"][:-1]):
        assert by_secret(node, issued, appealSecret=secret)["code"] == "NOT_FOUND"
    filing = {"sanctionId": issued["sanction"]["id"], "grounds": "x"}
    assert node.do("FileAppeal", partner.admin, **filing)["code"] == "NOT_FOUND"
    assert node.do("FileAppeal", team.reader, **filing)["code"] == "FORBIDDEN"
    assert node.records() == before


def test_the_secret_of_one_sanction_opens_no_other(node: Node, team: Team) -> None:
    one, other = node.issue(team.issuer), node.issue(team.issuer)
    assert by_secret(node, one, appealSecret=other["appealSecret"])["code"] == "NOT_FOUND"
    given = {"sanctionId": one["sanction"]["id"], "appealSecret": other["appealSecret"]}
    assert node.ask("AppellantView", **given) is None


def test_the_first_use_of_the_secret_answers_with_the_next_one(node: Node, team: Team) -> None:
    issued = node.issue(team.issuer)
    filed = by_secret(node, issued)
    assert filed["appeal"] == {
        "id": filed["appeal"]["id"],
        "state": "FILED",
        "outcome": None,
        "filedAt": node.at(),
        "dueAt": node.at(14 * DAY),
        "decidedAt": None,
        "isOverdue": False,
    }
    following = filed["appealSecret"]
    assert following
    assert following != issued["appealSecret"]

    node.clock.forward(HOUR / 2)
    assert by_secret(node, issued) == filed  # the identical mutation, within the hour
    assert by_secret(node, issued, grounds="Other")["code"] == "NOT_FOUND"
    node.clock.forward(HOUR / 2)
    assert by_secret(node, issued)["code"] == "NOT_FOUND"

    withdrawal = {"appealId": filed["appeal"]["id"], "move": "WITHDRAW"}
    spent = node.do("MoveAppeal", **withdrawal, appealSecret=issued["appealSecret"])
    assert spent["code"] == "NOT_FOUND"
    withdrawn = node.do("MoveAppeal", **withdrawal, appealSecret=following)
    assert (withdrawn["appeal"]["state"], withdrawn["appealSecret"]) == ("WITHDRAWN", None)


def test_viewing_does_not_use_the_secret_up(node: Node, team: Team) -> None:
    issued = node.issue(team.issuer, subject=ACCOUNT, reason="You threatened somebody")
    given = {"sanctionId": issued["sanction"]["id"], "appealSecret": issued["appealSecret"]}
    before = node.records()
    for _ in range(2):
        view = node.ask("AppellantView", **given)
        assert view == {
            "sanction": issued["sanction"],
            "reason": "You threatened somebody",
            "appeals": [],
        }
    assert node.records() == before
    filed = by_secret(node, issued)
    assert node.ask("AppellantView", **given) is None  # used up by filing
    view = node.ask("AppellantView", **{**given, "appealSecret": filed["appealSecret"]})
    [appeal] = view["appeals"]
    assert appeal["messages"] == [{"author": "APPELLANT", "text": "It wasn't me", "at": node.at()}]


def test_the_platform_files_for_its_user_without_a_secret(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer)["sanction"]
    filed = node.do("FileAppeal", team.admin, sanctionId=sanction["id"], grounds="Our user says")
    assert (filed["appeal"]["state"], filed["appealSecret"]) == ("FILED", None)
    again = node.do("FileAppeal", team.admin, sanctionId=sanction["id"], grounds="Our user says")
    assert again["code"] == "APPEAL_OPEN"


def test_an_appeal_moves_through_every_step(node: Node, team: Team) -> None:
    issued = node.issue(team.issuer)
    filed = by_secret(node, issued)
    appeal_id, secret = filed["appeal"]["id"], filed["appealSecret"]

    def move(name: str, **fields: object) -> str:
        is_persons = name in ("ANSWER", "WITHDRAW", "ESCALATE")
        by = None if is_persons else team.reviewer
        if is_persons:
            fields["appealSecret"] = secret
        moved = node.do("MoveAppeal", by, appealId=appeal_id, move=name, **fields)
        assert moved["__typename"] == "AppealChanged", moved
        state: str = moved["appeal"]["state"]
        return state

    assert move("ADMIT") == "ADMITTED"
    assert move("START_REVIEW") == "IN_REVIEW"
    node.clock.forward(HOUR)
    assert move("ASK", message="Was it your cousin?") == "AWAITING_APPELLANT"
    node.clock.forward(3 * DAY)
    assert move("ANSWER", message="It was") == "IN_REVIEW"
    view = node.ask("AppellantView", sanctionId=issued["sanction"]["id"], appealSecret=secret)
    assert view["appeals"][0]["dueAt"] == node.at(14 * DAY - HOUR)  # the pause doesn't count
    assert [(m["author"], m["text"]) for m in view["appeals"][0]["messages"]] == [
        ("APPELLANT", "It wasn't me"),
        ("PLATFORM", "Was it your cousin?"),
        ("APPELLANT", "It was"),
    ]
    asked = node.do("MoveAppeal", team.reviewer, appealId=appeal_id, move="ASK", message="Again?")
    assert asked["code"] == "CONFLICT"  # the clock pauses once

    upheld = {"appealId": appeal_id, "outcome": "UPHELD", "statement": "It stands"}
    assert node.do("DecideAppeal", team.reviewer, **upheld)["appeal"]["state"] == "DECIDED"
    assert move("ESCALATE") == "ESCALATED"
    final = {"outcome": "OVERTURNED", "implementedAt": node.at()}
    assert move("RECORD_FINAL", **final) == "FINAL"
    sanction = node.ask("Sanction", id=issued["sanction"]["id"])
    assert (sanction["validity"], sanction["effect"]) == ("OVERTURNED", "ENDED")


def test_an_appeal_is_refused_with_a_code(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer)["sanction"]
    filed = node.do("FileAppeal", team.admin, sanctionId=sanction["id"], grounds="x")
    step = {"appealId": filed["appeal"]["id"], "move": "REFUSE"}
    assert node.do("MoveAppeal", team.reviewer, **step)["path"] == ["input", "code"]
    moved = node.do("MoveAppeal", team.reviewer, **step, code="UNFOUNDED")
    assert (moved["appeal"]["state"], moved["appeal"]["decidedAt"]) == ("INADMISSIBLE", node.at())


def test_an_unanswered_question_lapses_by_the_clock(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer)["sanction"]
    appeal_id = node.under_review(team, sanction)
    node.do("MoveAppeal", team.reviewer, appealId=appeal_id, move="ASK", message="Who?")
    node.clock.forward(14 * DAY)
    [appeal] = node.ask("Appeals", filter={"states": ["LAPSED"]})["nodes"]
    assert (appeal["id"], appeal["state"], appeal["isOverdue"]) == (appeal_id, "LAPSED", False)


def test_invited_reviewers_of_another_platform_decide_one_case(
    node: Node, team: Team, partner: Team
) -> None:
    cases = [node.under_review(team, node.issue(team.issuer)["sanction"]) for _ in range(2)]
    decision = {"outcome": "OVERTURNED", "statement": "Not proved"}
    alone = node.do("DecideAppeal", partner.reviewer, appealId=cases[0], **decision)
    assert alone["code"] == "NOT_FOUND"
    invited = node.do(
        "InviteReviewer", team.reviewer, appealId=cases[0], platform="Partner.example"
    )
    assert invited["appeal"]["id"] == cases[0]
    decided = node.do("DecideAppeal", partner.reviewer, appealId=cases[0], **decision)
    assert decided["appeal"]["outcome"] == "OVERTURNED"
    other = node.do("DecideAppeal", partner.reviewer, appealId=cases[1], **decision)
    assert other["code"] == "NOT_FOUND"


def test_a_decision_takes_effect_with_its_answer(node: Node, team: Team) -> None:
    appeal_id = node.under_review(team, node.issue(team.issuer, subject=ACCOUNT)["sanction"])
    reduced = node.do(
        "DecideAppeal",
        team.reviewer,
        appealId=appeal_id,
        outcome="REDUCED",
        newExpiresAt=node.at(HOUR),
        statement="Shorter",
    )["appeal"]
    assert (reduced["state"], reduced["outcome"]) == ("DECIDED", "REDUCED")
    assert reduced["decidedAt"] == node.at()
    assert reduced["sanction"]["expiresAt"] == node.at(HOUR)
    assert node.ask("SuspensionStatus", team.reader, subject=ACCOUNT)["until"] == node.at(HOUR)


def test_a_termination_takes_two_reviewers_and_the_milder_outcome_stands(
    node: Node, team: Team
) -> None:
    sanction = node.terminate(team.issuer, subject=ACCOUNT)["sanction"]
    node.do("ApproveSanction", team.issuer_2, sanctionId=sanction["id"])
    appeal_id = node.under_review(team, sanction)
    decision = {"appealId": appeal_id, "statement": "Reasons"}
    first = node.do("DecideAppeal", team.reviewer, **decision, outcome="UPHELD")["appeal"]
    assert (first["state"], first["outcome"], first["decidedAt"]) == ("IN_REVIEW", None, None)
    assert first["sanction"]["effect"] == "IN_FORCE"

    twice = node.do("DecideAppeal", team.reviewer, **decision, outcome="OVERTURNED")
    assert twice["code"] == "DUTIES_NOT_SEPARATE"
    second = node.do("DecideAppeal", team.reviewer_2, **decision, outcome="OVERTURNED")["appeal"]
    assert (second["state"], second["outcome"]) == ("DECIDED", "OVERTURNED")
    assert second["sanction"]["validity"] == "OVERTURNED"
    assert not node.ask("SuspensionStatus", team.reader, subject=ACCOUNT)["isSuspended"]

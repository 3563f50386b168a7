"""What the page of a sanction tells of its history, on both engines."""

import re
from html import unescape

from api.explorer.telling import moment
from api.explorer.timelines import timeline
from tests.api.http.outside import Node
from tests.builders import DAY, HOUR, Team

ADOPT = """mutation ($input: AdoptSanctionInput!) { adoptSanction(input: $input) {
  ... on SanctionIssued { sanction { id } } ... on Refusal { message path } } }"""


def steps(node: Node, sanction: str) -> list[str]:
    """What happened, without when."""
    html = node.client.get(f"/sanctions/{sanction}").text
    found = re.findall(r'<p class="when">.*?</p><p>(.*?)</p>', html, re.DOTALL)
    return [unescape(re.sub("<[^>]+>", "", step)) for step in found]


def adopted(node: Node, by: Team, source: str) -> str:
    given = {
        "sanctionId": source,
        "issuerReference": "copy-1",
        "measure": "ACCOUNT_SUSPENDED",
        "expiresAt": node.at(3 * DAY),
        "reason": "As they did",
        "ownGrounds": "We saw it too",
    }
    found = node.data(ADOPT, {"input": given}, by.issuer)["adoptSanction"]["sanction"]["id"]
    return str(found)


def test_an_earlier_end_stays_in_the_history(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer)["sanction"]["id"]
    node.clock.forward(DAY)
    given = {"sanctionId": sanction, "expiresAt": node.at(DAY), "reason": "Enough"}
    node.do("ShortenSanction", team.issuer, **given)
    node.clock.forward(3 * DAY)
    issued, shortened, ended = steps(node, sanction)
    assert issued == "Issued"
    assert re.fullmatch(r"Shortened: to end \d+ \w+ \d{4}, \d\d:\d\d\sUTC", shortened)
    assert ended == "Ended: Its time was served"


def test_a_verdict_after_the_end_is_told_beside_the_end(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer)["sanction"]["id"]
    node.clock.forward(8 * DAY)
    node.do("OverturnSanction", team.issuer, sanctionId=sanction, reason="Wrong")
    assert steps(node, sanction) == [
        "Issued",
        "Ended: Its time was served",
        "Overturned: The decision was found wrong",
    ]


def test_a_take_over_stays_in_the_history_when_its_correction_is_overdue(
    node: Node, team: Team
) -> None:
    other = node.world.team("other.example")
    source = node.issue(team.issuer)["sanction"]["id"]
    node.clock.forward(DAY)
    adopted(node, other, source)
    node.clock.forward(DAY)
    node.do("OverturnSanction", team.issuer, sanctionId=source, reason="Wrong")
    name = other.platform.name
    told = [
        "Issued",
        f"{name} took it over",
        "Ended: The decision was found wrong",
        f"{name} was asked to correct its copy",
    ]
    assert steps(node, source) == [*told, f"{name}’s correction is due"]
    node.clock.forward(4 * DAY)
    assert steps(node, source) == [*told, f"{name}’s correction was due: it is overdue"]


def test_an_appeal_that_goes_on_against_a_replacement_is_told_as_such() -> None:
    appeal = {"id": "apl_a", "isOverdue": False, "state": "FILED", "dueAt": "2026-03-09"}
    appeals = [{**appeal, "filedAt": filed} for filed in ("2026-02-27", "2026-03-02")]
    issued = dict.fromkeys(("issuedAt", "effectiveAt"), "2026-03-01")
    ends = dict.fromkeys(("approvedAt", "endedAt", "expiresAt"))
    lists = {"appeals": {"nodes": appeals}, "adoptions": {"nodes": []}, "receipts": {"nodes": []}}
    told = timeline({**issued, **ends, **lists}, [])
    filed = [step.how for step in told if step.what == "Appealed"]
    assert filed == ["against the decision that this one replaced"]


def appealed(node: Node, team: Team) -> tuple[str, str]:
    """A sanction, and the appeal against it that its platform filed."""
    sanction = node.issue(team.issuer)["sanction"]["id"]
    filed = node.do("FileAppeal", team.bot, sanctionId=sanction, grounds="Our user says")
    return sanction, filed["appeal"]["id"]


def move(node: Node, team: Team, appeal: str, name: str, **given: object) -> None:
    node.clock.forward(HOUR)
    moved = node.do("MoveAppeal", team.reviewer, appealId=appeal, move=name, **given)
    assert moved["__typename"] == "AppealChanged", moved


def test_a_refusal_without_a_review_is_told_with_its_reason(node: Node, team: Team) -> None:
    sanction, appeal = appealed(node, team)
    move(node, team, appeal, "REFUSE", code="UNFOUNDED")
    assert steps(node, sanction)[2] == (
        "Appeal refused without a review: It gives no grounds that could be reviewed"
    )
    assert "Refused without a review" in node.client.get("/appeals").text


def test_what_an_outside_body_decided_is_told_beside_the_platforms_answer(
    node: Node, team: Team
) -> None:
    sanction, appeal = appealed(node, team)
    for name in ("ADMIT", "START_REVIEW"):
        move(node, team, appeal, name)
    node.do("DecideAppeal", team.reviewer, appealId=appeal, outcome="UPHELD", statement="Right")
    move(node, team, appeal, "ESCALATE")
    assert "Brought before an outside body" in node.client.get("/appeals").text
    carried = node.at(-HOUR)
    move(node, team, appeal, "RECORD_FINAL", outcome="OVERTURNED", implementedAt=carried)
    assert steps(node, sanction)[1:] == [
        "Appealed",
        "Appeal decided: The sanction stands as it is",
        "Appeal brought before an outside body",
        "The outside body decided: The sanction was wrong and is corrected everywhere. "
        f"Carried out {moment(carried)}",
        "Ended: The decision was found wrong",
    ]
    assert "Overturned by an outside body" in node.client.get("/appeals").text


def test_an_appeal_that_is_taken_back_or_left_unanswered_is_told(node: Node, team: Team) -> None:
    sanction, appeal = appealed(node, team)
    move(node, team, appeal, "WITHDRAW")
    assert steps(node, sanction)[2] == "Appeal withdrawn: taken back by the appellant"
    sanction, appeal = appealed(node, team)
    for name in ("ADMIT", "START_REVIEW"):
        move(node, team, appeal, name)
    move(node, team, appeal, "ASK", message="Was it you?")
    assert steps(node, sanction)[2] == "The person was asked"
    node.clock.forward(15 * DAY)
    assert steps(node, sanction)[2] == "The person was asked: no answer came in time"
    assert "The appellant didn’t answer in time" in node.client.get("/appeals").text

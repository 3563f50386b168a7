"""What the page of a sanction tells of its history, on both engines."""

import re
from html import unescape

from api.explorer.timelines import timeline
from tests.api.http.outside import Node
from tests.builders import DAY, Team

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
    assert re.fullmatch(r"Shortened: to end \d+ \w+ \d{4}, \d\d:\d\d UTC", shortened)
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
    appeal = {"outcome": None, "isOverdue": False, "state": "FILED", "dueAt": "2026-03-09"}
    appeals = [{**appeal, "filedAt": filed} for filed in ("2026-02-27", "2026-03-02")]
    issued = dict.fromkeys(("issuedAt", "effectiveAt"), "2026-03-01")
    ends = dict.fromkeys(("approvedAt", "endedAt", "expiresAt"))
    lists = {"appeals": {"nodes": appeals}, "adoptions": {"nodes": []}, "receipts": {"nodes": []}}
    told = timeline({**issued, **ends, **lists}, [])
    filed = [how for _, what, how in told if what == "Appealed"]
    assert filed == ["against the decision that this one replaced", ""]

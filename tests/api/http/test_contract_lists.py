"""The contract's lists and single records do what its comments say."""

from typing import Any

import pytest

from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, HOUR, Team


@pytest.fixture
def listed(node: Node, team: Team, partner: Team) -> dict[str, str]:
    """Issue sanctions of different kinds, an hour apart; the ids by what they are."""
    ids: dict[str, str] = {}

    def keep(name: str, issued: dict[str, Any]) -> None:
        ids[name] = issued["sanction"]["id"]
        node.clock.forward(HOUR)

    keep("ended", node.issue(team.issuer, expiresAt=node.at(HOUR)))
    keep("in force", node.issue(team.issuer, subject=ACCOUNT))
    keep("pending", node.terminate(team.issuer, category="SCAMS_AND_FRAUD"))
    keep("partner's", node.issue(partner.issuer, measure="SERVICE_RESTRICTED"))
    keep("overturned", node.issue(partner.issuer, category="SELF_HARM"))
    node.do("OverturnSanction", partner.issuer, sanctionId=ids["overturned"], reason="Wrong")
    return ids


def found(node: Node, ids: dict[str, str], **fits: object) -> list[str]:
    names = {ident: name for name, ident in ids.items()}
    page = node.ask("Sanctions", filter=fits)
    assert page["totalCount"] == len(page["edges"])
    return [names[edge["node"]["id"]] for edge in page["edges"]]


def test_everyone_sees_the_statement_and_nobody_more_than_is_theirs(
    node: Node, team: Team, partner: Team
) -> None:
    issued = node.issue(team.issuer, subject=ACCOUNT, explanation="Threats")["sanction"]
    for who in (None, team.researcher, partner.reader, team.issuer):
        sanction = node.ask("Sanction", who, id=issued["id"])
        entry = sanction.pop("logEntry")
        assert sanction == {**issued, "appeals": {"nodes": []}}
        assert entry["index"] >= 0
    assert issued["explanation"] == "Threats"
    assert issued["server"] is None
    assert ACCOUNT not in str(issued)


def test_lists_are_newest_first(node: Node, listed: dict[str, str]) -> None:
    assert found(node, listed) == ["overturned", "partner's", "pending", "in force", "ended"]


@pytest.mark.parametrize(
    ("fits", "names"),
    [
        ({"platform": "partner.example"}, ["overturned", "partner's"]),
        ({"platform": "PARTNER.example"}, ["overturned", "partner's"]),
        ({"platform": "unknown.example"}, []),
        ({"measures": ["ACCOUNT_TERMINATED", "SERVICE_RESTRICTED"]}, ["partner's", "pending"]),
        ({"measures": []}, []),
        ({"categories": ["SELF_HARM", "SCAMS_AND_FRAUD"]}, ["overturned", "pending"]),
        ({"effects": ["IN_FORCE"]}, ["partner's", "in force"]),
        ({"effects": ["ENDED"]}, ["overturned", "ended"]),
        ({"effects": ["PENDING", "ENDED"]}, ["overturned", "pending", "ended"]),
        ({"validities": ["OVERTURNED"]}, ["overturned"]),
        ({"effects": ["ENDED"], "validities": ["STANDING"]}, ["ended"]),
        ({"isBinding": False}, []),
        (
            {"issuedAfter": "2026-03-01T14:00:00Z", "issuedBefore": "2026-03-01T15:00:00Z"},
            ["pending"],
        ),
        (
            {"issuedAfter": "2026-03-01T17:30:00+01:30", "measures": ["ACCOUNT_SUSPENDED"]},
            ["overturned"],
        ),
    ],
    ids=str,
)
def test_a_filter_keeps_what_fits_all_of_it(
    node: Node, listed: dict[str, str], fits: dict[str, object], names: list[str]
) -> None:
    assert found(node, listed, **fits) == names


def test_ties_are_ordered_by_id_and_pages_join_both_ways(node: Node, team: Team) -> None:
    bodies = [node.body() for _ in range(25)]
    result = node.do("IssueSanctions", team.issuer, sanctions=bodies)  # one instant
    ids = sorted((r["sanction"]["id"] for r in result["results"]), reverse=True)

    forwards: list[str] = []
    after = None
    while True:
        page = node.ask("Sanctions", first=7, after=after)
        assert page["totalCount"] == 25
        forwards += [edge["node"]["id"] for edge in page["edges"]]
        info = page["pageInfo"]
        assert (info["startCursor"], info["endCursor"]) == (
            page["edges"][0]["cursor"],
            page["edges"][-1]["cursor"],
        )
        assert info["hasPreviousPage"] is (after is not None)
        after = info["endCursor"]
        if not info["hasNextPage"]:
            break
    assert forwards == ids

    backwards: list[str] = []
    before = None
    while True:
        page = node.ask("Sanctions", last=7, before=before)
        backwards = [edge["node"]["id"] for edge in page["edges"]] + backwards
        before = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert backwards == ids


def test_fifty_come_where_no_number_is_asked(node: Node, team: Team) -> None:
    node.do("IssueSanctions", team.issuer, sanctions=[node.body() for _ in range(51)])
    page = node.ask("Sanctions")
    assert (len(page["edges"]), page["totalCount"]) == (50, 51)
    assert page["pageInfo"]["hasNextPage"] is True
    assert len(node.ask("Sanctions", first=1_000)["edges"]) == 51
    assert node.ask("Sanctions", first=0)["edges"] == []


def test_a_sanction_comes_with_its_appeals(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer)["sanction"]
    appeal_id = node.under_review(team, sanction)
    appeal = {
        "id": appeal_id,
        "state": "IN_REVIEW",
        "outcome": None,
        "filedAt": node.at(),
        "dueAt": node.at(14 * DAY),
        "decidedAt": None,
        "isOverdue": False,
    }
    assert node.ask("Sanction", id=sanction["id"])["appeals"]["nodes"] == [appeal]
    [edge] = node.ask("Sanctions", first=1)["edges"]
    assert edge["node"]["appeals"]["nodes"] == [appeal]


def test_nodes_are_found_by_any_global_id(node: Node, team: Team) -> None:
    sanction = node.issue(team.issuer)["sanction"]
    appeal_id = node.under_review(team, sanction)
    for ident, kind in (
        (sanction["id"], "Sanction"),
        (appeal_id, "Appeal"),
        (team.platform.id, "Platform"),
    ):
        assert node.ask("Node", id=ident) == {"__typename": kind, "id": ident}
    assert node.ask("Node", id="san_unknown") is None
    assert node.ask("Sanction", id="san_unknown") is None
    assert node.ask("Sanction", id=appeal_id) is None  # the id of something else


def test_appeals_are_listed_newest_first_with_their_sanctions(node: Node, team: Team) -> None:
    sanctions = [node.issue(team.issuer)["sanction"] for _ in range(3)]
    appeals = []
    for sanction in sanctions:
        node.clock.forward(HOUR)
        appeals.append(node.under_review(team, sanction))
    node.do("DecideAppeal", team.reviewer, appealId=appeals[0], outcome="UPHELD", statement="No")

    page = node.ask("Appeals", first=2)
    assert [a["id"] for a in page["nodes"]] == [appeals[2], appeals[1]]
    assert page["nodes"][0]["sanction"] == {"id": sanctions[2]["id"]}
    assert page["pageInfo"]["hasNextPage"] is True
    rest = node.ask("Appeals", first=2, after=page["pageInfo"]["endCursor"])
    assert [a["id"] for a in rest["nodes"]] == [appeals[0]]

    def fitting(**fits: object) -> list[str]:
        return [a["id"] for a in node.ask("Appeals", filter=fits)["nodes"]]

    assert fitting(states=["DECIDED"]) == [appeals[0]]
    assert fitting(outcomes=["UPHELD"], platform="mod.example") == [appeals[0]]
    assert fitting(sanctionId=sanctions[1]["id"]) == [appeals[1]]
    assert fitting(isOverdue=True) == []
    node.clock.forward(14 * DAY)
    assert fitting(isOverdue=True) == [appeals[2], appeals[1]]
    assert fitting(isOverdue=False) == [appeals[0]]


def test_platforms_are_listed_in_the_order_they_joined(node: Node, team: Team) -> None:
    expected = sorted(
        [team, *(node.world.team() for _ in range(4))], key=lambda t: t.platform.id
    )  # all of one instant
    page = node.ask("Platforms", first=3)
    rest = node.ask("Platforms", after=page["pageInfo"]["endCursor"])
    assert [p["id"] for p in page["nodes"] + rest["nodes"]] == [t.platform.id for t in expected]
    assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert {"id": team.platform.id, "domain": "mod.example", "name": "mod.example"} in (
        page["nodes"] + rest["nodes"]
    )

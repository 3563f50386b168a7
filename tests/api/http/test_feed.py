"""The feed by pages: commit order, gapless, from any place on, to each as far as it may know."""

from typing import Any

import pytest

from api.reads import stretches
from tests.api.http.outside import Node
from tests.builders import DAY, Team

ALICE = "acct:alice@host.example"
PAGE = """query EventPage($after: Cursor, $first: Int, $filter: EventFilter) {
  eventPage(after: $after, first: $first, filter: $filter) {
    nodes {
      cursor type occurredAt subject platform { domain } sanction { id reason }
      appeal { id state } notice { reason appealSecret }
    }
    endCursor hasNextPage
  }
}"""


@pytest.fixture
def host(node: Node) -> Team:
    """Return the platform where Alice's account lives."""
    return node.world.team("host.example")


def page(node: Node, by: Any = None, **given: object) -> dict[str, Any]:
    found: dict[str, Any] = node.data(PAGE, given, by)["eventPage"]
    return found


def types(found: dict[str, Any]) -> list[str]:
    return [event["type"] for event in found["nodes"]]


def test_the_notice_is_for_the_host_alone(
    node: Node, team: Team, partner: Team, host: Team
) -> None:
    issued = node.issue(team.issuer, subject=ALICE)
    due = page(node, host.reader)["nodes"][-1]
    assert (due["type"], due["subject"]) == ("NOTICE_DUE", ALICE)
    assert due["notice"] == {
        "reason": "You threatened somebody",
        "appealSecret": issued["appealSecret"],
    }
    assert types(page(node, team.reader)) == ["SANCTION_ISSUED", "NOTICE_DUE"]
    assert page(node, team.reader)["nodes"][-1]["notice"] is None
    for by in (None, team.researcher, host.researcher, partner.reader):
        found = page(node, by)
        assert types(found) == ["SANCTION_ISSUED"]
        assert found["nodes"][0]["notice"] is None
    assert page(node)["nodes"][0]["subject"] is None
    assert page(node, partner.reader)["nodes"][0]["subject"] == ALICE


def test_what_is_yet_to_be_handed_on_is_found_by_whoever_is_to(
    node: Node, team: Team, partner: Team, host: Team
) -> None:
    told, due = (node.issue(team.issuer, subject=ALICE)["sanction"]["id"] for _ in range(2))
    node.issue(team.issuer, subject=ALICE, audience="OWN")  # is told by who decided
    record = "mutation($i: RecordNoticeInput!) { recordNotice(input: $i) { __typename } }"
    node.data(record, {"i": {"sanctionId": told, "outcome": "UNDELIVERABLE"}}, host.admin)
    [found] = page(node, host.reader, filter={"isDue": True})["nodes"]
    assert (found["type"], found["sanction"]["id"]) == ("NOTICE_DUE", due)
    everything = page(node, host.reader)["nodes"]
    others = page(node, host.reader, filter={"isDue": False})["nodes"]
    assert [event for event in everything if event != found] == others
    for by in (None, team.issuer, host.researcher, partner.reader):
        assert page(node, by, filter={"isDue": True})["nodes"] == []
        assert page(node, by, filter={"isDue": False}) == page(node, by)


def test_the_secret_in_a_notice_files_an_appeal_and_then_is_gone(
    node: Node, team: Team, host: Team
) -> None:
    node.issue(team.issuer, subject=ALICE)
    due = page(node, host.reader)["nodes"][-1]
    filed = node.do(
        "FileAppeal",
        sanctionId=due["sanction"]["id"],
        grounds="Not me",
        appealSecret=due["notice"]["appealSecret"],
    )
    assert filed["__typename"] == "AppealChanged"
    due, appeal = page(node, host.reader)["nodes"][-2:]
    assert due["notice"] == {"reason": "You threatened somebody", "appealSecret": None}
    assert (appeal["type"], appeal["appeal"]["state"]) == ("APPEAL_FILED", "FILED")
    told = node.data(
        "mutation($i: RecordNoticeInput!) { recordNotice(input: $i)"
        " { __typename ... on NoticeRecorded { notifiedAt outcome } } }",
        {"i": {"sanctionId": due["sanction"]["id"], "outcome": "DELIVERED"}},
        host.admin,
    )
    assert told["recordNotice"] == {
        "__typename": "NoticeRecorded",
        "notifiedAt": node.at(),
        "outcome": "DELIVERED",
    }


def test_pages_follow_each_other_without_gap_or_repeat(node: Node, team: Team) -> None:
    for _ in range(7):
        node.issue(team.issuer)
    whole = page(node)
    assert (len(whole["nodes"]), whole["hasNextPage"]) == (7, False)
    walked: list[dict[str, Any]] = []
    after = None
    while True:
        found = page(node, after=after, first=3)
        walked += found["nodes"]
        after = found["endCursor"]
        if not found["hasNextPage"]:
            break
    assert walked == whole["nodes"]
    assert after == whole["endCursor"] == whole["nodes"][-1]["cursor"]
    empty = page(node, after=after)
    assert empty == {"nodes": [], "endCursor": after, "hasNextPage": False}
    node.issue(team.issuer)
    assert types(page(node, after=after)) == ["SANCTION_ISSUED"]


@pytest.mark.parametrize("window", [1, 4, 100])
def test_a_page_looks_at_so_many_places_however_few_fit(
    node: Node, team: Team, partner: Team, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(stretches, "WINDOW", window)
    first = node.issue(team.issuer)["sanction"]["id"]
    rare = []
    for number in range(9):
        node.issue(team.issuer)
        if number in (3, 4, 7):
            rare.append(node.issue(partner.issuer)["sanction"]["id"])
    node.do("LiftSanction", team.issuer, sanctionId=first, reason="Enough")
    wanted = {"platform": "partner.example"}
    walked, after, more, pages = [], None, True, 0
    while more:
        found = page(node, after=after, first=2, filter=wanted)
        assert (found["endCursor"] != after) or not found["hasNextPage"]
        walked += [event["sanction"]["id"] for event in found["nodes"]]
        after, more, pages = found["endCursor"], found["hasNextPage"], pages + 1
    assert walked == rare
    assert pages <= 2 + int(str(after).removeprefix("feed~")) // window
    assert page(node, after=after, filter=wanted) == {
        "nodes": [],
        "endCursor": after,
        "hasNextPage": False,
    }
    assert types(page(node, filter={"sanctionId": first})) == ["SANCTION_ISSUED", "SANCTION_LIFTED"]


def test_nothing_happened_yet(node: Node) -> None:
    assert page(node) == {"nodes": [], "endCursor": None, "hasNextPage": False}
    assert page(node, first=0)["hasNextPage"] is False


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"after": "feed~-1"}, "after"),
        ({"after": "Sanction~1"}, "after"),
        ({"after": "feed~1\n"}, "after"),
        ({"after": ""}, "after"),
        ({"first": 1_001}, "first"),
        ({"first": -1}, "first"),
        ({"filter": {"platform": "not a domain"}}, "platform"),
    ],
)
def test_what_is_no_place_is_refused(lite: Node, given: dict[str, Any], field: str) -> None:
    answer = lite.answer(PAGE, given)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    assert answer["errors"][0]["message"].startswith(f"{field}: ")


def test_filters_leave_out_what_does_not_fit(node: Node, team: Team, partner: Team) -> None:
    first = node.issue(team.issuer)["sanction"]["id"]
    node.terminate(partner.issuer)
    node.do("LiftSanction", team.issuer, sanctionId=first, reason="Enough")

    def found(**given: object) -> list[str]:
        return types(page(node, filter=given))

    assert (
        found()
        == found(subjectKinds=["ACCOUNT"])
        == [
            "SANCTION_ISSUED",
            "SANCTION_ISSUED",
            "SANCTION_LIFTED",
        ]
    )
    assert found(platform="partner.example") == ["SANCTION_ISSUED"]
    assert found(sanctionId=first) == ["SANCTION_ISSUED", "SANCTION_LIFTED"]
    assert found(sanctionId="san_none") == []
    assert found(types=["SANCTION_LIFTED"]) == ["SANCTION_LIFTED"]
    assert found(measures=["ACCOUNT_TERMINATED"]) == ["SANCTION_ISSUED"]
    assert found(subjectKinds=["SERVER"]) == found(types=[]) == []


def test_an_event_tells_what_it_led_to_whatever_came_later(node: Node, team: Team) -> None:
    first = node.issue(team.issuer)["sanction"]["id"]
    given = {"sanctionId": first, "expiresAt": node.at(DAY), "reason": "Enough"}
    node.do("ShortenSanction", team.issuer, **given)
    events = node.data("{ eventPage { nodes { expiresAt receiptState } } }")["eventPage"]["nodes"]
    assert events == [
        {"expiresAt": node.at(7 * DAY), "receiptState": None},
        {"expiresAt": node.at(DAY), "receiptState": None},
    ]


def test_only_parts_of_a_page_may_be_asked_for(node: Node, team: Team) -> None:
    node.issue(team.issuer)
    node.clock.forward(DAY)
    assert node.data("{ eventPage { hasNextPage } }") == {"eventPage": {"hasNextPage": False}}
    assert node.data("{ eventPage(first: 0) { hasNextPage endCursor t: __typename } }") == {
        "eventPage": {"hasNextPage": True, "endCursor": None, "t": "EventPage"}
    }

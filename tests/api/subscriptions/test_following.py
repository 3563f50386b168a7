"""The feed as it is followed: commit order, gapless, from any place on, to each as it may know."""

from typing import Any

import pytest

from tests.api.subscriptions.living import Live, following
from tests.builders import Team

ALICE = "acct:alice@host.example"


def test_what_is_committed_is_told_in_order_and_as_event_page_has_it(
    node: Live, team: Team
) -> None:
    first = node.issue(team.issuer)["sanction"]["id"]
    with following(node) as subscriber:
        assert subscriber.next()["sanction"] == {"id": first, "validity": "STANDING"}
        node.do("OverturnSanction", team.issuer, sanctionId=first, reason="Wrong")
        told = subscriber.next()
        assert told["type"] == "SANCTION_OVERTURNED"
        assert told["sanction"]["validity"] == "OVERTURNED"
        second = node.issue(team.issuer)["sanction"]["id"]
        assert subscriber.next()["sanction"]["id"] == second
        assert subscriber.is_quiet()


def test_a_cursor_resumes_anywhere_without_gap_or_repeat(node: Live, team: Team) -> None:
    for _ in range(5):
        node.issue(team.issuer)
    with following(node) as subscriber:
        whole = subscriber.take(5)
    with following(node, after=whole[1]["cursor"]) as subscriber:
        assert subscriber.take(3) == whole[2:]
        node.issue(team.issuer)
        whole += subscriber.take(1)
    with following(node, after=whole[-1]["cursor"]) as subscriber:
        assert subscriber.is_quiet()


def test_each_is_told_what_it_may_know(node: Live, team: Team, partner: Team) -> None:
    host = node.world.team("host.example")
    node.issue(team.issuer, subject=ALICE)
    told = {}
    for name, by in {"host": host.reader, "partner": partner.reader, "public": None}.items():
        with following(node, by) as subscriber:
            told[name] = subscriber.take(2 if name == "host" else 1)
            assert subscriber.is_quiet(0.05)
    assert [event["type"] for event in told["host"]] == ["SANCTION_ISSUED", "NOTICE_DUE"]
    assert told["host"][1]["notice"]["appealSecret"]
    assert [event["subject"] for event in told["partner"]] == [ALICE]
    assert [event["subject"] for event in told["public"]] == [None]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"platform": "partner.example"}, 1),
        ({"types": ["SANCTION_LIFTED"]}, 1),
        ({"measures": ["ACCOUNT_TERMINATED"]}, 1),
        ({"subjectKinds": ["ACCOUNT"]}, 3),
        ({"subjectKinds": ["SERVER"]}, 0),
    ],
)
def test_what_does_not_fit_the_filter_is_left_out(
    node: Live, team: Team, partner: Team, wanted: dict[str, object], count: int
) -> None:
    first = node.issue(team.issuer)["sanction"]["id"]
    node.terminate(partner.issuer)
    node.do("LiftSanction", team.issuer, sanctionId=first, reason="Enough")
    with following(node, filter=wanted) as subscriber:
        assert len(subscriber.take(count)) == count
        assert subscriber.is_quiet(0.05)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"after": "feed~-1"}, "INVALID_INPUT"),
        ({"after": "feed~99999999999999999999"}, "INVALID_INPUT"),
        ({"filter": {"platform": "not a domain"}}, "INVALID_INPUT"),
        ({"filter": {"types": ["NOTHING"]}}, "BAD_DOCUMENT"),
    ],
)
def test_what_is_no_place_or_filter_is_refused_with_its_code(
    node: Live, given: dict[str, Any], code: str
) -> None:
    with following(node, **given) as subscriber:
        message = subscriber.receive()
        assert (message["type"], message["id"]) == ("error", "1")
        assert message["payload"][0]["extensions"]["code"] == code
        subscriber.subscribe("1")  # the socket goes on, and the id is free
        assert subscriber.is_quiet(0.05)

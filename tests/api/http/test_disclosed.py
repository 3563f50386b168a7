"""Who sees what: each private field, asked for by everybody, on every way to a sanction."""

from typing import Any

import pytest

from governance.membership import Actor
from governance.words import Role
from tests.api.http.outside import Node
from tests.builders import DAY, MICRO, Team

ALICE = "acct:alice@host.example"
PRIVATE: dict[str, Any] = {
    "subject": ALICE,
    "reason": "You threatened your neighbour",
    "facts": "Twelve messages on Monday",
    "contentUri": "https://host.example/@alice/7",
    "otherMeasure": "No shop for a week",
    "issuerReference": "ticket-4711",
    "caseReference": "case-0815",
}
OWN_ALONE = {"issuerReference", "caseReference"}
PUBLIC: dict[str, Any] = {
    "explanation": "Threats against a neighbour",
    "groundReference": "Terms 4.2",
}
FIELDS = " ".join([*PRIVATE, *PUBLIC, "server policyReference { rule }"])
MESSAGES = "appeals { nodes { messages { author text } } }"
QUERY = f"""query($id: ID!) {{
  sanction(id: $id) {{ {FIELDS} {MESSAGES} }}
  node(id: $id) {{ ... on Sanction {{ {FIELDS} {MESSAGES} }} }}
  nodes(ids: [$id]) {{ ... on Sanction {{ {FIELDS} {MESSAGES} }} }}
  sanctions {{ nodes {{ {FIELDS} {MESSAGES} }} }}
  appeals {{ nodes {{ sanction {{ {FIELDS} {MESSAGES} }} }} }}
}}"""


@pytest.fixture
def host(node: Node) -> Team:
    """Return the platform where the account lives."""
    return node.world.team("host.example")


@pytest.fixture
def ident(node: Node, team: Team) -> str:
    """Return a sanction with every private field, and an appeal under way."""
    return issued(node, team)


def issued(node: Node, team: Team, **changes: object) -> str:
    fields = {
        **PRIVATE,
        **PUBLIC,
        "measure": "MONETIZATION_OTHER",
        "policyReference": {"rule": "4.2"},
        **changes,
    }
    sanction = node.issue(team.issuer, **fields)["sanction"]
    node.under_review(team, sanction)
    ident: str = sanction["id"]
    return ident


def seen(node: Node, ident: str, by: Actor | None) -> dict[str, Any]:
    """What somebody sees of the sanction; the same by whatever way."""
    data = node.data(QUERY, {"id": ident}, by)
    ways = [
        data["sanction"],
        data["node"],
        *data["nodes"],
        *data["sanctions"]["nodes"],
        *(appeal["sanction"] for appeal in data["appeals"]["nodes"]),
    ]
    assert all(way == ways[0] for way in ways)
    found: dict[str, Any] = ways[0]
    assert found.pop("policyReference") == {"rule": "4.2"}
    assert found.pop("server") is None
    [appeal] = found.pop("appeals")["nodes"]
    return {**found, "messages": appeal["messages"]}


def only(*names: str) -> dict[str, Any]:
    private = {name: PRIVATE[name] if name in names else None for name in PRIVATE}
    messages = [{"author": "APPELLANT", "text": "Not me"}] if "messages" in names else None
    return {**private, **PUBLIC, "messages": messages}


ALL = (*PRIVATE, "messages")
SHARED = tuple(name for name in PRIVATE if name not in OWN_ALONE)
PARTNER_ROLES = [Role.READER, Role.ISSUER, Role.REVIEWER, Role.ADMIN]


def test_the_public_and_researchers_see_nothing_private(
    node: Node, team: Team, partner: Team, ident: str
) -> None:
    for by in (None, team.researcher, partner.researcher):
        assert seen(node, ident, by) == only()


def test_partners_see_all_but_what_is_the_platforms_own(
    node: Node, partner: Team, ident: str
) -> None:
    for role in PARTNER_ROLES:
        assert seen(node, ident, node.world.member(partner, role)) == only(*SHARED)


def test_the_own_members_see_everything(node: Node, team: Team, ident: str) -> None:
    for role in PARTNER_ROLES:
        assert seen(node, ident, node.world.member(team, role)) == only(*ALL)


def test_with_the_audience_own_nobody_else_sees_anything(
    node: Node, team: Team, partner: Team, host: Team
) -> None:
    ident = issued(node, team, audience="OWN")
    for stranger in (None, team.researcher, partner.reader, partner.admin, host.reader):
        assert seen(node, ident, stranger) == only()
    assert seen(node, ident, team.reader) == only(*ALL)


def test_partners_see_it_until_thirty_days_after_the_end(
    node: Node, team: Team, partner: Team, host: Team, ident: str
) -> None:
    node.clock.forward(7 * DAY + 30 * DAY - MICRO)
    assert seen(node, ident, partner.reader) == only(*SHARED)
    node.clock.forward(MICRO)
    assert seen(node, ident, partner.reader) == only()
    assert seen(node, ident, team.reader) == only(*ALL)
    assert seen(node, ident, host.reader) == only(*SHARED)  # it hosts the account


def test_past_status_is_told_as_long_as_the_subject_is(
    node: Node, team: Team, partner: Team, host: Team
) -> None:
    node.issue(team.issuer, subject=ALICE)
    during = node.at(DAY)
    query = "query($s: URI!, $at: DateTime) { suspensionStatus(subject: $s, at: $at) { until } }"
    listed = "query($s: URI!) { sanctions(filter: { subject: $s }) { totalCount } }"

    def told(by: Actor) -> tuple[bool, int]:
        status = node.data(query, {"s": ALICE, "at": during}, by)["suspensionStatus"]
        found = node.data(listed, {"s": ALICE}, by)["sanctions"]
        return status["until"] is not None, found["totalCount"]

    node.clock.forward(37 * DAY - MICRO)
    assert told(partner.reader) == (True, 1)
    node.clock.forward(MICRO)
    assert told(partner.reader) == (False, 0)
    assert told(team.reader) == told(host.reader) == (True, 1)


def test_nobody_finds_by_subject_what_they_may_not_see(
    node: Node, team: Team, partner: Team
) -> None:
    node.issue(team.issuer, subject=ALICE, audience="OWN")
    listed = "query($s: URI!) { sanctions(filter: { subject: $s }) { totalCount } }"
    for by in (None, team.researcher, partner.reader):
        assert node.data(listed, {"s": ALICE}, by) == {"sanctions": {"totalCount": 0}}
    assert node.data(listed, {"s": ALICE}, team.reader) == {"sanctions": {"totalCount": 1}}
    status = node.ask("SuspensionStatus", partner.reader, subject=ALICE)
    assert (status["isSuspended"], status["sanctions"]) == (False, [])
    [bulk] = node.ask("SuspensionStatuses", partner.reader, subjects=[ALICE])
    assert bulk["isSuspended"] is False


@pytest.mark.parametrize("audience", ["OWN", "PARTNERS"])
def test_a_server_is_public_and_the_reason_is_not(
    node: Node, team: Team, partner: Team, audience: str
) -> None:
    told = {
        "subject": "https://spam.example",
        "reason": "You spam us",
        "facts": "Ten thousand a day",
        "issuerReference": "block-1",
    }
    blocked = node.issue(team.issuer, **told, measure="SERVER_SUSPENDED", audience=audience)
    query = "query($i: ID!) { sanction(id: $i) { server subject reason facts issuerReference } }"

    def sees(by: Actor | None) -> set[str]:
        found = node.data(query, {"i": blocked["sanction"]["id"]}, by)["sanction"]
        return {name for name, text in found.items() if text is not None}

    public = {"server", "subject"}
    assert sees(None) == sees(partner.researcher) == public
    assert sees(partner.reader) == public | ({"reason", "facts"} if audience != "OWN" else set())
    assert sees(team.reader) == {"server", *told}
    node.clock.forward(37 * DAY)
    assert sees(partner.reader) == public


def test_invited_reviewers_read_the_messages_of_their_case(
    node: Node, team: Team, partner: Team, ident: str
) -> None:
    [appeal] = node.ask("Appeals")["nodes"]
    other = node.under_review(team, node.issue(team.issuer)["sanction"])
    fields = {"appealId": appeal["id"], "platform": "partner.example"}
    assert node.do("InviteReviewer", team.admin, **fields)["__typename"] == "AppealChanged"
    query = "{ appeals { nodes { id messages { text } } } }"
    found = node.data(query, by=partner.reviewer)["appeals"]["nodes"]
    assert {a["id"]: a["messages"] for a in found} == {
        appeal["id"]: [{"text": "Not me"}],
        other: None,
    }


def test_the_appellant_sees_the_own_case_alone(node: Node, team: Team) -> None:
    fields = {**PRIVATE, "measure": "MONETIZATION_OTHER"}
    mine = node.issue(team.issuer, **fields)
    view = node.data(
        f"""query($i: ID!, $s: String!) {{ appellantView(sanctionId: $i, appealSecret: $s) {{
          reason sanction {{ {FIELDS} }} appeals {{ messages {{ text }} }} }} }}""",
        {"i": mine["sanction"]["id"], "s": mine["appealSecret"]},
    )["appellantView"]
    assert view["reason"] == PRIVATE["reason"]
    hidden = {name for name in PRIVATE if view["sanction"][name] is None}
    assert {"facts", *OWN_ALONE} <= hidden

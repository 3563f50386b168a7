"""What issuing would come to: the same judgement, nothing written, no more seen than before."""

from typing import Any

import pytest

from governance.membership import Actor
from tests.api.http.outside import ACCOUNT, TERMINATION, Node
from tests.builders import DAY, Team

PREVIEW = """query Preview($input: IssueSanctionInput!) {
  previewSanction(input: $input) {
    isAccepted
    refusal { code message path }
    startsAt expiresAt
    issuedBefore { id }
    ends { id }
    overlaps { id platform { domain } }
    advice { seconds basis { id } }
  }
}"""
NOTHING: dict[str, object] = {"issuedBefore": None, "ends": None, "overlaps": []}
DAY_SECONDS = 86_400


def previewed(node: Node, by: Actor, **body: object) -> dict[str, Any]:
    before = records(node)
    found: dict[str, Any] = node.data(PREVIEW, {"input": body}, by)["previewSanction"]
    assert records(node) == before
    return found


def records(node: Node) -> dict[str, list[str]]:
    """All but what counts lookups, which is written down now and then."""
    return {name: rows for name, rows in node.records().items() if name != "lookups"}


def ids(sanctions: list[dict[str, Any]]) -> list[str]:
    return [sanction["id"] for sanction in sanctions]


@pytest.mark.parametrize("name", ["reader", "reviewer", "admin", "researcher"])
def test_only_issuers_preview(node: Node, team: Team, name: str) -> None:
    node.issue(team.issuer, subject=ACCOUNT)
    found = previewed(node, getattr(team, name), **node.body(subject=ACCOUNT))
    assert (found["isAccepted"], found["refusal"]["code"]) == (False, "FORBIDDEN")
    assert (found["advice"], found["overlaps"]) == (None, [])


def test_the_public_previews_nothing(node: Node) -> None:
    answer = node.answer(PREVIEW, {"input": node.body()})
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_what_would_be_issued(node: Node, team: Team) -> None:
    body = node.body(effectiveAt=node.at(DAY), expiresAt=node.at(8 * DAY))
    assert previewed(node, team.issuer, **body) == {
        "isAccepted": True,
        "refusal": None,
        "startsAt": node.at(DAY),
        "expiresAt": node.at(8 * DAY),
        "advice": {"seconds": DAY_SECONDS, "basis": []},
        **NOTHING,
    }
    assert node.do("IssueSanction", team.issuer, **body)["__typename"] == "SanctionIssued"
    pending = previewed(node, team.issuer, **{**node.body(), **TERMINATION})
    assert (pending["isAccepted"], pending["startsAt"], pending["expiresAt"]) == (True, None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"expiresAt": None},
        {"permanentBasis": "SPAM"},
        {"subject": "nonsense"},
        {"conductFrom": "yesterday"},
        {"supersedes": "san_absent"},
        {"keywords": ["STALKING"], "reason": ""},
    ],
)
def test_what_would_be_refused_is_refused_alike(
    node: Node, team: Team, wrong: dict[str, Any]
) -> None:
    body = node.body(**wrong)
    found = previewed(node, team.issuer, **body)
    refused = node.do("IssueSanction", team.issuer, **body)
    assert found["isAccepted"] is False
    assert found["refusal"] == {k: refused[k] for k in ("code", "message", "path")}


def test_retries_and_used_references_are_told(node: Node, team: Team) -> None:
    body = node.body()
    issued = node.do("IssueSanction", team.issuer, **body)["sanction"]["id"]
    again = previewed(node, team.issuer, **body)
    assert (again["isAccepted"], again["issuedBefore"]) == (True, {"id": issued})
    other = previewed(node, team.issuer, **{**body, "reason": "Another"})
    assert other["refusal"]["code"] == "REFERENCE_REUSED"


def test_the_ladder_rests_on_the_own_undisputed_suspensions(
    node: Node, team: Team, partner: Team
) -> None:
    first, disputed = (node.issue(team.issuer, subject=ACCOUNT)["sanction"] for _ in range(2))
    node.issue(team.issuer, subject=ACCOUNT, measure="WARNING")
    theirs = node.issue(partner.issuer, subject=ACCOUNT)["sanction"]
    node.do("FileAppeal", team.admin, sanctionId=disputed["id"], grounds="Not me")
    found = previewed(node, team.issuer, **node.body(subject=ACCOUNT))
    assert found["advice"] == {"seconds": 7 * DAY_SECONDS, "basis": [{"id": first["id"]}]}
    assert set(ids(found["overlaps"])) == {first["id"], disputed["id"], theirs["id"]}
    node.do("OverturnSanction", team.issuer, sanctionId=first["id"], reason="Wrong")
    found = previewed(node, team.issuer, **node.body(subject=ACCOUNT))
    assert found["advice"] == {"seconds": DAY_SECONDS, "basis": []}
    assert set(ids(found["overlaps"])) == {disputed["id"], theirs["id"]}
    content = node.body(
        subject="https://elsewhere.example/@a/1", measure="CONTENT_REMOVED", expiresAt=None
    )
    assert previewed(node, team.issuer, **content)["advice"] is None


def test_overlaps_are_those_the_platform_may_see(node: Node, team: Team, partner: Team) -> None:
    node.issue(partner.issuer, subject=ACCOUNT, audience="OWN")
    seen = node.issue(partner.issuer, subject=ACCOUNT, expiresAt=node.at(2 * DAY))["sanction"]
    body = node.body(subject=ACCOUNT)
    assert ids(previewed(node, team.issuer, **body)["overlaps"]) == [seen["id"]]
    later = {**body, "effectiveAt": node.at(2 * DAY)}
    assert previewed(node, team.issuer, **later)["overlaps"] == []  # ends as this begins


def test_what_it_would_take_the_place_of(node: Node, team: Team) -> None:
    old = node.issue(team.issuer, subject=ACCOUNT)["sanction"]["id"]
    body = node.body(subject=ACCOUNT, supersedes=old)
    assert previewed(node, team.issuer, **body)["ends"] == {"id": old}

"""The sanctioned person's page: no login, a secret that is in no address, no other site's forms."""

import re
from datetime import timedelta

import pytest

from tests.api.explorer.forms import Visitor
from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, Team


@pytest.fixture
def person(node: Node) -> Visitor:
    return Visitor(node.client)


def opened(node: Node, team: Team, person: Visitor, **changes: object) -> tuple[str, str]:
    """A case that the person opened: the sanction's id, and its secret."""
    issued = node.issue(team.issuer, subject=ACCOUNT, **changes)
    sanction, secret = issued["sanction"]["id"], issued["appealSecret"]
    person.open("/appeal")
    person.send("/appeal/open", sanction=sanction, secret=secret)
    assert person.page.status_code == 200
    return sanction, secret


def test_a_secret_opens_its_case_and_is_in_no_address(
    node: Node, team: Team, person: Visitor
) -> None:
    _, secret = opened(node, team, person)
    assert "You threatened somebody" in person.text
    assert "mod.example suspended your account for 7 days" in person.text
    assert str(person.page.url) == "http://testserver/appeal"
    assert secret not in person.page.text
    for name, value in (("cache-control", "no-store"), ("referrer-policy", "no-referrer")):
        assert person.page.headers[name] == value
    cookie = person.page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/appeal" in cookie
    assert secret not in cookie
    assert ACCOUNT not in person.page.text


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cookies_are_for_https_alone_where_that_is_spoken(node: Node, scheme: str) -> None:
    page = node.client.get(f"{scheme}://testserver/appeal")
    assert ("Secure" in page.headers["set-cookie"]) is (scheme == "https")


def test_the_person_files_answers_and_withdraws(node: Node, team: Team, person: Visitor) -> None:
    sanction, secret = opened(node, team, person)
    person.send("/appeal/move", move="FILE", message="It was a quotation.\r\nI criticised it.")
    assert "Your secret has changed" in person.text
    assert f"<code>{sanction}</code>" in person.text
    assert "It was a quotation.\nI criticised it." in person.text
    [appeal] = node.ask("Appeals", filter={"sanctionId": sanction})["nodes"]
    assert appeal["state"] == "FILED"
    used = {"sanctionId": sanction, "appealSecret": secret}
    assert node.ask("AppellantView", **used) is None
    for move, message in (("ADMIT", None), ("START_REVIEW", None), ("ASK", "Where was it?")):
        given = {"appealId": appeal["id"], "move": move, "message": message}
        assert node.do("MoveAppeal", team.reviewer, **given)["__typename"] == "AppealChanged"
    person.open("/appeal")
    assert "Where was it?" in person.text
    person.send("/appeal/move", move="ANSWER", message="At home")
    assert "At home" in person.text
    person.send("/appeal/move", move="WITHDRAW", message="")
    assert "You took it back." in person.text
    assert person.hidden("/appeal/move").keys() == {"csrf"}  # another may be filed
    person.send("/appeal/close")
    assert "Were you sanctioned?" in person.text
    assert "Were you sanctioned?" in person.open("/appeal").text


def test_an_appeal_without_grounds_is_refused_beside_its_form(
    node: Node, team: Team, person: Visitor
) -> None:
    opened(node, team, person)
    before = node.records()
    person.send("/appeal/move", move="FILE", message=" \r\n ")
    assert person.page.status_code == 409
    assert ">Expected text.</p>" in person.text
    assert "<title>Refused: " in person.text
    field = re.search(r'<textarea id="grounds"[^>]*>', person.text)
    assert field is not None
    assert 'aria-invalid="true" aria-describedby="file-does wrong"' in field[0]
    assert "File the appeal" in person.text
    assert node.records() == before


def test_what_was_decided_goes_to_an_outside_body(node: Node, team: Team, person: Visitor) -> None:
    sanction, _ = opened(node, team, person)
    person.send("/appeal/move", move="FILE", message="Not me")
    [appeal] = node.ask("Appeals", filter={"sanctionId": sanction})["nodes"]
    for move in ("ADMIT", "START_REVIEW"):
        node.do("MoveAppeal", team.reviewer, appealId=appeal["id"], move=move)
    decision = {"appealId": appeal["id"], "outcome": "UPHELD", "statement": "It was you"}
    node.do("DecideAppeal", team.reviewer, **decision)
    person.open("/appeal")
    assert "It was you" in person.text
    person.send("/appeal/move", move="ESCALATE", message="I disagree")
    assert "Brought before an outside body." in person.text


def test_the_page_says_until_when_one_may_appeal(node: Node, team: Team, person: Visitor) -> None:
    opened(node, team, person)
    assert f'You may appeal until <time datetime="{node.at(183 * DAY)}"' in person.text
    assert "File the appeal" in person.text


def test_an_appeal_that_would_be_refused_isnt_offered(
    node: Node, team: Team, person: Visitor
) -> None:
    sanction, secret = opened(node, team, person)
    node.clock.forward(183 * DAY)
    person.open("/appeal")
    person.send("/appeal/open", sanction=sanction, secret=secret)
    assert "The time in which you could appeal is over. It ended" in person.text
    assert "File the appeal" not in person.text
    person.send("/appeal/close")
    sanction, _ = opened(node, team, person)
    node.do("OverturnSanction", team.issuer, sanctionId=sanction, reason="Wrong")
    assert "there is nothing left to appeal against" in person.open("/appeal").text
    assert "File the appeal" not in person.text


def test_what_was_answered_for_good_is_not_appealed_again(
    node: Node, team: Team, person: Visitor
) -> None:
    sanction, _ = opened(node, team, person)
    person.send("/appeal/move", move="FILE", message="Not me")
    [appeal] = node.ask("Appeals", filter={"sanctionId": sanction})["nodes"]
    assert "An appeal has to be answered before another can be filed." in person.text
    node.do("MoveAppeal", team.reviewer, appealId=appeal["id"], move="REFUSE", code="UNFOUNDED")
    person.open("/appeal")
    person.send("/appeal/move", move="ESCALATE", message="")
    node.do(
        "MoveAppeal", team.reviewer, appealId=appeal["id"], move="RECORD_FINAL", outcome="UPHELD"
    )
    assert "no other can be filed" in person.open("/appeal").text
    assert "File the appeal" not in person.text


def test_what_took_a_sanctions_place_is_shown_with_its_end(
    node: Node, team: Team, person: Visitor
) -> None:
    issued = node.terminate(team.issuer, subject=ACCOUNT)
    sanction, secret = issued["sanction"]["id"], issued["appealSecret"]
    person.open("/appeal")
    person.send("/appeal/open", sanction=sanction, secret=secret)
    assert "No end was set" in person.text
    person.send("/appeal/move", move="FILE", message="Not me")
    [appeal] = node.ask("Appeals", filter={"sanctionId": sanction})["nodes"]
    for move in ("ADMIT", "START_REVIEW"):
        node.do("MoveAppeal", team.reviewer, appealId=appeal["id"], move=move)
    decision = {"appealId": appeal["id"], "outcome": "REDUCED", "newExpiresAt": node.at(3 * DAY)}
    for reviewer in (team.reviewer, team.reviewer_2):
        node.do("DecideAppeal", reviewer, **decision, statement="Too long")
    person.open("/appeal")
    [replacement] = re.findall('In its place: <a href="/sanctions/([a-z0-9_]+)"', person.text)
    assert "mod.example suspended your account for 3 days</a>, in force until" in person.text
    assert "No end was set" not in person.text
    assert person.open(f"/sanctions/{replacement}").status_code == 200


def test_an_appeal_against_what_was_replaced_is_told_on_the_replacement(
    node: Node, team: Team, person: Visitor
) -> None:
    first, _ = opened(node, team, person)
    person.send("/appeal/move", move="FILE", message="Not me")
    person.send("/appeal/close")
    opened(node, team, person, supersedes=first)
    assert "It belongs to another decision of the same case" in person.text
    assert first not in person.text
    assert "File the appeal" not in person.text


@pytest.mark.parametrize("action", ["open", "move", "close"])
def test_a_form_without_its_sessions_token_does_nothing(
    node: Node, team: Team, person: Visitor, action: str
) -> None:
    opened(node, team, person)
    before = node.records()
    fields = {"move": "FILE", "message": "Not me", "sanction": "x", "secret": "y"}
    for token in ({}, {"csrf": ""}, {"csrf": "x" * 22}, {"csrf": "é"}):
        page = person.bare(f"/appeal/{action}", **fields, **token)
        assert page.status_code == 403
        assert "This form has expired" in page.text
        assert '<a href="/appeal">Back to the page of the form</a>' in page.text
    assert node.records() == before
    assert "You threatened somebody" in person.open("/appeal").text  # it is open still


def test_another_sessions_token_is_no_ones(node: Node, team: Team, person: Visitor) -> None:
    person.open("/appeal")
    foreign = person.hidden("/appeal/open")
    node.client.cookies.clear()
    opened(node, team, person)
    before = node.records()
    assert person.bare("/appeal/move", move="FILE", message="Hm", **foreign).status_code == 403
    assert node.records() == before


def test_a_session_brought_along_sends_no_form_once_a_case_was_opened(
    node: Node, team: Team, person: Visitor
) -> None:
    person.open("/appeal")
    planted = person.hidden("/appeal/open")
    opened(node, team, person)
    used = person.hidden("/appeal/close")
    assert used != planted
    before = node.records()
    assert person.bare("/appeal/move", move="FILE", message="Hm", **planted).status_code == 403
    assert node.records() == before
    person.open("/appeal")
    person.send("/appeal/close")
    assert person.hidden("/appeal/open") not in (planted, used)


@pytest.mark.parametrize(
    ("sanction", "secret"), [("san_unknown", "x"), ("nonsense", "x"), ("", ""), ("<b>", "\0")]
)
def test_a_wrong_secret_opens_nothing_and_is_told_as_such(
    node: Node, team: Team, person: Visitor, sanction: str, secret: str
) -> None:
    person.open("/appeal")
    person.send("/appeal/open", sanction=sanction, secret=secret)
    assert person.page.status_code in (400, 404)
    assert "<b>" not in person.page.text.split("<main")[1].replace("<b></b>", "")


def test_secrets_are_guessed_no_more_often_than_through_graphql(
    node: Node, team: Team, person: Visitor
) -> None:
    sanction = node.issue(team.issuer)["sanction"]["id"]
    person.open("/appeal")
    statuses = []
    for _ in range(node.settings.wrong_secrets_of_caller + 1):
        page = person.bare(
            "/appeal/open", sanction=sanction, secret="wrong", **person.hidden("/appeal/open")
        )
        statuses.append(page.status_code)
    assert statuses == [404] * node.settings.wrong_secrets_of_caller + [429]


def test_a_refused_appeal_keeps_what_was_written(node: Node, team: Team, person: Visitor) -> None:
    opened(node, team, person)
    before = node.records()
    person.send("/appeal/move", move="FILE", message="x" * 5_001)
    assert person.page.status_code == 409
    assert 'role="alert"' in person.page.text
    assert "x" * 5_001 in person.page.text
    assert node.records() == before


def test_a_session_ends_by_itself(node: Node, team: Team, person: Visitor) -> None:
    opened(node, team, person)
    node.clock.forward(timedelta(minutes=29))
    assert "You threatened somebody" in person.open("/appeal").text  # and goes on from here
    node.clock.forward(timedelta(minutes=31))
    assert "Were you sanctioned?" in person.open("/appeal").text


def test_a_cookie_that_was_tampered_with_opens_nothing(
    node: Node, team: Team, person: Visitor
) -> None:
    opened(node, team, person)
    [name] = node.client.cookies
    sealed = node.client.cookies[name].strip('"')
    for forged in (sealed[:-4] + "AAA=", sealed[::-1], "", "é", "x" * 4_000):
        headers = {b"Cookie": f"{name}={forged}".encode()}
        node.client.cookies.clear()
        assert "Were you sanctioned?" in node.client.get("/appeal", headers=headers).text


def test_a_form_of_another_kind_isnt_read(node: Node, person: Visitor) -> None:
    person.open("/appeal")
    page = node.client.post("/appeal/open", json={"sanction": "x"})
    assert page.status_code == 415
    page = node.client.post("/appeal/open", files={"secret": b"x"})
    assert page.status_code == 415


def test_a_form_that_is_too_long_is_not_read_to_its_end(node: Node, person: Visitor) -> None:
    person.open("/appeal")
    page = person.bare("/appeal/open", secret="x" * 100_001, **person.hidden("/appeal/open"))
    assert page.status_code == 413
    assert page.headers["connection"] == "close"

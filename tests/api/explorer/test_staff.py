"""Staff's pages: a member's token opens them, and they do what GraphQL does, nothing else."""

import re
from html import unescape

import pytest
from sqlmodel import select

from api.explorer import notices
from governance.membership import Actor, revoke_token
from governance.platforms import Token
from governance.settings import token_hash
from tests.api.explorer.forms import Visitor
from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, MICRO, Team

RECORD = """mutation ($input: RecordNoticeInput!) { recordNotice(input: $input) {
  ... on NoticeRecorded { notifiedAt } } }"""


@pytest.fixture
def staff(node: Node) -> Visitor:
    return Visitor(node.client)


def entered(node: Node, staff: Visitor, who: Actor) -> str:
    """Logs a member in, with the token returned."""
    token = node.token(who)
    staff.open("/staff")
    staff.send("/staff/login", token=token)
    assert staff.page.status_code == 200, staff.text
    assert "Log out" in staff.text
    return token


def appealed(node: Node, team: Team, **changes: object) -> str:
    """The id of an appeal that was filed."""
    issued = node.issue(team.issuer, **{"subject": ACCOUNT, **changes})["sanction"]
    filed = node.do("FileAppeal", team.admin, sanctionId=issued["id"], grounds="It wasn't me")
    appeal_id: str = filed["appeal"]["id"]
    return appeal_id


def test_the_queue_has_what_is_due_first_on_top(node: Node, team: Team, staff: Visitor) -> None:
    ids: list[str] = []
    for _ in range(3):
        ids.append(appealed(node, team, subject=f"acct:p{len(ids)}@elsewhere.example"))
        node.clock.forward(DAY)
    node.clock.forward(12 * DAY)
    entered(node, staff, team.reviewer)
    places = [staff.text.index(appeal_id) for appeal_id in ids]
    assert places == sorted(places)
    assert staff.text.count("Overdue since") == 2
    assert "acct:p0@elsewhere.example" in staff.text
    assert staff.page.headers["cache-control"] == "no-store"
    cookie = staff.page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_the_queue_parts_what_waits_for_whom(node: Node, team: Team, staff: Visitor) -> None:
    ids = [appealed(node, team, subject=f"acct:p{n}@elsewhere.example") for n in range(3)]
    steps: list[list[dict[str, str]]] = [
        [],
        [{"move": "ADMIT"}, {"move": "START_REVIEW"}, {"move": "ASK", "message": "Who was it?"}],
        [{"move": "REFUSE", "code": "UNFOUNDED"}, {"move": "ESCALATE"}],
    ]
    for appeal_id, moves in zip(ids, steps, strict=True):
        for move in moves:
            by = team.admin if move["move"] == "ESCALATE" else team.reviewer
            moved = node.do("MoveAppeal", by, appealId=appeal_id, **move)
            assert moved["__typename"] == "AppealChanged", moved
    entered(node, staff, team.reviewer)
    assert "1 appeal to answer" in staff.text
    parts = ("To answer", "Waiting for the person", "Before an outside body")
    told = [text for part in parts for text in (f"{part} <span", ids[parts.index(part)])]
    assert sorted(told, key=staff.text.index) == told
    assert staff.text.count("Due ") == 1
    assert "The clock is paused" in staff.open(f"/staff/appeals/{ids[1]}").text
    assert "Answered <time" in staff.open(f"/staff/appeals/{ids[2]}").text


def test_a_long_queue_goes_on(node: Node, team: Team, staff: Visitor) -> None:
    world = node.world
    for _ in range(101):
        world.file(team.admin, world.issue(team.issuer))
        node.clock.forward(MICRO)
    entered(node, staff, team.reviewer)
    assert "101 appeals to answer" in staff.text
    [onward] = re.findall(r'href="(/staff\?answer=[^"]+)"', staff.page.text)
    assert staff.text.count("/staff/appeals/apl_") == 100
    staff.open(unescape(onward))
    assert staff.text.count("/staff/appeals/apl_") == 1
    assert "Those filed later" not in staff.text


def test_staff_see_all_their_sanctions_with_whom_they_are_about(
    node: Node, team: Team, staff: Visitor
) -> None:
    other = node.world.team("other.example")
    foreign = node.issue(other.issuer, subject=ACCOUNT)["sanction"]["id"]
    for n in range(26):
        node.clock.forward(MICRO)
        node.issue(team.issuer, subject=f"acct:p{n}@elsewhere.example")
    warned = node.issue(team.issuer, measure="WARNING", expiresAt=None)["sanction"]["id"]
    entered(node, staff, team.reader)
    staff.open("/staff/sanctions")
    assert "acct:p25@elsewhere.example" in staff.text
    assert "27 decisions of" in staff.text  # none of the other platform's
    assert '<span>Warning</span><span class="count">1<' in staff.page.text
    assert "measure=SERVER_LIMITED" not in staff.text  # nothing would fit it
    assert "acct:p1@elsewhere.example" not in staff.text
    [onward] = re.findall(r'href="(/staff/sanctions\?after=[^"]+)"', staff.page.text)
    assert "acct:p1@elsewhere.example" in staff.open(unescape(onward)).text
    for address in ("/staff/sanctions?measure=WARNING", "/staff/sanctions?effect=ENDED"):
        staff.open(address)
        assert warned in staff.text
        assert "acct:p25" not in staff.text
        assert foreign not in staff.text
    staff.open("/staff/sanctions?sort=oldest")
    assert 'aria-current="true">Oldest first' in staff.page.text
    assert staff.text.index("acct:p0@elsewhere") < staff.text.index("acct:p1@elsewhere")
    assert staff.open("/staff/sanctions?platform=other.example").status_code == 400
    sent = staff.open("/staff/sanctions?measure=WARNING&server=")
    assert sent.url.query == b"measure=WARNING"


def test_an_appeal_is_answered_by_its_buttons(node: Node, team: Team, staff: Visitor) -> None:
    appeal_id = appealed(node, team)
    entered(node, staff, team.reviewer)
    page, action = f"/staff/appeals/{appeal_id}", f"/staff/appeals/{appeal_id}/move"
    staff.open(page)
    assert ACCOUNT in staff.text
    assert "It wasn't me" in staff.text
    staff.send(action, move="ADMIT", message="")
    assert "Admitted, waiting for a reviewer" in staff.text
    staff.send(action, move="START_REVIEW", message="")
    assert "<details open><summary>Decide it</summary>" in staff.page.text
    staff.send(action, move="ASK", message="Who else was it?")
    assert "Who else was it?" in staff.text
    node.do("MoveAppeal", team.admin, appealId=appeal_id, move="ANSWER", message="My cat")
    staff.open(page)
    end = node.at(3 * DAY)[:16]
    staff.send(action, move="DECIDE", outcome="REDUCED", newExpiresAt=end, message="A cat, then")
    assert "Answered with an outcome" in staff.text
    [appeal] = node.ask("Appeals", filter={"states": ["DECIDED"]})["nodes"]
    assert appeal["outcome"] == "REDUCED"


def test_a_refused_move_is_told_and_keeps_what_was_written(
    node: Node, team: Team, staff: Visitor
) -> None:
    appeal_id = appealed(node, team)
    node.do("MoveAppeal", team.reviewer, appealId=appeal_id, move="ADMIT")
    node.do("MoveAppeal", team.reviewer, appealId=appeal_id, move="START_REVIEW")
    entered(node, staff, team.reviewer)
    page, action = f"/staff/appeals/{appeal_id}", f"/staff/appeals/{appeal_id}/move"
    staff.open(page)
    before = node.records()
    for move in ({"move": "ADMIT"}, {"move": "DECIDE", "outcome": "REDUCED"}):
        staff.send(action, message="What I wrote", **move)
        assert staff.page.status_code == 409
        assert staff.page.text.count('role="alert"') == 1
    assert "What I wrote" in staff.text
    for blank in ({"move": "DECIDE", "outcome": "UPHELD"}, {"move": "INVITE", "platform": " "}):
        staff.open(page)
        staff.send(action, message=" ", **blank)
        assert staff.page.status_code == 409
        assert 'role="alert"' in staff.page.text
    for move in ({"move": "BURN"}, {"move": "DECIDE", "outcome": "BURNT"}, {}):
        staff.open(page)
        staff.send(action, message="Hm", **move)
        assert staff.page.status_code in (400, 409)
    assert node.records() == before


@pytest.mark.parametrize("who", ["reader", "researcher", "bot"])
def test_buttons_give_nobody_more_than_their_roles(
    node: Node, team: Team, staff: Visitor, who: str
) -> None:
    appeal_id = appealed(node, team)
    node.do("MoveAppeal", team.reviewer, appealId=appeal_id, move="ADMIT")
    entered(node, staff, getattr(team, who))
    staff.open(f"/staff/appeals/{appeal_id}")
    before = node.records()
    staff.send(f"/staff/appeals/{appeal_id}/move", move="START_REVIEW", message="")
    assert staff.page.status_code == 409
    assert "Expected" in staff.text
    assert node.records() == before


def test_staff_of_other_platforms_read_no_exchange(node: Node, team: Team, staff: Visitor) -> None:
    appeal_id = appealed(node, team)
    other = node.world.team("other.example")
    entered(node, staff, other.reviewer)
    assert appeal_id not in staff.text
    staff.open(f"/staff/appeals/{appeal_id}")
    assert "Nothing that you may read." in staff.text
    assert "It wasn't me" not in staff.text


def test_another_platforms_reviewers_are_invited(node: Node, team: Team, staff: Visitor) -> None:
    appeal_id = appealed(node, team)
    other = node.world.team("other.example")
    entered(node, staff, team.reviewer)
    staff.open(f"/staff/appeals/{appeal_id}")
    staff.send(f"/staff/appeals/{appeal_id}/move", move="INVITE", platform="other.example")
    assert staff.page.status_code == 200
    node.client.cookies.clear()
    entered(node, staff, other.reviewer)
    assert "It wasn't me" in staff.open(f"/staff/appeals/{appeal_id}").text.replace("&#39;", "'")


def test_notices_are_handed_on_and_noted(node: Node, team: Team, staff: Visitor) -> None:
    host = node.world.team("host.example")
    issued = node.issue(team.issuer, subject="acct:guest@host.example")
    entered(node, staff, host.reviewer)
    staff.open("/staff/notices")
    for told in ("acct:guest@host.example", "You threatened somebody", issued["appealSecret"]):
        assert told in staff.text
    staff.send("/staff/notices/record", outcome="DELIVERED")
    assert "Nothing waits to be handed on." in staff.text
    node.client.cookies.clear()
    entered(node, staff, team.reviewer)
    assert "Nothing waits to be handed on." in staff.open("/staff/notices").text


def test_notices_and_corrections_are_paged(
    node: Node, team: Team, staff: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = node.world.team("host.example")
    people = [f"acct:guest{n}@host.example" for n in range(8)]
    for subject in people:
        issued = node.issue(team.issuer, subject=subject)["sanction"]["id"]
        if subject in people[:3]:
            told = {"input": {"sanctionId": issued, "outcome": "UNDELIVERABLE"}}
            assert node.data(RECORD, told, host.reviewer)["recordNotice"] == {"notifiedAt": None}
    monkeypatch.setattr(notices, "PAGE", 2)
    entered(node, staff, host.reviewer)
    assert shown(staff, "/staff/notices", people) == [people[3:5], people[5:7], people[7:]]
    sources = [
        node.issue(team.issuer, subject=subject, measure="SERVICE_RESTRICTED")["sanction"]["id"]
        for subject in people[:3]
    ]
    for number, source in enumerate(sources):
        copied(node, source, host.issuer, f"copy {number}")
        node.do("OverturnSanction", team.issuer, sanctionId=source, reason="Wrong")
        node.clock.forward(MICRO)
    assert shown(staff, "/staff/receipts", people) == [people[:2], people[2:3]]
    assert staff.open("/staff/notices?after=feed~x").status_code == 400


def shown(staff: Visitor, path: str, subjects: list[str]) -> list[list[str]]:
    """Who is named on each page of a list."""
    found = list[list[str]]()
    address: str | None = path
    while address is not None:
        staff.open(address)
        found.append([subject for subject in subjects if subject in staff.text])
        onward = re.search(rf'href="({path}\?[^"]+)" rel="next"', staff.text)
        address = unescape(onward[1]) if onward else None
    return found


def copied(node: Node, source: str, by: Actor, reference: str) -> str:
    """The id of an adoption on grounds of its own."""
    adopt = """mutation ($input: AdoptSanctionInput!) { adoptSanction(input: $input) {
      ... on SanctionIssued { sanction { id } } } }"""
    measure = node.ask("Sanction", id=source)["measure"]
    given = {"sanctionId": source, "issuerReference": reference, "measure": measure}
    given |= {"expiresAt": node.at(DAY), "reason": "As they", "ownGrounds": "We saw it too"}
    found: str = node.data(adopt, {"input": given}, by)["adoptSanction"]["sanction"]["id"]
    return found


def test_copies_of_what_was_overturned_are_corrected(
    node: Node, team: Team, staff: Visitor
) -> None:
    other = node.world.team("other.example")
    source = node.issue(other.issuer, subject=ACCOUNT)["sanction"]["id"]
    copy = copied(node, source, team.issuer, "copy")
    node.do("OverturnSanction", other.issuer, sanctionId=source, reason="Wrong")
    entered(node, staff, team.issuer)
    staff.open("/staff/receipts")
    assert ACCOUNT in staff.text
    assert "It had ended already" not in staff.text  # it is in force
    before = node.records()
    staff.send("/staff/receipts/remedy", remedy="KEPT_ON_OWN_GROUNDS", replacement="san_unknown")
    assert 'value="san_unknown" aria-invalid="true" aria-describedby="wrong"' in staff.text
    assert staff.page.status_code == 409
    assert node.records() == before
    staff.open("/staff/receipts")
    staff.send("/staff/receipts/remedy", remedy="REMEDIED", replacement="")
    assert "No copy waits to be corrected." in staff.text
    assert node.ask("Sanction", id=copy)["validity"] == "OVERTURNED"
    node.client.cookies.clear()
    entered(node, staff, other.issuer)
    assert "No copy waits to be corrected." in staff.open("/staff/receipts").text


@pytest.mark.parametrize("action", ["login", "logout", "notices/record", "receipts/remedy"])
def test_a_form_without_its_sessions_token_does_nothing(
    node: Node, team: Team, staff: Visitor, action: str
) -> None:
    entered(node, staff, team.reviewer)
    for token in ({}, {"csrf": "x" * 22}):
        page = staff.bare(f"/staff/{action}", token=node.token(team.admin), move="ADMIT", **token)
        assert page.status_code == 403
    assert "Log out" in staff.open("/staff").text


def test_a_session_brought_along_sends_no_form_once_somebody_entered(
    node: Node, team: Team, staff: Visitor
) -> None:
    staff.open("/staff")
    planted = staff.hidden("/staff/login")
    entered(node, staff, team.reviewer)
    used = staff.hidden("/staff/logout")
    assert used != planted
    assert staff.bare("/staff/logout", **planted).status_code == 403
    assert "Log out" in staff.open("/staff").text
    assert staff.hidden("/staff/logout") == used  # it stays as long as the session
    staff.send("/staff/logout")
    assert staff.hidden("/staff/login") not in (planted, used)
    for old in (planted, used):
        answer = staff.bare("/staff/login", token=node.token(team.admin), **old)
        assert answer.status_code == 403
    assert "Your token" in staff.open("/staff").text


def test_entering_again_or_losing_the_token_makes_another_session(
    node: Node, team: Team, staff: Visitor
) -> None:
    staff.open("/staff")
    first = staff.hidden("/staff/login")
    staff.send("/staff/login", token="wrong")
    assert staff.hidden("/staff/login") == first  # nobody entered
    token = entered(node, staff, team.reviewer)
    used = staff.hidden("/staff/logout")
    with node.world.database.writing() as session:
        held = session.exec(select(Token).where(Token.hash == token_hash(token))).one()
        revoke_token(session, held.id, now=node.clock.now)
    staff.open("/staff")
    assert staff.hidden("/staff/login") not in (first, used)


def test_a_revoked_token_ends_the_session_at_the_next_request(
    node: Node, team: Team, staff: Visitor
) -> None:
    token = entered(node, staff, team.reviewer)
    with node.world.database.writing() as session:
        held = session.exec(select(Token).where(Token.hash == token_hash(token))).one()
        revoke_token(session, held.id, now=node.clock.now)
    assert "Log out" not in staff.open("/staff").text
    assert "This token is unknown, expired or revoked." in staff.text
    assert "Log out" not in staff.open("/staff").text


def test_a_wrong_token_opens_nothing(node: Node, staff: Visitor) -> None:
    staff.open("/staff")
    for wrong in ("cty_wrong", "", " ", "x" * 500, "é"):
        staff.send("/staff/login", token=wrong)
        assert staff.page.status_code == 403
        assert "Log out" not in staff.text


def test_logging_out_ends_it(node: Node, team: Team, staff: Visitor) -> None:
    entered(node, staff, team.reviewer)
    staff.send("/staff/logout")
    assert "Your token" in staff.text
    assert "Your token" in staff.open("/staff").text


def test_without_a_session_every_page_leads_to_the_login(node: Node, staff: Visitor) -> None:
    for path in (
        "/staff",
        "/staff/sanctions",
        "/staff/notices",
        "/staff/receipts",
        "/staff/appeals/apl_x",
    ):
        assert "Your token" in staff.open(path).text

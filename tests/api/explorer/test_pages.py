"""Pages as visitors get them, on both engines."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from starlette.testclient import TestClient
from starlette.types import Message

from api.courtesy import AT_A_TIME
from api.explorer.asking import AT_ONCE, MOST_OF_ONE, QUERIES, Desk, Problem
from api.explorer.site import Page, compile_all
from api.schema.build import sdl
from tests.api.explorer.forms import Visitor
from tests.api.explorer.reading import POLICY
from tests.api.http.outside import Node
from tests.api.worlds import Cast
from tests.builders import DAY, Team
from tests.postgres import Server

PAGES = [
    "/",
    "/?days=365",
    "/sanctions",
    "/platforms",
    "/platforms/harbor.example",
    "/policy",
    "/log",
    "/data",
    "/data/columns",
    "/reports",
]


async def test_others_are_answered_while_a_page_is_made() -> None:
    turns = [0]

    async def others() -> None:
        while True:
            turns.append(turns[-1] + 1)
            await asyncio.sleep(0)

    def parts() -> Iterator[str]:
        for word in ("a", "b", "ä"):
            time.sleep(2 * AT_A_TIME)
            yield f"{word}{turns[-1]}"

    sent = []

    async def send(message: Message) -> None:
        sent.append(message)

    beside = asyncio.create_task(others())
    await Page(parts(), 200, {})({"type": "http"}, never, send)
    beside.cancel()
    start, body = sent
    assert body["body"].decode() == "a0b1ä2"
    assert (b"content-length", b"7") in start["headers"]


async def never() -> Message:
    raise AssertionError


def test_every_template_can_be_compiled() -> None:
    compile_all()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_and_lets_nothing_inline_and_no_other_host_in(
    site: TestClient, path: str
) -> None:
    page = site.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith(POLICY)
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert re.findall(r"<style|style=|\son\w+=|<script(?! src=)", page.text) == []
    assert len(re.findall(r"<h1\b", page.text)) == 1
    for named in re.findall(r'(?:src|href)="(/static[^"]+)"', page.text):
        assert site.get(named).status_code == 200, named


async def test_visitors_take_turns_and_nobody_takes_all(site: TestClient) -> None:
    desk, order, over = Desk(site.app.state.executor), list[str](), asyncio.Event()  # type: ignore[attr-defined]

    async def visit(address: str, goes_on: bool = False) -> None:
        async with desk._turn(address, goes_on):
            order.append(address)
            await over.wait()

    greedy = [asyncio.create_task(visit("192.0.2.1")) for _ in range(MOST_OF_ONE)]
    await asyncio.sleep(0)
    other = asyncio.create_task(visit("192.0.2.2"))
    download = asyncio.create_task(visit("192.0.2.1", goes_on=True))
    with pytest.raises(Problem) as busy:
        await visit("192.0.2.1")
    assert (busy.value.status, busy.value.headers) == (503, {"Retry-After": "5"})
    assert len(order) == AT_ONCE
    over.set()
    await asyncio.gather(*greedy, other, download)
    assert order[-2:] == ["192.0.2.2", "192.0.2.1"]
    await visit("192.0.2.1")


@pytest.mark.parametrize(
    "path",
    [
        "/sanctions/san_unknown",
        "/sanctions/unknown",
        "/sanctions/san_a/b",
        "/platforms/nobody.example",
        "/platforms/nobody",
    ],
)
def test_what_isnt_there_is_told_with_a_way_on(site: TestClient, path: str) -> None:
    page = site.get(path)
    assert page.status_code == 404
    assert '<a href="/sanctions">' in page.text
    assert 'name="robots" content="noindex' in page.text


def test_a_sanction_tells_its_statement_and_never_its_subject(site: TestClient, cast: Cast) -> None:
    page = site.get(f"/sanctions/{cast.appealable}")
    assert page.status_code == 200
    assert "not named in public" in page.text
    for private in ("elsewhere.example", "You threatened somebody", "ref-"):
        assert private not in page.text


def test_what_a_platform_wrote_keeps_its_direction_and_its_lines(node: Node, team: Team) -> None:
    text = "نُشر النص مرة أخرى.\n\nمرة أخرى."
    sanction = node.issue(team.issuer, explanation=text)["sanction"]["id"]
    page = node.client.get(f"/sanctions/{sanction}").text
    assert f'<p class="typed lead" dir="auto">{text}</p>' in page
    assert f"<dd><code>{sanction}</code></dd>" in page
    assert f'<p class="explanation" dir="auto">{text}</p>' in node.client.get("/sanctions").text
    long = node.issue(team.issuer, explanation="Word. " * 100, subject="acct:b@elsewhere.example")
    page = node.client.get(f"/sanctions/{long['sanction']['id']}").text
    assert '<p class="typed" dir="auto">Word. ' in page
    listed = node.client.get("/sanctions").text
    assert "Word.…</p>" in listed


@pytest.mark.parametrize("rule", ["Rule 1", "Rule 1, no threats"])
def test_a_rule_is_told_once(node: Node, team: Team, rule: str) -> None:
    published = {"rule": rule, "version": "2", "url": "https://mod.example/rules"}
    given = {"groundReference": "Rule 1", "policyReference": published}
    keywords = {"category": "CYBER_VIOLENCE", "keywords": ["CYBER_BULLYING_INTIMIDATION"]}
    sanction = node.issue(team.issuer, **given, **keywords)["sanction"]["id"]
    page = node.client.get(f"/sanctions/{sanction}").text
    assert ("<dt>Published rule</dt>" in page) == (rule != "Rule 1")
    assert page.count("<dt>Rule or law</dt>") == 1
    assert "Cyber bullying and intimidation" in page


def test_every_document_fits_the_schema() -> None:
    schema = build_schema(sdl())
    for file in sorted(QUERIES.glob("*.graphql")):
        assert validate(schema, parse(file.read_text())) == [], file.name


def test_a_sanction_tells_who_took_it_over_and_what_became_of_it(node: Node, team: Team) -> None:
    other = node.world.team("other.example")
    source = node.issue(team.issuer)["sanction"]["id"]
    adopt = """mutation ($input: AdoptSanctionInput!) { adoptSanction(input: $input) {
      ... on SanctionIssued { sanction { id } } ... on Refusal { message path } } }"""
    given = {
        "sanctionId": source,
        "issuerReference": "copy-1",
        "measure": "ACCOUNT_SUSPENDED",
        "expiresAt": node.at(3 * DAY),
        "reason": "As they did",
        "ownGrounds": "We saw it too",
    }
    copy = node.data(adopt, {"input": given}, other.issuer)["adoptSanction"]["sanction"]["id"]
    page = node.client.get(f"/sanctions/{source}").text
    assert "Taken over as a sanction of its own" in page
    assert f'<a href="/sanctions/{copy}">in force until' in page
    assert "<dt>Ends</dt>" in page
    taken = node.client.get(f"/sanctions/{copy}").text
    assert f'Taken over from <a href="/sanctions/{source}">' in taken
    node.do("OverturnSanction", team.issuer, sanctionId=source, reason="Wrong")
    page = node.client.get(f"/sanctions/{source}").text
    assert "A correction is due" in page
    assert "<dt>Was to end</dt>" in page
    node.clock.forward(4 * DAY)
    page = node.client.get(f"/sanctions/{source}").text
    assert "A correction was due" in page
    for private in ("As they did", "We saw it too", "Wrong"):
        assert private not in page + taken


def test_platforms_are_compared_by_echoes_and_by_corrections_overdue(site: TestClient) -> None:
    for name in ("echoes", "late"):
        assert site.get(f"/platforms?days=365&sort={name}").status_code == 200
    html = site.get("/platforms?days=365&sort=echoes").text
    shares = re.findall(r"<td class=\"n\">(\d+(?:\.\d+)?\s?%)</td><td class=\"n\">\d", html)
    assert any(not share.startswith("0") for share in shares)


def test_a_page_without_its_database_says_so(
    postgres: Server, postgresql_url: str, tmp_path: Path
) -> None:
    with Node(postgresql_url, tmp_path / "comity.key") as node:
        team = node.world.team()
        visitor = Visitor(node.client)
        visitor.open("/staff")
        visitor.send("/staff/login", token=node.token(team.reviewer))
        node.world.database.close()
        postgres.drop(postgresql_url.rpartition("/")[2])
        for path in ("/", "/sanctions", "/log", "/staff", "/staff/receipts"):
            page = node.client.get(path)
            assert page.status_code == 503, path
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert "reach its database" in page.text

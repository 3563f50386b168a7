"""Lists that are narrowed, and how many each choice would show; on both engines."""

import re
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from api.courtesy import Aside
from api.explorer.counts import told as count_told
from api.explorer.facets import SANCTIONS, Selection
from api.explorer.telling import label
from api.reads.plans import Planner
from api.reads.stores import TooLong, Values
from api.schema import facets, ways
from api.schema.build import methods
from tests.api.explorer.reading import POLICY, links, listed
from tests.api.http.outside import Node
from tests.builders import DAY, Team


def test_the_list_turns_its_pages_both_ways_without_a_gap(site: TestClient) -> None:
    asked = {"query": "{ sanctions(first: 1000) { nodes { id } } }"}
    nodes = site.get("/graphql", params=asked).json()["data"]["sanctions"]["nodes"]
    ids = [node["id"] for node in nodes]
    for sort, expected in (("newest", ids), ("oldest", ids[::-1])):
        address, found, pages, html = f"/sanctions?sort={sort}", [], [], ""
        while address:
            html = site.get(address).text
            found += listed(html)
            pages.append(listed(html))
            onwards = re.search(r'<a href="([^"]+)" rel="next', html)
            address = unescape(onwards[1]) if onwards else ""
        assert found == expected
        back = re.search(r'<a href="([^"]+)" rel="prev', html)
        assert back
        assert listed(site.get(unescape(back[1])).text) == pages[-2]


def test_each_facet_narrows_as_graphql_does(site: TestClient) -> None:
    html = site.get("/sanctions").text
    choices = [link for link in links(html) if re.match(r"/sanctions\?\w+=[^&]+$", link)]
    named = {next(iter(parse_qs(urlsplit(link).query))) for link in choices}
    expected = {facet.name for facet in SANCTIONS.facets} - {"keyword", "server"}
    assert named - {"after", "sort"} == expected
    for link in [one for one in choices if not re.search("after=|sort=", one)][::9]:
        page = site.get(link)
        assert page.status_code == 200, link
        asked = next(one for one in links(page.text) if one.startswith("/graphql?"))
        answer = site.get(asked).json()["data"]["sanctions"]
        assert [node["id"] for node in answer["nodes"]] == listed(page.text), link
        total = answer["totalCount"]
        told = re.search(
            rf'href="{re.escape(escape(link))}"[^>]*><span>[^<]+</span>(.*?)</a>', html
        )
        assert told
        if total and told[1]:  # counted
            assert told[1] == f'<span class="count">{total:,}</span>', link
        assert f"{total:,} decision{'' if total == 1 else 's'} that fit" in page.text
        [(name, [value])] = parse_qs(urlsplit(link).query).items()
        chips = re.findall(r'class="chip" href="([^"]+)"', page.text)
        assert chips == ["/sanctions"], (name, value)


def test_what_takes_too_long_to_count_is_listed_without(
    site: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = site.app.state.executor.reader.store  # type: ignore[attr-defined]
    ask = store.one

    async def one(sql: str, values: Values, **how: bool) -> Any:
        if "looked_at" in sql or "count(*)" in sql:
            raise TooLong
        return await ask(sql, values, **how)

    whole = site.get("/sanctions").text
    site.app.state.desk.forget()  # type: ignore[attr-defined]
    monkeypatch.setattr(store, "one", one)
    page = site.get("/sanctions")
    site.app.state.desk.forget()  # type: ignore[attr-defined]
    assert page.status_code == 200
    assert listed(page.text) == listed(whole)
    assert "The decisions by the platforms of this node" in page.text
    assert 'class="count"' in whole
    assert 'class="count"' not in page.text


def test_keywords_are_offered_of_the_chosen_categories(node: Node, team: Team) -> None:
    node.issue(team.issuer, category="VIOLENCE", keywords=["COORDINATED_HARM"])
    node.issue(team.issuer, category="SELF_HARM", keywords=["OTHER"])
    html = node.client.get("/sanctions?category=VIOLENCE").text
    assert "/sanctions?category=VIOLENCE&keyword=COORDINATED_HARM" in links(html)
    assert "keyword=OTHER" not in html
    html = node.client.get("/sanctions?category=VIOLENCE&keyword=COORDINATED_HARM").text
    assert "/sanctions" in links(html)  # without its category, the keyword goes, too
    chosen = Selection.of(
        SANCTIONS, QueryParams("category=VIOLENCE&keyword=COORDINATED_HARM")
    ).toggled("category", "SELF_HARM")
    assert chosen.values["keyword"] == ("COORDINATED_HARM",)


@pytest.mark.parametrize(
    ("wrong", "same"),
    [
        ("from=2026-03-02&to=2026-03-01", "/sanctions?measure=WARNING"),
        ("from=soon&to=2026-03-01", "/sanctions?measure=WARNING&to=2026-03-01"),
        ("effect=BURNT&sort=oldest", "/sanctions?measure=WARNING&sort=oldest"),
        ("colour=%22%3E%3Cscript%3E", "/sanctions?measure=WARNING"),
        ("sort=colour", "/sanctions?measure=WARNING"),
        ("after=MTIz", "/sanctions?measure=WARNING"),
        ("language=%3C", "/sanctions"),
    ],
)
def test_what_cant_be_asked_leads_to_the_same_without_it(
    site: TestClient, wrong: str, same: str
) -> None:
    page = site.get(f"/sanctions?measure=WARNING&{wrong}")
    assert page.status_code == 400
    assert f'<a href="{escape(same)}" rel="nofollow">Ask for the same without it</a>' in page.text
    assert site.get(same).status_code == 200
    assert "without it" not in site.get("/sanctions/san_unknown?a=b").text


def test_a_message_names_some_choices_and_leads_to_all(site: TestClient) -> None:
    page = site.get("/sanctions?category=VIOLENCE&keyword=SPAM")
    assert page.status_code == 400
    assert ", …; got “SPAM”" in page.text
    assert len(page.text) < 4_000
    assert "/data/columns" in links(page.text)
    assert "/appeals#narrow" in links(site.get("/appeals?state=OPEN").text)
    assert site.get("/data/columns").status_code == 200


def test_a_message_about_any_facet_is_short(site: TestClient) -> None:
    for facet in SANCTIONS.facets:
        if facet.words:
            page = unescape(site.get(f"/sanctions?{facet.name}=NONE_OF_THEM").text)
            told = re.search(rf"(?i){facet.name}: expected one of [^“]*“NONE_OF_THEM”", page)
            assert told, facet.name
            assert len(told[0]) < 140, told[0]


def test_keywords_are_told_with_their_counts(node: Node, team: Team) -> None:
    def counts(query: str) -> dict[str, str]:
        html = node.client.get(f"/sanctions?{query}").text
        return dict(re.findall(r'<span>([^<]+)</span><span class="count">([^<]+)<', html))

    harm, hatred = "COORDINATED_HARM", "INCITEMENT_VIOLENCE_HATRED"
    for keywords in ([], [harm], [harm, hatred]):
        node.issue(team.issuer, category="VIOLENCE", keywords=keywords)
    node.issue(team.issuer, category="CYBER_VIOLENCE")
    expected = {label(harm): "2", label(hatred): "1"}
    assert expected.items() <= counts("category=VIOLENCE").items()
    assert expected.items() <= counts(f"category=VIOLENCE&keyword={hatred}").items()
    assert label(harm) not in counts("")
    page = node.client.get(f"/sanctions?category=VIOLENCE&keyword={harm}").text
    assert "2 decisions that fit your choice" in page


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("colour=red", "“colour” is no facet: expected platform, measure"),
        ("measure=BAN", "measure: expected one of WARNING, CONTENT_REMOVED"),
        ("appealed=perhaps", "appealed: expected yes or no"),
        ("from=2026-03-02&to=2026-03-01", "expected “from” not after “to”"),
        ("from=yesterday", "from: expected a day such as 2026-03-01"),
        ("from=0001-01-01", "from: expected a day such as 2026-03-01"),
        ("to=2026-02-30", "to: expected a day such as 2026-03-01"),
        ("sort=best", "sort: expected newest or oldest"),
        ("after=nonsense", "no page of this list has this address"),
        (
            "before=Appeal~2026-03-01T12:00:00.000000Z~apl_1",
            "no page of this list has this address",
        ),
        ("after=1&before=2", "expected after or before, not both"),
        ("platform=no%20domain", "platform: "),
        ("language=%00", "language: expected text of at most 200 characters"),
        ("language=" + "x" * 201, "language: expected text of at most 200 characters"),
        ("language=no_language", "languages: expected a BCP 47 tag"),
        ("measure=%3Cscript%3Ealert(1)%3C/script%3E", "measure: expected one of"),
    ],
)
def test_what_an_address_cant_mean_is_told(site: TestClient, query: str, told: str) -> None:
    page = site.get(f"/sanctions?{query}")
    assert page.status_code == 400
    assert told.casefold() in unescape(page.text).casefold()
    assert page.headers["content-security-policy"].startswith(POLICY)
    assert "<script>" not in page.text


def test_a_selection_without_sanctions_shows_the_way_back(site: TestClient) -> None:
    page = site.get("/sanctions?from=1999-01-01&to=1999-12-31")
    assert page.status_code == 200
    assert "Nothing fits all of this" in page.text


def test_a_server_is_searched_for_by_any_of_its_spellings(node: Node, team: Team) -> None:
    server = "https://spam.example"
    changes = {"subject": server, "measure": "SERVER_LIMITED"}
    about = node.issue(team.issuer, **changes)["sanction"]["id"]
    node.issue(team.issuer, subject="https://spam.example/@alice")
    for spelt in (server, "spam.example", " Spam.Example. ", "https://spam.example/"):
        page = node.client.get("/sanctions", params={"server": spelt})
        assert listed(page.text) == [about], spelt
        assert 'value="spam.example"' in page.text
    page = node.client.get(f"/sanctions/{about}")
    assert "/sanctions?server=https%3A//spam.example" in links(page.text)
    assert listed(node.client.get("/sanctions?server=nobody.example").text) == []


@pytest.mark.parametrize(
    "text", ["acct:alice@spam.example", "https://spam.example/@alice", "no server", "spam"]
)
def test_nobody_but_a_server_is_searched_for(site: TestClient, text: str) -> None:
    page = site.get("/sanctions", params={"server": text})
    assert page.status_code == 400
    assert "Server: expected a server such as spam.example." in page.text


@pytest.mark.parametrize("path", ["/sanctions", "/sanctions?category=VIOLENCE", "/appeals"])
def test_what_each_choice_means_is_read_without_a_mouse(site: TestClient, path: str) -> None:
    told = 0
    for facet in site.get(path).text.split('<details class="facet"')[1:]:
        choices = re.findall(r'<a href="([^"]+)"[^>]*><span>([^<]+)</span>', facet)
        meanings = re.findall(r"<dt>([^<]+)</dt><dd>[^<]{4,}</dd>", facet)
        assert "title=" not in facet.partition("</details>")[0]
        assert meanings in ([], [title for _, title in choices])
        told += len(meanings)
    assert told > 5


def test_every_choice_is_kept_when_the_form_is_sent(site: TestClient) -> None:
    query = "language=en&language=de&appealed=no&binding=yes&measure=WARNING"
    html = site.get(f"/sanctions?{query}").text
    form = re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)">', html)
    assert sorted("=".join(pair) for pair in form) == sorted(query.split("&"))
    for chosen in ("English", "German", "Not appealed", "Binding"):
        assert f">{chosen} <span" in html


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        (
            "/sanctions?measure=WARNING&from=&to=&server=&language=en",
            "?measure=WARNING&language=en",
        ),
        ("/sanctions?from=&to=&server=+&language=", ""),
        ("/appeals?from=2026-03-01&to=", "?from=2026-03-01"),
    ],
)
def test_fields_that_are_left_empty_are_not_in_the_address(
    site: TestClient, sent: str, address: str
) -> None:
    page = site.get(sent)
    assert (page.status_code, page.headers["location"]) == (303, sent.partition("?")[0] + address)
    assert site.get(page.headers["location"]).status_code == 200


def test_every_facet_tells_how_many_each_choice_would_show(node: Node, team: Team) -> None:
    ids = [
        node.issue(team.issuer, contentLanguage=tag, subject=f"https://mod.example/@{n}")
        for n, tag in enumerate(("de", "pt-BR", "de"))
    ]
    sanctions = [one["sanction"]["id"] for one in ids]
    node.do("FileAppeal", team.bot, sanctionId=sanctions[0], grounds="Our user says")
    node.do("OverturnSanction", team.issuer, sanctionId=sanctions[1], reason="Wrong")
    html = node.client.get("/sanctions").text
    for query, count in (
        ("language=de", 2),
        ("language=pt-BR", 1),
        ("appealed=yes", 1),
        ("appealed=no", 2),
        ("binding=yes", 3),
        ("end=OVERTURNED", 1),
    ):
        link = rf'href="/sanctions\?{query}"[^>]*><span>[^<]+</span><span class="count">{count}<'
        assert re.search(link, html), query
        assert len(listed(node.client.get(f"/sanctions?{query}").text)) == count
    assert "<span>Portuguese (BR)</span>" in html
    assert "end=EXPIRED" not in html  # nothing would fit it
    assert 'href="/sanctions?binding=no"' not in html


def test_no_choice_is_offered_that_leads_to_nothing(node: Node, team: Team) -> None:
    node.issue(team.issuer)
    html = node.client.get("/sanctions?effect=IN_FORCE").text
    assert "validity=STANDING" in html
    assert "end=" not in html  # what is in force hasn't ended
    html = node.client.get("/sanctions?from=2020-01-01&to=2020-01-02").text
    assert "No decisions that fit" in html
    assert "<details" not in html
    assert {"/sanctions?to=2020-01-02", "/sanctions?from=2020-01-01"} <= set(links(html))
    html = node.client.get("/sanctions?effect=ENDED&measure=WARNING&to=2020-01-02").text
    assert re.findall(r'aria-current="true"><span>([^<]+)<', html) == ["Warning", "Ended"]
    assert html.count('class="facet"') == html.count('<li><a href="/sanctions?') == 2
    html = node.client.get("/sanctions?effect=ENDED").text
    assert re.findall(r'<span class="count">(\d+)<', html) == ["1"]  # it is in force
    assert "effect=PENDING" not in html


@pytest.mark.parametrize(
    ("count", "is_estimated", "told"),
    [(1_234, False, "1,234"), (123_456, True, "~120,000"), (1, True, "~1"), (998, True, "~1,000")],
)
def test_estimates_are_told_as_such(count: int, is_estimated: bool, told: str) -> None:
    assert count_told(count, is_estimated) == told


def test_beyond_what_is_counted_a_sample_is(
    node: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "MOST_COUNTED", 0)
    monkeypatch.setattr(ways, "SAMPLED", "san_~")  # all of them
    reader = node.client.app.state.executor.reader  # type: ignore[attr-defined]
    monkeypatch.setattr(reader, "planner", Planner(methods(), reader.store.dialect, Aside()))
    for _ in range(30):
        node.issue(team.issuer)
    node.issue(team.issuer, category="CYBER_VIOLENCE")
    html = node.client.get("/sanctions").text
    assert "Figures with ~ are estimates" in html
    assert "About 500 decisions by the platforms" in html
    assert '<span class="count">~500<' in html
    assert "end=LIFTED" in html  # whether any fits isn't known
    few = node.client.get("/sanctions?category=CYBER_VIOLENCE").text
    assert "1 decision that fits your choice" in few  # it is listed


def test_appeals_lead_to_the_overdue_ones_and_are_sorted_either_way(node: Node, team: Team) -> None:
    ids = []
    for _ in range(3):
        ids.append(node.issue(team.issuer)["sanction"]["id"])
        node.do("FileAppeal", team.bot, sanctionId=ids[-1], grounds="Our user says")
        node.clock.forward(8 * DAY)
    html = node.client.get("/appeals").text
    assert "2 answers are overdue" in html
    assert {"/appeals?overdue=yes", "/appeals?sort=oldest"} <= set(links(html))
    assert listed(html) == ids[::-1]
    assert listed(node.client.get("/appeals?sort=oldest").text) == ids
    late = node.client.get("/appeals?overdue=yes").text
    assert listed(late) == ids[1::-1]
    assert ">Overdue <span" in late
    assert listed(node.client.get("/appeals?overdue=no").text) == ids[2:]


def test_facets_of_appeals_tell_how_many_each_choice_would_show(node: Node, team: Team) -> None:
    filed = []
    for _ in range(3):
        sanction = node.issue(team.issuer)["sanction"]["id"]
        told = node.do("FileAppeal", team.bot, sanctionId=sanction, grounds="Our user says")
        filed.append(told["appeal"]["id"])
        node.clock.forward(8 * DAY)
    node.do("MoveAppeal", team.reviewer, appealId=filed[-1], move="ADMIT")
    html = node.client.get("/appeals").text
    counts = {"state=FILED": 2, "state=ADMITTED": 1, "overdue=yes": 2, "overdue=no": 1}
    for query, count in (counts | {"platform=mod.example": 3}).items():
        link = rf'href="/appeals\?{query}"[^>]*><span>[^<]+</span><span class="count">{count}<'
        assert re.search(link, html), query
        assert len(listed(node.client.get(f"/appeals?{query}").text)) == count
    assert "state=DECIDED" not in html  # nothing would fit it
    chosen = node.client.get("/appeals?state=FILED").text
    assert re.search(r'href="/appeals\?state=FILED&amp;state=ADMITTED"[^>]*>.*?count">1<', chosen)
    assert node.client.get("/appeals?sort=colour").status_code == 400

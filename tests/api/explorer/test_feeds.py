"""Feeds of the site's lists, on both engines."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from api.explorer import feeds
from governance import following, membership, reporting
from governance.exporting.days import export
from governance.exporting.files import register
from governance.exporting.places import Folder
from governance.followers import Follower
from governance.log.growth import Forked
from governance.periods import Period
from tests.api.http.outside import Node
from tests.builders import DAY, KEYS, NOW, Team
from tests.governance.test_applying import URL, Theirs
from tests.logs import ALPHA, BETA, LOG, ORIGIN, Served, story

ATOM = "{http://www.w3.org/2005/Atom}"
HERE = "http://testserver"
FED = ["/sanctions", "/sanctions?measure=WARNING", "/appeals"]
FED += ["/reports", "/data", "/log", "/platforms"]


@pytest.fixture
def exported(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node with the files of two days."""
    folder = tmp_path / "exports"
    with Node(database_url, tmp_path / "comity.key", export_folder=folder) as node:
        node.issue(node.world.team().issuer)
        log = node.world.database.log
        assert log is not None
        export(node.world.database, log, Folder(folder), now=node.clock.now + 2 * DAY)
        register(node.world.database, Folder(folder))
        yield node


def read(site: TestClient, path: str) -> ElementTree.Element:
    answer = site.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    return ElementTree.fromstring(answer.content)


def entries(site: TestClient, path: str) -> list[ElementTree.Element]:
    """Those of a feed, each with what every one has, and an id of its own."""
    found = read(site, path).findall(f"{ATOM}entry")
    for part in ("title", "id", "updated", "published"):
        assert all(entry.findtext(f"{ATOM}{part}") for entry in found)
    assert len({entry.findtext(f"{ATOM}id") for entry in found}) == len(found)
    return found


def told(entry: ElementTree.Element, part: str) -> str:
    return entry.findtext(f"{ATOM}{part}") or ""


def linked(entry: ElementTree.Element) -> str:
    """The path that an entry leads to."""
    link = entry.find(f"{ATOM}link")
    assert link is not None
    return link.attrib["href"].removeprefix(HERE)


def fed(html: str) -> list[str]:
    """The addresses of a page's feeds."""
    found = re.findall(r'rel="alternate" type="application/atom\+xml"[^>]*href="([^"]+)"', html)
    return [unescape(address) for address in found]


@pytest.mark.parametrize("path", FED)
def test_a_page_and_its_feeds_lead_to_each_other(site: TestClient, path: str) -> None:
    addresses = fed(site.get(path).text)
    assert addresses
    for address in addresses:
        feed = read(site, address)
        links = {it.attrib["rel"]: it.attrib["href"] for it in feed.findall(f"{ATOM}link")}
        assert links == {"self": f"{HERE}{address}", "alternate": f"{HERE}{path}"}
        assert feed.findtext(f"{ATOM}id") == links["self"]
        assert f'<a href="{address.replace("&", "&amp;")}" rel="nofollow">' in site.get(path).text


@pytest.mark.parametrize("name", ["sanctions", "appeals"])
def test_feeds_say_what_the_list_says(site: TestClient, name: str) -> None:
    found = entries(site, f"/{name}.atom")
    assert 10 < len(found) <= 50
    page = site.get(f"/{name}").text
    for entry in found[:25]:
        assert f'href="{linked(entry).partition("#")[0]}"' in page


def test_each_appeal_of_the_feed_has_its_place_on_the_page(site: TestClient) -> None:
    found = entries(site, "/appeals.atom")
    assert found
    for path, _, anchor in (linked(entry).partition("#") for entry in found):
        assert site.get(path).text.count(f'id="{anchor}"') == 1


def test_a_feed_is_of_its_selection(site: TestClient) -> None:
    [address] = fed(site.get("/sanctions?measure=WARNING").text)
    titles = [told(entry, "title") for entry in entries(site, address)]
    assert titles
    assert all(" warned " in title for title in titles)


def test_a_feed_is_read_by_the_plan_of_its_list(site: TestClient) -> None:
    plans = site.app.state.executor.reader.planner.plans  # type: ignore[attr-defined]
    site.get("/sanctions?kind=SERVER")
    made = plans.misses
    site.get("/sanctions.atom?kind=SERVER")
    assert plans.misses == made


def test_each_checkpoint_of_the_feed_has_its_place_for_good(site: TestClient) -> None:
    query = "{ log { checkpoints { size loggedAt note } } }"
    log = site.get("/graphql", params={"query": query}).json()["data"]["log"]
    found = entries(site, "/log.atom")
    assert [told(entry, "summary") for entry in found] == [it["note"] for it in log["checkpoints"]]
    assert [told(entry, "updated") for entry in found] == [
        it["loggedAt"] for it in log["checkpoints"]
    ]
    for entry in (found[0], found[-1]):
        path, _, anchor = linked(entry).partition("#")
        shown = re.findall(r'<li id="([^"]+)"', site.get(path).text)
        assert unescape(shown[0]) == anchor


def test_a_further_version_updates_the_entry_of_its_report(node: Node, team: Team) -> None:
    assert entries(node.client, "/reports.atom") == []
    node.clock.forward(60 * DAY)
    first = None
    for version in (1, 2):
        for days in ("2026-03-01/2026-03-31", "2026-04-01/2026-04-02"):
            node.clock.forward(DAY)
            period = Period.of_days(days)
            node.world.do(reporting.publish, "mod.example", period, now=node.clock.now)
        newest, older = entries(node.client, "/reports.atom")
        assert told(newest, "updated") == node.at() > told(older, "updated")
        assert told(newest, "summary").startswith(f"Version {version}, ")
        first = first or told(newest, "published")
        assert told(newest, "published") == first
        assert " reported on 1 March 2026 to 31 March 2026" in told(older, "title")
        assert linked(older) in map(unescape, re.findall(r'href="([^"]+)', reports(node)))


def reports(node: Node) -> str:
    return node.client.get("/reports").text


def test_a_feed_has_the_newest_alone(
    node: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "LENGTH", 2)
    node.clock.forward(60 * DAY)
    for days in ("2026-03-03/2026-03-04", "2026-03-01/2026-03-02", "2026-03-05/2026-03-06"):
        node.clock.forward(DAY)
        node.world.do(reporting.publish, "mod.example", Period.of_days(days), now=node.clock.now)
    found = [linked(entry) for entry in entries(node.client, "/reports.atom")]
    assert [it.partition("?")[2] for it in found] == [
        "from=2026-03-05&to=2026-03-06",
        "from=2026-03-01&to=2026-03-02",
    ]


def test_who_joined_last_comes_first(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "LENGTH", 2)
    assert entries(node.client, "/platforms.atom") == []
    at = []
    for name in ("alpha", "beta", "gamma"):
        node.clock.forward(DAY)
        at.append(node.at())
        domain = f"{name}.example"
        node.world.do(membership.add_platform, domain, name.title(), now=node.clock.now)
    newest, older = entries(node.client, "/platforms.atom")
    assert [told(it, "title") for it in (newest, older)] == ["Gamma joined", "Beta joined"]
    assert [told(it, "updated") for it in (newest, older)] == at[:0:-1]
    assert told(newest, "published") == told(newest, "updated")
    assert told(newest, "summary") == "gamma.example; its decisions are in this node’s log."
    assert linked(newest) == "/platforms/gamma.example"
    assert f'Here since <time datetime="{at[-1]}">' in node.client.get(linked(newest)).text


def test_who_joined_by_a_followed_node_says_so(node: Node) -> None:
    node.world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
    node.clock.forward(DAY)
    Follower(node.world.database, KEYS, ORIGIN, clock=node.clock).poll(Theirs().served())
    found = entries(node.client, "/platforms.atom")
    assert {linked(it) for it in found} == {f"/platforms/{ALPHA}", f"/platforms/{BETA}"}
    for entry in found:
        assert told(entry, "updated") == node.at()
        assert f"its decisions are in the followed log {ORIGIN}." in told(entry, "summary")
        assert 'by <a href="/log#peers">' in node.client.get(linked(entry)).text


def test_each_day_of_the_feed_leads_to_its_manifest(exported: Node) -> None:
    found = entries(exported.client, "/data.atom")
    query = "{ exports(first: 100) { nodes { day dataset rowCount manifestUrl } } }"
    nodes = exported.data(query)["exports"]["nodes"]
    days = sorted({it["day"] for it in nodes}, reverse=True)
    assert [linked(entry) for entry in found] == [f"/exports/manifests/{on}.note" for on in days]
    assert len(found) == 2
    for entry, on in zip(found, days, strict=True):
        assert told(entry, "updated")[:10] > on
        for it in (it for it in nodes if it["day"] == on):
            assert f"{it['rowCount']} of {it['dataset']}" in told(entry, "summary")
        assert on in exported.client.get(linked(entry)).text


def test_both_histories_of_a_forked_log_are_in_a_feed(node: Node) -> None:
    assert entries(node.client, "/forks.atom") == []
    node.world.do(following.begin, KEYS, "https://peer.example", [LOG.verifier()], None, now=NOW)
    follower = Follower(node.world.database, KEYS, ORIGIN, clock=node.clock)
    follower.poll(Served(story(20)))
    with pytest.raises(Forked):
        follower.poll(Served([b"other", *story(19)]))
    [entry] = entries(node.client, "/forks.atom")
    assert told(entry, "title") == f"{ORIGIN} signed two histories"
    assert told(entry, "updated") == node.at()
    [fork] = node.data("{ peers { forks { first second } } }")["peers"][0]["forks"]
    assert fork["first"] in told(entry, "summary")
    assert fork["second"] in told(entry, "summary")
    path, _, anchor = linked(entry).partition("#")
    assert node.client.get(path).text.count(f'id="{unquote(anchor)}"') == 1


def test_feeds_of_what_is_not_narrowed_take_no_facet(site: TestClient) -> None:
    for path in ("/reports.atom", "/data.atom", "/log.atom", "/forks.atom", "/platforms.atom"):
        whole = site.get(path).text
        assert site.get(f"{path}?measure=BAN").text == whole

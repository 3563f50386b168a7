"""Lists as they are taken along: downloads, figures; on both engines."""

import csv
import io
import re
from html import unescape
from types import ModuleType

import orjson
import pytest
from starlette.testclient import TestClient

from api.explorer import downloads, platforms, reports
from tests.api.worlds import NASTY, Cast

ALL = "{ sanctions(first: 1000) { nodes { id measure explanation keywords } } }"


def nodes(site: TestClient) -> list[dict[str, object]]:
    found = site.get("/graphql", params={"query": ALL}).json()["data"]["sanctions"]["nodes"]
    assert isinstance(found, list)
    return found


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_selection_is_downloaded_whole_and_nothing_else(
    site: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "STEP", 7)  # so that it takes several pages
    every = nodes(site)
    for query, fits in (
        ("", every),
        ("?measure=WARNING", [n for n in every if n["measure"] == "WARNING"]),
        ("?from=1999-01-01&to=1999-01-02", []),
    ):
        ids = [node["id"] for node in fits]
        table = site.get(f"/sanctions.csv{query}")
        assert table.headers["content-disposition"] == 'attachment; filename="sanctions.csv"'
        assert [row["id"] for row in rows(table.text)] == ids
        lines = site.get(f"/sanctions.ndjson{query}").text.splitlines()
        assert [orjson.loads(line)["id"] for line in lines] == ids


def test_appeals_are_downloaded_as_they_are_listed(
    site: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "STEP", 7)
    query = "{ appeals(first: 1000) { nodes { id state filedAt sanction { id } } } }"
    every = site.get("/graphql", params={"query": query}).json()["data"]["appeals"]["nodes"]
    day = every[len(every) // 2]["filedAt"][:10]
    for asked, fits in (
        ("", every),
        ("?state=DECIDED", [one for one in every if one["state"] == "DECIDED"]),
        (f"?from={day}&to={day}", [one for one in every if one["filedAt"][:10] == day]),
        (f"?from={day}", [one for one in every if one["filedAt"][:10] >= day]),
    ):
        assert fits
        told = rows(site.get(f"/appeals.csv{asked}").text)
        assert [row["id"] for row in told] == [one["id"] for one in fits]
        assert [row["sanctionId"] for row in told] == [one["sanction"]["id"] for one in fits]
        lines = site.get(f"/appeals.ndjson{asked}").text.splitlines()
        assert [orjson.loads(line)["id"] for line in lines] == [one["id"] for one in fits]
        html = site.get(f"/appeals{asked}").text
        assert f'href="/appeals.csv{asked.replace("&", "&amp;")}"' in html
        assert f"{len(fits):,} appeal" in html


def test_downloads_hold_each_text_as_it_is(site: TestClient, cast: Cast) -> None:
    told = {row["id"]: row for row in rows(site.get("/sanctions.csv").text)}
    assert told[cast.appealable]["explanation"] == NASTY.strip()
    assert told[cast.appealable]["isBinding"] == "true"
    for node in nodes(site):
        assert told[str(node["id"])]["keywords"].split() == node["keywords"]


def test_what_a_spreadsheet_would_compute_is_text() -> None:
    row = ["=1+1", "+1", "-1", "@x", "\tx", "plain", None, True, ["A", "B"], -1, 0.5]
    line = downloads.as_csv(row).decode()
    assert line == "'=1+1,'+1,'-1,'@x,'\tx,plain,,true,A B,-1,0.5\r\n"


def test_a_bad_selection_is_told_before_anything_is_sent(site: TestClient) -> None:
    for path in ("/sanctions.csv", "/sanctions.ndjson", "/sanctions.atom", "/appeals.csv"):
        page = site.get(f"{path}?{'state' if 'appeals' in path else 'measure'}=BAN")
        assert (page.status_code, page.headers["content-type"][:9]) == (400, "text/html")


def test_figures_are_a_table(site: TestClient) -> None:
    told = rows(site.get("/statistics.csv?by=MEASURE&by=EFFECT").text)
    assert list(told[0])[:3] == ["measure", "effect", "sanctionCount"]
    assert sum(int(row["sanctionCount"]) for row in told) == len(nodes(site))
    [whole] = rows(site.get("/statistics.csv").text)
    assert int(whole["sanctionCount"]) == len(nodes(site))
    for by in ("by=COLOUR", "by=DAY&by=WEEK&by=MONTH&by=EFFECT", "by=DAY&by=DAY"):
        page = site.get(f"/statistics.csv?{by}")
        assert page.status_code == 400
        assert "By: expected up to 3 of PLATFORM, MEASURE" in page.text
        assert "LANGUAGE" not in page.text  # which facets alone are counted by


@pytest.mark.parametrize(
    ("path", "module"), [("/platforms?sort=name", platforms), ("/reports", reports)]
)
def test_lists_of_platforms_are_turned_to_the_last(
    site: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, module: ModuleType
) -> None:
    def named(html: str) -> list[str]:
        return re.findall(r'<th scope="row"><a href="/platforms/([^"]+)"', html)

    every = named(site.get(path).text)
    monkeypatch.setattr(module, "LISTED", 5)
    found, address = list[str](), path
    while address:
        html = site.get(address).text
        assert len(named(html)) <= 5
        found += named(html)
        onwards = re.search(r'<a href="([^"]+)" rel="next', html)
        address = unescape(onwards[1]) if onwards else ""
    assert found == every
    assert len(found) > 12
    for page in ("0", "99", "x", "1" * 99):
        assert site.get(path.partition("?")[0], params={"page": page}).status_code == 400


@pytest.mark.parametrize("at_once", [1_000, 3])
def test_reports_are_listed_by_the_names_of_platforms(
    site: TestClient, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.explorer.reports.READ", at_once)
    html = site.get("/reports").text
    names = re.findall(r'<th scope="row"><a href="/platforms/[^>]+>([^<]+)<', html)
    assert names == sorted(names, key=str.casefold)
    assert len(set(names)) > 5


def test_platforms_are_sorted_by_any_column(site: TestClient) -> None:
    def named(sort: str) -> list[str]:
        page = site.get(f"/platforms?days=365&sort={sort}").text
        return re.findall(r'<th scope="row"><a href="/platforms/([^"]+)"', page)

    assert len(named("name")) == len(set(named("name"))) > 12
    decisions = named("decisions")
    counted = {}
    for row in rows(site.get("/statistics.csv?by=PLATFORM").text):
        counted[row["platform"]] = int(row["sanctionCount"])
    assert sorted(decisions) == sorted(named("name"))
    assert decisions[0] == max(counted, key=lambda domain: counted[domain])
    assert site.get("/platforms?sort=colour").status_code == 400
    assert site.get("/platforms?days=31").status_code == 400

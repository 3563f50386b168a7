"""Figures, reports and columns, as their pages tell them; on both engines."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.explorer.charts import bars, days
from api.explorer.figures import figure
from api.explorer.reports import told
from api.explorer.telling import number, percent, span
from governance import reporting
from governance.exporting.columns import ALL
from governance.exporting.grouping import ROWS
from governance.exporting.templates import Part
from governance.periods import Period
from tests.api.explorer.reading import links
from tests.api.http.outside import Node
from tests.builders import DAY, Team


@pytest.mark.parametrize("path", ["/?days=365", "/platforms/harbor.example?days=90"])
def test_a_figure_leads_to_as_many_decisions(site: TestClient, path: str) -> None:
    counted = re.findall(
        r'big figure"><a href="(/sanctions\?[^"]+)">(\d+)</a>', site.get(path).text
    )
    assert counted
    for address, count in counted:
        told = re.search(r'class="lead">(\d+) decisions? ', site.get(unescape(address)).text)
        assert told is not None
        assert told[1] == count


def test_time_outs_that_ended_are_told_with_those_found_wrong(node: Node, team: Team) -> None:
    for _ in range(3):
        node.issue(team.issuer)
    wrong = node.issue(team.issuer)["sanction"]["id"]
    node.do("OverturnSanction", team.issuer, sanctionId=wrong, reason="Wrong")
    node.clock.forward(30 * DAY)
    page = node.client.get("/?days=90").text
    whole = '<span class="whole">time-outs</span>'
    assert f"<h1>4 {whole} began, 4&nbsp;ended, 1&nbsp;of them overturned</h1>" in page


def test_a_platform_without_a_period_before_says_so_once(node: Node, team: Team) -> None:
    node.issue(team.issuer)
    page = node.client.get("/platforms/mod.example").text
    assert "none before" not in page
    assert "In the 30 days before it decided nothing." in page
    node.clock.forward(40 * DAY)
    node.issue(team.issuer, subject="acct:b@elsewhere.example")
    assert "as before" in node.client.get("/platforms/mod.example").text


def test_a_rate_is_told_with_what_it_is_a_share_of(node: Node, team: Team) -> None:
    for n, outcome in enumerate(("UPHELD", "OVERTURNED")):
        issued = node.issue(team.issuer, subject=f"acct:p{n}@elsewhere.example")["sanction"]["id"]
        filed = node.do("FileAppeal", team.admin, sanctionId=issued, grounds="No")["appeal"]["id"]
        for move in ("ADMIT", "START_REVIEW"):
            node.do("MoveAppeal", team.reviewer, appealId=filed, move=move)
        decision = {"appealId": filed, "outcome": outcome, "statement": "So"}
        node.do("DecideAppeal", team.reviewer, **decision)
    for path in ("/platforms", "/categories"):
        page = node.client.get(path).text
        assert '50% <span class="aside">of 2</span>' in page, path


def test_a_bar_has_its_share_of_all() -> None:
    told = [(bar.length, bar.share) for bar in bars([("a", 3, ""), ("b", 1, "")])]
    assert told == [(100, 0.75), (100 / 3, 0.25)]
    assert bars([("none", 0, "")])[0].share == 0


def test_a_chart_says_what_is_usual_and_which_day_was_the_busiest() -> None:
    first = date(2026, 3, 1)
    counts = {"2026-03-01": 2, "2026-03-03": 7}
    told = days(counts, first, first + timedelta(days=2))
    assert (told.mean, told.peak, told.busiest) == (3, 7, date(2026, 3, 3))
    assert days({**counts, "2026-03-01": 7}, first, first + timedelta(days=2)).busiest is None


@pytest.mark.parametrize(
    ("peak", "ticks"),
    [
        (0, [1, 0]),
        (1, [1, 0]),
        (3, [3, 2, 1, 0]),
        (49, [60, 40, 20, 0]),
        (110, [150, 100, 50, 0]),
        (1_495, [1_500, 1_000, 500, 0]),
    ],
)
def test_a_chart_is_drawn_to_a_round_scale(peak: int, ticks: list[int]) -> None:
    last = date(2026, 3, 31)
    drawn = days({last.isoformat(): peak}, last - timedelta(days=29), last)
    assert (list(drawn.ticks), drawn.peak) == (ticks, peak)
    assert drawn.columns[-1].height == 100 * peak / ticks[0]


@pytest.mark.parametrize(
    ("length", "names"),
    [
        (7, ["25 Mar", "27 Mar", "29 Mar", "31 Mar"]),
        (30, ["2 Mar", "9 Mar", "16 Mar", "23 Mar", "30 Mar"]),
        (90, ["1 Jan", "1 Feb", "1 Mar"]),
        (365, ["May", "Jul", "Sep", "Nov", "Jan", "Mar"]),
    ],
)
def test_days_are_named_beneath_their_columns(length: int, names: list[str]) -> None:
    last = date(2026, 3, 31)
    drawn = days({}, last - timedelta(days=length - 1), last)
    assert [mark.name for mark in drawn.marks] == names
    middles = {column.x + 50 / length for column in drawn.columns}
    assert {mark.x for mark in drawn.marks} <= middles


@pytest.mark.parametrize(
    ("now", "before", "told", "compared"),
    [
        (0.143, 0.32, percent, "down 18 points, from 32%"),
        (0.336, 0.325, percent, "up 2 points, from 32%"),
        (0.14, 0.13, percent, "up 1 point, from 13%"),
        (0.141, 0.139, percent, "as before"),
        (0.033, 0.031, percent, "about as before, 3.1%"),
        (0.5, 0.0, percent, "up 50 points, from 0%"),
        (None, 0.32, percent, "before: 32%"),
        (0.32, None, percent, "none before"),
        (6, 4, number, "up 50%, from 4"),
        (1, 4, number, "down 75%, from 4"),
        (17, 4, number, "up, from 4"),
        (4, 4, number, "as before"),
        (1_001, 1_000, number, "about as before, 1,000"),
        (4, 0, number, "none before"),
        (None, 259_200, span, "before: 3 days"),
    ],
)
def test_a_figure_is_told_beside_the_one_before(
    now: Any, before: Any, told: Callable[[Any], str], compared: str
) -> None:
    assert figure("Figure", now, before, told).compared == compared


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/reports/harbor.example?from=2026-01-01&to=2026-02-01", 200),
        ("/reports/harbor.example?from=2026-02-01&to=2026-01-01", 400),
        ("/reports/harbor.example?from=2026-02-01&to=2026-02-01", 200),
        ("/reports/harbor.example?from=soon", 400),
        ("/reports/harbor.example?from=2126-01-01&to=2126-02-01", 400),
        ("/reports/nobody.example", 404),
        ("/data?after=nonsense", 400),
    ],
)
def test_reports_are_of_days_that_come_in_order(site: TestClient, path: str, status: int) -> None:
    page = site.get(path)
    assert page.status_code == status
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_reports_that_were_published_are_listed(node: Node, team: Team) -> None:
    assert "None yet" in node.client.get("/reports").text
    node.clock.forward(60 * DAY)
    for _ in range(2):
        march = Period.of_days("2026-03-01/2026-03-31")
        node.world.do(reporting.publish, "mod.example", march, now=node.clock.now)
    html = node.client.get("/reports").text
    assert html.count("/reports/mod.example?") == 1
    assert "1 March 2026 to 31 March 2026</a>, version 2 of" in html
    [address] = [one for one in links(html) if one.startswith("/reports/mod.example?")]
    report = node.client.get(address).text
    assert "Version 2, published" in report
    assert "1 March 2026 to 31 March 2026<" in report
    parts = [one for one in links(report) if ".csv?" in one]
    assert [node.client.get(part).status_code for part in parts] == [200] * len(Part)


def test_every_column_of_the_files_is_told_with_its_codes(site: TestClient) -> None:
    html = site.get("/data/columns").text.replace("<wbr>", "")
    assert "/data/columns" in links(site.get("/data").text)
    for dataset in (*ALL.values(), ROWS):
        for column in dataset.columns:
            assert f"<code>{column.name}</code>" in html
            for word in column.words or ():
                assert f"<code>{word}</code></dt><dd>" in html
    assert {c.name for c in ALL["statements"].columns if c.words} >= {"measure", "keywords"}


def test_figures_of_a_report_have_their_units() -> None:
    assert told({"scope": "Median time", "value": "1.506204"}) == "1 h 30 min"
    assert told({"scope": "Percentage of outcomes implemented", "value": "0.5"}) == "50%"
    assert told({"scope": "Total number", "value": "0"}) == "0"
    assert told({"scope": "Total number", "value": None}) == ""

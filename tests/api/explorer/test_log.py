"""The page of the log, on both engines."""

import re
from datetime import datetime
from html import unescape

from sqlmodel import Session
from starlette.testclient import TestClient

from governance.decisions import of_node
from governance.log.sequencing import ledger_of
from governance.log.writing import Decision
from tests.api.explorer.reading import links
from tests.api.http.outside import Node
from tests.builders import NOW, Team


def test_the_log_lists_its_checkpoints_back_to_the_first(site: TestClient) -> None:
    seen: list[int] = []
    address = "/log"
    while address:
        html = site.get(address).text
        seen += [
            int(n.replace(",", ""))
            for n in re.findall(r'<b class="figure">([\d,]+) entr(?:y|ies)<', html)
        ]
        onwards = re.search(r'<a href="([^"]+)" rel="next"', html)
        address = unescape(onwards[1]) if onwards else ""
    assert seen == sorted(set(seen), reverse=True)
    query = "{ log { size checkpoints { size note } } }"
    log = site.get("/graphql", params={"query": query}).json()["data"]["log"]
    assert seen[0] == log["size"]
    assert all(str(one["size"]) in one["note"] for one in log["checkpoints"])
    assert site.get("/log?before=nonsense").status_code == 400


def test_a_node_that_follows_nobody_says_so_and_where_its_key_is(site: TestClient) -> None:
    html = unescape(site.get("/log").text)
    assert "It follows no other node" in html
    assert "VERIFIER=$(curl -fsS http://testserver/log/key)\n" in html
    assert site.get("/log/key").status_code == 200


def test_the_log_leads_to_what_is_left_of_a_log_that_was_closed(node: Node, team: Team) -> None:
    node.issue(team.issuer)
    assert "/log/closed" not in node.client.get("/log").text

    def begin(session: Session, *, now: datetime) -> None:
        told = of_node("log.begun", None, now, checkpoint="closed.example\n7\n")
        ledger_of(session).add(Decision(told, None, None, now))

    node.world.do(begin, now=NOW)
    html = node.client.get("/log").text
    assert "<b>closed.example</b>" in html
    assert "/log/closed" in links(html)

"""Figures for Prometheus: true, few, and for the operator alone."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from governance import receivers
from governance.settings import Settings
from governance.words import ReceiverStatus
from tests.api.http.outside import Node
from tests.api.serving import ASKING, spawning
from tests.builders import DAY, NOW, Team, positions, write_keys
from tests.postgres import Server

TOKEN = "a-token-for-prometheus"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LIST = "query($filter: SanctionFilter) { sanctions(filter: $filter) { pageInfo { endCursor } } }"
Figures = dict[tuple[str, ...], float]


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node whose figures can be asked for with a token."""
    with Node(database_url, tmp_path / "comity.key", metrics_token=TOKEN) as node:
        yield node


def parsed(text: str) -> Figures:
    """Samples by name and labels' values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figures(node: Node) -> Figures:
    response = node.client.get("/metrics", headers=BEARER)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return parsed(response.text)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN, "Bearer é"]
)
def test_with_a_token_set_nobody_else_sees_figures(node: Node, header: str | None) -> None:
    headers = {} if header is None else {b"Authorization": header.encode()}
    for client in (node.client, TestClient(node.client.app, client=("127.0.0.1", 50_000))):
        response = client.get("/metrics", headers=headers)
        assert (response.status_code, response.text) == (404, "Not Found")


def test_without_a_token_this_machine_alone_sees_figures(lite: Node) -> None:
    def status(host: str, **headers: str) -> int:
        client = TestClient(lite.client.app, client=(host, 50_000))
        return client.get("/metrics", headers=headers).status_code

    assert [status(host) for host in ("127.0.0.1", "::1", "127.1.2.3")] == [200, 200, 200]
    assert [status(host) for host in ("192.0.2.1", "2001:db8::1", "testclient")] == 3 * [404]
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        assert status("127.0.0.1", **{name: "for=127.0.0.1"}) == 404


def test_requests_refusals_errors_statements_and_caches_are_counted(node: Node, team: Team) -> None:
    issue = team.issuer
    first = node.issue(issue)
    node.do("IssueSanction", issue, **node.body(measure="ACCOUNT_TERMINATED", expiresAt=None))
    batch = [node.body(expiresAt=node.at(500 * DAY)), node.body(effectiveAt=node.at(-DAY))]
    refused = node.do("IssueSanctions", issue, sanctions=batch)
    assert refused["refusedCount"] == 2
    for _ in range(3):
        node.data("{ policy { version } }")
    node.run("Sanction", id="nonsense")
    node.post("{ nonsense }")
    node.client.get("/graphql")
    node.client.get("/nothing")
    node.post("{ policy { version } }", by="cty_unknown")
    node.data("{ __schema { queryType { name } } }")
    for given in ({"isAppealed": True}, {"isAppealed": True, "isBinding": True}):
        node.data(LIST, {"filter": given})
    found = figures(node)
    assert found["comity_requests_total", "mutation issueSanction", "ok"] == 1
    assert found["comity_requests_total", "mutation issueSanction", "refused"] == 1
    assert found["comity_requests_total", "mutation issueSanctions", "refused"] == 1
    assert found["comity_requests_total", "query policy", "ok"] == 3
    assert found["comity_requests_total", "query sanction", "error"] == 1
    assert found["comity_requests_total", "query introspection", "ok"] == 1
    assert found["comity_requests_total", "invalid", "error"] == 3
    assert found["comity_requests_total", "other", "error"] == 1
    assert found["comity_request_seconds_count", "query policy"] == 3
    assert found["comity_refusals_total", "TOO_LONG"] == 1
    assert found["comity_refusals_total", "BACKDATED"] == 1
    assert found["comity_errors_total", "INVALID_INPUT"] == 1
    assert found["comity_errors_total", "BAD_DOCUMENT"] == 1
    assert found["comity_errors_total", "BAD_REQUEST"] == 1
    assert found["comity_errors_total", "UNAUTHENTICATED"] == 1
    assert found["comity_second_path_total", "introspection"] == 1
    assert found["comity_statements_total",] > 10
    assert found["comity_cache_lookups_total", "documents", "hit"] >= 2
    assert found["comity_cache_lookups_total", "plans", "miss"] >= 1
    for result in ("hit", "miss"):
        assert found["comity_cache_lookups_total", "pieces", result] >= 1
    assert found["comity_feed_position",] == positions(node.world.database)[-1]
    assert first["sanction"]["id"]


def test_what_callers_choose_makes_no_labels(node: Node) -> None:
    node.data("query Known { policy { version } }")
    node.client.get("/nothing")
    figures(node)  # is counted as well
    before = set(figures(node))
    for n in range(20):
        node.data(f"query Chosen{n} {{ a{n}: policy {{ version }} }}")
        node.data(f"{{ ...f{n} }} fragment f{n} on Query {{ policy {{ b{n}: version }} }}")
        node.client.get(f"/nothing/{n}", headers={"X-Request-Id": f"r{n}"})
        node.client.request(f"CHOSEN{n}", "/nothing")
    assert set(figures(node)) == before


def test_receivers_and_what_they_did_not_take_are_counted(node: Node, team: Team) -> None:
    assert figures(node)["comity_dead_letters",] == 0
    add = partial(
        receivers.add_webhook,
        domain="mod.example",
        url="https://hooks.example/",
        wanted={},
        now=NOW,
    )
    end = 2 * DAY  # nothing is sent meanwhile
    made = [node.world.do(add, after=0) for _ in range(3)]
    node.world.do(receivers.set_status, made[0].id, ReceiverStatus.PAUSED, "moving")
    for one in made[1:]:
        node.world.do(receivers.failed, one.id, "status 500", now=NOW + end, jitter=1.0)
    node.world.do(receivers.bury, made[1].id, 1, "status 500", now=NOW)
    node.issue(team.issuer)
    found, last = figures(node), positions(node.world.database)[-1]
    assert found["comity_receivers", "webhook", "paused"] == 1
    assert found["comity_receivers", "webhook", "enabled"] == 2
    assert found["comity_receivers_failing", "webhook", "enabled"] == 2
    assert found["comity_receivers_failing", "webhook", "paused"] == 0
    assert found["comity_receivers_behind", "webhook", "enabled"] == last
    assert found["comity_dead_letters",] == 1


def test_the_feeds_end_and_overdue_appeals_are_read_when_asked_for(node: Node, team: Team) -> None:
    empty = figures(node)
    assert (empty["comity_feed_position",], empty["comity_appeals_overdue",]) == (0, 0)
    assert ("comity_feed_age_seconds",) not in empty
    node.under_review(team, node.issue(team.issuer)["sanction"])
    paused = node.under_review(team, node.issue(team.issuer)["sanction"])
    node.do("MoveAppeal", team.reviewer, appealId=paused, move="ASK", message="Who?")
    node.clock.forward(14 * DAY)
    found = figures(node)
    assert found["comity_feed_position",] == positions(node.world.database)[-1]
    assert found["comity_feed_age_seconds",] == (14 * DAY).total_seconds()
    assert found["comity_appeals_overdue",] == 1
    assert found["comity_database_up",] == 1


def test_figures_are_told_without_the_database(
    postgres: Server, postgresql_url: str, tmp_path: Path
) -> None:
    with Node(postgresql_url, tmp_path / "comity.key", metrics_token=TOKEN) as node:
        postgres.drop(postgresql_url.rpartition("/")[2])
        node.post("{ platforms { totalCount } }")
        found = figures(node)
    assert found["comity_database_up",] == 0
    assert found["comity_errors_total", "UNAVAILABLE"] == 1
    assert found["comity_requests_total", "query platforms", "fault"] == 1


def test_the_version_is_told(lite: Node) -> None:
    client = TestClient(lite.client.app, client=("127.0.0.1", 50_000))
    assert parsed(client.get("/metrics").text)["comity_build_info", "0.1.0"] == 1


def test_one_scrape_tells_of_all_workers(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file, folder = tmp_path / "comity.key", tmp_path / "temporary"
    write_keys(key_file)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with spawning("--workers", "2", database_url=database_url, key_file=key_file) as served:
        for _ in range(30):  # each on a connection of its own, so that both workers get some
            ASKING.post(f"{served.address}/graphql", json={"query": "{ policy { version } }"})
        found = [parsed(ASKING.get(f"{served.address}/metrics").text) for _ in range(6)]
        assert list(folder.glob("comity-metrics-*/counter_*.db"))
    assert {f["comity_requests_total", "query policy", "ok"] for f in found} == {30}
    assert list(folder.iterdir()) == []


def test_a_token_is_never_shown() -> None:
    assert TOKEN not in repr(Settings(metrics_token=TOKEN))

"""Every route counts who asks, or says here why not."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.routing import Mount, Route, WebSocketRoute

from api.limiting.rates import LimitRefused
from governance import reporting
from governance.exporting.templates import Part
from governance.periods import Period
from governance.tokens import write_token_keys
from tests.api.explorer.forms import Visitor
from tests.api.http.outside import Node
from tests.builders import Team

PUBLIC = "testclient"  # the address that tests come from
STILL = "the same bytes for everybody, from memory or a file"
LOG = "files of the log: whoever checks it is never turned away, and anybody may keep them"
PAGE = "a form, and no question to the database"
SESSION = "does nothing without a session; what the session then asks is counted"
EXEMPT = {
    "/schema.graphql": STILL,
    "/graphiql": STILL,
    "/graphiql/page": STILL,
    "/graphiql/vendor": STILL,
    "/static": STILL,
    "/robots.txt": STILL,
    "/data/columns": STILL,
    "/exports/{path:path}": STILL,
    "/log/key": STILL,
    "/log/witness-key": STILL,
    "/log/checkpoint": LOG,
    "/log/closed": LOG,
    "/log/tile/{path:path}": LOG,
    "/health/live": "of whoever starts and stops the node; asks nothing of the database",
    "/health/ready": "of whoever starts and stops the node; one question at a time",
    "/metrics": "of the operator alone; one question at a time",
    "/appeal": PAGE,
    "/appeal/move": SESSION,
    "/appeal/close": SESSION,
    "/staff": PAGE,
    "/staff/sanctions": SESSION,
    "/staff/logout": SESSION,
    "/staff/notices": SESSION,
    "/staff/notices/record": SESSION,
    "/staff/receipts": SESSION,
    "/staff/receipts/remedy": SESSION,
    "/staff/appeals/{id}": SESSION,
    "/staff/appeals/{id}/move": SESSION,
}
MARCH = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
REPORT = f"/reports/mod.example/{Part.APPEALS}.csv"
FILLED = {"domain": "mod.example", "stream_id": "str_1", "part": str(Part.APPEALS)}


@pytest.fixture
def whole(sqlite_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node that has every route."""
    write_token_keys(tmp_path / "comity.token.keys")
    folder = tmp_path / "exports"
    folder.mkdir()
    settings: dict[str, Any] = {"public_url": "https://node.example", "export_folder": folder}
    with Node(sqlite_url, tmp_path / "comity.key", **settings) as node:
        yield node


def routes(node: Node) -> list[tuple[str, str]]:
    """Each path with each of its methods, but for HEAD, which is GET."""
    app: Any = node.client.app
    found = []
    for route in app.routes:
        if isinstance(route, Mount):
            found.append((route.path, "GET"))
        elif isinstance(route, Route):
            methods = {*(route.methods or {"GET", "POST"})} - {"HEAD"}
            found += [(route.path, method) for method in sorted(methods)]
        else:
            assert isinstance(route, WebSocketRoute)  # its messages are counted, not its opening
    return found


def use_up(node: Node) -> None:
    """Takes what is left of the visitor's minute."""
    app: Any = node.client.app
    rates = app.state.executor.rates
    with contextlib.suppress(LimitRefused):
        for _ in range(1_000_000):
            rates.request(PUBLIC, is_member=False)


def asked(node: Node, path: str, method: str) -> Response:
    """A request that fits the route, from whoever has no credential."""
    address = re.sub(r"\{(\w+)(:\w+)?\}", lambda name: FILLED.get(name[1], "x"), path)
    if path.startswith("/reports/{domain}/"):
        return node.client.get(address, params=MARCH)
    if path == "/graphql":
        asking = {"query": "{ policy { version } }"}
        given = {"params": asking} if method == "GET" else {"json": asking}
        return node.client.request(method, address, **given)  # type: ignore[arg-type]
    if path in ("/appeal/open", "/staff/login"):
        visitor = Visitor(node.client)
        visitor.open(path.rpartition("/")[0])
        visitor.send(path, token="x", sanction="san_x", secret="x")
        return visitor.page
    return node.client.request(method, address)


def test_each_route_is_counted_or_exempt_for_a_reason(whole: Node) -> None:
    whole.world.team("mod.example")
    known = routes(whole)
    assert {*EXEMPT} <= {path for path, _ in known}
    use_up(whole)
    for path, method in known:
        told = asked(whole, path, method)
        assert (told.status_code == 429) is (path not in EXEMPT), f"{method} {path}: {told}"


def test_disclosures_count_by_credential_and_by_address(sqlite_url: str, tmp_path: Path) -> None:
    limits = {"requests_of_member": 2, "requests_of_public": 3}
    with Node(sqlite_url, tmp_path / "comity.key", **limits) as node:

        def told(headers: dict[str, str]) -> int:
            response = node.client.post("/log/disclosures", json={"cases": []}, headers=headers)
            if response.status_code == 429:
                assert 0 < int(response.headers["retry-after"]) <= 61
                assert response.headers["ratelimit"].startswith('"requests";r=0')
            return response.status_code

        team = node.world.team()
        mine, wrong = node.headers(team.reader), {"Authorization": "Bearer wrong"}
        nobody: dict[str, str] = {}
        asking = [mine, nobody, wrong, mine, nobody, mine, nobody, wrong, node.headers(team.admin)]
        assert list(map(told, asking)) == [200, 200, 401, 200, 200, 429, 429, 429, 200]


def test_a_report_is_of_a_year_at_most(node: Node, team: Team) -> None:
    longest = {"from": "2025-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    assert node.client.get(REPORT, params=longest).status_code == 200
    refused = node.client.get(REPORT, params={**longest, "to": "2026-01-02T00:00:00.000001Z"})
    assert (refused.status_code, refused.json()) == (
        400,
        {
            "code": "INVALID_INPUT",
            "message": "to: expected at most 366 days after from",
            "path": ["to"],
        },
    )
    everything = {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T00:00:00Z"}
    assert node.client.get(REPORT, params=everything).json()["path"] == ["to"]
    assert node.client.get(REPORT, params={"to": longest["to"]}).json()["path"] == ["from"]


def test_only_the_part_that_is_asked_for_is_made(
    node: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Part] = []
    counted = reporting._counted

    def noted(session: Any, platform: Any, period: Period, part: Part, now: Any) -> Any:
        made.append(part)
        return counted(session, platform, period, part, now)

    monkeypatch.setattr(reporting, "_counted", noted)
    assert node.client.get(REPORT, params=MARCH).status_code == 200
    unknown = f"/reports/mod.example/{'x' * 9}.csv"
    assert node.client.get(unknown, params=MARCH).status_code == 404
    assert made == [Part.APPEALS]

"""Exports as they are asked for and fetched."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from api import exporting
from api.explorer.statics import static
from governance.exporting.days import export
from governance.exporting.files import register
from governance.exporting.places import Folder
from governance.exporting.verifying import verify
from tests.api.http.outside import Node
from tests.api.http.test_contract_research import asked
from tests.builders import DAY, LOG_KEY
from tests.waiting import until_so


@pytest.fixture
def exported(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node with an export folder that has two days in it."""
    folder = tmp_path / "exports"
    with Node(database_url, tmp_path / "comity.key", export_folder=folder) as node:
        node.issue(node.world.team().issuer, explanation="For everyone")
        log = node.world.database.log
        assert log is not None
        export(node.world.database, log, Folder(folder), now=node.clock.now + 2 * DAY)
        register(node.world.database, Folder(folder))
        yield node


def files(node: Node) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked(node, "Exports", first=100)["exports"]["nodes"]
    return found


def test_every_file_that_is_told_of_can_be_fetched_and_is_what_was_told(exported: Node) -> None:
    told = files(exported)
    assert len(told) == 2 * 12
    assert [file["day"] for file in told] == sorted((f["day"] for f in told), reverse=True)
    for file in told:
        response = exported.client.get(file["url"])
        assert response.status_code == 200
        assert sha256(response.content).hexdigest() == file["sha256"]
        assert len(response.content) == file["byteCount"]
        assert file["format"] in {"CSV", "NDJSON", "PARQUET"}
    query = "{ exports(first: 1) { nodes { id manifestUrl dataset } totalCount } }"
    [node] = exported.data(query)["exports"]["nodes"]
    found = exported.data("query($i: ID!) { node(id: $i) { __typename id } }", {"i": node["id"]})
    assert found["node"] == {"__typename": "Export", "id": node["id"]}
    assert b"comity export v1" in exported.client.get(node["manifestUrl"]).content


def test_a_range_and_an_etag_save_what_was_fetched_before(exported: Node) -> None:
    url = next(f["url"] for f in files(exported) if f["format"] == "PARQUET")
    whole = exported.client.get(url)
    assert whole.headers["cache-control"] == "public, max-age=31536000, immutable"
    part = exported.client.get(url, headers={"Range": "bytes=4-99"})
    assert (part.status_code, part.content) == (206, whole.content[4:100])
    assert part.headers["content-range"] == f"bytes 4-99/{len(whole.content)}"
    same = exported.client.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    beyond = exported.client.get(url, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


CACHED = ("cache-control", "content-location", "etag", "expires", "vary")  # RFC 9110 15.4.5


def test_what_has_not_changed_is_told_with_the_same_fields(exported: Node) -> None:
    day = exported.data("{ exports(first: 1) { nodes { manifestUrl } } }")["exports"]["nodes"][0]
    renewed = day["manifestUrl"].replace(".note", ".explanations.note")
    kept = static("style.css")
    for url, control in {
        kept: "public, max-age=31536000, immutable",
        "/static/style.css": "no-cache",
        f"{kept}0": "no-cache",
        day["manifestUrl"]: "public, max-age=31536000, immutable",
        renewed: "no-cache",
        "/log/checkpoint": "no-cache",
        "/graphiql/page/page.js": None,
    }.items():
        whole = exported.client.get(url)
        assert (whole.status_code, whole.headers.get("cache-control")) == (200, control), url
        same = exported.client.get(url, headers={"If-None-Match": whole.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        for name in CACHED:
            assert same.headers.get(name) == whole.headers.get(name), (url, name)


@pytest.mark.parametrize(
    "path",
    [
        ".partial/lock",
        "manifests",
        "manifests/",
        "manifests/2026-03-01.note.part",
        "../comity.key",
        "%2e%2e/comity.key",
        "csv/../../comity.key",
        "csv/events/day=2026-03-01/statements.csv.gz",
        "csv/events/day=1999-01-01/events.csv.gz",
        "parquet/events/day=..%2f..%2f../events.parquet",
    ],
)
def test_nothing_else_of_the_folder_is_served(exported: Node, path: str) -> None:
    assert exported.client.get(f"/exports/{path}").status_code == 404


def test_without_a_folder_nothing_is_exported(lite: Node) -> None:
    assert files(lite) == []
    assert lite.client.get("/exports/manifests/2026-03-01.note").status_code == 404


def test_a_server_exports_a_day_by_itself_once_it_is_over(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "AT_FIRST", timedelta(seconds=0.1))
    monkeypatch.setattr(exporting, "EVERY", timedelta(seconds=0.1))
    folder = tmp_path / "exports"
    with Node(database_url, tmp_path / "comity.key", export_folder=folder) as node:
        node.issue(node.world.team().issuer)
        node.clock.forward(2 * DAY)
        until_so(lambda: len(files(node)) >= 2 * 12)
    assert verify(folder, [LOG_KEY.verifier()]).faults == []

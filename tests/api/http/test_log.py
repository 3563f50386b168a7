"""The decision log over GraphQL and as files, checked with nothing but the log's own key."""

import gzip
import time
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from api import tiles
from api.filling import Filler
from governance.decisions import of_node
from governance.log.canonical import parse_canonical
from governance.log.checkpoints import open_checkpoint
from governance.log.proofs import parse_proof
from governance.log.sequencing import ledger_of
from governance.log.signers import parse_verifier
from governance.log.tiles import FULL, parse_bundle
from governance.log.tree import check_consistency, check_inclusion, leaf_hash, of_leaves, root_hash
from governance.log.writing import Decision
from tests.api.http.outside import Node
from tests.builders import KEYS as NODE_KEYS
from tests.builders import LOG_KEY, NOW, Team

ENTRY = "{ log { origin size rootHash checkpoint entry(index: 0) { index leafHash data proof } } }"
PROOFS = """query ($i: Long!, $n: Long!, $m: Long!) { log {
  inclusionProof(index: $i, size: $n) { hashes }
  consistencyProof(from: $m, to: $n) { hashes }
} }"""
KEYS = [LOG_KEY.verifier()]


@pytest.fixture
def team(node: Node) -> Team:
    """Return a platform of the node with its members."""
    return node.world.team()


def fetched(node: Node, path: str, **headers: str) -> bytes:
    response = node.client.get(f"/log/{path}", headers=headers)
    assert response.status_code == 200, path
    assert response.headers["access-control-allow-origin"] == "*"
    return bytes(response.content)


def stored(node: Node) -> list[bytes]:
    """Every entry, from the bundles."""
    size = node.data("{ log { size } }")["log"]["size"]
    full, rest = divmod(size, FULL)
    paths = [f"tile/entries/{index:03}" for index in range(full)]
    paths += [f"tile/entries/{full:03}.p/{rest}"] if rest else []
    return [entry for path in paths for entry in parse_bundle(fetched(node, path))]


def test_a_mutation_answers_with_its_entry(node: Node, team: Team) -> None:
    answer = node.issue(team.issuer)
    told = answer["logEntry"]
    entry = stored(node)[told["index"]]
    assert b64decode(told["leafHash"]) == leaf_hash(entry)
    decision: Any = parse_canonical(entry)
    assert decision["decision"]["type"] == "sanction.issued"
    asked = node.run("Sanction", team.issuer, id=answer["sanction"]["id"])["data"]["sanction"]
    assert asked["logEntry"] == told


def test_the_log_says_what_its_files_say(node: Node, team: Team) -> None:
    node.issue(team.issuer)
    found = node.data(ENTRY)["log"]
    assert parse_verifier(fetched(node, "key").decode().strip()) == KEYS[0]
    assert fetched(node, "checkpoint").decode() == found["checkpoint"]
    signed = open_checkpoint(found["checkpoint"].encode(), LOG_KEY.name, verifiers=KEYS)
    assert (signed.origin, signed.size) == (found["origin"], found["size"])
    assert signed.root == b64decode(found["rootHash"])
    entries = stored(node)
    hashes = [leaf_hash(entry) for entry in entries]
    assert root_hash(len(hashes), of_leaves(hashes)) == signed.root
    assert found["entry"]["data"].encode() == entries[0]
    assert b64decode(found["entry"]["leafHash"]) == hashes[0]
    assert fetched(node, f"tile/0/000.p/{len(hashes)}") == b"".join(hashes)
    proof = parse_proof(found["entry"]["proof"].encode())
    proof.check(entries[0], LOG_KEY.name, verifiers=KEYS)


def test_proofs_hold_and_end_with_the_log(node: Node, team: Team) -> None:
    for _ in range(3):
        node.issue(team.issuer)
    hashes = [leaf_hash(entry) for entry in stored(node)]
    size = len(hashes)
    found = node.data(PROOFS, {"i": 2, "n": size, "m": 5})["log"]
    root = root_hash(size, of_leaves(hashes))
    shown = [b64decode(one) for one in found["inclusionProof"]["hashes"]]
    check_inclusion(hashes[2], 2, size=size, hashes=shown, root=root)
    grown = [b64decode(one) for one in found["consistencyProof"]["hashes"]]
    old = root_hash(5, of_leaves(hashes[:5]))
    check_consistency(5, size, hashes=grown, old_root=old, new_root=root)
    none = {"inclusionProof": None, "consistencyProof": None}
    for values in (
        {"i": size, "n": size, "m": 0},
        {"i": 0, "n": size + 1, "m": 1},
        {"i": -1, "n": size, "m": size + 1},
        {"i": 2**53 - 1, "n": 2**53 - 1, "m": 2**53 - 1},
    ):
        assert node.data(PROOFS, values)["log"] == none


def test_an_entry_outside_the_log_is_null(node: Node, team: Team) -> None:
    asked = "query ($i: Long!) { log { entry(index: $i) { index proof } } }"
    for index in (-1, 10_000, 2**53 - 1):
        assert node.data(asked, {"i": index})["log"]["entry"] is None


def test_an_empty_log_is_null(node: Node) -> None:
    assert node.data("{ log { size } }") == {"log": None}
    response = node.client.get("/log/checkpoint")
    assert (response.status_code, response.headers["cache-control"]) == (404, "no-store")


def test_too_many_proofs_at_once_are_refused(node: Node, team: Team) -> None:
    for _ in range(101):
        node.issue(team.issuer)
    asked = "{ sanctions(first: 101) { nodes { logEntry { proof } } } }"
    [error] = node.answer(asked)["errors"]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    few = node.data(asked.replace("101", "100"))["sanctions"]["nodes"]
    assert len({one["logEntry"]["proof"] for one in few}) == 100


def test_hashes_of_many_entries_take_one_statement(node: Node, team: Team) -> None:
    for _ in range(3):
        node.issue(team.issuer)
    world, seen = node.world, list[str]()
    told = (world.database.engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
    places = [("leafHash", str(index)) for index, _ in enumerate(stored(node))]
    filler = Filler(world.database, NODE_KEYS, lambda: NOW)
    sa.event.listen(*told)
    found = filler.fill(places)
    sa.event.remove(*told)
    assert len([one for one in seen if one != "BEGIN"]) == 1
    assert [b64decode(found[place]) for place in places] == list(map(leaf_hash, stored(node)))


@pytest.mark.parametrize(
    "path",
    [
        *("tile/0/000", "tile/0/000.p/0", "tile/0/000.p/9999", "tile/0/001", "tile/1/000"),
        *("tile/entries/000.p/200", "tile/entries/001", "tile/entries/x/000", "tile/64/000"),
        *("tile/0/0", "tile/-1/000", "tile/0/000.p/05", "tile/%2e%2e/000", "tile/", "nothing"),
        *("tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/000/", "tile/entries/000%00"),
    ],
)
def test_what_the_log_does_not_reach_is_absent_and_not_kept(
    node: Node, team: Team, path: str
) -> None:
    response = node.client.get(f"/log/{path}")
    assert response.status_code == 404
    if path.startswith("tile/"):
        assert response.headers["cache-control"] == "no-store"


def test_the_last_checkpoint_of_a_closed_log_is_shown(node: Node) -> None:
    def begin(session: Session, *, now: datetime) -> None:
        told = of_node("log.begun", None, now, checkpoint="closed.example\n7\n")
        ledger_of(session).add(Decision(told, None, None, now))

    node.world.do(begin, now=NOW)
    assert fetched(node, "closed") == b"closed.example\n7\n"


def test_a_log_in_nobodys_place_shows_none(node: Node, team: Team) -> None:
    assert node.client.get("/log/closed").status_code == 404


def test_tiles_are_kept_for_good_and_the_checkpoint_is_asked_for_anew(
    node: Node, team: Team
) -> None:
    tile = node.client.get("/log/tile/0/000.p/1")
    assert "immutable" in tile.headers["cache-control"]
    assert "max-age=31536000" in tile.headers["cache-control"]
    newest = node.client.get("/log/checkpoint")
    assert newest.headers["cache-control"] == "no-cache"
    again = {"If-None-Match": newest.headers["etag"]}
    assert node.client.get("/log/checkpoint", headers=again).status_code == 304
    node.issue(team.issuer)
    assert node.client.get("/log/checkpoint", headers=again).status_code == 200


def test_whoever_has_the_newest_checkpoint_may_wait_for_the_next(node: Node, team: Team) -> None:
    node.issue(team.issuer)
    first = node.client.get("/log/checkpoint")

    def asked(prefer: str) -> tuple[int, str, float]:
        known = {"If-None-Match": first.headers["etag"], "Prefer": prefer}
        begun = time.monotonic()
        answer = node.client.get("/log/checkpoint", headers=known)
        return answer.status_code, answer.text, time.monotonic() - begun

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(asked, "respond-async, wait=20")
        time.sleep(0.3)
        assert not asking.done()
        node.issue(team.issuer)
        status, text, took = asking.result(10)
    assert (status, text) == (200, node.client.get("/log/checkpoint").text)
    assert text != first.text
    assert took < 15
    assert asked("wait=20")[2] < 15  # what is news already is told at once


@pytest.mark.parametrize("prefer", ["", "wait", "wait=0", "wait=-5", "wait=1e3", "nowait=9"])
def test_without_a_wish_the_answer_does_not_wait(node: Node, team: Team, prefer: str) -> None:
    known = {"If-None-Match": node.client.get("/log/checkpoint").headers["etag"]}
    begun = time.monotonic()
    answer = node.client.get("/log/checkpoint", headers=known | {"Prefer": prefer})
    assert answer.status_code == 304
    assert time.monotonic() - begun < 5


def test_an_answer_that_waited_in_vain_says_so_and_few_wait(
    node: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "LONGEST_WAIT", 0.5)
    known = {"If-None-Match": node.client.get("/log/checkpoint").headers["etag"]}
    begun = time.monotonic()
    answer = node.client.get("/log/checkpoint", headers=known | {"Prefer": "wait=999"})
    assert answer.status_code == 304
    assert 0.4 < time.monotonic() - begun < 10


def test_entries_are_compressed_where_that_is_welcome(node: Node, team: Team) -> None:
    path = "/log/tile/entries/000.p/2"
    plain = node.client.get(path, headers={"Accept-Encoding": "identity"})
    with node.client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("welcome", "encoding"),
    [
        ("", None),
        ("br", None),
        ("gzip;q=0", None),
        ("br, gzip ; q=0.000", None),
        ("x-gzippy", None),
        ("GZIP", "gzip"),
        ("deflate,gzip;q=0.5", "gzip"),
        ("br;q=0, gzip;q=1.0, *;q=0", "gzip"),
    ],
)
def test_entries_come_compressed_to_who_names_it(
    lite: Node, welcome: str, encoding: str | None
) -> None:
    lite.world.team()  # which is logged
    answer = lite.client.get("/log/tile/entries/000.p/1", headers={"Accept-Encoding": welcome})
    assert answer.headers.get("content-encoding") == encoding

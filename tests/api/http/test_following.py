"""A node that follows others, as its callers see it: `peers`, by the server itself."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from api import following
from api.leading import leading
from governance import following as follow_up
from governance.peers import STALE_AFTER, Peer
from governance.sealing import unseal
from tests.api.folders import dripping, served
from tests.api.http.outside import Node
from tests.builders import KEYS, NOW
from tests.logs import LOG, ORIGIN, files, story, write

PATIENCE = 30  # seconds
STORY = story(300)
PEERS = """{ peers { origin url size rootHash lastVerifiedAt lagSeconds state problem
  forks { first second seenAt } } }"""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let polls follow each other at once."""
    for name in ("AT_FIRST", "LOOK", "EVERY", "LONGEST_PAUSE"):
        monkeypatch.setattr(following, name, timedelta(seconds=0.05))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where another node's log is."""
    return write(tmp_path / "other" / "log", files(STORY))


@pytest.fixture
def here(database_url: str, tmp_path: Path, folder: Path) -> Iterator[Node]:
    """Yield a node that follows the log in the folder."""
    with served(folder.parent) as url:
        network = (("alpha.example", "127.0.0.1", 1),)
        with Node(database_url, tmp_path / "comity.key", test_network=network) as node:
            node.world.do(follow_up.begin, KEYS, url, [LOG.verifier()], None, now=NOW)
            yield node


def peer(node: Node, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The one peer, once it is so."""
    deadline = time.monotonic() + PATIENCE
    while True:
        [found] = node.data(PEERS)["peers"]
        if until(found):
            return dict(found)
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_a_server_follows_by_itself(here: Node, folder: Path) -> None:
    found = peer(here, lambda found: found["size"] == 300)
    assert found == {
        **{"origin": ORIGIN, "url": found["url"], "size": 300, "rootHash": found["rootHash"]},
        **{"lastVerifiedAt": here.at(), "lagSeconds": 0, "state": "FOLLOWING", "problem": None},
        "forks": [],
    }
    assert found["rootHash"] in (folder / "checkpoint").read_text()
    write(folder, files(story(310)))
    peer(here, lambda found: found["size"] == 310)


def test_whoever_stops_a_node_waits_for_no_peer(database_url: str, tmp_path: Path) -> None:
    network = (("alpha.example", "127.0.0.1", 1),)
    with (
        dripping() as (url, asked),
        Node(database_url, tmp_path / "comity.key", test_network=network) as node,
    ):
        node.world.do(follow_up.begin, KEYS, url, [LOG.verifier()], None, now=NOW)
        assert asked.wait(PATIENCE)


def test_a_peer_out_of_reach_is_late_and_then_stale(here: Node, folder: Path) -> None:
    peer(here, lambda found: found["size"] == 300)
    (folder / "checkpoint").unlink()
    found = peer(here, lambda found: found["problem"] is not None)
    assert found["problem"] == "the server answers with 404"
    here.clock.forward(timedelta(seconds=90))
    assert peer(here, lambda _: True)["lagSeconds"] == 90
    here.clock.forward(STALE_AFTER - timedelta(seconds=91))
    assert peer(here, lambda _: True)["state"] == "FOLLOWING"
    here.clock.forward(timedelta(seconds=1))
    assert peer(here, lambda _: True)["state"] == "STALE"
    write(folder, files(STORY))
    assert peer(here, lambda found: found["problem"] is None)["state"] == "FOLLOWING"


def test_a_fork_is_shown_with_its_evidence(here: Node, folder: Path) -> None:
    peer(here, lambda found: found["size"] == 300)
    first = (folder / "checkpoint").read_text()
    write(folder, files([b"other", *STORY[1:]]))
    found = peer(here, lambda found: found["state"] == "QUARANTINED")
    second = (folder / "checkpoint").read_text()
    assert found["forks"] == [{"first": first, "second": second, "seenAt": here.at()}]


def test_one_process_of_many_follows(here: Node) -> None:
    peer(here, lambda found: found["size"] == 300)
    with leading(here.world.database, "follow") as leads:
        assert not leads


FOLLOW = """mutation FollowNode($input: FollowNodeInput!) {
  followNode(input: $input) { __typename
    ... on NodeFollowed { peer { origin state } } ... on Refusal { code message path } } }"""


def test_an_admin_has_a_node_followed(here: Node, folder: Path) -> None:
    team = here.world.team()
    url = peer(here, lambda _: True)["url"]
    here.world.do(follow_up.end, ORIGIN)
    given = {"input": {"url": f"{url}/", "token": "cty_of-that-node"}}
    done = here.data(FOLLOW, given, team.admin)["followNode"]
    assert done == {
        "__typename": "NodeFollowed",
        "peer": {"origin": ORIGIN, "state": "FOLLOWING"},
    }
    with here.world.database.reading() as session:
        [held] = session.exec(select(Peer)).all()
    assert held.token is not None
    assert unseal(KEYS, ORIGIN, held.token) == "cty_of-that-node"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://node.example", "expected a URL such as"),
        ("http://127.0.0.1:1", "out of reach"),
        ("http://nowhere.invalid", "out of reach"),
    ],
)
def test_a_node_that_cannot_be_reached_is_refused(here: Node, url: str, message: str) -> None:
    team = here.world.team()
    before = here.records()
    done = here.data(FOLLOW, {"input": {"url": url}}, team.admin)["followNode"]
    assert (done["code"], done["path"]) == ("INVALID_INPUT", ["input", "url"])
    assert message in done["message"]
    assert here.records()["peers"][0][:40] == before["peers"][0][:40]


def test_outside_a_test_network_nothing_private_is_asked(node: Node, folder: Path) -> None:
    team = node.world.team()
    with served(folder.parent) as url:
        for given in (url, url.replace("http:", "https:")):
            done = node.data(FOLLOW, {"input": {"url": given}}, team.admin)["followNode"]
            assert done["code"] == "INVALID_INPUT"
    assert node.data(PEERS)["peers"] == []

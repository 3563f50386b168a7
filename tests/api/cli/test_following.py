"""`comity follow`, `unfollow` and `peers`, against logs that are served on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from api.console import now
from governance import speaking
from governance.log.signers import Signer
from governance.peers import PeerPlatform
from tests.api.cli.conftest import Comity
from tests.api.folders import served
from tests.builders import World
from tests.logs import LOG, ORIGIN, Writer, decision, files, story, write

STORY = story(300)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Yield where a node's log is served, of the files under `log`."""
    write(tmp_path / "other" / "log", files(STORY))
    with served(tmp_path / "other") as url:
        yield url


@pytest.fixture
def here(node: Comity, monkeypatch: pytest.MonkeyPatch) -> Comity:
    """Return the command of a node in a test network."""
    monkeypatch.setenv("COMITY_TEST_NETWORK", "alpha.example=127.0.0.1:1")
    return node


def test_a_node_is_followed_listed_and_followed_no_longer(
    here: Comity, url: str, tmp_path: Path
) -> None:
    done = here("follow", url, "--once")
    assert (done.code, done.err) == (0, f"follows {ORIGIN}\n")
    origin, where, size, at, state, problem = here("peers").out.removesuffix("\n").split("\t")
    assert (origin, where, size, state, problem) == (ORIGIN, url, "300", "FOLLOWING", "")
    assert at.startswith(f"{now():%Y-%m-%d}")
    write(tmp_path / "other" / "log", files(story(310)))
    assert here("follow", "--once").code == 0
    assert here("peers").out.split("\t")[2] == "310"
    assert here("unfollow", url).code == 0
    assert here("peers").out.split("\t")[4] == "UNFOLLOWED"


def test_once_asks_the_domains_of_all_platforms(
    here: Comity, url: str, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "MOST_CHECKS", 1)
    writer = Writer()
    for letter in "abc":
        told = decision("platform.added", f"{letter}.example", id=f"plt_{letter * 26}")
        writer.add(told)
    write(tmp_path / "other" / "log", files(writer.entries))
    assert here("follow", url, "--once").code == 0
    with World(database_url) as world, world.database.reading() as session:
        assert None not in session.exec(select(PeerPlatform.checked_at)).all()


def test_what_is_wrong_with_a_peer_is_told(here: Comity, url: str, tmp_path: Path) -> None:
    assert here("follow", url, "--once").code == 0
    write(tmp_path / "other" / "log", files([b"other", *STORY[1:]]))
    done = here("follow", "--once")
    assert done.code == 1
    assert "two trees of 300 entries are signed" in done.err
    assert here("peers").out.split("\t")[4] == "QUARANTINED"


def test_without_a_test_network_nothing_private_is_asked(node: Comity, url: str) -> None:
    assert "expected a URL such as https://" in node("follow", url).err
    done = node("follow", url.replace("http:", "https:"))
    assert done.code == 1
    assert "its address isn't public" in done.err
    assert node("peers").out == ""


def test_redirects_lead_to_nothing_that_is_not_public(here: Comity, url: str) -> None:
    done = here("follow", f"{url}/away")
    assert (done.code, "out of reach" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("nonsense", "expected a log's key"),
        (str(Signer(ORIGIN, b"s" * 32).verifier()), "no known key signed"),
    ],
)
def test_the_key_that_is_given_is_the_one_that_counts(
    here: Comity, url: str, key: str, why: str
) -> None:
    done = here("follow", url, "--key", key, "--once")
    assert (done.code, why in done.err) == (1, True), done.err
    assert here("follow", url, "--key", str(LOG.verifier())).code == 0


def test_a_node_does_not_follow_itself(here: Comity, url: str, tmp_path: Path) -> None:
    (tmp_path / "other" / "log" / "key").write_text(here("log", "key").out)
    assert "this node's own log" in here("follow", url).err


def test_where_no_log_is_nothing_is_followed(here: Comity, url: str) -> None:
    assert "the server answers with 404" in here("follow", f"{url}/nothing").err
    assert "expected a URL" in here("follow").err
    assert here("peers").out == ""


def test_a_bad_test_network_refuses_to_start(node: Comity) -> None:
    assert "COMITY_TEST_NETWORK" in node("peers", test_network="a.example=127.0.0.1").err

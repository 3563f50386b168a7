"""`comity push`: receivers are added, listed, paused, replayed and removed by their ids."""

import re
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from governance import receivers
from governance.database import Database
from governance.receivers import Receiver
from tests.api.cli.conftest import Comity

URL = "https://hooks.example/comity?for=us"


@pytest.fixture
def ident(node: Comity) -> str:
    """Return the id of a receiver."""
    assert node("platform", "add", "a.example").code == 0
    added = node("push", "add", "a.example", URL, "--type", "SANCTION_ISSUED")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=\n", added.out)
    return added.err.split()[0]


def test_a_receiver_is_listed_with_where_it_is(node: Comity, ident: str) -> None:
    told = node("push", "list").out.splitlines()[0].split("\t")
    assert told == [ident, "a.example", "WEBHOOK", "ENABLED", "feed~0", "0", "", URL]
    assert node("push", "secret", ident).out.startswith("whsec_")


def test_its_secret_is_rotated(node: Comity, ident: str) -> None:
    old = node("push", "secret", ident).out
    new = node("push", "rotate-secret", ident).out
    assert new != old
    assert node("push", "secret", ident).out == new


def test_it_is_paused_resumed_and_removed(node: Comity, ident: str) -> None:
    for command, status in (("pause", "PAUSED"), ("resume", "ENABLED")):
        assert node("push", command, ident).code == 0
        assert f"\t{status}\t" in node("push", "list").out
    assert node("push", "remove", ident).code == 0
    assert node("push", "list").out == ""
    assert "no receiver" in node("push", "remove", ident).err


def test_dead_letters_are_listed_and_replayed(node: Comity, ident: str, database_url: str) -> None:
    database = Database(database_url)
    with database.writing() as session:
        at = datetime(2026, 3, 1, tzinfo=UTC)
        receivers.bury(session, ident, 41, "status 500", now=at)
    database.close()
    line = f"{ident}\tfeed~41\t2026-03-01T00:00:00Z\tDEAD\tstatus 500\n"
    assert node("push", "dead").out == node("push", "dead", ident).out == line
    assert node("push", "replay", ident, "feed~40").code == 1
    assert node("push", "replay", ident, "feed~41").code == 0
    assert "\tWAITING\t" in node("push", "dead").out


@pytest.mark.parametrize(
    "wrong",
    [
        ["a.example", "http://hooks.example/"],
        ["a.example", "https://user:word@hooks.example/"],
        ["a.example", "https://hooks.example/#here"],
        ["a.example", "hooks.example"],
        ["other.example", URL],
        ["a.example", URL, "--after", "41x"],
        ["a.example", URL, "--of", "no domain"],
    ],
)
def test_what_is_wrong_is_told_and_adds_nothing(
    node: Comity, ident: str, database_url: str, wrong: list[str]
) -> None:
    refused = node("push", "add", *wrong)
    assert refused.code == 1
    assert refused.out == ""
    database = Database(database_url)
    with database.reading() as session:
        assert [one.id for one in receivers.listed(session)] == [ident]
        assert isinstance(session.get(Receiver, ident), Receiver)
    database.close()


def test_a_platform_has_so_many_receivers_and_no_more(node: Comity, ident: str) -> None:
    for _ in range(receivers.MOST_RECEIVERS - 1):
        assert node("push", "add", "a.example", URL, "--after", "start").code == 0
    assert "the most there may be" in node("push", "add", "a.example", URL).err


def test_keys_of_tokens_are_rotated(node: Comity, tmp_path: Path) -> None:
    file = tmp_path / "keys" / "comity.token.keys"
    before = orjson.loads(file.read_bytes())["keys"]
    assert node("push", "rotate-keys").code == 0
    after = orjson.loads(file.read_bytes())["keys"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [key["alg"] for key in after] == ["RS256", "Ed25519", "RS256", "Ed25519"]
    assert [key["kid"] for key in after[2:]] == [key["kid"] for key in before]
    assert ["d" in key for key in after] == [True, True, False, False]

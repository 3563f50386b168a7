"""`comity bridge` and the imports beside it, as docs/bridges.md has them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from tests.api.cli.conftest import Comity

UNTIL = (datetime.now(UTC) + timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_blocks_of_lemmy_go_in_and_out(node: Comity, tmp_path: Path) -> None:
    block = {
        "actor": "https://lemmy.example/u/mod",
        "object": "https://other.example/u/ann",
        "target": "https://lemmy.example/",
        "type": "Block",
        "endTime": UNTIL,
        "id": "https://lemmy.example/activities/block/1",
    }
    (tmp_path / "blocks.json").write_bytes(orjson.dumps(block))
    assert node("import", "lemmy-blocks", "blocks.json", "--platform", "lemmy.example").code == 0
    asked = ("--platform", "lemmy.example", "--site", block["target"], "--actor", block["actor"])
    [line] = node("bridge", "lemmy-blocks", *asked).out.splitlines()
    assert orjson.loads(line)["object"] == block["object"]
    wrong = node("bridge", "lemmy-blocks", *asked[:-1], "mod")
    assert (wrong.code, wrong.out) == (1, "")


def test_users_of_discourse_come_in(node: Comity, tmp_path: Path) -> None:
    text = f"username,suspended_at,suspended_till,silenced_till\nann,,{UNTIL},\n"
    (tmp_path / "users.csv").write_text(text)
    done = node("import", "discourse-users", "users.csv", "--platform", "forum.example")
    assert done.code == 0
    assert "1 issued" in done.err
    bad = node("import", "discourse-users", "users.csv", "--platform", "no domain")
    assert bad.code == 1
    assert "Traceback" not in bad.err


def test_a_list_of_servers_goes_out(node: Comity, tmp_path: Path) -> None:
    (tmp_path / "blocks.csv").write_text("#domain,#severity\nbad.example,suspend\n")
    node("import", "mastodon-blocks", "blocks.csv", "--platform", "example.social")
    told = node("bridge", "mastodon-blocks", "--platform", "example.social").out.splitlines()
    assert told[1:] == ["bad.example,suspend,true,true,,false"]


@pytest.mark.parametrize("src", ["did:plc:labelerlabelerlabelerlab", "labeler.example"])
def test_labels_go_out_with_a_key_of_their_own(node: Comity, src: str) -> None:
    node("platform", "add", "example.social")
    made = node("bridge", "atproto-key", "--key", "labeler.pem")
    assert made.out.startswith("zQ3s")
    assert node("bridge", "atproto-key", "--key", "labeler.pem").out == made.out
    asked = ("--platform", "example.social", "--key", "labeler.pem", "--src", src)
    done = node("bridge", "atproto-labels", *asked)
    assert (done.code, done.out) == (0 if src.startswith("did:") else 1, "")

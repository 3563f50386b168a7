"""Exports beside a followed node, whose events are in the feed as well."""

import gzip
from pathlib import Path

import orjson

from governance import following
from governance.erasing import ErasureDraft, erase
from governance.exporting.days import export
from governance.exporting.places import Folder
from governance.followers import Follower
from tests.builders import DAY, KEYS, NOW, World
from tests.governance.test_applying import URL, Theirs
from tests.logs import LOG, ORIGIN


def test_what_was_erased_is_gone_whatever_a_peers_events_did_to_the_feed(
    sqlite_url: str, tmp_path: Path
) -> None:
    """A peer's events take places of the feed, so that those don't follow the log's any more."""
    folder = Folder(tmp_path / "exports")
    with World(sqlite_url) as world:
        team = world.team("mod.example")
        world.issue(team.issuer, subject="acct:z@b.example")
        world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
        theirs = Theirs()
        for n in range(2):
            theirs.issue(subject=f"acct:a{n}@x.example")
        Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW).poll(theirs.served())
        own = [
            world.issue(
                team.issuer, NOW + n * DAY, explanation=f"Named {n}", subject=f"acct:e{n}@b.example"
            )
            for n in range(6)
        ]
        log = world.database.log
        assert log is not None
        export(world.database, log, folder, now=NOW + 20 * DAY)
        assert _explained(tmp_path) == {f"Named {n}" for n in range(6)}
        erased = ErasureDraft(sanction_id=own[0], reason="asked for")
        world.do(erase, KEYS, team.admin, erased, now=NOW + 8 * DAY)
        export(world.database, log, folder, now=NOW + 20 * DAY)
        assert _explained(tmp_path) == {f"Named {n}" for n in range(1, 6)}


def _explained(folder: Path) -> set[str]:
    found = [gzip.decompress(path.read_bytes()) for path in folder.rglob("explanations.ndjson.gz")]
    rows = [orjson.loads(line) for data in found for line in data.splitlines()]
    return {row["value"] for row in rows if row["field"] == "explanation"}

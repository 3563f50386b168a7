"""Whatever stops an import leaves whole batches, and the same file again finishes it."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from governance.importing import runs
from governance.importing.block_events import import_block_events
from governance.importing.dsa_statements import import_dsa_statements
from governance.importing.mastodon_blocks import import_mastodon_blocks
from governance.importing.runs import Progress, Summary
from tests.builders import KEYS, World
from tests.governance.importing.real import DSA, LISTS

NOW = datetime(2026, 11, 23, tzinfo=UTC)
Import = Callable[[World, Progress | None], Summary]


class Stopped(Exception):
    """What a test stops an import with."""


def blocks(world: World, progress: Progress | None) -> Summary:
    file = LISTS / "mastodon.social.csv"
    return import_mastodon_blocks(
        world.database, KEYS, file, platform="home.example", now=NOW, progress=progress
    )


def events(world: World, progress: Progress | None) -> Summary:
    file = LISTS / "fediverse_block_events.csv"
    return import_block_events(world.database, KEYS, file, now=NOW, progress=progress)


def statements(world: World, progress: Progress | None) -> Summary:
    file = DSA / "sor_tiktok_2024-11-23_full_v1.csv"
    return import_dsa_statements(world.database, KEYS, file, now=NOW, progress=progress)


def stop_after(batches: int) -> Progress:
    done = iter(range(batches - 1))

    def progress(_done: int, _total: int) -> None:
        if next(done, None) is None:
            raise Stopped

    return progress


def content(world: World) -> dict[str, int]:
    """How many rows each table has, and how many sanctions each state."""
    tables = ("platforms", "members", "sanctions", "events", "notes", "parts", "subject_keys")
    with world.database.engine.connect() as connection:
        counts = {
            name: connection.execute(sa.text(f"select count(*) from {name}")).scalar_one()
            for name in tables
        }
        states = connection.execute(
            sa.text("select validity, end_reason, count(*) from sanctions group by 1, 2")
        )
        return counts | {f"{validity} {reason}": count for validity, reason, count in states}


@pytest.mark.parametrize("imported", [blocks, events, statements])
def test_an_import_that_was_stopped_is_finished_by_the_next(
    world: World, sqlite_template: Path, imported: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "BATCH", 4 if imported is not events else 20)
    with pytest.raises(Stopped):
        imported(world, stop_after(2))
    half = content(world)
    imported(world, None)
    whole = content(world)
    assert 0 < half["sanctions"] < whole["sanctions"]
    again = imported(world, None)
    assert content(world) == whole
    assert again.issued + again.recorded + again.lifted == 0
    assert _elsewhere(sqlite_template, imported, None) == whole


def _elsewhere(template: Path, imported: Import, progress: Progress | None) -> dict[str, int]:
    """What the same import leaves in a database of its own."""
    copy = template.with_name("elsewhere.db")
    copy.write_bytes(template.read_bytes())
    with World(f"sqlite:///{copy}") as other:
        with suppress(Stopped):
            imported(other, progress)
        found = content(other)
    for file in template.parent.glob("elsewhere.db*"):
        file.unlink()
    return found


CHILD = """
import sys, time
from governance.importing import runs
from tests.builders import World
from tests.governance.importing.test_interruption import events

told = []
issue = runs.Run.issue

def issue_and_wait(run, session, actor, wanted):
    answers = issue(run, session, actor, wanted)
    if len(told) == 2 and wanted:
        print("rows of the third batch are written", flush=True)
        time.sleep(60)
    return answers

runs.BATCH, runs.Run.issue = 10, issue_and_wait
with World(sys.argv[1]) as world:
    events(world, lambda *step: told.append(step))
"""


def test_a_killed_import_leaves_whole_batches(
    world: World, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", CHILD, world.database.url]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert "third" in child.stdout.readline()
        child.kill()
    monkeypatch.setattr(runs, "BATCH", 10)
    assert content(world) == _elsewhere(sqlite_template, events, stop_after(2))
    events(world, None)
    assert content(world) == _elsewhere(sqlite_template, events, None)

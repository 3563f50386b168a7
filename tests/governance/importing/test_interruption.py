"""Whatever stops an import leaves whole batches, and the same file again finishes it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from governance.importing import dsa_statements, runs
from governance.importing.block_events import import_block_events
from governance.importing.dsa_statements import import_dsa_statements
from governance.importing.mastodon_blocks import import_mastodon_blocks
from governance.importing.runs import Progress, Summary, Wanted
from governance.membership import Actor
from tests.builders import KEYS, World
from tests.forking import die, is_killed
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
    monkeypatch.setattr(dsa_statements, "TOGETHER", 4)
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


def import_until_killed(url: str) -> None:
    """Ends with the rows of the third batch written, and not committed."""
    done: list[tuple[int, int]] = []
    issue = runs.Run.issue

    def deadly(
        run: runs.Run, session: Session, actor: Actor, wanted: Sequence[Wanted]
    ) -> list[str | None]:
        answers = issue(run, session, actor, wanted)
        if len(done) == 2 and wanted:
            die()
        return answers

    runs.BATCH, runs.Run.issue = 10, deadly  # type: ignore[assignment, method-assign]
    with World(url) as world:
        events(world, lambda *step: done.append(step))


def test_a_killed_import_leaves_whole_batches(
    world: World, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_killed(import_until_killed, world.database.url)
    monkeypatch.setattr(runs, "BATCH", 10)
    assert content(world) == _elsewhere(sqlite_template, events, stop_after(2))
    events(world, None)
    assert content(world) == _elsewhere(sqlite_template, events, None)

"""A world of three days, on each engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from governance.exporting.days import Exported, export
from governance.exporting.places import Folder
from governance.words import Measure, Outcome
from tests.builders import DAY, NOW, Team, World

SERVER = "https://spam.example"
FIRST = NOW.date()
AFTER = NOW + 10 * DAY


@dataclass
class Days:
    """What was decided on three days, and a folder to export to."""

    world: World
    team: Team
    folder: Path
    explained: str  # a sanction with an explanation, of the first day

    def export(self, now: datetime = AFTER, **options: object) -> Exported:
        log = self.world.database.log
        assert log is not None
        place = Folder(self.folder)
        return export(self.world.database, log, place, now=now, **options)  # type: ignore[arg-type]

    def files(self) -> dict[str, bytes]:
        """Every finished file, by its path."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        paths = {str(path.relative_to(self.folder)): path for path in found}
        return {p: path.read_bytes() for p, path in paths.items() if not p.startswith(".")}


@pytest.fixture
def days(database_url: str, tmp_path: Path) -> Iterator[Days]:
    """Yield three days, on each engine."""
    yield from _days(database_url, tmp_path / "out")


@pytest.fixture
def lite_days(sqlite_url: str, tmp_path: Path) -> Iterator[Days]:
    """Yield the same on SQLite, for what has nothing to do with the database."""
    yield from _days(sqlite_url, tmp_path / "out")


def _days(url: str, folder: Path) -> Iterator[Days]:
    """One decides, one appeals, one answers."""
    with World(url) as world:
        team = world.team("mod.example")
        explained = world.issue(
            team.issuer, explanation="Named three neighbours", subject="acct:alice@b.example"
        )
        world.issue(
            team.issuer,
            subject=SERVER,
            measure=Measure.SERVER_SUSPENDED,
            policy_reference={"rule": "Spam", "version": None, "url": None},
            reason="You sent spam",
        )
        appeal = world.in_review(team, explained, NOW + DAY)
        world.decide(team.reviewer, appeal, Outcome.OVERTURNED, NOW + 3 * DAY)
        yield Days(world, team, folder, explained)

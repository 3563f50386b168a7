"""What researchers are told about people that they must not find.

Every row is told as exactly as at least ten subjects share it: `LEVELS` says what a row keeps at
each step down. A group at the lowest step that fewer share isn't told. Groups are made of all
records there are, and a selection takes whole groups or none, so that no two selections differ by
less than ten subjects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from governance.words import SelectionState as State

FEWEST = 10  # subjects that share a row; a figure below it isn't told
MOST_AT_ONCE = 2  # selections of a project under way
MOST_A_DAY = 20  # that a project asks for, in any 24 hours
MOST_BYTES = 4_000_000_000  # that a project's files take together
KEPT = timedelta(days=7)  # from when they are first ready
LINK_LASTS = timedelta(days=1)

DATES = frozenset({"issuedOn", "endedOn"})
_ALWAYS = ("subjectKind", "issuedOn")
_CODES = ("platform", "measure", "category")
_COURSE = ("duration", "validity", "isAppealed", "outcome")
_DETAILS = ("ground", "source", "automation", "endedOn", "endReason")


@dataclass(frozen=True, slots=True)
class Level:
    """What a row keeps: these columns, and dates to the day or to the month."""

    columns: tuple[str, ...]
    is_by_month: bool = True

    def told(self, row: Mapping[str, object]) -> dict[str, object]:
        """The row with what it keeps; all else is null."""
        return {name: self._told(name, value) for name, value in row.items()}

    def _told(self, name: str, value: object) -> object:
        if name not in self.columns:
            return None
        return str(value)[:7] if self.is_by_month and name in DATES and value else value


# By `detail`, the least first.
LEVELS = (
    Level(_ALWAYS),
    Level((*_ALWAYS, "measure")),
    Level((*_ALWAYS, "measure", "category")),
    Level((*_ALWAYS, *_CODES)),
    Level((*_ALWAYS, *_CODES, *_COURSE)),
    Level((*_ALWAYS, *_CODES, *_COURSE, *_DETAILS)),
    Level((*_ALWAYS, *_CODES, *_COURSE, *_DETAILS), is_by_month=False),
)


def open_from(level: Level, as_of: date) -> date:
    """The first day whose groups somebody may still join: what counts by months waits for the
    month's end. Nothing is told of it yet."""
    return as_of.replace(day=1) if level.is_by_month else as_of


def known_by(now: datetime) -> datetime:
    """The instant that a selection is as of: when the day began, in UTC, so that all of a day
    agree."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def shown(count: int | None) -> int | None:
    """A figure as it is told: fewer than ten are not."""
    return count if count is not None and count >= FEWEST else None


MOVES: Mapping[State, frozenset[State]] = {
    State.WAITING: frozenset({State.RUNNING, State.FAILED, State.CANCELLED}),
    State.RUNNING: frozenset({State.WAITING, State.READY, State.FAILED, State.CANCELLED}),
    State.READY: frozenset({State.WAITING, State.CANCELLED, State.EXPIRED}),  # again: an erasure
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
}
UNDER_WAY = frozenset({State.WAITING, State.RUNNING})

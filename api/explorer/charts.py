"""Charts as plain geometry, which templates draw beside a table of the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

LONG = 60  # days


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a table with a bar in it; its length is a percentage of the longest."""

    title: str
    value: int
    length: float
    address: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One day of a series: where it stands and how high it is, of 100."""

    day: date
    value: int
    x: int
    height: float

    @property
    def y(self) -> float:
        return 100 - self.height


@dataclass(frozen=True, slots=True)
class Days:
    """A series of days without gaps."""

    columns: Sequence[Column]
    top: int

    @property
    def width(self) -> int:
        return len(self.columns) * 10

    @property
    def is_long(self) -> bool:
        """Whether a closer look tells more."""
        return len(self.columns) > LONG


def bars(rows: Sequence[tuple[str, int, str]]) -> list[Bar]:
    """The rows as bars, in order."""
    longest = max((value for _, value, _ in rows), default=0) or 1
    return [Bar(title, value, 100 * value / longest, at) for title, value, at in rows]


def days(counts: Mapping[str, int], first: date, last: date) -> Days:
    """Every day from the first to the last, both included, with its count."""
    span = range((last - first).days + 1)
    values = [(day := first + timedelta(days=n), counts.get(day.isoformat(), 0)) for n in span]
    top = max((value for _, value in values), default=0)
    columns = [
        Column(day, value, 10 * n, 100 * value / (top or 1))
        for n, (day, value) in enumerate(values)
    ]
    return Days(columns, top)

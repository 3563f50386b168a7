"""Charts as plain geometry, which templates draw beside a table of the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

WEEK, LONG, SEASON = 7, 60, 92  # days
STEPS = 3  # lines across, at most, above the lowest
EDGE = 4  # percent
FILLED = 0.8  # of the width of a day


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a table with a bar in it; its length is a percentage of the longest, its share is
    of all of them."""

    title: str
    value: int
    length: float
    share: float
    address: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One day of a series: where it begins and how high it is, in percent of the whole."""

    day: date
    value: int
    x: float
    height: float

    @property
    def y(self) -> float:
        return 100 - self.height


@dataclass(frozen=True, slots=True)
class Mark:
    """A day that is named beneath its column."""

    name: str
    x: float  # percent, to the middle of the column

    @property
    def anchor(self) -> str:
        """Which part of the name stands there: none of it may leave the picture."""
        return "start" if self.x < EDGE else "end" if self.x > 100 - EDGE else "middle"


@dataclass(frozen=True, slots=True)
class Days:
    """A series of days without gaps, and the scale that it is drawn to."""

    columns: Sequence[Column]
    step: int

    @property
    def peak(self) -> int:
        return max((column.value for column in self.columns), default=0)

    @property
    def busiest(self) -> date | None:
        """The day with the most, if it is one."""
        days = [column.day for column in self.columns if column.value == self.peak]
        return days[0] if len(days) == 1 else None

    @property
    def mean(self) -> float:
        return sum(column.value for column in self.columns) / len(self.columns)

    @property
    def ticks(self) -> Sequence[int]:
        """What the lines across stand for, from the top to 0."""
        return range(_top(self.peak, self.step), -1, -self.step)

    @property
    def width(self) -> float:
        """Of a column, in percent of the whole; the rest of its day is left blank."""
        return FILLED * 100 / len(self.columns)

    @property
    def is_long(self) -> bool:
        """Whether a closer look tells more."""
        return len(self.columns) > LONG

    @property
    def marks(self) -> list[Mark]:
        """As many days as can be named side by side on a telephone."""
        length = len(self.columns)
        return [
            Mark(f"{one.day:%b}" if length > SEASON else f"{one.day.day} {one.day:%b}", middle)
            for one in self.columns
            for middle in [one.x + 50 / length]
            if _is_marked(one.day, self.columns[-1].day, length)
        ]


def _is_marked(day: date, last: date, length: int) -> bool:
    """Every second day of a week, the Mondays of a month, the first of a month, of every second."""
    if length <= WEEK:
        return (last - day).days % 2 == 0
    if length <= LONG:
        return day.weekday() == 0
    return day.day == 1 and (length <= SEASON or day.month % 2 == 1)


def _top(peak: int, step: int) -> int:
    return max(-(-peak // step), 1) * step


def _step(peak: int) -> int:
    """The least of 1, 2, 5, 10, 20, … of which three reach the peak."""
    steps = (int(digit * 10**zeros) for zeros in count() for digit in (1, 2, 5))
    return next(step for step in steps if STEPS * step >= peak)


def bars(rows: Sequence[tuple[str, int, str]]) -> list[Bar]:
    """The rows as bars, in order."""
    longest = max((value for _, value, _ in rows), default=0) or 1
    every = sum(value for _, value, _ in rows) or 1
    return [Bar(title, n, 100 * n / longest, n / every, at) for title, n, at in rows]


def days(counts: Mapping[str, int], first: date, last: date) -> Days:
    """Every day from the first to the last, both included, with its count."""
    length = (last - first).days + 1
    every = [first + timedelta(days=n) for n in range(length)]
    values = [counts.get(day.isoformat(), 0) for day in every]
    step = _step(max(values, default=0))
    top = _top(max(values, default=0), step)
    columns = [
        Column(day, value, 100 * n / length, 100 * value / top)
        for n, (day, value) in enumerate(zip(every, values, strict=True))
    ]
    return Days(columns, step)

"""Key figures: each of a period beside the same of the period before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from api.explorer.asking import Data
from api.explorer.charts import Bar, Days, bars, days
from api.explorer.periods import Period
from api.explorer.telling import label
from governance.words import DurationBucket

Telling = Callable[[Any], str]
MOST_SHARE = 3  # beyond it, a percentage says less than the figure before


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the period beside the same of the period before."""

    title: str
    value: str
    before: str
    change: str


def figure(title: str, now: Any, before: Any, told: Telling) -> Figure:
    """A figure as it is told, with its change."""
    return Figure(title, told(now), told(before), _change(now, before))


def _change(now: float | None, before: float | None) -> str:
    if not before or now is None:
        return ""
    share = (now - before) / before
    if abs(share) < 0.005:
        return "as before"
    if share > MOST_SHARE:
        return "up"
    return f"{'up' if share > 0 else 'down'} {abs(share):.0%}"


def only(data: Data, name: str) -> Data:
    """The one row of figures that aren't grouped."""
    [row] = data[name]["rows"]
    return dict(row)


def automated(data: Data, name: str) -> float | None:
    """The share decided by machines alone."""
    counts = {row["keys"][0]: row["sanctionCount"] for row in data[name]["rows"]}
    total = sum(counts.values())
    return counts.get("FULLY", 0) / total if total else None


def by_day(data: Data, period: Period) -> Days:
    counts = {row["keys"][0]: row["sanctionCount"] for row in data["days"]["rows"]}
    return days(counts, period.first, period.last)


def by_facet(data: Data, name: str, facet: str, period: Period, more: str = "") -> list[Bar]:
    """Counts as bars, each of which leads to the sanctions it counts; the longest first, but
    durations from short to long."""
    dates = f"from={period.first}&to={period.last}"
    rows = sorted(data[name]["rows"], key=_place)
    return bars(
        [
            (label(key), row["sanctionCount"], f"/sanctions?{facet}={key}{more}&{dates}")
            for row in rows
            for key in row["keys"]
        ]
    )


def _place(row: Data) -> int:
    [key] = row["keys"]
    if key in DurationBucket.__members__:
        return list(DurationBucket).index(DurationBucket[key])
    return -int(row["sanctionCount"])

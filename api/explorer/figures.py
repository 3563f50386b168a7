"""Key figures: each of a period beside the same of the period before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from api.explorer.asking import Data
from api.explorer.charts import Bar, Days, bars, days
from api.explorer.facets import SANCTIONS, Facet
from api.explorer.periods import Period
from api.explorer.telling import label, percent
from api.schema.statistics import StatisticsDimension as Dimension
from governance.words import Automation, DurationBucket

Telling = Callable[[Any], str]
MOST_SHARE = 3  # beyond it, a percentage says less than the figure before
AS_BEFORE = "as before"
NONE = {"0", "–"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the period, how it compares with the one before, and the list that it counts."""

    title: str
    value: str
    compared: str
    counted: str = ""


def figure(title: str, now: Any, before: Any, told: Telling, counted: str = "") -> Figure:
    """A figure as it is told, with its change; of a share in points."""
    change = (_points if told is percent else _change)(now, before)
    if not change:
        compared = "none before" if told(before) in NONE else f"before: {told(before)}"
    elif told(now) == told(before):
        compared = AS_BEFORE
    elif change == AS_BEFORE:
        compared = f"about {AS_BEFORE}, {told(before)}"
    else:
        compared = f"{change}, from {told(before)}"
    return Figure(title, told(now), compared, counted)


def share(part: int, whole: int) -> float | None:
    """None where there is nothing to be a part of."""
    return part / whole if whole else None


def _points(now: float | None, before: float | None) -> str:
    if now is None or before is None:
        return ""
    points = round(100 * now) - round(100 * before)  # as both are shown
    if not points:
        return AS_BEFORE
    return f"{'up' if points > 0 else 'down'} {abs(points)} point{'s' if abs(points) > 1 else ''}"


def _change(now: float | None, before: float | None) -> str:
    if not before or now is None:
        return ""
    grown = (now - before) / before
    if abs(grown) < 0.005:
        return AS_BEFORE
    if grown > MOST_SHARE:
        return "up"
    return f"{'up' if grown > 0 else 'down'} {abs(grown):.0%}"


def only(data: Data, name: str) -> Data:
    """The one row of figures that aren't grouped."""
    [row] = data[name]["rows"]
    return dict(row)


def of(data: Data, dimension: str, name: str = "facets") -> dict[str, int]:
    """The count of each value of a dimension."""
    return {one["key"]: one["number"] for one in data[name] if one["dimension"] == dimension}


def automated(data: Data) -> tuple[float | None, float | None]:
    """The share decided by machines alone, and the same of the period before."""
    now, before = (of(data, Dimension.AUTOMATION, name) for name in ("facets", "facetsBefore"))
    return _share(now), _share(before)


def _share(counts: dict[str, int]) -> float | None:
    return share(counts.get(Automation.FULLY, 0), sum(counts.values()))


def by_day(data: Data, period: Period) -> Days:
    return days(of(data, Dimension.DAY), period.first, period.last)


def by_facet(data: Data, facet: Facet, period: Period, more: str = "") -> list[Bar]:
    """Counts as bars, each of which leads to the sanctions it counts; the longest first, but
    durations from short to long."""
    assert facet.dimension is not None
    dates = f"from={period.first}&to={period.last}"
    return bars(
        [
            (label(key), number, f"{SANCTIONS.path}?{facet.name}={key}{more}&{dates}")
            for key, number in sorted(of(data, facet.dimension).items(), key=_place)
        ]
    )


def _place(counted: tuple[str, int]) -> int:
    key, number = counted
    if key in DurationBucket.__members__:
        return list(DurationBucket).index(DurationBucket[key])
    return -number

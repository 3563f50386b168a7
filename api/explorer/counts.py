"""How many sanctions each choice of a facet would show: exact to 10,000, then told as estimates."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request

from api.explorer.asking import Desk
from api.explorer.facets import Choice, Facet, Selection
from api.schema.statistics import MOST_DIMENSIONS, MOST_NEWEST

COUNTED_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of a selection, by facet and value."""

    by_value: dict[tuple[str, str], str]
    is_estimated: bool

    def on(self, choices: Sequence[Choice]) -> list[Choice]:
        """The choices with their counts; those that nothing would fit are left out."""
        if not any((choice.name, choice.value) in self.by_value for choice in choices):
            return list(choices)
        counted = [
            replace(choice, count=self.by_value.get((choice.name, choice.value), ""))
            for choice in choices
        ]
        return [choice for choice in counted if choice.count or choice.is_chosen]


async def counts(desk: Desk, request: Request, selection: Selection, total: int) -> Counts:
    """Counts for every facet that has them. What is chosen of a facet doesn't narrow the facet
    itself, so that its other values can be compared. `total`: how many fit the selection."""
    counted = [facet for facet in selection.shelf.facets if facet.dimension]
    chosen = [[facet] for facet in counted if facet.name in selection.values]
    free = [facet for facet in counted if facet.name not in selection.values]
    groups = [free[n : n + MOST_DIMENSIONS] for n in range(0, len(free), MOST_DIMENSIONS)]
    tasks = [_counted(desk, request, selection, group) for group in groups]
    tasks += [_counted(desk, request, selection.without(f.name), [f]) for [f] in chosen]
    found: dict[tuple[str, str], str] = {}
    is_estimated = False
    for place, group in enumerate(await asyncio.gather(*tasks)):
        seen = sum(group.values()) // len(groups[place] if place < len(groups) else [1])
        is_all = seen < MOST_NEWEST
        is_estimated |= not is_all
        share = total / seen if place < len(groups) and seen else None
        for key, count in group.items():
            found[key] = f"{count:,}" if is_all else estimate(count, share)
    return Counts(found, is_estimated)


def estimate(count: int, share: float | None) -> str:
    """A count among the newest as one of all, where each of them stands for so many, if known."""
    if share is None:
        return f"{count:,}+"
    whole = round(count * share)
    rounded = round(whole, 2 - len(str(whole)))
    return f"~{rounded:,}"


async def _counted(
    desk: Desk, request: Request, selection: Selection, facets: Sequence[Facet]
) -> Counter[tuple[str, str]]:
    asked = {"by": [str(facet.dimension) for facet in facets], "filter": selection.filter()}
    rows = (await desk.kept(request, "counts", asked, COUNTED_SECONDS))["statistics"]["rows"]
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for facet, key in zip(facets, row["keys"], strict=True):
            found[facet.name, key] += row["sanctionCount"]
    return found

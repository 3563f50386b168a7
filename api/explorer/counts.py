"""How many sanctions each choice of a facet would show: exact to 10,000, then told as estimates."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from starlette.requests import Request

from api.explorer.asking import Data, Desk, Problem
from api.explorer.facets import Choice, Facet, Selection
from api.schema.facets import MOST_NEWEST
from api.schema.statistics import StatisticsDimension as Dimension

COUNTED_SECONDS = 5
MOST_FOUND = 50  # values of a facet without words of its own
FLAGS = {"true": "yes", "false": "no"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of a selection: by facet and value, and in all, if it could be in time."""

    by_value: dict[tuple[str, str], str]
    is_estimated: bool
    total: int | None

    def found(self, name: str) -> list[str]:
        """The values of a facet that were counted, the most frequent first."""
        return [value for facet, value in self.by_value if facet == name][:MOST_FOUND]

    def on(self, choices: Sequence[Choice]) -> list[Choice]:
        """The choices with their counts; those that nothing would fit are left out."""
        if not any((choice.name, choice.value) in self.by_value for choice in choices):
            return list(choices)
        counted = [
            replace(choice, count=self.by_value.get((choice.name, choice.value), ""))
            for choice in choices
        ]
        return [choice for choice in counted if choice.count or choice.is_chosen]


async def counts(desk: Desk, request: Request, selection: Selection) -> Counts:
    """Counts for every facet that has them. What is chosen of a facet doesn't narrow the facet
    itself, so that its other values can be compared."""
    free = [facet for facet in selection.counted if facet.name not in selection.values]
    chosen = [facet for facet in selection.counted if facet.name in selection.values]
    asked = [(selection, free)] + [(selection.without(facet.name), [facet]) for facet in chosen]
    answers = await asyncio.gather(*(_counted(desk, request, *one) for one in asked))
    total = answers[0].seen if answers[0] else None
    if not free or (total or 0) >= MOST_NEWEST:
        total = await _total(desk, request, selection)
    found: dict[tuple[str, str], str] = {}
    is_estimated = False
    for (of, facets), answer in zip(asked, answers, strict=True):
        if answer is None:
            continue
        is_all = answer.seen < MOST_NEWEST
        is_estimated |= not is_all
        share = total / answer.seen if of is selection and answer.seen and total else None
        for facet in facets:
            for value, number in answer.by[str(facet.dimension)].items():
                told = f"{number:,}" if is_all else estimate(number, share)
                found[facet.name, FLAGS.get(value, value) if facet.is_flag else value] = told
    return Counts(found, is_estimated, total)


def estimate(count: int, share: float | None) -> str:
    """A count among the newest as one of all, where each of them stands for so many, if known."""
    if share is None:
        return f"{count:,}+"
    whole = round(count * share)
    rounded = round(whole, 2 - len(str(whole)))
    return f"~{rounded:,}"


@dataclass(frozen=True, slots=True)
class Answer:
    """How many were looked at, and how many of these have each value, by dimension."""

    seen: int
    by: dict[str, dict[str, int]]


async def _counted(
    desk: Desk, request: Request, selection: Selection, facets: Sequence[Facet]
) -> Answer | None:
    """The number of each value; None where that takes too long."""
    # Each sanction has one validity, but may have no keyword or several.
    by: dict[str, dict[str, int]] = {str(Dimension.VALIDITY): {}}
    by |= {str(facet.dimension): {} for facet in facets}
    asked = {"by": list(by), "filter": selection.filter()}
    if not facets or (found := await _in_time(desk, request, "counts", asked)) is None:
        return None
    for one in found["facets"]:
        by[one["dimension"]][one["key"]] = one["number"]
    return Answer(sum(by[Dimension.VALIDITY].values()), by)


async def _total(desk: Desk, request: Request, selection: Selection) -> int | None:
    """How many fit: exactly up to MOST_NEWEST."""
    found = await _in_time(desk, request, "total", {"filter": selection.filter()})
    return found["sanctions"]["totalCount"] if found else None


async def _in_time(desk: Desk, request: Request, name: str, asked: Data) -> Data | None:
    """What is kept, or found now; the list is shown without it where that takes too long."""
    try:
        return await desk.kept(request, name, asked, COUNTED_SECONDS)
    except Problem as problem:
        if problem.status != HTTPStatus.SERVICE_UNAVAILABLE:
            raise
        return None

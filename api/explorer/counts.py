"""How many sanctions each choice of a facet would show: exact where few have to be looked at, and
told as estimates elsewhere."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from starlette.requests import Request

from api.explorer.asking import Data, Desk, Problem
from api.explorer.facets import Choice, Facet, Selection

COUNTED_SECONDS = 5
MOST_FOUND = 50  # values of a facet without words of its own
ABOUT = "~"
FLAGS = {"true": "yes", "false": "no"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of a selection: by facet and value, and in all, where that is known in time;
    and of which facets exactly, so that what wasn't found isn't there."""

    by_value: dict[tuple[str, str], str]
    exact: set[str]
    total: int | None
    is_about: bool  # what the total is

    def found(self, name: str) -> list[str]:
        """The values of a facet that were counted, the most frequent first."""
        return [value for facet, value in self.by_value if facet == name][:MOST_FOUND]

    def offers(
        self, selection: Selection, platforms: Sequence[Data] = ()
    ) -> Iterator[tuple[Facet, list[Choice]]]:
        """The facets of which something may be chosen, with their choices."""
        for facet in selection.shelf.facets:
            choices = [*selection.offered(facet, platforms, self.found(facet.name))]
            if offered := self.on(choices):
                yield facet, offered

    def on(self, choices: Sequence[Choice]) -> list[Choice]:
        """The choices with their counts. Those that nothing would fit are left out; an estimate
        can't tell which these are."""
        counted = [
            replace(choice, count=self.by_value.get((choice.name, choice.value), ""))
            for choice in choices
        ]
        return [one for one in counted if one.count or one.is_chosen or one.name not in self.exact]

    @property
    def is_estimated(self) -> bool:
        """Whether any of the counts is told as an estimate."""
        return any(count.startswith(ABOUT) for count in self.by_value.values())

    def of_all(self, total: int, selection: Selection) -> "Counts":
        """The same where all are listed: so few that estimates say little of them. Where none are,
        what was chosen is offered, and what leads to some."""
        if not self.is_about and self.total is not None:
            return self
        chosen = selection.values.keys()
        compared = {one: count for one, count in self.by_value.items() if one[0] in chosen}
        exact = self.exact & chosen if total else {facet.name for facet in selection.counted}
        return Counts(compared, exact, total, False)


async def counts(desk: Desk, request: Request, selection: Selection) -> Counts:
    """Counts for every facet that has them. What is chosen of a facet doesn't narrow the facet
    itself, so that its other values can be compared."""
    free = [facet for facet in selection.counted if facet.name not in selection.values]
    chosen = [facet for facet in selection.counted if facet.name in selection.values]
    # Of the whole each has one; a sanction may have no keyword, or several.
    by_whole = selection.shelf.whole
    dimensions = dict.fromkeys((str(by_whole), *(str(one.dimension) for one in free)))
    whole, *others = await asyncio.gather(
        _counted(desk, request, selection, list(dimensions)),
        *(_counted(desk, request, selection.without(f.name), [str(f.dimension)]) for f in chosen),
    )
    found: dict[tuple[str, str], str] = {}
    exact = set[str]()
    for facet, rows in [*((facet, whole) for facet in free), *zip(chosen, others, strict=True)]:
        if rows and not any(one["isEstimated"] for one in rows):
            exact.add(facet.name)
        for one in rows:
            if one["dimension"] == facet.dimension:
                value = FLAGS.get(one["key"], one["key"]) if facet.is_flag else one["key"]
                found[facet.name, value] = told(one["number"], one["isEstimated"])
    numbers = [one["number"] for one in whole if one["dimension"] == by_whole]
    is_about = any(one["isEstimated"] for one in whole)
    total = rounded(sum(numbers)) if is_about else sum(numbers)
    return Counts(found, exact, total if numbers else None, is_about)


async def offered_platforms(desk: Desk, request: Request) -> Sequence[Data]:
    """The platforms that may be chosen. They aren't in the list's document, of which each selection
    makes plans of its own."""
    found = await desk.kept(request, "offered_platforms", {}, COUNTED_SECONDS)
    nodes: Sequence[Data] = found["platforms"]["nodes"]
    return nodes


def told(number: int, is_estimated: bool) -> str:
    return f"{ABOUT}{rounded(number):,}" if is_estimated else f"{number:,}"


def rounded(estimate: int) -> int:
    """An estimate to two digits."""
    return round(estimate, 2 - len(str(estimate)))


async def _counted(
    desk: Desk, request: Request, selection: Selection, by: Sequence[str]
) -> Sequence[Data]:
    """How many have each value of each dimension; nothing where that takes too long."""
    asked = {"by": by, "filter": selection.filter()}
    found = await _in_time(desk, request, selection.shelf.counts, asked)
    return found["facets"] if found else []


async def _in_time(desk: Desk, request: Request, name: str, asked: Data) -> Data | None:
    """What is kept, or found now; the list is shown without it where that takes too long."""
    try:
        return await desk.kept(request, name, asked, COUNTED_SECONDS)
    except Problem as problem:
        if problem.status != HTTPStatus.SERVICE_UNAVAILABLE:
            raise
        return None

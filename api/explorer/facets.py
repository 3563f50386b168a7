"""A selection of a list as its address says it, and as the filter of a query."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.explorer.asking import Data, Problem
from api.explorer.names import language
from api.explorer.telling import label, meaning
from api.schema.appeal_facets import AppealDimension
from api.schema.statistics import StatisticsDimension as Dimension
from governance.fields import print_instant
from governance.hosts import BadUri
from governance.identifiers import SubjectKind, parse_subject
from governance.vocabulary import Category, Keyword, keyword_belongs
from governance.words import (
    AppealState,
    Automation,
    DurationBucket,
    Effect,
    EndReason,
    Ground,
    Measure,
    Outcome,
    Source,
    Validity,
)

LONGEST = 200  # characters of a value
MOST_NAMED = 6  # choices in a message, which is read on telephones, too
SORTS = {"newest": "newest first", "oldest": "oldest first"}
DAYS = ("from", "to")
_HTTPS = "https://"
PAGING = ("after", "before", "sort")


@dataclass(frozen=True, slots=True)
class Facet:
    """One way to narrow a list: its name in addresses, its title, the filter's field."""

    name: str
    title: str
    field: str
    words: type[StrEnum] | None = None  # what may be chosen; None for text
    dimension: Dimension | AppealDimension | None = None  # what it is counted by
    is_single: bool = False
    is_flag: bool = False  # yes or no
    meanings: tuple[str, str] = ("", "")  # of yes and of no


@dataclass(frozen=True)
class Shelf:
    """A list that can be narrowed."""

    path: str
    facets: Sequence[Facet]
    dated: str = ""  # what its days are of, in the filter
    counts: str = "counts"  # the document that counts its facets
    whole: Dimension | AppealDimension = Dimension.VALIDITY  # of which each of the listed has one

    @cached_property
    def names(self) -> Sequence[str]:
        days = DAYS if self.dated else ()
        return [*(facet.name for facet in self.facets), *days]

    @cached_property
    def _by_name(self) -> Mapping[str, Facet]:
        return {facet.name: facet for facet in self.facets}

    def facet(self, name: str) -> Facet | None:
        return self._by_name.get(name)


PLATFORM = Facet("platform", "Platform", "platform", None, Dimension.PLATFORM, is_single=True)
MEASURE = Facet("measure", "Measure", "measures", Measure, Dimension.MEASURE)
CATEGORY = Facet("category", "Category", "categories", Category, Dimension.CATEGORY)
DURATION = Facet("duration", "Length", "durations", DurationBucket, Dimension.DURATION_BUCKET)
KEYWORD = Facet("keyword", "Keyword", "keywords", Keyword, Dimension.KEYWORD)
LANGUAGE = Facet("language", "Language", "languages", None, Dimension.LANGUAGE)
SERVER = Facet("server", "Server", "subject", is_single=True)
SANCTIONS = Shelf(
    "/sanctions",
    (
        PLATFORM,
        MEASURE,
        CATEGORY,
        KEYWORD,
        Facet("effect", "Effect now", "effects", Effect, Dimension.EFFECT),
        Facet("validity", "Validity", "validities", Validity, Dimension.VALIDITY),
        Facet("end", "Ended because", "endReasons", EndReason, Dimension.END_REASON),
        DURATION,
        Facet("kind", "Subject", "subjectKinds", SubjectKind, Dimension.SUBJECT_KIND),
        Facet("ground", "Ground", "grounds", Ground, Dimension.GROUND),
        Facet("automation", "Automation", "automations", Automation, Dimension.AUTOMATION),
        Facet("source", "Brought up by", "sources", Source, Dimension.SOURCE),
        SERVER,
        LANGUAGE,
        Facet("appealed", "Appealed", "isAppealed", None, Dimension.IS_APPEALED, is_flag=True),
        Facet(
            "binding",
            "Binding",
            "isBinding",
            None,
            Dimension.IS_BINDING,
            is_flag=True,
            meanings=(
                "Made under the policy; other platforms take account of it",
                "A record of an outside decision, such as a court’s; it binds nobody",
            ),
        ),
    ),
    dated="issued",
)
# Of one platform, for its staff.
OWN = Shelf("/staff/sanctions", [one for one in SANCTIONS.facets if one is not PLATFORM], "issued")
APPEALS = Shelf(
    "/appeals",
    (
        replace(PLATFORM, dimension=AppealDimension.PLATFORM),
        Facet("state", "State", "states", AppealState, AppealDimension.STATE),
        Facet("outcome", "Outcome", "outcomes", Outcome, AppealDimension.OUTCOME),
        Facet("overdue", "Overdue", "isOverdue", None, AppealDimension.IS_OVERDUE, is_flag=True),
    ),
    "filed",
    "appeal_counts",
    AppealDimension.STATE,
)


@lru_cache(4_096)
def _pair(name: str, value: str) -> str:
    """A part of an address; each page has some hundred, mostly the same."""
    return urlencode({name: value})


def bad(message: str, choices: str = "", names: Sequence[str] = ()) -> Problem:
    return Problem(400, "That can’t be asked", message, choices=choices, names=names)


@dataclass(frozen=True, slots=True)
class Selection:
    """What an address selects: values by name, in the shelf's order; nothing unknown. It may be
    within something that no address says."""

    shelf: Shelf
    values: Mapping[str, tuple[str, ...]]
    within: Mapping[str, str] = field(default_factory=dict)  # a part of the filter

    @classmethod
    def of(cls, shelf: Shelf, query: QueryParams, *also: str) -> "Selection":
        """What the address says; Problem for what it can't mean."""
        for name in query:
            if name not in (*shelf.names, *PAGING, *also):
                expected = ", ".join(shelf.names)
                raise bad(f"“{name[:40]}” is no facet: expected {expected}", names=(name,))
        values: dict[str, tuple[str, ...]] = {}
        for name in shelf.names:
            given = tuple(dict.fromkeys(v for v in query.getlist(name) if v.strip()))
            if given:
                try:
                    values[name] = _checked(shelf, name, given)
                except Problem as problem:
                    raise replace(problem, names=(name,)) from None
        found = cls(shelf, values)
        first, last = found._day("from"), found._day("to")
        if first and last and last < first:
            raise bad(f"expected “from” not after “to”, got {first} and {last}", names=DAYS)
        return found

    def _day(self, name: str) -> date | None:
        return date.fromisoformat(self.values[name][0]) if name in self.values else None

    def filter(self) -> dict[str, Any]:
        """The same as the filter of a query."""
        found: dict[str, Any] = {**self.within}
        for name, given in self.values.items():
            facet = self.shelf.facet(name)
            if facet is not None and facet.is_flag:
                found[facet.field] = given[0] == "yes"
            elif facet is SERVER:
                found[facet.field] = f"{_HTTPS}{given[0]}"
            elif facet is not None:
                found[facet.field] = given[0] if facet.is_single else list(given)
        if first := self._day("from"):
            found[f"{self.shelf.dated}After"] = _midnight(first)
        if last := self._day("to"):
            found[f"{self.shelf.dated}Before"] = _midnight(last + timedelta(days=1))
        return found

    def address(self, path: str = "", **more: str) -> str:
        """The address of this selection, under another path if one is named."""
        pairs = [_pair(name, value) for name, values in self.values.items() for value in values]
        query = "&".join([*pairs, *(_pair(*one) for one in more.items())])
        path = path or self.shelf.path
        return f"{path}?{query}" if query else path

    def has(self, name: str, value: str) -> bool:
        return value in self.values.get(name, ())

    def toggled(self, name: str, value: str) -> "Selection":
        """The same with a value added, or without it where it is there."""
        held, facet = self.values.get(name, ()), self.shelf.facet(name)
        if value in held:
            return self._with(name, tuple(one for one in held if one != value))
        is_one_of_many = facet is not None and not (facet.is_single or facet.is_flag)
        return self._with(name, (*held, value) if is_one_of_many else (value,))

    def choosing(self, name: str, value: str) -> "Selection":
        """The same with this value alone of a facet."""
        return self._with(name, (value,))

    def without(self, name: str) -> "Selection":
        return self._with(name, ())

    def _with(self, name: str, values: tuple[str, ...]) -> "Selection":
        changed = {**self.values, name: values}
        if name == "category" and "keyword" in changed:  # keywords belong to categories
            fit = _keywords(values)
            changed["keyword"] = tuple(k for k in changed["keyword"] if k in fit)
        kept = {n: changed[n] for n in self.shelf.names if changed.get(n)}
        return Selection(self.shelf, kept, self.within)

    @property
    def counted(self) -> Sequence[Facet]:
        """The facets whose values are counted; keywords once there are any to choose from."""
        has_keywords = not self.values.keys().isdisjoint(("category", "keyword"))
        found = [facet for facet in self.shelf.facets if facet.dimension]
        return [facet for facet in found if facet is not KEYWORD or has_keywords]

    def offered(
        self, facet: Facet, platforms: Sequence[Data], found: Sequence[str] = ()
    ) -> Iterator["Choice"]:
        """What may be chosen of a facet: of one without words of its own, what was found."""
        chosen = self.values.get(facet.name, ())
        if facet.name == PLATFORM.name:
            names = {one["domain"]: one["name"] for one in platforms}
            for value in dict.fromkeys((*(found or names), *chosen)):
                yield Choice(self, facet.name, value, names.get(value, value))
        elif facet is LANGUAGE:
            for value in dict.fromkeys((*found, *chosen)):
                yield Choice(self, facet.name, value, language(value))
        elif facet is KEYWORD:
            fit = _keywords(self.values.get("category", ()))
            for keyword in fit or map(Keyword, chosen):
                yield Choice(self, facet.name, keyword, label(keyword), meaning(keyword))
        elif facet.is_flag:
            for value, means in zip(("yes", "no"), facet.meanings, strict=True):
                yield Choice(self, facet.name, value, label(value), means)
        elif facet.words is not None:
            for word in facet.words:
                yield Choice(self, facet.name, word, label(word), meaning(word))

    def chips(self) -> Iterator["Choice"]:
        """What is chosen, each to be taken away again."""
        for name, values in self.values.items():
            facet = self.shelf.facet(name)
            for value in values:
                if facet is None:  # a day
                    title = f"{name} {value}"
                elif facet.is_flag:
                    title = facet.title if value == "yes" else f"Not {facet.title.lower()}"
                elif facet is LANGUAGE:
                    title = language(value)
                else:
                    title = label(value) if facet.words else value
                yield Choice(self, name, value, title)


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a facet, and where choosing it or taking it away leads."""

    selection: Selection
    name: str
    value: str
    title: str
    meaning: str = ""
    count: str = ""

    @property
    def is_chosen(self) -> bool:
        return self.selection.has(self.name, self.value)

    @property
    def address(self) -> str:
        return self.selection.toggled(self.name, self.value).address()


def sort_of(query: QueryParams) -> str:
    """How the address sorts; Problem for what isn't offered."""
    sort = query.get("sort", "newest")
    if sort not in SORTS:
        raise bad(f"sort: expected {' or '.join(SORTS)}", names=("sort",))
    return sort


def _checked(shelf: Shelf, name: str, given: tuple[str, ...]) -> tuple[str, ...]:
    if any(len(value) > LONGEST or "\0" in value for value in given):
        raise bad(f"{name}: expected text of at most {LONGEST} characters")
    facet = shelf.facet(name)
    if name in DAYS:
        return (day_of(name, given[-1]).isoformat(),)
    if facet is not None and facet.is_flag:
        if given[-1] not in ("yes", "no"):
            raise bad(f"{name}: expected yes or no")
        return given[-1:]
    assert facet is not None
    if facet is SERVER:
        return (_server(given[-1]),)
    for value in given if facet.words else ():
        if facet.words and value not in facet.words.__members__:
            words = list(facet.words)
            named = words if len(words) <= MOST_NAMED else [*words[:2], "…"]
            told = f"{name}: expected one of {', '.join(named)}; got “{value}”"
            raise bad(told, "/data/columns" if facet is KEYWORD else f"{shelf.path}#narrow")
    return given[-1:] if facet.is_single else given


def _server(text: str) -> str:
    """A server's host as it is stored; Problem for what names none."""
    try:
        host = text.strip()
        if host[: len(_HTTPS)].lower() == _HTTPS:
            host = host[len(_HTTPS) :]
        found = parse_subject(f"{_HTTPS}{host}")
        if SubjectKind.SERVER not in found.kinds:
            raise BadUri
    except BadUri:
        raise bad("server: expected a server such as spam.example") from None
    return found.uri.removeprefix(_HTTPS)


def day_of(name: str, text: str) -> date:
    """A day of an address; Problem for what is none."""
    try:
        found = date.fromisoformat(text)
        if not date(1, 1, 3) < found < date(9999, 12, 29):
            raise ValueError
    except ValueError:
        raise bad(f"{name}: expected a day such as 2026-03-01, got “{text}”") from None
    return found


def _midnight(day: date) -> str:
    return print_instant(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _keywords(categories: Sequence[str]) -> list[Keyword]:
    return [k for k in Keyword if any(keyword_belongs(k, Category(c)) for c in categories)]

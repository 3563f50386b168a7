"""A selection of sanctions as an address says it, and as a `SanctionFilter`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.explorer.asking import Problem
from api.explorer.telling import label, meaning
from governance.fields import print_instant
from governance.identifiers import SubjectKind
from governance.vocabulary import Category, Keyword, keyword_belongs
from governance.words import Automation, Effect, EndReason, Ground, Measure, Source, Validity

LONGEST = 200  # characters of a value


@dataclass(frozen=True, slots=True)
class Facet:
    """One way to narrow a list: its name in addresses, its title, the filter's field."""

    name: str
    title: str
    field: str
    words: type[StrEnum] | None = None  # what may be chosen; None for text


FACETS = (
    Facet("platform", "Platform", "platform"),
    Facet("measure", "Measure", "measures", Measure),
    Facet("category", "Category", "categories", Category),
    Facet("keyword", "Keyword", "keywords", Keyword),
    Facet("effect", "Effect now", "effects", Effect),
    Facet("validity", "Validity", "validities", Validity),
    Facet("end", "Ended because", "endReasons", EndReason),
    Facet("kind", "Subject", "subjectKinds", SubjectKind),
    Facet("ground", "Ground", "grounds", Ground),
    Facet("automation", "Automation", "automations", Automation),
    Facet("source", "Brought up by", "sources", Source),
    Facet("language", "Language of the content", "languages"),
)
FLAGS = {"appealed": "isAppealed", "binding": "isBinding"}
DAYS = ("from", "to")
PAGING = ("after", "before", "sort")
SORTS = {"newest": "newest first", "oldest": "oldest first"}
_BY_NAME = {facet.name: facet for facet in FACETS}
_SINGLE = {"platform"}


def bad(message: str) -> Problem:
    return Problem(400, "That can't be asked", message)


@dataclass(frozen=True, slots=True)
class Selection:
    """What an address selects: values by name, in the order of FACETS; nothing unknown."""

    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, query: QueryParams) -> "Selection":
        """What the address says; Problem for what it can't mean."""
        known = [*_BY_NAME, *FLAGS, *DAYS]
        for name in query:
            if name not in known and name not in PAGING:
                shown = name[:40]
                raise bad(f"“{shown}” is no facet: expected {', '.join(known)}")
        values: dict[str, tuple[str, ...]] = {}
        for name in known:
            given = tuple(dict.fromkeys(v for v in query.getlist(name) if v.strip()))
            if given:
                values[name] = _checked(name, given)
        found = cls(values)
        found._check_days()
        return found

    def _check_days(self) -> None:
        first, last = self._day("from"), self._day("to")
        if first and last and last < first:
            raise bad(f"expected “from” not after “to”, got {first} and {last}")

    def _day(self, name: str) -> date | None:
        return date.fromisoformat(self.values[name][0]) if name in self.values else None

    def filter(self) -> dict[str, Any]:
        """The same as a `SanctionFilter`."""
        found: dict[str, Any] = {}
        for name, given in self.values.items():
            if name in _SINGLE:
                found[_BY_NAME[name].field] = given[0]
            elif name in _BY_NAME:
                found[_BY_NAME[name].field] = list(given)
            elif name in FLAGS:
                found[FLAGS[name]] = given[0] == "yes"
        if first := self._day("from"):
            found["issuedAfter"] = _midnight(first)
        if last := self._day("to"):
            found["issuedBefore"] = _midnight(last + timedelta(days=1))
        return found

    def address(self, path: str, **more: str) -> str:
        """The address of this selection under a path."""
        pairs = [(name, value) for name, values in self.values.items() for value in values]
        query = urlencode([*pairs, *more.items()])
        return f"{path}?{query}" if query else path

    def has(self, name: str, value: str) -> bool:
        return value in self.values.get(name, ())

    def toggled(self, name: str, value: str) -> "Selection":
        """The same with a value added, or without it where it is there."""
        held = self.values.get(name, ())
        if value in held:
            left = tuple(one for one in held if one != value)
        elif name in _BY_NAME and name not in _SINGLE:
            left = (*held, value)
        else:
            left = (value,)
        return self.with_(name, left)

    def with_(self, name: str, values: tuple[str, ...]) -> "Selection":
        known = [*_BY_NAME, *FLAGS, *DAYS]
        changed = {**self.values, name: values}
        kept = {n: changed[n] for n in known if changed.get(n)}
        if name == "category":  # keywords belong to categories
            fit = _keywords(kept.get("category", ()))
            keywords = tuple(k for k in kept.get("keyword", ()) if k in fit)
            kept = {n: v for n, v in kept.items() if n != "keyword"}
            kept |= {"keyword": keywords} if keywords else {}
        return replace(self, values=kept)

    def without(self, name: str) -> "Selection":
        return self.with_(name, ())

    def offered(self, facet: Facet, platforms: Sequence[Mapping[str, str]]) -> Iterator["Choice"]:
        """What may be chosen of a facet."""
        if facet.name == "platform":
            for platform in platforms:
                yield Choice(self, facet.name, platform["domain"], platform["name"])
        elif facet.name == "keyword":
            fit = _keywords(self.values.get("category", ()))
            for keyword in fit or map(Keyword, self.values.get("keyword", ())):
                yield Choice(self, facet.name, keyword, label(keyword), meaning(keyword))
        elif facet.words is not None:
            for word in facet.words:
                yield Choice(self, facet.name, word, label(word), meaning(word))
        else:
            for value in self.values.get(facet.name, ()):
                yield Choice(self, facet.name, value, value)

    def chips(self) -> Iterator["Choice"]:
        """What is chosen, each to be taken away again."""
        for name, values in self.values.items():
            for value in values:
                yield Choice(self, name, value, _told(name, value))


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a facet, and where choosing it or taking it away leads."""

    selection: Selection
    name: str
    value: str
    title: str
    meaning: str = ""

    @property
    def is_chosen(self) -> bool:
        return self.selection.has(self.name, self.value)

    def address(self, path: str) -> str:
        return self.selection.toggled(self.name, self.value).address(path)


def sort_of(query: QueryParams) -> str:
    """How the address sorts; Problem for what isn't offered."""
    sort = query.get("sort", "newest")
    if sort not in SORTS:
        raise bad(f"sort: expected {' or '.join(SORTS)}")
    return sort


def _checked(name: str, given: tuple[str, ...]) -> tuple[str, ...]:
    if any(len(value) > LONGEST or "\0" in value for value in given):
        raise bad(f"{name}: expected text of at most {LONGEST} characters")
    if name in DAYS:
        return (_day_text(name, given[-1]),)
    if name in FLAGS:
        if given[-1] not in ("yes", "no"):
            raise bad(f"{name}: expected yes or no")
        return given[-1:]
    words = _BY_NAME[name].words
    if words is not None:
        for value in given:
            if value not in words.__members__:
                raise bad(f"{name}: expected one of {', '.join(words)}; got “{value}”")
    return given[-1:] if name in _SINGLE else given


def _day_text(name: str, text: str) -> str:
    try:
        found = date.fromisoformat(text)
        if not date(1, 1, 3) < found < date(9999, 12, 29):
            raise ValueError
    except ValueError:
        raise bad(f"{name}: expected a day such as 2026-03-01, got “{text}”") from None
    return found.isoformat()


def _midnight(day: date) -> str:
    return print_instant(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _keywords(categories: Sequence[str]) -> list[Keyword]:
    return [k for k in Keyword if any(keyword_belongs(k, Category(c)) for c in categories)]


def _told(name: str, value: str) -> str:
    if name in DAYS:
        return f"{name} {value}"
    if name in FLAGS:
        return name if value == "yes" else f"not {name}"
    facet = _BY_NAME[name]
    return label(value) if facet.words is not None else value

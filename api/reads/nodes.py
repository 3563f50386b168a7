"""What the field of a type comes from, other than an expression.

These are the only ways to a table, because visibility stands in them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.sql.selectable import FromClause

from api.reads.fields import Condition, Read, Row
from api.reads.values import Argument


@dataclass(frozen=True, slots=True)
class One:
    """An object from the row of a source that fits, or null. Of one that is always there, and found
    by what is unique, the row may as well be joined."""

    type: type
    source: FromClause
    where: Sequence[Condition] = ()
    read: Read | None = None
    is_joinable: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """A list of objects, one for each row that fits, in order."""

    type: type
    source: FromClause
    where: Sequence[Condition] = ()
    order: Sequence[sa.ColumnElement[Any]] = ()
    present: Condition | None = None  # where false, null stands in the object's place
    whole: Condition | None = None  # where false, null stands in the list's place
    only_if: Condition | None = None  # where false, the list is empty, and nothing is looked for
    read: Read | None = None
    row: Row | None = None  # its columns, where the source has others as well
    each: "Callable[[Row], Variants] | None" = None  # a list of an interface


@dataclass(frozen=True, slots=True)
class Page:
    """A connection: keyset pages over the rows that fit, by (instant, id). Of a sparse one many
    rows are looked at for each that fits, so that is done in an index alone. What `finding` finds
    has no other conditions."""

    type: type
    source: FromClause
    keys: tuple[sa.ColumnElement[datetime], sa.ColumnElement[str]]
    arguments: Mapping[str, Argument]
    where: Sequence[Condition] = ()
    newest_first: bool = True
    is_sparse: bool = False
    finding: "Finding | None" = None


class Finding(Protocol):
    """Finds the rows of a page that fit, along whichever way is short."""

    @property
    def is_by_id(self) -> bool:
        """Whether it tells their ids, and not where they lie."""

    def conditions(self, row: Row, read: Read) -> Sequence[Condition]: ...

    def keys(self, read: "Read", beyond: "Beyond", most: str, *, descending: bool) -> str:
        """A statement of `page_at`, `page_id` and `page_row` of those beyond a cursor, in order."""


class Beyond(Protocol):
    """What lies beyond the cursors, as a text, by keys that are looked for somehow."""

    def __call__(self, source: FromClause, keys: tuple[Any, Any], how: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Variants:
    """An interface: the first of these that is there."""

    options: Sequence[One]


@dataclass(frozen=True, slots=True)
class Nothing:
    """Null, whatever is selected below."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the feed: an object with `nodes`, `endCursor` and `hasNextPage`. Rows follow
    each other by a number that grows, and only forwards. A short one is read to its end."""

    type: type
    source: FromClause
    key: sa.ColumnElement[int]
    first: Argument
    after: Argument
    where: Sequence[Condition] = ()
    is_short: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """What rows are grouped by, never null, and how a group's key is told."""

    column: sa.ColumnElement[str]
    told: Callable[[sa.ColumnElement[str]], sa.ColumnElement[str]] = lambda column: column


@dataclass(frozen=True, slots=True)
class Figures:
    """What is told of the rows of one source that fit, by column. Of a group without such rows
    counts are 0, all else is null. Medians are of whole numbers of microseconds where they aren't
    null, in whole seconds, halves up."""

    source: FromClause
    keys: Sequence[Key]
    counts: Mapping[str, sa.ColumnElement[int]]
    rates: Mapping[str, sa.ColumnElement[float]] = field(default_factory=dict)
    medians: Mapping[str, sa.ColumnElement[int]] = field(default_factory=dict)
    where: Sequence[Condition] = ()
    weight: sa.ColumnElement[int] | None = None  # how many a row stands for, to medians


@dataclass(frozen=True, slots=True)
class Groups:
    """An object with `asOf` and `rows`: a row for each group that the first of the parts has, with
    its `keys` and the figures that are selected. What nobody selects isn't computed."""

    type: type
    parts: Sequence[Figures]


@dataclass(frozen=True, slots=True)
class Following:
    """What comes after a place in the feed, for whoever follows it. Rows are numbered by a key
    that grows in the order of commits."""

    type: type
    source: FromClause
    key: sa.ColumnElement[int]
    where: Sequence[Condition] = ()


Node = One | All | Page | Stretch | Following | Groups | Variants | Nothing

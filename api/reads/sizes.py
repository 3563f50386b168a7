"""How many rows a page has, as its arguments say."""

import sqlalchemy as sa

from api.reads.fields import Read, getter
from api.reads.nodes import Page
from api.reads.values import Argument, Env, Getter
from governance.errors import InvalidInput

DEFAULT_PAGE = 50
LONGEST_PAGE = 1_000


def size_of(page: Page, read: Read) -> tuple[sa.ColumnElement[int], bool]:
    """How many rows, and whether they are counted from the end."""
    first, last = page.arguments.get("first"), page.arguments.get("last")
    if first is not None and last is not None:
        raise InvalidInput("expected first or last, not both", path=["last"])
    name, value = ("last", last) if last is not None else ("first", first)
    return _limit(read, value, name), last is not None


def _limit(read: Read, value: Argument, name: str) -> sa.ColumnElement[int]:
    """A size that the document says is a literal: PostgreSQL makes a plan for each value of a
    parameter anew, which takes as long as a page."""
    said = DEFAULT_PAGE if value is None else getattr(value, "constant", None)
    if isinstance(said, int) and 0 <= said <= LONGEST_PAGE:
        return sa.literal_column(str(said), sa.Integer())
    return read.bound(page_size(getter(value), name), sa.Integer())


def page_size(get: Getter, name: str) -> Getter:
    """How many are asked for; InvalidInput out of range."""

    def read_size(env: Env) -> int:
        size = get(env)
        if size is None:
            return DEFAULT_PAGE
        if not 0 <= size <= LONGEST_PAGE:
            raise InvalidInput(f"{name}: expected 0 to {LONGEST_PAGE}, got {size}", path=[name])
        return int(size)

    return read_size

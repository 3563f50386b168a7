"""How many rows a connection has: counted up to EXACT, estimated from a sample beyond.

Ids are random, so the rows with the smallest ids are a fair sample, and how small the largest of
them is says how large a part of the table they are (as in k-minimum-values sketches).
"""

import sqlalchemy as sa
from sqlalchemy.sql.elements import Grouping

from api.reads.fields import Read
from api.reads.nodes import Page
from api.reads.texts import Text, flag, literal, whole_number

EXACT = 10_000  # rows that are counted one by one
SAMPLE = 10_000  # rows that an estimate looks at
DIGITS = "234567abcdefghijklmnopqrstuvwxyz"  # of an id after its prefix, in order
PREFIX, READ = 4, 5  # characters of an id: `san_`, and those that its size is read from


def total(page: Page, read: Read) -> Text:
    """The JSON of `totalCount`."""
    counted = _counted(page)
    more = read.dialect.most(_estimate(page, read), whole_number(EXACT + 1))
    shown = sa.case((counted.c.rows <= whole_number(EXACT), counted.c.rows), else_=more)
    return sa.select(sa.cast(shown, sa.Text())).select_from(counted).scalar_subquery()


def is_estimated(page: Page) -> Text:
    """The JSON of `isTotalCountEstimated`."""
    counted = _counted(page)
    is_more = counted.c.rows > whole_number(EXACT)
    return sa.select(flag(is_more)).select_from(counted).scalar_subquery()


def _counted(page: Page) -> sa.Subquery:
    """One row with the number of rows, at most one more than EXACT. Of a sparse page the newest,
    which are found sooner: what is in force isn't among the oldest."""
    some = (
        sa.select(whole_number(1).label("one"))
        .select_from(page.source)
        .where(*page.where)
        .order_by(*(key.desc() for key in page.keys if page.is_sparse))
        .limit(whole_number(EXACT + 1))
        .correlate_except(page.source)
        .subquery()
    )
    return sa.select(sa.func.count().label("rows")).select_from(some).subquery()


def _estimate(page: Page, read: Read) -> sa.ColumnElement[int]:
    """The rows of the sample that fit, as often as the sample is in the table."""
    ident = page.keys[1]
    first = sa.select(ident).order_by(ident).limit(whole_number(SAMPLE)).correlate(None).subquery()
    last = sa.select(sa.func.max(first.c[0]).label("id")).subquery()
    fit = sa.select(sa.func.count()).select_from(page.source).where(ident <= last.c.id, *page.where)
    rows = fit.correlate_except(page.source).scalar_subquery()
    found = sa.select(sa.cast(rows / part_of(last.c.id, read), sa.BigInteger())).select_from(last)
    return found.scalar_subquery()


def part_of(ident: sa.ColumnElement[str], read: Read) -> sa.ColumnElement[float]:
    """How large a part of all ids there could be is up to this one."""
    # The whole of the last digit counts, so that a part of the smallest id isn't zero.
    part: sa.ColumnElement[float] = sa.literal_column(f"{32.0**-READ}", sa.Float())
    for place in range(READ):
        where = whole_number(PREFIX + 1 + place)
        digit = sa.func.substr(ident, where, whole_number(1), type_=sa.Text())
        value = read.dialect.place_in(literal(DIGITS), digit) - whole_number(1)
        part = part + Grouping(value) / sa.literal_column(f"{32.0 ** (place + 1)}", sa.Float())
    return part

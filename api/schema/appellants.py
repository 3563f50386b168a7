"""What the sanctioned person sees, with the appeal secret alone."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry.pydantic
from sqlalchemy.sql.selectable import FromClause
from sqlmodel import col

from api.reads.fields import Read, Row, is_any_of, rows_of, there_is, value_from
from api.reads.nodes import All, One
from api.schema.appeals import Appeal, state
from api.schema.declaring import sql
from api.schema.sanctions import Sanction, disclosed
from governance.errors import RefusalCode
from governance.fields import Shape
from governance.records import appeals, sanctions
from governance.rules.disclosure import ViewerKind
from governance.rules.lifecycle import ANSWERED, OPEN
from governance.rules.policy import APPEAL_WINDOW
from governance.words import Author, Validity


def opened(ident: sa.ColumnElement[str], secret_hash: sa.ColumnElement[str]) -> FromClause:
    """The sanction that a secret opens; `last_id` is the last that took its place, or its own."""
    own, later = rows_of(sanctions.Sanction), rows_of(sanctions.Sanction)
    fits = own.c.id == ident, own.c.secret_hash == secret_hash
    zero = sa.literal_column("0", sa.Integer()).label("place")
    line = sa.select(own.c.id, zero).where(*fits).cte("line", recursive=True)
    following = sa.select(later.c.id, line.c.place + sa.literal_column("1", sa.Integer()))
    line = line.union_all(following.where(later.c.supersedes_id == line.c.id))
    last = sa.select(line.c.id).order_by(line.c.place.desc()).limit(sa.literal_column("1"))
    return sa.select(*own.c, last.scalar_subquery().label("last_id")).where(*fits).subquery()


def closes_at(row: Row, read: Read) -> sa.ColumnElement[datetime]:
    """The SQL twin of `rules.filing.closes_at`."""
    told = sa.func.coalesce(row.notified_at, row.issued_at, type_=row.issued_at.type)
    closes = read.dialect.days_after(told, APPEAL_WINDOW.days)
    return sa.case((row.ends_at.is_not(None), read.dialect.most(row.ends_at, closes)))


def _barred(row: Row, origin_id: sa.ColumnElement[str], read: Read) -> sa.ColumnElement[Any]:
    """The SQL twin of `rules.filing.may_file`, for the person."""
    before, opened = rows_of(appeals.Appeal), rows_of(appeals.Appeal)
    is_open = there_is(
        opened, opened.c.sanction_id == row.id, is_any_of(state(opened.c, read), OPEN)
    )
    is_answered = there_is(
        before,
        sa.or_(before.c.sanction_id == row.id, before.c.origin_id == origin_id),
        is_any_of(before.c.state, ANSWERED),
        is_any_of(before.c.filed_by, [Author.APPELLANT]),
    )
    reasons = {
        RefusalCode.ERASED: row.redacted_at.is_not(None),
        RefusalCode.CONFLICT: sa.not_(is_any_of(row.validity, [Validity.STANDING])),
        RefusalCode.APPEAL_OPEN: is_open,
        RefusalCode.ESCALATE_INSTEAD: is_answered,
        RefusalCode.APPEAL_WINDOW_CLOSED: closes_at(row, read) <= read.now,
    }
    return sa.case(*((bars, sa.literal_column(f"'{code}'")) for code, bars in reasons.items()))


@strawberry.pydantic.type(description="What the sanctioned person sees, with the secret alone")
class AppellantView(Shape):
    @sql(Sanction, "The sanction the secret belongs to")
    def sanction(row: Row, read: Read) -> Any:
        found = rows_of(sanctions.Sanction)
        # What hangs on the sanction, such as one it replaced, is seen as by the public.
        return One(Sanction, found, [found.c.id == row.id], read=read.as_viewer(ViewerKind.PUBLIC))

    @sql(Sanction | None, "What took its place; an appeal is against that")
    def replaced_by(row: Row, read: Read) -> Any:
        found = rows_of(sanctions.Sanction)
        where = [found.c.id == row.last_id, found.c.id != row.id]
        return One(Sanction, found, where, read=read.as_viewer(ViewerKind.PUBLIC))

    @sql(str | None, "The reason, as it is told to the subject")
    def reason(row: Row, read: Read) -> Any:
        return disclosed(row, col(sanctions.Disclosure.reason))

    @sql(list[Appeal], "Every appeal against it, oldest first")
    def appeals(row: Row, read: Read) -> Any:
        found = rows_of(appeals.Appeal)
        where = [found.c.origin_id == row.id]  # the secret is of the one first appealed against
        return All(Appeal, found, where, [found.c.filed_at, found.c.id])

    @sql(datetime | None, "Until when an appeal may be filed; null without an end")
    def appealable_until(row: Row, read: Read) -> Any:
        last = rows_of(sanctions.Sanction)
        return value_from(last, closes_at(last.c, read), last.c.id == row.last_id)

    @sql(RefusalCode | None, "Why an appeal can't be filed now; null if it can")
    def appeal_barred(row: Row, read: Read) -> Any:
        last = rows_of(sanctions.Sanction)
        return value_from(last, _barred(last.c, row.id, read), last.c.id == row.last_id)

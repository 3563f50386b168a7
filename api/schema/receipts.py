"""Receipts: what each platform did with another's sanction, visible to everyone."""

from typing import TYPE_CHECKING, Annotated, Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field
from sqlmodel import col

from api.reads.fields import Condition, Read, Row, is_any_of, rows_of, value_from
from api.reads.nodes import One
from api.reads.values import Argument, parts_of
from api.schema.declaring import sql
from api.schema.nodes import Node
from api.schema.platforms import Platform, platform_of
from api.schema.subjects import is_of_platform
from api.schema.visible import is_own
from governance.adoptions import Receipt as ReceiptRow
from governance.adoptions import ReceiptStatement
from governance.events import Event, is_later
from governance.fields import Draft
from governance.rules.disclosure import ViewerKind
from governance.sanctions import Sanction as SanctionRow
from governance.words import ReceiptState

if TYPE_CHECKING:
    from api.schema.sanctions import Sanction

SanctionRef = Annotated["Sanction", strawberry.lazy("api.schema.sanctions")]


def is_overdue(row: Row, read: Read) -> Condition:
    """The SQL twin of `rules.adoption.is_overdue`."""
    is_due = sa.and_(row.due_at.is_not(None), row.due_at <= read.now)
    return sa.and_(is_any_of(row.state, [ReceiptState.DUE]), is_due)


def receipts_of(known: sa.ColumnElement[Any]) -> Any:
    """The receipts as they were known at an instant, from the feed: see `governance.events`."""
    table, event = rows_of(ReceiptRow), rows_of(Event)
    newest = (
        sa.select(sa.func.max(col(Event.position)))
        .where(
            col(Event.sanction_id) == table.c.sanction_id,
            col(Event.platform_id) == table.c.platform_id,
            is_later(Event),
            col(Event.receipt_state).is_not(None),
            col(Event.recorded_at) <= known,
        )
        .correlate(table)
        .scalar_subquery()
    )
    then = {
        "state": event.c.receipt_state,
        "due_at": event.c.receipt_due_at,
        "at": event.c.recorded_at,
    }
    columns = [then.get(c.name, c).label(c.name) for c in table.c]
    joined = table.join(event, event.c.position == newest)
    return sa.select(*columns).select_from(joined).subquery()


@strawberry.pydantic.type(description="What a platform did with another's sanction")
class Receipt(ReceiptStatement, Node):
    id: strawberry.ID = Field(description="Global id, prefixed rcp_")

    @sql(Platform, "The platform whose receipt it is")
    def platform(row: Row, read: Read) -> Any:
        return platform_of(row)

    @sql(bool, "Whether a remedy is due and missing")
    def is_overdue(row: Row, read: Read) -> Any:
        return is_overdue(row, read)

    @sql(str | None, "Why, for the two platforms concerned")
    def reason(row: Row, read: Read) -> Any:
        if read.viewer is not ViewerKind.PARTNER:
            return sa.null()
        about = rows_of(SanctionRow)
        decided = value_from(about, about.c.platform_id, about.c.id == row.sanction_id)
        may_read = sa.or_(is_own(row, read), decided == read.platform_id)
        return sa.case((may_read, row.reason))

    @sql(SanctionRef, "The sanction that reached the platform")
    def sanction(row: Row, read: Read) -> Any:
        return _sanction(row.sanction_id, read)

    @sql(SanctionRef | None, "The sanction by which it was taken over")
    def adoption(row: Row, read: Read) -> Any:
        return _sanction(row.adoption_id, read)

    @sql(SanctionRef | None, "The sanction on own grounds that replaced the copy")
    def replacement(row: Row, read: Read) -> Any:
        return _sanction(row.replacement_id, read)


@strawberry.pydantic.input(description="Which receipts; every part given must fit")
class ReceiptFilter(Draft):
    platform: str | None = Field(default=None, description="Domain of the platform that received")
    states: list[ReceiptState] | None = Field(default=None, description="Any of these states")
    is_overdue: bool | None = Field(default=None, description="Whether a remedy is overdue")


def received(found: Row, read: Read, given: Argument) -> list[Condition]:
    """The conditions of a filter."""
    values, where = parts_of(given), list[Condition]()
    if "platform" in values:
        where.append(is_of_platform(found, read, values["platform"]))
    if "states" in values:
        where.append(read.among(found.state, values["states"]))
    if "isOverdue" in values:
        overdue = is_overdue(found, read)
        where.append(overdue if values["isOverdue"] else sa.not_(overdue))
    return where


def _sanction(ident: sa.ColumnElement[str], read: Read) -> One:
    from api.schema.sanctions import Sanction, sanctions_of

    found = sanctions_of(read)
    return One(Sanction, found, [found.c.id == ident])

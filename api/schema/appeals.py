"""Appeals, as far as each viewer sees them."""

from typing import TYPE_CHECKING, Annotated, Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field
from sqlmodel import col

from api.reads.fields import Condition, Read, Row, is_any_of, rows_of, within
from api.reads.nodes import All, One
from api.reads.values import Argument, parts_of
from api.schema.declaring import sql
from api.schema.nodes import Node
from api.schema.subjects import is_of_platform
from api.schema.visible import is_guest, is_own, is_told
from governance.appeals import Appeal as AppealRow
from governance.appeals import AppealMessage as MessageRow
from governance.appeals import AppealStatement
from governance.events import Event
from governance.fields import Draft, Instant, Shape
from governance.rules.disclosure import ViewerKind
from governance.rules.lifecycle import AWAITING_ANSWER
from governance.words import AppealState, Author, Outcome

if TYPE_CHECKING:
    from api.schema.sanctions import Sanction


def state(row: Row, read: Read) -> sa.ColumnElement[str]:
    """The SQL twin of `rules.lifecycle.appeal_state`."""
    is_waiting = is_any_of(row.state, [AppealState.AWAITING_APPELLANT])
    lapsed = sa.and_(is_waiting, row.lapses_at <= read.now)
    return sa.case(
        (lapsed, sa.literal_column("'LAPSED'")), else_=sa.type_coerce(row.state, sa.Text())
    )


def is_overdue(row: Row, read: Read) -> sa.ColumnElement[bool]:
    """The SQL twin of `rules.lifecycle.is_overdue`."""
    return sa.and_(is_any_of(row.state, AWAITING_ANSWER), row.due_at <= read.now)


def appeals_of(read: Read, known: sa.ColumnElement[Any]) -> Any:
    """The appeals as they were known at an instant, from the feed: see `governance.events`."""
    table, event = rows_of(AppealRow), rows_of(Event)
    newest = (
        sa.select(sa.func.max(col(Event.position)))
        .where(col(Event.appeal_id) == table.c.id, col(Event.recorded_at) <= known)
        .correlate(table)
        .scalar_subquery()
    )
    state = sa.func.coalesce(event.c.appeal_state, table.c.state, type_=sa.Text())
    was_decided, is_final = table.c.decided_at <= known, state == AppealState.FINAL
    later = {"outcome": was_decided, "decided_at": was_decided, "inadmissible_code": was_decided}
    later |= {"outside_outcome": is_final, "implemented_at": is_final}
    columns = [
        sa.type_coerce(sa.case((later[c.name], c)), c.type).label(c.name) if c.name in later else c
        for c in table.c
        if c.name != "state"
    ]
    joined = table.join(event, event.c.position == newest)
    return sa.select(*columns, state.label("state")).select_from(joined).subquery()


@strawberry.pydantic.type(description="What appellant and platform wrote to each other")
class AppealMessage(Shape):
    author: Author = Field(description="Who wrote it")
    text: str = Field(description="What was written")
    at: Instant = Field(description="When it was written")


@strawberry.pydantic.type(description="A request to review one sanction")
class Appeal(AppealStatement, Node):
    id: strawberry.ID = Field(description="Global id, prefixed apl_")

    @sql(AppealState, "Where the appeal stands, by the clock")
    def state(row: Row, read: Read) -> Any:
        return state(row, read)

    @sql(bool, "Whether an answer is due and missing")
    def is_overdue(row: Row, read: Read) -> Any:
        return is_overdue(row, read)

    @sql(
        Annotated["Sanction", strawberry.lazy("api.schema.sanctions")],
        "The sanction appealed against",
    )
    def sanction(row: Row, read: Read) -> Any:
        from api.schema.sanctions import Sanction, sanctions_of

        # The appeal secret opens the exchange of its own case and nothing behind it.
        if read.viewer is ViewerKind.APPELLANT:
            read = read.as_viewer(ViewerKind.PUBLIC)
        found = sanctions_of(read)
        return One(Sanction, found, [found.c.id == row.sanction_id], read=read)

    @sql(
        list[AppealMessage] | None,
        "The exchange, for the reviewing platforms and the appellant",
    )
    def messages(row: Row, read: Read) -> Any:
        found = rows_of(MessageRow)
        if read.viewer is ViewerKind.PUBLIC:
            return sa.null()
        return All(
            AppealMessage,
            found,
            [found.c.appeal_id == row.id, is_told(found.c, row, read)],
            [found.c.at, found.c.id],
            whole=_reads_messages(row, read),
        )


@strawberry.pydantic.input(description="Which appeals; every part given must fit")
class AppealFilter(Draft):
    platform: str | None = Field(default=None, description="Domain of the answering platform")
    sanction_id: strawberry.ID | None = Field(default=None, description="Of this sanction")
    states: list[AppealState] | None = Field(default=None, description="Any of these states, now")
    outcomes: list[Outcome] | None = Field(default=None, description="Any of these outcomes")
    is_overdue: bool | None = Field(default=None, description="Whether an answer is overdue")
    filed_after: Instant | None = Field(default=None, description="Filed then or later")
    filed_before: Instant | None = Field(default=None, description="Filed before then")


def filed(found: Row, read: Read, given: Argument) -> list[Condition]:
    """The conditions of a filter."""
    values, where = parts_of(given), list[Condition]()
    if "platform" in values:
        where.append(is_of_platform(found, read, values["platform"]))
    if "sanctionId" in values:
        where.append(found.sanction_id == read.text(values["sanctionId"]))
    if "states" in values:
        where.append(read.among(state(found, read), values["states"]))
    if "outcomes" in values:
        where.append(read.among(found.outcome, values["outcomes"]))
    if "isOverdue" in values:
        overdue = is_overdue(found, read)
        where.append(overdue if values["isOverdue"] else sa.not_(overdue))
    return [*where, *within(found.filed_at, read, values, "filed")]


def _reads_messages(row: Row, read: Read) -> sa.ColumnElement[bool]:
    if read.viewer is ViewerKind.APPELLANT:
        return sa.true()
    return sa.or_(is_own(row, read), is_guest(row.sanction_id, read))

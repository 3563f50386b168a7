"""The feed: what happened, in the order of commits, as far as each viewer may know."""

from typing import Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field

from api.reads.fields import Condition, Read, Row, is_any_of, rows_of, there_is, value_from
from api.reads.nodes import One
from api.reads.stretches import cursor
from api.reads.values import Argument, known_words, parts_of
from api.schema.appeals import Appeal
from api.schema.declaring import sql
from api.schema.platforms import Platform, platform_of
from api.schema.receipts import Receipt
from api.schema.sanctions import Sanction, disclosed
from api.schema.subjects import is_of_platform
from api.schema.visible import is_host, is_own, sees_subject
from governance.events import places_of
from governance.fields import URI, Cursor, Draft, Instant, Shape
from governance.identifiers import SubjectKind
from governance.records import adoptions, appeals, notices, sanctions
from governance.rules.disclosure import NOTICES, ViewerKind
from governance.sanctions import Disclosure
from governance.words import AppealState, EventType, Measure, ReceiptState


@strawberry.pydantic.type(description="What the account's host is to tell the person")
class Notice(Shape):
    @sql(str | None, "The reason, as it is told to the subject")
    def reason(row: Row, read: Read) -> Any:
        return row.reason

    @sql(str | None, "For the person, to appeal with; null once it was used")
    def appeal_secret(row: Row, read: Read) -> Any:
        return sa.case((row.secret_generation == 0, read.sealed("secret", row.id)))


@strawberry.pydantic.type(description="One thing that happened, in the feed")
class Event(Shape):
    type: EventType = Field(description="What happened")
    occurred_at: Instant = Field(description="When it happened")
    expires_at: Instant | None = Field(description="When the sanction was to end by itself, then")
    appeal_state: AppealState | None = Field(description="State that it brought the appeal to")
    receipt_state: ReceiptState | None = Field(description="What it made of the platform's receipt")

    @sql(Cursor, "Its place in the feed")
    def cursor(row: Row, read: Read) -> Any:
        return cursor(row.position)

    @sql(Platform, "The platform that decided")
    def platform(row: Row, read: Read) -> Any:
        return platform_of(row)

    @sql(URI | None, "Whom it is about, for those entitled to know")
    def subject(row: Row, read: Read) -> Any:
        about = rows_of(sanctions.Sanction)
        seen = disclosed(about.c, Disclosure.subject, sees_subject(about.c, read))
        return value_from(about, seen, about.c.id == row.sanction_id)

    @sql(Sanction, "The sanction, as it stands now")
    def sanction(row: Row, read: Read) -> Any:
        found = rows_of(sanctions.Sanction)
        return One(Sanction, found, [found.c.id == row.sanction_id])

    @sql(Appeal | None, "The appeal, as it stands now; null if it is about none")
    def appeal(row: Row, read: Read) -> Any:
        found = rows_of(appeals.Appeal)
        return One(Appeal, found, [found.c.id == row.appeal_id])

    @sql(Receipt | None, "The platform's receipt, as it stands now; null if it is about none")
    def receipt(row: Row, read: Read) -> Any:
        found = rows_of(adoptions.Receipt)
        of_platform = found.c.platform_id == row.platform_id
        where = [found.c.sanction_id == row.sanction_id, of_platform]
        return One(Receipt, found, [*where, row.receipt_state.is_not(None)])

    @sql(Notice | None, "What to tell the person; of NOTICE_DUE, for the account's host alone")
    def notice(row: Row, read: Read) -> Any:
        held, about = rows_of(Disclosure), rows_of(sanctions.Sanction)
        both = sa.join(held, about, about.c.id == held.c.sanction_id)
        told = (
            sa.select(held.c.reason, about.c.id, about.c.audience, about.c.secret_generation)
            .select_from(both)
            .subquery()
        )
        where = [told.c.id == row.sanction_id, row.type == EventType.NOTICE_DUE]
        return One(Notice, told, [*where, is_host(told.c, read)])


@strawberry.pydantic.type(description="A piece of the feed, oldest first")
class EventPage(Shape):
    nodes: list[Event] = Field(description="What happened, in the order of commits")
    end_cursor: Cursor | None = Field(description="Where to go on; null at the beginning")
    has_next_page: bool = Field(description="Whether to go on at once, even if nothing fitted here")


@strawberry.pydantic.input(description="Which events; every part given must fit")
class EventFilter(Draft):
    platform: str | None = Field(default=None, description="Domain of the deciding platform")
    sanction_id: strawberry.ID | None = Field(default=None, description="About this sanction")
    types: list[EventType] | None = Field(default=None, description="Any of these types")
    measures: list[Measure] | None = Field(default=None, description="Any of these measures")
    subject_kinds: list[SubjectKind] | None = Field(default=None, description="Any of these kinds")
    is_due: bool | None = Field(
        default=None, description="Whether it is a notice you have yet to hand on"
    )


def happened(found: Row, read: Read, given: Argument) -> list[Condition]:
    """The conditions of a filter, and of who may know."""
    values, where = parts_of(given), [_may_know(found, read)]
    if "platform" in values:
        where.append(is_of_platform(found, read, values["platform"]))
    if "sanctionId" in values:
        where.append(found.position.in_(places_of([read.text(values["sanctionId"])])))
    if "types" in values:
        where.append(read.among(found.type, values["types"]))
        if (wanted := known_words(values["types"])) and NOTICES.issuperset(wanted):
            where.append(is_any_of(found.type, NOTICES))  # which have an index of their own
    if isinstance(values.get("isDue"), bool):
        due = _is_due(found, read)
        where += due if values["isDue"] else [sa.not_(sa.and_(*due))]
    about = rows_of(sanctions.Sanction)
    columns = {"measures": about.c.measure, "subjectKinds": about.c.subject_kind}
    of_sanction = [read.among(c, values[n]) for n, c in columns.items() if n in values]
    if of_sanction:
        where.append(there_is(about, about.c.id == found.sanction_id, *of_sanction))
    return where


def _may_know(found: Row, read: Read) -> Condition:
    """Notices concern the issuing platform and the account's host: the twin of
    `rules.disclosure.knows_of`."""
    is_open = sa.not_(is_any_of(found.type, NOTICES))
    if read.viewer is not ViewerKind.PARTNER:
        return is_open
    return sa.or_(is_open, is_own(found, read), _is_hosted(found, read))


def _is_due(found: Row, read: Read) -> list[Condition]:
    """Nobody recorded yet what became of it; notices have an index of their own."""
    told = rows_of(notices.Notice)
    is_told = there_is(told, told.c.sanction_id == found.sanction_id)
    is_due = found.type == EventType.NOTICE_DUE
    return [is_any_of(found.type, NOTICES), is_due, sa.not_(is_told), _is_hosted(found, read)]


def _is_hosted(found: Row, read: Read) -> Condition:
    about = rows_of(sanctions.Sanction)
    return there_is(about, about.c.id == found.sanction_id, is_host(about.c, read))

"""Sanctions: the public statement, and what else each viewer is entitled to."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field
from sqlmodel import col

from api.reads.fields import LAST, Condition, Read, Row, is_any_of, rows_of, there_is, value_from
from api.reads.nodes import One, Page
from api.reads.values import Argument
from api.schema.appeals import Appeal, appeals_of
from api.schema.declaring import sql
from api.schema.logs import LogEntry, entry_at
from api.schema.nodes import PAGING, Connection, Node
from api.schema.platforms import Platform, platform_of
from api.schema.receipts import Receipt, receipts_of
from api.schema.visible import LATEST_END, is_entitled, is_heard, is_own, sees_subject
from governance.drafts import PolicyReference
from governance.fields import URI, UTCDateTime
from governance.identifiers import SubjectKind
from governance.peers import PeerSource
from governance.records import adoptions, appeals, events, sanctions
from governance.sanctions import Disclosure, SanctionStatement
from governance.words import DisclosureState, Effect, EndReason

_LATEST = LAST - timedelta(days=1)  # an instant that both drivers take


def effect(row: Row, read: Read) -> sa.ColumnElement[str]:
    """The SQL twin of `rules.status.effect`."""
    return sa.case(
        (row.ends_at <= read.now, sa.literal_column("'ENDED'")),
        (row.starts_at <= read.now, sa.literal_column("'IN_FORCE'")),
        else_=sa.literal_column("'PENDING'"),
    )


def has_ended(row: Row, read: Read) -> Condition:
    return sa.and_(row.ends_at.is_not(None), row.ends_at <= read.now)


def end_reason(row: Row, read: Read) -> Any:
    return sa.case((has_ended(row, read), sa.type_coerce(row.end_reason, sa.Text())))


def is_in_force(row: Row, read: Read) -> Condition:
    return sa.and_(row.starts_at <= read.now, sa.or_(row.ends_at.is_(None), row.ends_at > read.now))


def binds(row: Row, read: Read) -> Condition:
    """Whether it conforms to the policy, and its platform is heard."""
    return sa.and_(row.is_binding, is_heard(row, read))


def sanctions_of(read: Read) -> Any:
    """The sanctions as they are, or as they were known at the instant asked about."""
    if not read.is_elsewhen:
        return rows_of(sanctions.Sanction)
    return _known_at(read, _knowledge(read))


def _knowledge(read: Read) -> sa.ColumnElement[Any]:
    """Until when what was recorded counts: of the future all that is known now, whatever the
    clocks of the nodes say that recorded it."""
    return read.bound(
        lambda env: at if (at := read.clock(env)) < env.now else _LATEST, UTCDateTime()
    )


def _known_at(read: Read, known: sa.ColumnElement[Any]) -> sa.Subquery:
    """Sanctions as they were known at an instant, from the feed: see `governance.events`.

    How long a subject is shown follows from the end as it is known now, not as it was then.
    """
    table = rows_of(sanctions.Sanction)
    event = rows_of(events.Event)
    # What others say may be in another log, by another clock, beside news that was logged later.
    kind = sa.type_coerce(col(events.Event.type), sa.Text())
    tells = sa.not_(is_any_of(kind, events.SAID_OF_OTHERS))
    is_known = col(events.Event.recorded_at) <= known
    newest = (
        sa.select(sa.func.max(col(events.Event.position)))
        .where(col(events.Event.sanction_id) == table.c.id, is_known, tells)
        .where(events.is_later(events.Event))
        .correlate(table)
        .scalar_subquery()
    )
    place = sa.func.coalesce(newest, table.c.first_event)
    as_known = {"validity", "expires_at", "starts_at", "ends_at", "end_reason"}
    later = {"approved_at", "void_code"}
    columns = [
        (event.c[c.name] if c.name in as_known else c).label(c.name)
        for c in table.c
        if c.name not in later
    ]
    approved = sa.case((table.c.approved_at <= known, table.c.approved_at))
    voided = sa.case((table.c.voided_at <= known, table.c.void_code))
    joined = table.join(event, sa.and_(event.c.position == place, event.c.recorded_at <= known))
    return (
        sa.select(
            *columns,
            sa.type_coerce(approved, UTCDateTime()).label("approved_at"),
            voided.label("void_code"),
            table.c.ends_at.label(LATEST_END),
        )
        .select_from(joined)
        .where(sees_subject(table.c, read))
        .subquery()
    )


def _sees_both(row: Row, found: Any, read: Read) -> list[Condition]:
    """Two sanctions of one subject are linked for those alone who may know it of either."""
    return [sees_subject(row, read), sees_subject(found.c, read)]


def disclosed(row: Row, column: Any, *conditions: Condition) -> sa.ColumnElement[Any]:
    """A disclosed text of the sanction, for those who fit the conditions; else null."""
    held = rows_of(Disclosure)
    text = sa.func.nullif(held.c[column.key], sa.literal_column("''"))
    return value_from(held, text, held.c.sanction_id == row.id, *conditions)


@strawberry.pydantic.type(description="The published rule that a sanction rests on")
class PolicyReferenceType(PolicyReference):
    pass


PolicyReferenceType.__strawberry_definition__.name = "PolicyReference"  # type: ignore[attr-defined]


@strawberry.pydantic.type(
    description="One platform's decision that restricts a subject: one measure, one end"
)
class Sanction(SanctionStatement, Node):
    id: strawberry.ID = Field(description="Global id, prefixed san_")

    @sql(Platform, "The platform that decided")
    def platform(row: Row, read: Read) -> Any:
        return platform_of(row)

    @sql(Effect, "What the sanction does now, by the clock")
    def effect(row: Row, read: Read) -> Any:
        return effect(row, read)

    @sql(EndReason | None, "Why it ended; null until then")
    def end_reason(row: Row, read: Read) -> Any:
        return end_reason(row, read)

    @sql(datetime | None, "When it ended; null until then")
    def ended_at(row: Row, read: Read) -> Any:
        return sa.type_coerce(sa.case((has_ended(row, read), row.ends_at)), UTCDateTime())

    @sql(
        Annotated["Sanction", strawberry.lazy("api.schema.sanctions")] | None,
        "The sanction it replaced, for those who may know the subject",
    )
    def supersedes(row: Row, read: Read) -> Any:
        found = sanctions_of(read)
        return One(
            Sanction, found, [found.c.id == row.supersedes_id, *_sees_both(row, found, read)]
        )

    @sql(
        Annotated["Sanction", strawberry.lazy("api.schema.sanctions")] | None,
        "The sanction that replaced it, for those who may know the subject",
    )
    def superseded_by(row: Row, read: Read) -> Any:
        found = sanctions_of(read)
        return One(
            Sanction, found, [found.c.supersedes_id == row.id, *_sees_both(row, found, read)]
        )

    @sql(
        Annotated["Sanction", strawberry.lazy("api.schema.sanctions")] | None,
        "The other platform's sanction that it took over",
    )
    def derived_from(row: Row, read: Read) -> Any:
        found = sanctions_of(read)
        return One(Sanction, found, [found.c.id == row.derived_from_id])

    @sql(
        Connection[Annotated["Sanction", strawberry.lazy("api.schema.sanctions")]],
        "Other platforms' sanctions that took it over, oldest first",
        **PAGING,
    )
    def adoptions(row: Row, read: Read, **paging: Argument) -> Any:
        found = sanctions_of(read)
        keys, where = (found.c.issued_at, found.c.id), found.c.derived_from_id == row.id
        return Page(Sanction, found, keys, paging, [where], newest_first=False)

    @sql(Connection[Receipt], "What other platforms did with it, oldest first", **PAGING)
    def receipts(row: Row, read: Read, **paging: Argument) -> Any:
        found = receipts_of(_knowledge(read)) if read.is_elsewhen else rows_of(adoptions.Receipt)
        keys, where = (found.c.at, found.c.id), found.c.sanction_id == row.id
        return Page(Receipt, found, keys, paging, [where], newest_first=False)

    @sql(bool, "Whether it rests on more than another platform's sanction")
    def is_independent(row: Row, read: Read) -> Any:
        unknown = rows_of(PeerSource)  # a source that isn't here is one, too
        is_derived = there_is(unknown, unknown.c.sanction_id == row.id)
        is_original = sa.and_(row.derived_from_id.is_(None), sa.not_(is_derived))
        return sa.or_(is_original, row.has_own_grounds)

    @sql(bool, "Whether it counts in suspension status; outside decisions don't")
    def is_binding(row: Row, read: Read) -> Any:
        return binds(row, read)

    @sql(DisclosureState, "Whether its disclosures are still held")
    def disclosure_state(row: Row, read: Read) -> Any:
        held = row.redacted_at.is_(None)
        return sa.case((held, sa.literal_column("'HELD'")), else_=sa.literal_column("'REDACTED'"))

    @sql(URI | None, "The server it is about; null for accounts and content")
    def server(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.subject, row.subject_kind == SubjectKind.SERVER)

    @sql(str | None, "Public explanation that names no person")
    def explanation(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.explanation)

    @sql(str | None, "The law or clause of the terms it rests on")
    def ground_reference(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.ground_reference)

    @sql(PolicyReferenceType | None, "The published rule it rests on")
    def policy_reference(row: Row, read: Read) -> Any:
        held = rows_of(Disclosure)
        found = sa.select(
            held.c.sanction_id,
            *(
                held.c.policy_reference[name].as_string().label(name)
                for name in PolicyReference.model_fields
            ),
        ).where(held.c.policy_reference.is_not(None))
        source = found.subquery()
        return One(PolicyReferenceType, source, [source.c.sanction_id == row.id])

    @sql(URI | None, "Whom it is about, for those entitled to know")
    def subject(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.subject, sees_subject(row, read))

    @sql(list[URI] | None, "The account's other names, for those entitled to know")
    def aliases(row: Row, read: Read) -> Any:
        held = rows_of(Disclosure)
        of_this = held.c.sanction_id == row.id
        return value_from(held, held.c.aliases, of_this, sees_subject(row, read))

    @sql(str | None, "The reason told to the subject, for those entitled")
    def reason(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.reason, is_entitled(row, read))

    @sql(str | None, "Private facts of the case, for those entitled")
    def facts(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.facts, is_entitled(row, read))

    @sql(str | None, "Own grounds of an adoption, for those entitled")
    def own_grounds(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.own_grounds, is_entitled(row, read))

    @sql(str | None, "What an *_OTHER measure is, for those entitled")
    def other_measure(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.other_measure, is_entitled(row, read))

    @sql(URI | None, "Address of the content concerned, for those entitled")
    def content_uri(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.content_uri, is_entitled(row, read))

    @sql(str | None, "The platform's own reference, for that platform alone")
    def issuer_reference(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.issuer_reference, is_own(row, read))

    @sql(str | None, "Shared by restrictions decided together, for that platform")
    def case_reference(row: Row, read: Read) -> Any:
        return disclosed(row, Disclosure.case_reference, is_own(row, read))

    @sql(Connection[Appeal], "Appeals against it, oldest first", **PAGING)
    def appeals(row: Row, read: Read, **paging: Argument) -> Any:
        elsewhen = read.is_elsewhen
        found = appeals_of(read, _knowledge(read)) if elsewhen else rows_of(appeals.Appeal)
        where = [found.c.sanction_id == row.id]
        keys = found.c.filed_at, found.c.id
        return Page(Appeal, found, keys, paging, where, newest_first=False)

    @sql(LogEntry | None, "Its place in this node's log; null where another node's log has it")
    def log_entry(row: Row, read: Read) -> Any:
        return entry_at(row.first_entry)

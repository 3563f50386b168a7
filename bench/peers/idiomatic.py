"""Strawberry as most write it: types with resolvers, an ORM, DataLoaders for what is nested."""

import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import anyio.to_thread
import strawberry
from sqlalchemy import ColumnElement, create_engine
from sqlalchemy.engine import make_url
from sqlmodel import Session, SQLModel, col, select
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.types import Info

from governance.appeals import Appeal as AppealRow
from governance.events import Event
from governance.identifiers import SubjectKind
from governance.platforms import Platform as PlatformRow
from governance.rules.policy import SUSPENSIONS
from governance.sanctions import Disclosure, SubjectKey
from governance.sanctions import Sanction as SanctionRow
from governance.vocabulary import Category
from governance.words import (
    Automation,
    EndReason,
    EventType,
    Ground,
    Measure,
    Source,
    Validity,
)

Rows = list[Any]
url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg")
engine = create_engine(url, pool_size=8)


async def asked(question: Callable[[Session], Any]) -> Any:
    def answered() -> Any:
        with Session(engine, expire_on_commit=False) as session:
            return question(session)

    return await anyio.to_thread.run_sync(answered)


async def platforms(ids: list[str]) -> Rows:
    rows = await asked(
        lambda s: s.exec(select(PlatformRow).where(col(PlatformRow.id).in_(ids))).all()
    )
    found = {row.id: row for row in rows}
    return [found[ident] for ident in ids]


async def appeals(ids: list[str]) -> list[Rows]:
    order = col(AppealRow.filed_at), col(AppealRow.id)
    held = select(AppealRow).where(col(AppealRow.sanction_id).in_(ids)).order_by(*order)
    found: dict[str, Rows] = defaultdict(list)
    for row in await asked(lambda s: s.exec(held).all()):
        found[row.sanction_id].append(row)
    return [found[ident] for ident in ids]


def _in_force(now: datetime) -> list[ColumnElement[bool]]:
    ends_at = col(SanctionRow.ends_at)
    return [
        col(SanctionRow.measure).in_(SUSPENSIONS),
        col(SanctionRow.is_binding).is_(True),
        col(SanctionRow.starts_at) <= now,
        ends_at.is_(None) | (ends_at > now),
    ]


async def suspensions(keys: list[str]) -> list[Rows]:
    ends_at = col(SanctionRow.ends_at)
    held = (
        select(SubjectKey.key, SanctionRow)
        .join(SanctionRow, col(SanctionRow.id) == SubjectKey.sanction_id)
        .where(col(SubjectKey.key).in_(keys), *_in_force(datetime.now(UTC)))
        .order_by(ends_at.is_not(None), ends_at.desc(), col(SanctionRow.id))
    )
    found: dict[str, Rows] = defaultdict(list)
    for key, row in await asked(lambda s: s.exec(held).all()):
        found[key].append(row)
    return [found[key] for key in keys]


@strawberry.type
class Platform:
    domain: str
    name: str | None


@strawberry.type
class Appeal:
    id: strawberry.ID
    state: str
    outcome: str | None


@strawberry.type
class Appeals:
    nodes: list[Appeal]


@strawberry.type
class Sanction:
    row: strawberry.Private[Any]
    id: strawberry.ID
    measure: str
    category: str
    validity: str
    issued_at: datetime
    effective_at: datetime
    expires_at: datetime | None

    @strawberry.field
    async def platform(self, info: Info[Any, Any]) -> Platform:
        found = await info.context["platforms"].load(self.row.platform_id)
        return Platform(domain=found.domain, name=found.name)

    @strawberry.field
    async def appeals(self, info: Info[Any, Any], first: int) -> Appeals:
        found = await info.context["appeals"].load(self.row.id)
        listed = [
            Appeal(id=strawberry.ID(row.id), state=row.state, outcome=row.outcome)
            for row in found[:first]
        ]
        return Appeals(nodes=listed)


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Sanctions:
    nodes: list[Sanction]
    page_info: PageInfo


@strawberry.type
class Status:
    is_suspended: bool
    is_permanent: bool
    until: datetime | None
    sanctions: list[Sanction]


def _sanction(row: Any) -> Sanction:
    return Sanction(
        row=row,
        id=strawberry.ID(row.id),
        measure=row.measure,
        category=row.category,
        validity=row.validity,
        issued_at=row.issued_at,
        effective_at=row.effective_at,
        expires_at=row.expires_at,
    )


def _status(rows: Sequence[Any]) -> Status:
    is_permanent = any(row.ends_at is None for row in rows)
    until = None if is_permanent or not rows else rows[0].ends_at
    return Status(
        is_suspended=bool(rows),
        is_permanent=is_permanent,
        until=until,
        sanctions=[_sanction(row) for row in rows],
    )


@strawberry.type
class Query:
    @strawberry.field
    async def suspension_status(self, info: Info[Any, Any], key: str) -> Status:
        return _status(await info.context["suspensions"].load(key))

    @strawberry.field
    async def suspension_statuses(self, info: Info[Any, Any], keys: list[str]) -> list[Status]:
        return [_status(rows) for rows in await info.context["suspensions"].load_many(keys)]

    @strawberry.field
    async def sanctions(self, measure: str, first: int) -> Sanctions:
        newest = col(SanctionRow.issued_at).desc(), col(SanctionRow.id).desc()
        held = select(SanctionRow).where(SanctionRow.measure == measure).order_by(*newest)
        rows = await asked(lambda s: s.exec(held.limit(first + 1)).all())
        kept = rows[:first]
        end = f"{kept[-1].issued_at.isoformat()}~{kept[-1].id}" if kept else None
        info = PageInfo(has_next_page=len(rows) > first, end_cursor=end)
        return Sanctions(nodes=[_sanction(row) for row in kept], page_info=info)


@strawberry.input
class SanctionInput:
    issuer_reference: str
    subject: str
    subject_key: str
    measure: str
    ground: str
    ground_reference: str
    category: str
    reason: str
    is_automated_detection: bool
    automation: str
    source: str
    conduct_from: datetime
    expires_at: datetime


def issue(session: Session, platform_id: str, given: list[SanctionInput]) -> Rows:
    now = datetime.now(UTC)
    issued, others = list[SanctionRow](), list[SQLModel]()
    for one in given:
        of_reference = select(SanctionRow).where(
            SanctionRow.platform_id == platform_id,
            SanctionRow.reference_key == one.issuer_reference,
        )
        if session.exec(of_reference).first():
            raise ValueError(f"{one.issuer_reference} was used before")
        of_subject = (
            select(SanctionRow)
            .join(SubjectKey, col(SubjectKey.sanction_id) == SanctionRow.id)
            .where(SubjectKey.key == one.subject_key, *_in_force(now))
        )
        if session.exec(of_subject).first():
            raise ValueError(f"{one.subject} is suspended already")
        issued.append(row := _issued(platform_id, one, now))
        key = SubjectKey(key=one.subject_key, sanction_id=row.id)
        others += [_disclosed(row, one), key, _event(row)]
    session.add_all(issued)
    session.flush()  # one after another they take twice as long
    session.add_all(others)
    session.commit()
    return issued


def _issued(platform_id: str, given: SanctionInput, now: datetime) -> SanctionRow:
    return SanctionRow(
        id=f"san_{uuid4().hex}",
        platform_id=platform_id,
        reference_key=given.issuer_reference,
        measure=Measure[given.measure],
        ground=Ground[given.ground],
        category=Category[given.category],
        subject_kind=SubjectKind.ACCOUNT,
        is_automated_detection=given.is_automated_detection,
        automation=Automation[given.automation],
        source=Source[given.source],
        conduct_from=given.conduct_from,
        expires_at=given.expires_at,
        issued_at=now,
        effective_at=now,
        recorded_at=now,
        starts_at=now,
        ends_at=given.expires_at,
        end_reason=EndReason.EXPIRED,
        lasts=(given.expires_at - now) // timedelta(microseconds=1),
    )


def _disclosed(row: SanctionRow, given: SanctionInput) -> Disclosure:
    return Disclosure(
        sanction_id=row.id,
        seed=secrets.token_bytes(32),
        subject=given.subject,
        issuer_reference=given.issuer_reference,
        ground_reference=given.ground_reference,
        reason=given.reason,
        lookup_keys=[given.subject_key],
    )


def _event(row: SanctionRow) -> Event:
    return Event(
        position=None,  # type: ignore[arg-type]  # from its sequence
        type=EventType.SANCTION_ISSUED,
        occurred_at=row.issued_at,
        recorded_at=row.issued_at,
        platform_id=row.platform_id,
        sanction_id=row.id,
        validity=Validity.STANDING,
        expires_at=row.expires_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        end_reason=row.end_reason,
    )


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def issue_sanctions(
        self, platform_id: strawberry.ID, sanctions: list[SanctionInput]
    ) -> list[Sanction]:
        rows = await asked(lambda session: issue(session, platform_id, sanctions))
        return [_sanction(row) for row in rows]


class Endpoint(GraphQL[Any, Any]):
    async def get_context(self, request: Any, response: Any) -> Any:
        return {
            "platforms": DataLoader(load_fn=platforms),
            "appeals": DataLoader(load_fn=appeals),
            "suspensions": DataLoader(load_fn=suspensions),
        }


def create_app() -> Endpoint:
    return Endpoint(strawberry.Schema(Query, Mutation))

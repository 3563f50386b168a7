"""A large world, written set-wise: the same rows that use cases would write."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from governance import feed, membership
from governance.appeals import Appeal
from governance.database import Database
from governance.events import Event
from governance.identifiers import SubjectKind, lookup_key
from governance.log.leaves import case_id
from governance.rules.status import timeline
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.settings import Keys
from governance.vocabulary import Category
from governance.words import (
    AppealState,
    Author,
    Automation,
    EventType,
    Ground,
    Measure,
    Outcome,
    Role,
    Source,
)

PLATFORMS = 12
BATCH = 10_000
MEASURES = (
    Measure.ACCOUNT_SUSPENDED,
    Measure.CONTENT_REMOVED,
    Measure.CONTENT_DEMOTED,
    Measure.SERVICE_RESTRICTED,
)


def subject(number: int) -> str:
    """The account that sanction `number` is about; about three sanctions an account."""
    return f"acct:user{number // 3}@p{number % PLATFORMS}.example"


def make(database: Database, keys: Keys, count: int, now: datetime) -> str:
    """Fills the database and returns a reader's token."""
    with database.writing() as session:
        ids = [
            membership.add_platform(session, f"p{n}.example", f"Platform {n}", now=now).id
            for n in range(PLATFORMS)
        ]
        membership.add_member(session, "p0.example", "bench", [Role.ISSUER], now=now)
        token = membership.create_token(session, "p0.example", "bench", now=now, lifetime=None)
    rng = random.Random(1)
    for start in range(0, count, BATCH):
        rows = list(_rows(rng, keys, ids, range(start, min(count, start + BATCH)), now))
        with database.writing() as session:
            for table in (Sanction, Disclosure, SubjectKey, Appeal, Event):
                given = [row for kind, row in rows if kind is table]
                if given:
                    session.execute(sa.insert(table), given)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    return token


def _rows(
    rng: random.Random, keys: Keys, ids: list[str], numbers: range, now: datetime
) -> Iterator[tuple[type, dict[str, Any]]]:
    secret = keys.derived("lookup")
    for number in numbers:
        issued_at = now - timedelta(days=730) * rng.random()
        measure = rng.choice(MEASURES)
        kind = SubjectKind.CONTENT if measure.startswith("CONTENT_") else SubjectKind.ACCOUNT
        sanction = feed.settle(
            Sanction(
                id=case_id(b"%d" % number),
                platform_id=rng.choice(ids),
                measure=measure,
                ground=Ground.INCOMPATIBLE_CONTENT,
                category=rng.choice(list(Category)),
                subject_kind=kind,
                issued_at=issued_at,
                effective_at=issued_at,
                expires_at=issued_at + timedelta(days=rng.choice((1, 7, 30, 90, 180))),
                is_automated_detection=True,
                automation=Automation.PARTIALLY,
                source=Source.OWN_INITIATIVE,
                recorded_at=issued_at,
                reference_key=f"{number:064x}",
            )
        )
        yield Sanction, sanction.model_dump()
        uri = subject(number)
        disclosure = Disclosure(
            sanction_id=sanction.id,
            seed=rng.randbytes(32),
            subject=uri,
            ground_reference="Rule 1",
            explanation="Repeated insults after a warning.",
            reason="You insulted others after a warning.",
            issuer_reference=str(number),
        )
        yield Disclosure, disclosure.model_dump()
        yield SubjectKey, {"key": lookup_key(secret, kind, uri), "sanction_id": sanction.id}
        if number % 20 == 0:
            yield Appeal, _appeal(rng, sanction).model_dump()
        line = timeline(sanction)
        yield (
            Event,
            {
                "position": number + 1,
                "type": EventType.SANCTION_ISSUED,
                "occurred_at": issued_at,
                "recorded_at": issued_at,
                "platform_id": sanction.platform_id,
                "sanction_id": sanction.id,
                "appeal_id": None,
                "validity": sanction.validity,
                "expires_at": sanction.expires_at,
                "starts_at": line.starts_at,
                "ends_at": line.ends_at,
                "end_reason": line.end_reason,
            },
        )


def _appeal(rng: random.Random, sanction: Sanction) -> Appeal:
    filed_at = sanction.issued_at + timedelta(days=1)
    return Appeal(
        id=sanction.id.replace("san_", "apl_"),
        sanction_id=sanction.id,
        origin_id=sanction.id,
        platform_id=sanction.platform_id,
        state=AppealState.DECIDED,
        outcome=rng.choice(list(Outcome)),
        filed_by=Author.APPELLANT,
        filed_at=filed_at,
        due_at=filed_at + timedelta(days=14),
        decided_at=filed_at + timedelta(days=5),
    )

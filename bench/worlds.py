"""A large world, written set-wise: the same rows that use cases would write, in their order."""

import gc
import random
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from governance import feed, membership, migrations
from governance.appeals import Appeal
from governance.database import KEPT, Database
from governance.events import Event
from governance.identifiers import SubjectKind, lookup_key
from governance.log.leaves import case_id
from governance.rows import insert, made
from governance.rules.policy import ERASED_AFTER
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.settings import Keys, Settings
from governance.tallying import tally
from governance.vocabulary import Category, Keyword, keyword_belongs
from governance.words import (
    AppealState,
    Author,
    Automation,
    EndReason,
    EventType,
    Ground,
    Measure,
    Outcome,
    Role,
    Source,
    Validity,
)
from tests.postgres import Server

ENGINES = ("sqlite", "postgresql")
PLATFORMS = 12
BATCH = 10_000
BYTES_OF_KEYS = 300  # a sanction, in the pages of primary keys
TABLES = (Sanction, Disclosure, SubjectKey, Appeal, Event)
MEASURES = (
    Measure.ACCOUNT_SUSPENDED,
    Measure.CONTENT_REMOVED,
    Measure.CONTENT_DEMOTED,
    Measure.SERVICE_RESTRICTED,
)
CATEGORIES, OUTCOMES = tuple(Category), tuple(Outcome)
LANGUAGES = ("en", "de", "fr", None)
KEYWORDS = {c: [k for k in Keyword if keyword_belongs(k, c)] for c in CATEGORIES}
AGE = timedelta(days=730)  # of the oldest
QUIET = timedelta(days=1)  # in which a node that serves the world has nothing to erase
ONE_SERVER_IN = 1_000
ONE_APPEAL_IN = 20
UNTIL_DECIDED = timedelta(days=6)  # from the issue; filed a day after it


def subject(number: int) -> str:
    """The account that sanction `number` is about; about three sanctions an account."""
    return f"acct:user{number // 3}@p{number % PLATFORMS}.example"


def on_each(engine: str | None, count: int) -> Iterator[tuple[str, Settings, str]]:
    """Each engine, or one, with a world: its name, a node's settings, a reader's token."""
    with TemporaryDirectory() as folder, ExitStack() as servers:
        for name in (engine,) if engine else ENGINES:
            url = f"sqlite:///{folder}/world.db"
            if name == "postgresql":
                server = servers.enter_context(Server(is_durable=True))
                url = server.url(servers.enter_context(server.lent()))
            settings = Settings(database_url=url, key_file=Path(folder) / f"{name}.key")
            yield name, settings, found(settings, count)


def found(settings: Settings, count: int) -> str:
    """Makes a node's keys and its database, fills it and returns a reader's token."""
    settings.make_keys()
    migrations.upgrade(settings.database_url)
    with closing(Database(settings.database_url, settings.sequencer())) as database:
        return make(database, settings.keys(), count, datetime.now(UTC))


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
    gc.disable()  # it would look through millions of numbers, again and again
    with _indexed_at_last(database):
        ages = [rng.random() for _ in range(count)]
        oldest_first = sorted(range(count), key=ages.__getitem__, reverse=True)
        # At once, with room for the keys: they are random, so that each batch changes all pages.
        with database.writing() as session:
            if database.dialect == "sqlite":
                room = max(KEPT, count * BYTES_OF_KEYS // 1_024)
                session.connection().exec_driver_sql(f"PRAGMA cache_size=-{room}")
            for start in range(0, count, BATCH):
                numbers = oldest_first[start : start + BATCH]
                issued = [(number, now - AGE * ages[number]) for number in numbers]
                rows = list(_rows(rng, keys, ids, issued, start, now))
                for table in TABLES:
                    given = [vars(row) for kind, row in rows if kind is table]
                    insert(session, table, given)
    gc.enable()
    tally(database, now=now)
    if database.dialect == "postgresql":  # no node on SQLite ever has statistics
        with database.engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql("VACUUM ANALYZE")
    return token


@contextmanager
def _indexed_at_last(database: Database) -> Iterator[None]:
    """Without the tables' indexes meanwhile: millions of rows take them in at once far faster."""
    found = [SQLModel.metadata.tables[str(table.__tablename__)].indexes for table in TABLES]
    indexes = set[sa.Index]().union(*found)
    writing = database.engine.execution_options(writes=True)
    with writing.begin() as connection:
        for index in indexes:
            index.drop(connection)
    yield
    with writing.begin() as connection:
        for index in indexes:
            index.create(connection)


def _rows(
    rng: random.Random,
    keys: Keys,
    ids: list[str],
    issued: list[tuple[int, datetime]],
    before: int,
    now: datetime,
) -> Iterator[tuple[type[SQLModel], SQLModel]]:
    secret = keys.derived("lookup")
    for position, (number, issued_at) in enumerate(issued, before + 1):
        is_of_server = number % ONE_SERVER_IN == ONE_SERVER_IN - 1
        measure = Measure.SERVER_SUSPENDED if is_of_server else rng.choice(MEASURES)
        kind, uri = SubjectKind.ACCOUNT, subject(number)
        if is_of_server:
            kind, uri = SubjectKind.SERVER, f"https://s{number}.example"
        elif measure.startswith("CONTENT_"):
            kind = SubjectKind.CONTENT
        category = rng.choice(CATEGORIES)
        decided_at = issued_at + UNTIL_DECIDED
        is_appealed = number % ONE_APPEAL_IN == 0 and decided_at <= now
        outcome = rng.choice(OUTCOMES) if is_appealed else None
        is_overturned = outcome is Outcome.OVERTURNED
        sanction = feed.settle(
            made(
                Sanction,
                id=case_id(b"%d" % number),
                platform_id=rng.choice(ids),
                measure=measure,
                ground=Ground.INCOMPATIBLE_CONTENT,
                category=category,
                keywords=[rng.choice(KEYWORDS[category])] if number % 10 == 0 else [],
                subject_kind=kind,
                content_language=rng.choice(LANGUAGES),
                validity=Validity.OVERTURNED if is_overturned else Validity.STANDING,
                overturned_at=decided_at if is_overturned else None,
                issued_at=issued_at,
                effective_at=issued_at,
                expires_at=issued_at + timedelta(days=rng.choice((1, 7, 30, 90, 180))),
                is_automated_detection=True,
                automation=Automation.PARTIALLY,
                source=Source.OWN_INITIATIVE,
                recorded_at=issued_at,
                reference_key=f"{number:064x}",
                first_event=position,
            )
        )
        is_over = sanction.ends_at is not None and sanction.ends_at <= now - ERASED_AFTER + QUIET
        if is_over:  # as retention leaves it
            sanction.redacted_at = now
        yield Sanction, sanction
        told = {"explanation": "Repeated insults after a warning.", "ground_reference": "Rule 1"}
        if is_over and not is_of_server:
            private: dict[str, Any] = {"subject": "", "seed": b""}
        else:
            private = {"subject": uri, "seed": rng.randbytes(32), "issuer_reference": str(number)}
            key = lookup_key(secret, kind, uri)
            private["lookup_keys"] = [key]
            yield SubjectKey, made(SubjectKey, key=key, sanction_id=sanction.id)
        if not is_over:
            private["reason"] = "You insulted others after a warning."
        yield Disclosure, made(Disclosure, sanction_id=sanction.id, **told, **private)
        if outcome is not None:
            yield Appeal, _appeal(sanction, outcome, decided_at)
        yield (
            Event,
            made(
                Event,
                position=position,
                type=EventType.SANCTION_ISSUED,
                occurred_at=issued_at,
                recorded_at=issued_at,
                platform_id=sanction.platform_id,
                sanction_id=sanction.id,
                validity=Validity.STANDING,
                expires_at=sanction.expires_at,
                starts_at=sanction.starts_at,
                ends_at=sanction.expires_at,
                end_reason=EndReason.EXPIRED,
            ),
        )


def _appeal(sanction: Sanction, outcome: Outcome, decided_at: datetime) -> Appeal:
    filed_at = sanction.issued_at + timedelta(days=1)
    return made(
        Appeal,
        id=sanction.id.replace("san_", "apl_"),
        sanction_id=sanction.id,
        origin_id=sanction.id,
        platform_id=sanction.platform_id,
        state=AppealState.DECIDED,
        outcome=outcome,
        filed_by=Author.APPELLANT,
        filed_at=filed_at,
        due_at=filed_at + timedelta(days=14),
        decided_at=decided_at,
    )

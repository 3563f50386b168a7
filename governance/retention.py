"""Retention: private disclosures are erased a year after the end, by itself and in batches.

Each batch is one transaction, so a run can be interrupted anywhere and the next goes on.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from time import sleep

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance.appealing import standing_in_place
from governance.database import Database
from governance.erasing import Scope, forget, redact, under_appeal
from governance.errors import Forbidden
from governance.peers import followed_platforms
from governance.rules.policy import ERASED_AFTER
from governance.rules.status import effect
from governance.sanctions import Sanction
from governance.words import Effect, Validity

# Milliseconds in which readers may leave SQLite's write-ahead log, as writers wait meanwhile; how
# often that is tried, and seconds between.
PATIENCE, TRIES, PAUSE = 80, 5, 0.2
BATCH = 50  # who writes meanwhile waits for one: less than a tenth of a second
Clock = Callable[[], datetime]
Progress = Callable[[int, int], None]

# Where erased texts were kept: what PostgreSQL has to write anew to lose them for good.
REWRITTEN = (
    *("disclosures", "subject_keys", "appeal_messages", "notes", "secret_uses", "receipts"),
    "sanctions",
)
# PostgreSQL's statistics quote values. Of a table that became empty nothing gathers new ones, but
# a column's are dropped with its type, even for the same.
EMPTIED = sa.text("""
SELECT format('ALTER TABLE %I ALTER %I TYPE %s', relname, a.attname,
    format_type(atttypid, atttypmod))
FROM pg_stats s JOIN pg_class c ON c.oid = format('%I.%I', schemaname, tablename)::regclass
JOIN pg_attribute a ON attrelid = c.oid AND a.attname = s.attname
WHERE schemaname = current_schema() AND relname = ANY(:tables) AND reltuples = 0
""")
# Of those tables, and of the database: whether they are this user's, and whose the tables are.
OWNERS = sa.text("""
SELECT bool_and(pg_has_role(relowner, 'USAGE')), min(pg_get_userbyid(relowner)),
    (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database())
FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:tables)
""")


@dataclass(slots=True)
class Retained:
    """What a run did; counts of sanctions."""

    erased: int = 0
    waiting: int = 0  # for an appeal under way, or one that is still possible
    is_settled: bool = True  # whether nothing that was erased is left where it was to leave


def run(
    db: Database, *, clock: Clock, progress: Progress | None = None, rewrite: bool = False
) -> Retained:
    """Erases what is due at the run's beginning. With `rewrite`, PostgreSQL's tables are written
    anew, which locks each while it lasts; SQLite overwrites what it deletes at once. Forbidden,
    before anything is done, to who may not write them anew."""
    if rewrite and db.dialect == "postgresql":
        with db.reading() as session:
            _owned(session.connection())
    done = Retained()
    with db.reading() as session:
        due = list(session.scalars(due_by(clock())))
    for start in range(0, len(due), BATCH):
        with db.writing() as session:
            held = col(Sanction.id).in_(due[start : start + BATCH]), _is_held()
            _erase(session, list(session.exec(select(Sanction).where(*held))), done, clock())
        if progress is not None:
            progress(min(start + BATCH, len(due)), len(due))
    done.is_settled = settle(db, rewrite=rewrite)
    return done


def settle(db: Database, *, rewrite: bool = False) -> bool:
    """Takes what was erased, by whomever, out of the files: SQLite's write-ahead log is emptied,
    PostgreSQL's tables and its statistics of them are written anew if asked for. False while others
    need that log, and for who may not write the statistics anew."""
    if db.dialect == "sqlite":
        with closing(sqlite3.connect(str(db.engine.url.database))) as connection:
            connection.execute(f"PRAGMA busy_timeout={PATIENCE}").close()
            for _ in range(TRIES):
                is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not is_busy:
                    return True
                sleep(PAUSE)
            return False
    return not rewrite or _write_anew(db)


def _write_anew(db: Database) -> bool:
    with db.engine.connect() as session:
        alone = session.execution_options(isolation_level="AUTOCOMMIT")
        owns_tables, owns_database = _owned(alone)
        for table in REWRITTEN:
            alone.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table}")
        quoting = alone.scalars(EMPTIED, {"tables": [*REWRITTEN]}).all()
        for forget_values in quoting if owns_tables else ():
            alone.exec_driver_sql(forget_values)
        alone.exec_driver_sql("VACUUM FULL pg_statistic")  # its owner's alone; else a warning
        return owns_database and (owns_tables or not quoting)


def _owned(connection: sa.Connection) -> tuple[bool, bool]:
    """Whether the tables to be written anew are this user's, and whether the database is.
    Forbidden where neither is: PostgreSQL would pass over each table with a warning."""
    owns_tables, owner, owns_database = connection.execute(OWNERS, {"tables": [*REWRITTEN]}).one()
    if not owns_tables and not owns_database:
        told = f"expected {owner}, whose the tables are, or the database's owner"
        raise Forbidden(f"{told}: PostgreSQL writes them anew for nobody else")
    return owns_tables, owns_database


def _erase(session: Session, due: list[Sanction], done: Retained, now: datetime) -> None:
    appealed = under_appeal(session, [sanction.id for sanction in due], now)
    waiting = {*appealed, *(s.id for s in due if _is_replaced_by_what_holds(session, s, now))}
    ready = [sanction for sanction in due if sanction.id not in waiting]
    followed = set(session.scalars(followed_platforms()))
    own = [sanction for sanction in ready if sanction.platform_id not in followed]
    redact(session, [s for s in own if s.erasure_asked_at is not None], now=now)
    redact(session, [s for s in own if s.erasure_asked_at is None], Scope.PRIVATE, now=now)
    # Their own nodes log it; here it goes even if no news comes any longer.
    copies = [sanction for sanction in ready if sanction.platform_id in followed]
    forget(session, copies, Scope.PRIVATE, now=now)
    done.erased += len(ready)
    done.waiting += len(waiting)


def _is_replaced_by_what_holds(session: Session, sanction: Sanction, now: datetime) -> bool:
    """Whether the person may still appeal, with the secret of this one, against what took its
    place."""
    if sanction.validity is not Validity.SUPERSEDED or sanction.erasure_asked_at is not None:
        return False
    standing = standing_in_place(session, sanction)
    if standing is None:
        return False
    return effect((standing.starts_at, standing.ends_at), now) is not Effect.ENDED


def due_by(now: datetime) -> sa.CompoundSelect[tuple[str]]:
    """The ids of sanctions whose private disclosures are to go: of those that ended long ago, of
    records of outside decisions without an end, which ended as they were recorded, and of those
    that it was asked for."""
    until = now - ERASED_AFTER
    is_endless = col(Sanction.ends_at).is_(None), sa.not_(col(Sanction.is_binding))
    parts = (
        [col(Sanction.ends_at) <= until],
        [*is_endless, col(Sanction.recorded_at) <= until],
        [col(Sanction.erasure_asked_at).is_not(None)],
    )
    return sa.union(*(sa.select(col(Sanction.id)).where(*part, _is_held()) for part in parts))


def _is_held() -> sa.ColumnElement[bool]:
    return col(Sanction.redacted_at).is_(None)

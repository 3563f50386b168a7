"""The engine, and one function = one transaction.

Writers take turns on both engines: SQLite by BEGIN IMMEDIATE, PostgreSQL by one advisory lock
held to the commit. So feed order is commit order, and a check made in a transaction still holds
when it commits.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.pool import QueuePool
from sqlmodel import Session

_WRITERS = 0x636F6D697479  # "comity": the advisory lock's number

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA busy_timeout=30000",
)


def sync_url(text: str) -> URL:
    """The URL with the driver that writers, migrations and imports use."""
    url = make_url(text)
    return url if url.get_backend_name() == "sqlite" else url.set(drivername="postgresql+psycopg")


class Database:
    """A database that this node owns. Open one a process; close it at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(sync_url(url))
        self.dialect = self.engine.dialect.name

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction, alone among writers; commits at the end, rolls back on an error."""
        with Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options={"writes": True})
            if self.dialect == "postgresql":
                session.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS)))
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view; nothing is kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            if self.dialect == "postgresql":
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    def close(self) -> None:
        self.engine.dispose()


def _engine(url: URL) -> Engine:
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_pre_ping=url.get_backend_name() == "postgresql",
        json_serializer=_compact_json,
    )
    if url.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        sa.event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in SQLITE_PRAGMAS:
        connection.execute(pragma).close()


def _prepare_postgresql(connection: Any, _record: object) -> None:
    # Elsewhere an instant late in year 9999, or early in year 1, couldn't be read back.
    connection.autocommit = True
    connection.execute("SET TIME ZONE 'UTC'").close()
    connection.autocommit = False


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _compact_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

"""The engine, and one function = one transaction.

Writers take turns on both engines: SQLite by BEGIN IMMEDIATE, PostgreSQL by one advisory lock
held to the commit. So feed order is commit order, and a check made in a transaction still holds
when it commits.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.pool import NullPool, QueuePool
from sqlmodel import Session

from governance.errors import Busy
from governance.log.sequencing import LEDGER, Ledger, Sequencer

_WRITERS = 0x636F6D697479  # "comity": the advisory lock's number
COMMITS = "comity_commits"  # the channel on which PostgreSQL tells of commits (NOTIFY)
LONGEST_WAIT = 30.0  # seconds that a writer waits for its turn

# How long to wait for a server that doesn't answer: to connect in seconds, then in milliseconds.
SILENCE = {"connect_timeout": 10, "tcp_user_timeout": 30_000}

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    # Pages of the write-ahead log (32 MiB): ids are random, so that a batch changes thousands, and
    # taking them into the file one batch at a time would write most of them again and again.
    "PRAGMA wal_autocheckpoint=8000",
)
# KiB of pages that a connection keeps. Whoever writes keeps what it changed, or a batch would write
# pages to the log that it changes again.
KEPT, KEPT_BY_READERS = 65_536, 2_000


def sync_url(text: str) -> URL:
    """The URL with the driver that writers, migrations and imports use."""
    url = make_url(text)
    return url if url.get_backend_name() == "sqlite" else url.set(drivername="postgresql+psycopg")


class Database:
    """A database that this node owns. Open one a process; close it at the end."""

    def __init__(
        self,
        url: str,
        log: Sequencer | None = None,
        *,
        longest_wait: float = LONGEST_WAIT,
        keeps_connections: bool = True,
    ) -> None:
        self.url, self.log = url, log
        self.engine = _engine(sync_url(url), longest_wait, keeps_connections)
        # Whoever listens is told by the commit, and only by it.
        self._turn = (
            f"SET LOCAL lock_timeout = '{longest_wait * 1_000:.0f}ms'; "
            f"SELECT pg_advisory_xact_lock({_WRITERS}), pg_notify('{COMMITS}', ''); "
            "SET LOCAL lock_timeout = 0"
        )
        self.dialect = self.engine.dialect.name
        self._gate, self._longest_wait = Lock(), longest_wait
        self._calm = Event()
        self._calm.set()

    @contextmanager
    def writing(self, log: Sequencer | None = None) -> Iterator[Session]:
        """One transaction, alone among writers; commits at the end, rolls back on an error.

        What it decides is logged and signed with it, by the log that the database was opened with
        unless another is given.
        Busy if others keep the turn for longer than `longest_wait`; on SQLite that is counted for
        others of this process, and then for other processes.
        """
        log, tree = log or self.log, None
        with self._alone_here(), Session(self.engine, expire_on_commit=False) as session:
            self._take_turn(session)
            with self._undisturbed():
                if log is None:
                    yield session
                else:
                    ledger = session.info[LEDGER] = Ledger(session, log)
                    try:
                        yield session
                    finally:  # or each keeps the other, and all that is logged, for the collector
                        del session.info[LEDGER]
                    if not session.in_transaction():
                        return  # rolled back, as dry runs are
                    tree = ledger.close()
            session.commit()
        if log is not None and tree is not None:  # others may take their turn meanwhile
            log.guard.advance(tree)

    def give_way(self) -> None:
        """Waits while another thread works in SQLite's turn: that leaves the interpreter with each
        row it writes, and who computes meanwhile lets it in again 0.2 ms later."""
        self._calm.wait(self._longest_wait)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        if self.dialect == "sqlite":
            self._calm.clear()
        try:
            yield
        finally:
            self._calm.set()

    @contextmanager
    def _alone_here(self) -> Iterator[None]:
        """SQLite has writers look again and again whether it is their turn; those of one process
        wait here instead, so that none looks in vain while others come after it and go before."""
        if self.dialect != "sqlite":
            yield
        elif self._gate.acquire(timeout=self._longest_wait):
            try:
                yield
            finally:
                self._gate.release()
        else:
            raise Busy("others kept the writers' turn")

    def _take_turn(self, session: Session) -> None:
        try:
            session.connection(execution_options={"writes": True})
            if self.dialect == "postgresql":
                session.connection().exec_driver_sql(self._turn)
        except NoneFree:
            raise Busy("no connection was free to write by") from None
        except OperationalError as error:
            if _is_waiting(error):
                raise Busy("others kept the writers' turn") from None
            raise

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view; nothing is kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            if self.dialect == "postgresql":
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    def close(self) -> None:
        self.engine.dispose()


def _is_waiting(error: OperationalError) -> bool:
    """Whether a lock was waited for in vain."""
    return (
        getattr(error.orig, "sqlite_errorname", "") == "SQLITE_BUSY"
        or getattr(error.orig, "sqlstate", "") == "55P03"
    )


def _engine(url: URL, longest_wait: float, keeps_connections: bool) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    pooled: dict[str, Any] = {"poolclass": NullPool}
    if keeps_connections:
        pooled = {"poolclass": QueuePool, "pool_timeout": longest_wait, "pool_use_lifo": is_sqlite}
    engine = sa.create_engine(
        url,
        connect_args={} if is_sqlite else SILENCE,
        **pooled,
        pool_pre_ping=not is_sqlite,
        json_serializer=_compact_json,
    )
    if is_sqlite:
        milliseconds = round(longest_wait * 1_000)
        pragmas = (*SQLITE_PRAGMAS, f"PRAGMA busy_timeout={milliseconds}")
        sa.event.listen(engine, "connect", partial(_prepare_sqlite, pragmas))
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        sa.event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_sqlite(pragmas: Iterable[str], connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in pragmas:
        connection.execute(pragma).close()


def _prepare_postgresql(connection: Any, _record: object) -> None:
    # Elsewhere an instant late in year 9999, or early in year 1, couldn't be read back.
    connection.autocommit = True
    connection.execute("SET TIME ZONE 'UTC'").close()
    connection.autocommit = False


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA cache_size=-{KEPT if writes else KEPT_BY_READERS}").close()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _compact_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

"""Runs compiled reads, on SQLite in this process."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy.engine import make_url

from api.courtesy import READING, patient
from api.reads.dialects import DIALECTS, Dialect


class TooLong(Exception):
    """The statement took longer than is allowed; it was stopped."""


Values = Sequence[Any]


# Steps of SQLite's machine between two looks at the clock: a sixth of a millisecond on the loop. In
# a thread a hundred times as many, since a look there takes the interpreter from the loop.
STEPS, STEPS_IN_THREAD = 5_000, 500_000
ON_LOOP = 0.001  # seconds that a read may keep others waiting
PREPARED = 128  # statements that a connection to SQLite keeps
# Characters of a statement that is kept anywhere: SQLite takes eight bytes for each, and whoever
# sends new documents for ever would have every connection fill up with them.
LONGEST_KEPT = 16_000
CACHE = 16_384  # KiB of pages a connection; pages of lists don't fit into SQLite's own 2 MiB


class TooDeep(Exception):
    """The statement nests deeper than this SQLite's parser can read (before 3.46: 100 symbols)."""


# What SQLite says of a statement beyond its limits.
_LIMITS = ("parser stack overflow", "Expression tree is too large")


class Store(Protocol):
    """Where reads go. `statements` counts them, for tests and metrics."""

    dialect: Dialect
    statements: int
    answers_at_once: bool  # what it may, without waiting for anything

    async def one(
        self, sql: str, values: Values, *, is_point: bool, is_lookup: bool = False
    ) -> Any: ...
    def at_once(self, sql: str, values: Values) -> Any: ...
    async def check(self, sql: str, values: Values) -> None: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...


class SQLiteStore:
    """Reads of a few rows run on the loop, since a thread costs as much as they do; others, and
    those that turn out to take longer than they may there, in threads."""

    answers_at_once = True

    def __init__(self, url: str, connections: int, seconds: float) -> None:
        self._seconds = seconds
        self.dialect = DIALECTS["sqlite"]
        self.statements = 0
        self._path = str(make_url(url).database)
        self._threads = patient(connections, "reads", READING)
        self._local = threading.local()
        self._opened: list[_Timed] = []
        self._here: _Timed | None = None  # the loop's own
        self._late = ""  # the statement that was stopped there last

    async def open(self) -> None:
        """Connections are opened as threads need them."""

    async def one(
        self, sql: str, values: Values, *, is_point: bool, is_lookup: bool = False
    ) -> Any:
        if is_point and len(sql) <= LONGEST_KEPT and sql is not self._late:
            with contextlib.suppress(TooLong):
                return self.at_once(sql, values)
        else:
            self.statements += 1
        self._late = ""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._one, sql, values, self._seconds)

    def at_once(self, sql: str, values: Values) -> Any:
        """What a read of a few rows finds, here on the loop; TooLong where others have waited for
        it long enough, and it is asked in a thread next."""
        self.statements += 1
        here = self._here = self._here or self._opened_anew(STEPS)
        try:
            return here.one(sql, values, ON_LOOP)
        except TooLong:
            self._late = sql
            raise

    def _one(self, sql: str, values: Values, seconds: float) -> Any:
        if len(sql) <= LONGEST_KEPT:
            return self._connection().one(sql, values, seconds)
        with contextlib.closing(_Timed(self._path, 0, STEPS_IN_THREAD)) as unkept:
            return unkept.one(sql, values, seconds)

    async def check(self, sql: str, values: Values) -> None:
        """Has SQLite read the statement without running it; TooDeep where it can't."""
        self._one(f"EXPLAIN {sql}", values, self._seconds)

    def _connection(self) -> "_Timed":
        held: _Timed | None = getattr(self._local, "connection", None)
        if held is None:
            held = self._local.connection = self._opened_anew(STEPS_IN_THREAD)
        return held

    def _opened_anew(self, steps: int) -> "_Timed":
        self._opened.append(made := _Timed(self._path, PREPARED, steps))
        return made

    async def close(self) -> None:
        self._threads.shutdown()
        for connection in self._opened:
            connection.close()


class _Timed:
    """A connection to SQLite that reads, each time for so long at most."""

    def __init__(self, path: str, kept: int, steps: int) -> None:
        self._deadline = 0.0
        self._connection = made = sqlite3.connect(
            path, isolation_level=None, cached_statements=kept, check_same_thread=False
        )
        made.execute("PRAGMA busy_timeout=30000")
        made.execute("PRAGMA query_only=ON")
        made.execute(f"PRAGMA cache_size=-{CACHE}")
        made.set_progress_handler(self._is_late, steps)

    def one(self, sql: str, values: Values, seconds: float) -> Any:
        """The first column of the first row; TooLong, TooDeep."""
        self._deadline = time.monotonic() + seconds
        try:
            row = self._connection.execute(sql, values).fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname == "SQLITE_INTERRUPT":
                raise TooLong from None
            if str(error).startswith(_LIMITS):
                raise TooDeep from None
            raise
        return None if row is None else row[0]

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def close(self) -> None:
        self._connection.close()


def store(url: str, connections: int, seconds: float = 10) -> Store:
    """The store of a database URL; a statement may take so many seconds."""
    if make_url(url).get_backend_name() == "sqlite":
        return SQLiteStore(url, connections, seconds)
    from api.reads.pools import PostgreSQLStore  # and its driver, which SQLite needs not

    return PostgreSQLStore(url, connections, seconds)

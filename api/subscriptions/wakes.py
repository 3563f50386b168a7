"""What tells that something was committed, by whichever process. It may tell too often, and it
may miss something: whoever waits looks for itself, and now and then without being told."""

import asyncio
import contextlib
import sqlite3
from typing import Any, Protocol

import asyncpg
from sqlalchemy.engine import make_url

from governance.database import COMMITS

GLANCE = 0.01  # seconds between two looks at SQLite's number of commits
PATIENCE = 5.0  # seconds for PostgreSQL to answer
PARTING = 1.0  # seconds for it to say goodbye


class Wakes(Protocol):
    """Something that is told of commits."""

    async def wait(self, seconds: float) -> None:
        """Returns after a commit, or after so many seconds; soon, if there was one since."""

    async def close(self) -> None: ...


class Glances:
    """SQLite tells nobody, but a connection can ask for a number that changes whenever another
    one commits (PRAGMA data_version), which takes some microseconds."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._seen = 0

    async def wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await asyncio.sleep(GLANCE)
            if self._is_other():
                return

    def _is_other(self) -> bool:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            [seen] = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError:
            return False  # there is no more to know than with the next look
        self._seen, before = seen, self._seen
        return bool(seen != before)

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class Notices:
    """PostgreSQL tells whoever listens, once the commit can be seen (LISTEN, NOTIFY)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._told = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        if self._connection is None or self._connection.is_closed():
            with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError):
                await self._listen()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._told.wait()
        self._told.clear()

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=PATIENCE, command_timeout=PATIENCE)
        connection.add_termination_listener(self._tell)
        try:
            await connection.add_listener(COMMITS, self._tell)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection
        self._told.set()  # of what was committed meanwhile

    def _tell(self, *_: Any) -> None:
        self._told.set()

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.remove_termination_listener(self._tell)
            await self._connection.close(timeout=PARTING)


def wakes(url: str) -> Wakes:
    """What tells of commits to the database of a URL."""
    found = make_url(url)
    if found.get_backend_name() == "sqlite":
        return Glances(str(found.database))
    return Notices(found.set(drivername="postgresql").render_as_string(hide_password=False))

"""What tells that something was committed, by whichever process. It may tell too often, and it
may miss something: whoever waits looks for itself, and now and then without being told."""

import asyncio
import sqlite3
from typing import Protocol

from sqlalchemy.engine import make_url

GLANCE = 0.01  # seconds between two looks at SQLite's number of commits


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


def wakes(url: str) -> Wakes:
    """What tells of commits to the database of a URL."""
    found = make_url(url)
    if found.get_backend_name() == "sqlite":
        return Glances(str(found.database))
    from api.subscriptions.listening import Listening  # and the driver, which SQLite needs not

    return Listening(found.set(drivername="postgresql").render_as_string(hide_password=False))

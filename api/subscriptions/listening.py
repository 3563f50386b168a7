"""What PostgreSQL tells of commits."""

import asyncio
import contextlib
from typing import Any

import asyncpg

from governance.database import COMMITS

PATIENCE = 5.0  # seconds for PostgreSQL to answer
PARTING = 1.0  # seconds for it to say goodbye


class Listening:
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

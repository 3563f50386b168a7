"""What questions touch in a database, which nothing else that runs can change: pages of PostgreSQL,
or steps of the machine that SQLite runs statements on."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from itertools import count
from statistics import median
from typing import Any

import asyncpg
import orjson

from api.asking import Request
from api.execution import Executor
from api.observing.statements import Watched
from api.reads.pools import SETTINGS
from api.reads.stores import Values, store
from governance.database import Database
from governance.membership import authenticate
from governance.settings import Settings

Count = Callable[[str, Values], Awaitable[int]]


class Asked(Watched):
    """A store that remembers what it was asked."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(store(settings.database_url, 1, settings.statement_seconds))
        self.asked: list[tuple[str, Values]] = []

    async def one(self, sql: str, values: Values, **how: bool) -> Any:
        self.asked.append((sql, values))
        return await super().one(sql, values, **how)


async def touched(settings: Settings, token: str, bodies: Iterable[bytes]) -> float:
    """The median of some questions."""
    with closing(Database(settings.database_url)) as database:
        with database.reading() as session:
            actor = authenticate(session, token, now=datetime.now(UTC))
        reads = Asked(settings)
        await reads.open()
        executor = Executor(settings, database, reads, settings.keys())
        for body in map(orjson.loads, bodies):
            await executor.answer(Request(body["query"], body["variables"], None, actor))
        await reads.close()
    counting = _steps if settings.database_url.startswith("sqlite") else _pages
    async with counting(settings.database_url) as counted:
        return median([await counted(sql, values) for sql, values in reads.asked])


@asynccontextmanager
async def _steps(url: str) -> AsyncIterator[Count]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:

        async def counted(sql: str, values: Values) -> int:
            steps = count()
            connection.set_progress_handler(lambda: next(steps) < 0, 1)
            connection.execute(sql, values).fetchall()
            return next(steps)

        yield counted


@asynccontextmanager
async def _pages(url: str) -> AsyncIterator[Count]:
    connection = await asyncpg.connect(url, server_settings=SETTINGS)

    async def counted(sql: str, values: Values) -> int:
        explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}"
        [found] = orjson.loads(await connection.fetchval(explained, *values))
        return int(found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"])

    yield counted
    await connection.close()

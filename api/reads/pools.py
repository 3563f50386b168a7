"""Runs compiled reads on PostgreSQL, over asyncpg."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy.engine import make_url

from api.reads.dialects import DIALECTS
from api.reads.points import Points, Unshared, shared
from api.reads.stores import LONGEST_KEPT, TooLong, Values

KEPT = 1_000  # statements for many values
SETTINGS = {
    "default_transaction_read_only": "on",
    "jit": "off",
    "random_page_cost": "1.1",  # of a disk without a head to move, or of memory
}


# What a connection tells whose server is gone, and while it is about to learn that.
_LEFT = asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError
_LEFT_MEANWHILE = asyncpg.InterfaceError, asyncpg.InternalClientError  # their heirs are bugs


_AT_ONCE = 0.5  # seconds; what was told later may have been ended on purpose, having begun to run


async def _as_it_is(_: object) -> None:
    """A connection that reads has nothing to be reset: it would be one more round trip."""


Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


class PostgreSQLStore:
    """Connections whose statements stay prepared. They are handed on from one statement to the next
    beside the pool that they came from, as giving them back takes as long as a statement."""

    answers_at_once = False

    def __init__(self, url: str, connections: int, seconds: float) -> None:
        self._timeout = f"{seconds * 1_000:.0f}ms"
        self._patience = seconds + 1  # the server stops a statement first, if it is well
        self.dialect = DIALECTS["postgresql"]
        self.statements = 0
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connections = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._idle: list[Connection] = []
        self._held = 0  # connections, idle ones too
        self._acquiring = set[asyncio.Future[Connection]]()
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._points = Points(self._alone, self._together)
        self._shared: dict[str, str] = {}  # a statement for many values, by that for one

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=1,
            max_size=self._connections,
            timeout=self._patience,
            command_timeout=self._patience,
            reset=_as_it_is,
            server_settings=SETTINGS | {"statement_timeout": self._timeout},
        )

    async def one(
        self, sql: str, values: Values, *, is_point: bool, is_lookup: bool = False
    ) -> Any:
        if is_lookup and len(sql) <= LONGEST_KEPT:
            return await self._points.ask(sql, values)
        return await self._alone(sql, values)

    def at_once(self, sql: str, values: Values) -> Any:
        """Nothing: what a server finds is waited for."""
        raise TooLong

    async def _alone(self, sql: str, values: Values) -> Any:
        self.statements += 1
        lost, begun = 0, time.monotonic()
        while True:
            connection = await self._free()
            try:
                found = await connection.fetchval(sql, *values)
            except BaseException as error:
                lost = await self._failed(connection, error, lost, begun)
            else:
                self._hand_on(connection)
                return found

    async def _together(self, sql: str, asked: Sequence[Values]) -> Sequence[Any]:
        """What a statement finds for each of many values."""
        lost, begun = 0, time.monotonic()
        while True:
            connection = await self._free()
            try:
                rows = await self._rows(connection, sql, asked)
            except BaseException as error:
                lost = await self._failed(connection, error, lost, begun)
            else:
                self._hand_on(connection)
                return [row[0] for row in rows]

    async def _rows(
        self, connection: Connection, sql: str, asked: Sequence[Values]
    ) -> Sequence[asyncpg.Record]:
        text = self._shared.get(sql)
        if text is None:
            kinds = (await connection.prepare(sql)).get_parameters()
            if len(self._shared) == KEPT:
                self._shared.clear()
            text = self._shared[sql] = shared(sql, kinds)
        if not text:
            raise Unshared
        self.statements += 1
        return await connection.fetch(text, *map(list, zip(*asked, strict=True)))

    async def _free(self) -> Connection:
        """A connection that nobody else uses; TimeoutError where none comes free in time."""
        while True:
            if self._idle:
                connection = self._idle.pop()
            elif self._held < self._connections:
                return await self._acquired()
            elif (handed := await self._next()) is not None:
                connection = handed
            else:
                continue
            with contextlib.suppress(asyncpg.InterfaceError):  # it is the pool's again
                if not connection.is_closed():
                    return connection
            await self._give_back(connection)

    async def _acquired(self) -> Connection:
        """A connection to come. Who leaves meanwhile leaves it to others: what is broken off while
        it is made, asyncpg tells the loop as a failure of nobody's."""
        assert self._pool is not None, "open() comes first"
        self._held += 1
        acquiring = asyncio.ensure_future(self._pool.acquire(timeout=self._patience))
        self._acquiring.add(acquiring)
        acquiring.add_done_callback(self._acquiring.discard)
        try:
            return await asyncio.shield(acquiring)
        except BaseException:
            acquiring.add_done_callback(self._hand_on_acquired)
            raise

    def _hand_on_acquired(self, acquiring: "asyncio.Future[Connection]") -> None:
        if acquiring.cancelled() or acquiring.exception():
            self._held -= 1
            self._hand_on(None)
        else:
            self._hand_on(acquiring.result())

    async def _next(self) -> "Connection | None":
        """What somebody hands on: a connection, or leave to acquire another."""
        waiting: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(self._patience):
                return await waiting
        except BaseException:
            if waiting.done() and not waiting.cancelled():
                self._hand_on(waiting.result())
            raise

    def _hand_on(self, connection: "Connection | None") -> None:
        """A connection that is well: to who waits longest, or to be idle."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return
        if connection is not None:
            self._idle.append(connection)

    async def _failed(
        self, connection: Connection, error: BaseException, lost: int, begun: float
    ) -> int:
        """Gives up a connection whose statement failed, and raises why: TooLong where it was
        stopped. But a connection that the server had left before may have been idle for long, and
        who reads may ask another one: then how many were `lost` by now."""
        await self._give_back(connection)
        if isinstance(error, asyncpg.QueryCanceledError):
            raise TooLong from None
        was_left = isinstance(error, _LEFT) or type(error) in _LEFT_MEANWHILE
        if was_left and lost < self._connections and time.monotonic() - begun < _AT_ONCE:
            return lost + 1
        raise error

    async def _give_back(self, connection: Connection) -> None:
        """To the pool, which makes it well again, or another."""
        assert self._pool is not None
        try:
            await self._pool.release(connection)
        finally:
            self._held -= 1
            self._hand_on(None)

    async def check(self, sql: str, values: Values) -> None:
        """PostgreSQL reads whatever the limits of documents let through."""

    async def close(self) -> None:
        """Closes the connections as they come free; what runs too long is broken off."""
        if self._pool is None:
            return
        try:
            while self._held:
                connection = self._idle.pop() if self._idle else await self._next()
                if connection is not None:
                    await self._give_back(connection)
            await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

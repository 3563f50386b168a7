"""Where reads run: the shortest of SQLite's on the loop, which nothing keeps for long;
PostgreSQL's on connections that are handed on and never lost."""

import asyncio
import contextlib
import gc
import os
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from api.courtesy import PLANNING, READING, patient
from api.reads.pools import PostgreSQLStore
from api.reads.stores import SQLiteStore, TooLong

KILL = """select count(pg_terminate_backend(pid)) from pg_stat_activity
where pid <> pg_backend_pid() and datname = current_database()"""
COUNT = """with recursive n(i) as (select 1 union all select i + 1 from n where i < ?1)
select max(i) from n"""


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[SQLiteStore]:
    """Yield a store that waits for half a second."""
    store = SQLiteStore(sqlite_url, 2, 0.5)
    yield store
    await store.close()


def threads() -> int:
    return sum(thread.name.startswith("reads") for thread in threading.enumerate())


async def test_a_short_read_needs_no_thread(store: SQLiteStore) -> None:
    assert await store.one(COUNT, [1], is_point=True) == 1
    assert threads() == 0


async def test_a_read_that_takes_longer_moves_to_a_thread(store: SQLiteStore) -> None:
    assert await store.one(COUNT, [100_000], is_point=True) == 100_000
    assert (threads(), store.statements) == (1, 1)


async def test_what_may_have_no_priority_reads_all_the_same(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refused)
    assert await store.one(COUNT, [100_000], is_point=True) == 100_000


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
async def test_what_reads_for_long_runs_after_the_loop(store: SQLiteStore) -> None:
    await store.one(COUNT, [100_000], is_point=True)
    [reading] = [one for one in threading.enumerate() if one.name.startswith("reads")]
    assert reading.native_id is not None
    of_loop, of_reading = (os.getpriority(os.PRIO_PROCESS, one) for one in (0, reading.native_id))
    assert of_loop < of_reading


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_who_makes_plans_goes_before_who_reads() -> None:
    def own() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    found = [own()]
    for nice in (PLANNING, READING):
        with patient(1, "patient", nice) as threads:
            found.append(threads.submit(own).result())
    assert found == sorted(set(found))


async def test_a_read_in_a_thread_seldom_needs_the_interpreter(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def look(_: object) -> bool:
        nonlocal looks
        looks += 1
        return False

    monkeypatch.setattr("api.reads.stores._Timed._is_late", look)
    await store.one(COUNT, [50_000], is_point=False)  # of a dozen steps each
    assert looks < 5


async def test_a_read_beyond_the_limit_is_stopped_wherever_it_began(store: SQLiteStore) -> None:
    for is_point in (True, False):
        with pytest.raises(TooLong):
            await store.one(COUNT, [1_000_000_000], is_point=is_point)


@pytest.fixture
async def narrow(postgresql_url: str) -> AsyncIterator[PostgreSQLStore]:
    """Yield a store of two connections, whose statements may take two seconds."""
    store = PostgreSQLStore(postgresql_url, 2, 2)
    await store.open()
    yield store
    await store.close()


async def ask(store: PostgreSQLStore, sql: str, *values: object) -> object:
    return await store.one(sql, values, is_point=False)


async def test_more_askers_than_connections_are_all_answered(narrow: PostgreSQLStore) -> None:
    asked = [ask(narrow, "SELECT $1::int FROM pg_sleep(0.001)", n) for n in range(60)]
    assert await asyncio.gather(*asked) == list(range(60))


async def test_a_connection_is_not_lost_with_who_waits_for_it(narrow: PostgreSQLStore) -> None:
    for _ in range(3):
        tasks = [asyncio.create_task(ask(narrow, "SELECT 1 FROM pg_sleep(0.2)")) for _ in range(8)]
        await asyncio.sleep(0.05)
        for task in tasks[::2]:  # of those that run, and of those that wait
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [one for one in found if one == 1] == [1] * 4
    assert await asyncio.gather(*[ask(narrow, "SELECT 2")] * 2) == [2, 2]


async def test_who_leaves_while_a_connection_is_made_leaves_it_to_others(
    postgresql_url: str,
) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    for steps in range(40):  # of the loop, into making a connection
        store = PostgreSQLStore(postgresql_url, 2, 2)
        await store.open()
        running = asyncio.create_task(ask(store, "SELECT 1 FROM pg_sleep(0.01)"))
        leaving = asyncio.create_task(ask(store, "SELECT 2"))
        for _ in range(steps):
            await asyncio.sleep(0)
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            assert await leaving == 2
        assert await asyncio.gather(*(ask(store, "SELECT 3") for _ in range(3))) == [3] * 3
        await asyncio.wait_for(store.close(), 20)
        assert await running == 1
    gc.collect()
    assert not told


async def test_connections_that_broke_are_replaced(
    narrow: PostgreSQLStore, postgresql_url: str
) -> None:
    await asyncio.gather(*(ask(narrow, "SELECT 1 FROM pg_sleep(0.1)") for _ in range(2)))
    running = [asyncio.create_task(ask(narrow, "SELECT 1 FROM pg_sleep(2)")) for _ in range(2)]
    waiting = [asyncio.create_task(ask(narrow, "SELECT 2")) for _ in range(4)]
    await asyncio.sleep(0.1)
    killing = PostgreSQLStore(postgresql_url, 1, 2)
    await killing.open()
    await ask(killing, KILL)
    await killing.close()
    found = await asyncio.gather(*running, return_exceptions=True)
    assert all(isinstance(one, Exception) for one in found)
    assert await asyncio.gather(*waiting) == [2] * 4
    assert await asyncio.gather(*(ask(narrow, "SELECT 3") for _ in range(6))) == [3] * 6


async def test_a_read_is_asked_again_where_the_server_had_left(
    narrow: PostgreSQLStore, postgresql_url: str
) -> None:
    """Nobody has heard of it when the next read comes, as nothing else runs meanwhile."""
    for _ in range(5):
        await asyncio.gather(*(ask(narrow, "SELECT 1 FROM pg_sleep(0.05)") for _ in range(2)))
        with psycopg.connect(postgresql_url, autocommit=True) as killing:
            killing.execute(KILL)
            killing.execute("SELECT pg_sleep(0.05)")
        assert await ask(narrow, "SELECT 2") == 2


async def test_what_still_runs_at_the_end_is_waited_for(postgresql_url: str) -> None:
    store = PostgreSQLStore(postgresql_url, 2, 2)
    await store.open()
    running = [asyncio.create_task(ask(store, "SELECT 1 FROM pg_sleep(0.2)")) for _ in range(5)]
    await asyncio.sleep(0.05)
    await asyncio.wait_for(store.close(), 20)
    assert await asyncio.gather(*running) == [1] * 5

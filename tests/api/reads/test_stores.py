"""Where SQLite's reads run: the shortest on the loop, which nothing keeps for long."""

import threading
from collections.abc import AsyncIterator

import pytest

from api.reads.stores import SQLiteStore, TooLong

COUNT = """with recursive n(i) as (select 1 union all select i + 1 from n where i < :most)
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
    assert await store.one(COUNT, {"most": 1}, is_point=True) == 1
    assert threads() == 0


async def test_a_read_that_takes_longer_moves_to_a_thread(store: SQLiteStore) -> None:
    assert await store.one(COUNT, {"most": 100_000}, is_point=True) == 100_000
    assert (threads(), store.statements) == (1, 1)


async def test_a_read_beyond_the_limit_is_stopped_wherever_it_began(store: SQLiteStore) -> None:
    for is_point in (True, False):
        with pytest.raises(TooLong):
            await store.one(COUNT, {"most": 1_000_000_000}, is_point=is_point)

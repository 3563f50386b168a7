"""Point lookups that arrive together: one statement, and each its own answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg
import pytest

from api.reads.points import LANES
from api.reads.pools import PostgreSQLStore
from api.reads.stores import TooLong
from tests.api.worlds import ALIAS, SERVER, Cast, asking

HALF = "SELECT (100 / $1::int)::text"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUS = (
    "query($s: URI!) { suspensionStatus(subject: $s) { subject isSuspended sanctions { id } } }"
)


@pytest.fixture
async def store(postgresql_url: str) -> AsyncIterator[PostgreSQLStore]:
    """Yield a store whose statements may take half a second."""
    store = PostgreSQLStore(postgresql_url, 4, 0.5)
    await store.open()
    yield store
    await store.close()


async def all_of(store: PostgreSQLStore, sql: str, *asked: Any) -> list[Any]:
    """What each finds, or is refused for, all at once."""
    ask = partial(store.one, sql, is_point=True, is_lookup=True)
    return await asyncio.gather(*(ask(values) for values in asked), return_exceptions=True)


async def test_lookups_that_arrive_together_share_a_statement(store: PostgreSQLStore) -> None:
    found = await all_of(store, HALF, *([number] for number in range(1, 51)))
    assert found == [str(100 // number) for number in range(1, 51)]
    assert LANES < store.statements <= 2 * LANES


async def test_lookups_after_each_other_have_their_own(store: PostgreSQLStore) -> None:
    for number in range(1, 6):
        assert await all_of(store, HALF, [number]) == [str(100 // number)]
    assert store.statements == 5


async def test_a_bad_value_fails_no_other(store: PostgreSQLStore) -> None:
    found = await all_of(store, HALF, *([number] for number in (1, 2, 4, 0, "x", 5)))
    assert [*found[:3], found[5]] == ["100", "50", "25", "20"]
    assert isinstance(found[3], asyncpg.DivisionByZeroError)
    assert isinstance(found[4], asyncpg.DataError)


async def test_values_of_any_kind_are_told_apart(store: PostgreSQLStore) -> None:
    sql = "SELECT concat_ws('|', $1::text, $2::timestamptz at time zone 'UTC', $3::bool)"
    asked = [[text, NOW, flag] for text in ("a", "$1", "'", "é", None) for flag in (True, None)]
    alone = [(await all_of(store, sql, values))[0] for values in asked]
    assert await all_of(store, sql, *asked) == alone
    assert len(set(alone)) == len(asked)


async def test_lists_are_asked_for_one_by_one(store: PostgreSQLStore) -> None:
    sql = "SELECT array_length($1::text[], 1)::text"
    asked = [[["x"] * number] for number in range(1, 8)]
    assert await all_of(store, sql, *asked) == [str(number) for number in range(1, 8)]
    assert store.statements == len(asked)


async def test_whoever_leaves_takes_nobody_along(store: PostgreSQLStore) -> None:
    slow = "SELECT (pg_sleep(0.05 * $1::int))::text || $1"
    ask = partial(store.one, slow, is_point=True, is_lookup=True)
    tasks = [asyncio.ensure_future(ask([number])) for number in (1, 1, 1, 0, 1)]
    await asyncio.sleep(0)  # two run, the others wait
    tasks[2].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [found[0], found[1], found[3], found[4]] == ["1", "1", "0", "1"]
    assert isinstance(found[2], asyncio.CancelledError)
    assert await all_of(store, slow, [0]) == ["0"]


async def test_what_takes_too_long_is_stopped_for_itself_alone(store: PostgreSQLStore) -> None:
    sql = "SELECT (pg_sleep($1::float8))::text || $1::int"
    found = await all_of(store, sql, [0], [0], [0], [2.0], [0])
    assert [type(one) for one in found] == [str, str, str, TooLong, str]


async def test_a_node_asked_by_many_at_once_answers_each_what_it_may_see(
    rich_postgresql_url: str, cast: Cast
) -> None:
    subjects = [ALIAS, SERVER, "acct:nobody@nowhere.example", "acct:alice@a.example"] * 6
    who = [cast.viewers[name] for name in sorted(cast.viewers)]
    asked = [(subject, actor) for subject in subjects for actor in who]
    async with asking(rich_postgresql_url) as ask:
        alone = [await ask.answer(STATUS, {"s": subject}, actor) for subject, actor in asked]
        before = ask.statements
        together = await asyncio.gather(
            *(ask.answer(STATUS, {"s": subject}, actor) for subject, actor in asked)
        )
        assert together == alone
        assert ask.statements - before < len(asked) / 2

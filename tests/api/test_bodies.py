"""Large bodies that come at once: read one a turn, so that nobody waits for all of them."""

import asyncio
from itertools import pairwise

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from api.bodies import LARGE, LONGEST_WAIT, PAUSE, BadRequest, Turns


async def staying() -> Message:
    """Of a client that waits for its answer, nothing more comes."""
    await asyncio.Event().wait()
    raise AssertionError


async def leaving() -> Message:
    return {"type": "http.disconnect"}


async def told(bodies: list[bytes]) -> list[str]:
    """What happens in which order while bodies are read: a turn of the loop, or a body."""
    turns, order, done = Turns(), [], asyncio.Event()

    async def others() -> None:
        while not done.is_set():
            order.append("turn")
            await asyncio.sleep(0)

    async def read(body: bytes) -> None:
        try:
            assert await turns.json(
                body, "expected JSON", b"caller", staying
            ) == body.decode().strip('"')
        except BadRequest:
            assert body.startswith(b"x")
        order.append("body")

    waiting = asyncio.create_task(others())
    await asyncio.gather(*map(read, bodies))
    done.set()
    await waiting
    return order


@pytest.mark.parametrize("body", [b'"' + b"a" * LARGE + b'"', b"x" * LARGE])
async def test_large_bodies_are_read_one_a_turn(body: bytes) -> None:
    order = await told([body] * 5)
    assert order.count("body") == 5
    places = [place for place, what in enumerate(order) if what == "body"]
    assert all(after - before > 1 for before, after in pairwise(places))


async def test_small_bodies_wait_for_nothing() -> None:
    order = await told([b'"a"'] * 5)
    assert order[:6] == ["turn", *["body"] * 5]


async def test_whose_large_body_was_refused_waits_for_the_next() -> None:
    turns, loop, order = Turns(), asyncio.get_running_loop(), []
    large, began = b'"' + b"a" * LARGE + b'"', loop.time()

    async def read(name: str, body: bytes, caller: bytes) -> None:
        await turns.json(body, "", caller, staying)
        order.append(name)

    turns.slow(b"caller")
    await asyncio.gather(
        *(read(f"slowed {n}", large, b"caller") for n in range(3)),
        read("small", b'"a"', b"caller"),
        read("another's", large, b"another"),
    )
    assert order == ["small", "another's", "slowed 0", "slowed 1", "slowed 2"]
    assert loop.time() - began >= 3 * PAUSE


async def test_no_line_of_large_bodies_is_longer_than_some_seconds() -> None:
    turns, large = Turns(), b'"' + b"a" * LARGE + b'"'
    turns.slow(b"caller")
    waiting = [
        asyncio.create_task(turns.json(large, "", b"caller", staying))
        for _ in range(int(LONGEST_WAIT / PAUSE) + 2)
    ]
    await asyncio.sleep(0)
    with pytest.raises(BadRequest) as refused:
        await turns.json(large, "", b"caller", staying)
    assert refused.value.status == 429
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_who_leaves_the_line_is_not_waited_for() -> None:
    turns, loop, large = Turns(), asyncio.get_running_loop(), b'"' + b"a" * LARGE + b'"'
    turns.slow(b"caller")
    began = loop.time()
    for _ in range(int(2 * LONGEST_WAIT / PAUSE)):
        with pytest.raises(ClientDisconnect):
            await turns.json(large, "", b"caller", leaving)
    assert await turns.json(large, "", b"caller", staying)
    assert loop.time() - began < LONGEST_WAIT

"""Large bodies that come at once: read one a turn, so that nobody waits for all of them."""

import asyncio

import pytest

from api.bodies import LARGE, BadRequest, Turns


async def told(bodies: list[bytes]) -> list[str]:
    """What happens in which order while bodies are read: a turn of the loop, or a body."""
    turns, order, done = Turns(), [], asyncio.Event()

    async def others() -> None:
        while not done.is_set():
            order.append("turn")
            await asyncio.sleep(0)

    async def read(body: bytes) -> None:
        try:
            assert await turns.json(body, "expected JSON") == body.decode().strip('"')
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
    assert all(after - before > 1 for before, after in zip(places, places[1:], strict=False))


async def test_small_bodies_wait_for_nothing() -> None:
    order = await told([b'"a"'] * 5)
    assert order[:6] == ["turn", *["body"] * 5]

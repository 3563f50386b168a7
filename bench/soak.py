"""A long run at half of what a node can do, with its memory looked at: flat, or it grows.

python -m bench.soak [--seconds 3600] [--sanctions 20000] [--engine sqlite]

Callers look up accounts, turn pages, issue, and send documents that nobody sent before and some
that are none. The verdict is the exit code: 1 where memory grew, or something answered wrongly.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from itertools import count
from statistics import mean

import orjson
from rich.console import Console

from api.documents import KEPT_DOCUMENTS
from bench import questions, worlds
from bench.__main__ import batch
from bench.load import exchange, request
from bench.nodes import NODE, held_by, serving

CONNECTIONS = 8
SAMPLES = 100
WARMING = 0.3  # the part of the time in which caches may fill
ALLOWED = 1.05  # times what was held after warming
ROUND = 40  # requests: a batch of ten, a page, a new document and one that is wrong; else lookups
MEGABYTE = 1 << 20
out = Console()


class Callers:
    """What is sent, without end; and what came of it."""

    def __init__(self, port: int, token: str, sanctions: int) -> None:
        self._port, self._token, self._sanctions = port, token, sanctions
        self._rng, self._numbers = random.Random(4), count()
        self.answered = self.wrong = 0

    async def fill(self) -> None:
        """Sends as many new documents as a node keeps, so that what is kept grows no more."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        for number in range(KEPT_DOCUMENTS):
            sent = request(self._port, self._token, _new(f"first{number}"))
            self.wrong += b'"errors"' in await exchange(reader, writer, sent)
        writer.close()

    async def call(self, until: float, rate: float | None = None) -> float:
        """Sends until then, as fast as it goes or so many a second: how many a second it were."""
        begun, before = time.perf_counter(), self.answered
        pause = CONNECTIONS / rate if rate else 0.0
        await asyncio.gather(*(self._one(until, pause) for _ in range(CONNECTIONS)))
        return (self.answered - before) / (time.perf_counter() - begun)

    async def _one(self, until: float, pause: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        due = time.perf_counter()
        while time.perf_counter() < until:
            body, is_wrong = self._next()
            answer = await exchange(reader, writer, request(self._port, self._token, body))
            self.answered += 1
            self.wrong += (b'"errors"' in answer) is not is_wrong
            due += pause
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        writer.close()

    def _next(self) -> tuple[bytes, bool]:
        """A body, and whether errors are right."""
        number = next(self._numbers)
        turn = number % ROUND
        if turn == 0:
            return batch(self._rng, 10), False
        if turn == 10:
            return _body(questions.LIST, f={"measures": ["CONTENT_REMOVED"]}), False
        if turn == 20:
            return _new(f"a{number}"), False
        if turn == 30:
            return _body(f"{{ nothing{number} }}"), True
        asked = worlds.subject(self._rng.randrange(self._sanctions))
        return _body(questions.STATUS, s=asked), False


def _new(alias: str) -> bytes:
    return _body(f"{{ {alias}: sanctions(first: 2) {{ nodes {{ id effect subject }} }} }}")


def _body(query: str, **variables: object) -> bytes:
    return orjson.dumps({"query": query, "variables": variables})


async def _soak(callers: Callers, pid: int, seconds: float) -> list[float]:
    """Megabytes held, from after the first moments to the end, at equal distances."""
    await callers.fill()
    full = await callers.call(time.perf_counter() + min(10.0, seconds / 10))
    out.print(f"{full:,.0f} requests a second at full load; half of it from now on")
    held: list[float] = []
    begun = time.perf_counter()

    async def look() -> None:
        for number in range(1, SAMPLES + 1):
            await asyncio.sleep(begun + number * seconds / SAMPLES - time.perf_counter())
            held.append(held_by(pid) / MEGABYTE)
            if number % 10 == 0:
                out.print(f"{time.perf_counter() - begun:8,.0f} s {held[-1]:8,.1f} MB")

    half, _ = await asyncio.gather(callers.call(begun + seconds, full / 2), look())
    out.print(f"{half:,.0f} requests a second; {callers.answered:,} in all, {callers.wrong} wrong")
    return held


def is_flat(held: Sequence[float]) -> bool:
    """Whether what is held at the end is what was held once caches had filled."""
    settled = held[round(len(held) * WARMING) :]
    part = max(1, len(settled) // 5)
    return mean(settled[-part:]) <= mean(settled[:part]) * ALLOWED


def main() -> None:
    """Soaks a node on one engine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=3_600)
    parser.add_argument("--sanctions", type=int, default=20_000)
    parser.add_argument("--engine", choices=worlds.ENGINES, default="postgresql")
    options = parser.parse_args()
    for _, settings, token in worlds.on_each(options.engine, options.sanctions):
        with serving(NODE, settings) as (port, pid):
            callers = Callers(port, token, options.sanctions)
            held = asyncio.run(_soak(callers, pid, options.seconds))
        if callers.wrong or not is_flat(held):
            out.print("[red]memory grew, or something was answered wrongly[/]")
            sys.exit(1)
    out.print("memory is flat, and all was answered as it should be")


if __name__ == "__main__":
    main()

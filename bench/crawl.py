"""How long partners wait while a crawler follows every link of the explorer.

python -m bench.crawl [--sanctions 100000] [--seconds 20] [--rate 20] [--asked 300]
                      [--engine sqlite]

Partners ask for the status of accounts, and one time in ten for a list: so many times a second,
whoever still waits; and then eight of them, each again once it is answered. Both alone, and beside
the crawler, where the p99 of the former may at most double. The node has one processor for both of
its processes, whoever asks it another; PostgreSQL has both.
"""

import argparse
import asyncio
import os
import random
import re
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from itertools import cycle
from statistics import quantiles

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from bench import questions, worlds
from bench.load import exchange, load, request
from bench.nodes import NODE, serving

CONNECTIONS = 32  # of those who ask steadily
IN_TURN = 8  # who ask again once they are answered
ONE_LIST_IN = 10
MOST = 2.0  # times that partners may wait as long
out = Console(width=120)


@dataclass(slots=True)
class Crawler:
    """Follows links within the site, one a time, however long each takes."""

    port: int
    seen: set[str] = field(default_factory=lambda: {"/"})
    waiting: deque[str] = field(default_factory=lambda: deque(["/"]))
    statuses: Counter[int] = field(default_factory=Counter)

    async def crawl(self, rate: int, until: float) -> None:
        async with asyncio.TaskGroup() as tasks:
            while time.perf_counter() < until:
                if self.waiting:
                    tasks.create_task(self._page(self.waiting.popleft()))
                await asyncio.sleep(1 / rate)

    async def _page(self, path: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.read()
        writer.close()
        self.statuses[int(answer[9:12])] += 1
        for link in re.findall(r'href="(/[^"#]*)', answer.decode(errors="replace")):
            found = unescape(link)
            if found not in self.seen and not found.startswith(("/static", "/sanctions.")):
                self.seen.add(found)
                self.waiting.append(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sanctions", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=20)
    parser.add_argument("--asked", type=int, default=300)
    parser.add_argument("--engine", choices=worlds.ENGINES)
    options = parser.parse_args()
    table = Table("", "", "p50 ms", "p99 ms", "beside the crawler", "", "times", "pages", box=None)
    for engine, settings, token in worlds.on_each(options.engine, options.sanctions):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        for asked in (options.asked, 0):
            with serving(NODE, settings) as (port, _):
                sent = _questions(port, token, options.sanctions)
                _partners(port, sent, 2, asked)
                alone = _partners(port, sent, options.seconds, asked)
                beside, pages = _beside(port, sent, asked, options)
            times = f"{beside[1] / alone[1]:.2f}"
            if asked and beside[1] > MOST * alone[1]:
                times += f", over {MOST:.0f}"
            way = f"{asked} a second" if asked else f"{IN_TURN} in turn"
            table.add_row(engine, way, *(f"{n:.2f}" for n in (*alone, *beside)), times, pages)
    out.print(table)


def _questions(port: int, token: str, count: int) -> list[bytes]:
    rng = random.Random(5)
    asked: list[tuple[str, object]] = []
    for number in range(2_000):
        if number % ONE_LIST_IN:
            asked.append((questions.STATUS, {"s": worlds.subject(rng.randrange(count))}))
        else:
            asked.append((questions.LIST, {"f": {"measures": [rng.choice(worlds.MEASURES)]}}))
    bodies = [orjson.dumps({"query": query, "variables": given}) for query, given in asked]
    return [request(port, token, body) for body in bodies]


def _beside(
    port: int, sent: list[bytes], asked: int, options: argparse.Namespace
) -> tuple[tuple[float, float], str]:
    """What partners wait beside the crawler, and what that got. It has a process of its own, which
    runs after theirs: reading a page takes longer than many an answer."""
    with ProcessPoolExecutor(1, initializer=os.nice, initargs=(10,)) as processes:
        crawling = processes.submit(_crawled, port, options.rate, options.seconds)
        waits = _partners(port, sent, options.seconds, asked)
        statuses = crawling.result()
    return waits, ", ".join(f"{count} × {status}" for status, count in statuses.items())


def _crawled(port: int, rate: int, seconds: float) -> dict[int, int]:
    crawler = Crawler(port)
    asyncio.run(crawler.crawl(rate, time.perf_counter() + seconds))
    return dict(crawler.statuses)


def _partners(port: int, sent: list[bytes], seconds: float, asked: int) -> tuple[float, float]:
    """The median and the 99th percentile of their waits, in milliseconds: of so many who ask in a
    second, or of those who ask in turn."""
    if not asked:
        found = load(port, sent, seconds, IN_TURN)
        return found.p50, found.p99
    cuts = quantiles(uvloop.run(_steady(port, cycle(sent), seconds, asked)), n=100)
    return cuts[49], cuts[98]


async def _steady(port: int, sent: Iterator[bytes], seconds: float, asked: int) -> list[float]:
    """The waits of all that is asked, each since it was due."""
    due: asyncio.Queue[float] = asyncio.Queue()
    waits: list[float] = []

    async def partner() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while at := await due.get():
            await exchange(reader, writer, next(sent))
            waits.append((time.perf_counter() - at) * 1_000)
        writer.close()

    rng, at = random.Random(7), time.perf_counter()
    until = at + seconds
    async with asyncio.TaskGroup() as partners:
        for _ in range(CONNECTIONS):
            partners.create_task(partner())
        while at < until:
            at += rng.expovariate(asked)
            await asyncio.sleep(max(0, at - time.perf_counter()))
            due.put_nowait(at)
        for _ in range(CONNECTIONS):
            due.put_nowait(0)
    return waits


if __name__ == "__main__":
    main()

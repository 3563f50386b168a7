"""How long partners wait while a crawler follows every link of the explorer.

python -m bench.crawl [--sanctions 100000] [--seconds 20] [--rate 20] [--engine sqlite]

Partners ask for the status of accounts, each a little after its answer, alone and then beside the
crawler; their p99 may at most double.
"""

import argparse
import asyncio
import os
import random
import re
import tempfile
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from statistics import quantiles

import orjson
from rich.console import Console
from rich.table import Table

from bench import questions, worlds
from bench.load import exchange, request
from bench.nodes import NODE, serving
from governance import migrations
from governance.database import Database
from governance.settings import Settings
from tests.postgres import Server

PARTNERS = 8
PAUSE = 0.02  # seconds between an answer and the next question
MOST = 2.0  # times that partners may wait as long
out = Console()


@dataclass(slots=True)
class Crawler:
    """Follows links within the site, one a time, however long each takes."""

    port: int
    seen: set[str] = field(default_factory=lambda: {"/"})
    waiting: deque[str] = field(default_factory=lambda: deque(["/"]))
    statuses: dict[int, int] = field(default_factory=dict)

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
        status = int(answer[9:12])
        self.statuses[status] = self.statuses.get(status, 0) + 1
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
    parser.add_argument("--engine", choices=("sqlite", "postgresql"))
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    table = Table("", "p50 ms", "p99 ms", "beside the crawler", "", "times", "pages", box=None)
    with tempfile.TemporaryDirectory() as folder, Server(is_durable=True) as server:
        for engine in (options.engine,) if options.engine else ("sqlite", "postgresql"):
            url = f"sqlite:///{folder}/crawl.db"
            if engine == "postgresql":
                server.create("crawl")
                url = server.url("crawl")
            settings = Settings(database_url=url, key_file=Path(folder) / f"{engine}.key")
            keys = settings.keys(create=True)
            migrations.upgrade(url)
            database = Database(url, settings.sequencer(create=True))
            token = worlds.make(database, keys, options.sanctions, datetime.now(UTC))
            database.close()
            with serving(NODE, settings) as (port, _):
                sent = _questions(port, token, options.sanctions)
                asyncio.run(_partners(port, sent, 2))
                alone = asyncio.run(_partners(port, sent, options.seconds))
                crawler = Crawler(port)
                beside = asyncio.run(_both(crawler, port, sent, options))
            times = beside[1] / alone[1]
            note = f"{times:.2f}" if times <= MOST else f"{times:.2f}, over {MOST:.0f}"
            pages = ", ".join(f"{count} × {status}" for status, count in crawler.statuses.items())
            table.add_row(engine, *(f"{n:.2f}" for n in (*alone, *beside)), note, pages)
    out.print(table)


def _questions(port: int, token: str, count: int) -> list[bytes]:
    rng = random.Random(5)
    subjects = [worlds.subject(rng.randrange(count)) for _ in range(2_000)]
    bodies = [{"query": questions.STATUS, "variables": {"s": one}} for one in subjects]
    return [request(port, token, orjson.dumps(body)) for body in bodies]


async def _both(
    crawler: Crawler, port: int, sent: list[bytes], options: argparse.Namespace
) -> tuple[float, float]:
    crawl = crawler.crawl(options.rate, time.perf_counter() + options.seconds)
    found, _ = await asyncio.gather(_partners(port, sent, options.seconds), crawl)
    return found


async def _partners(port: int, sent: list[bytes], seconds: float) -> tuple[float, float]:
    """The median and the 99th percentile of their waits, in milliseconds."""
    waits: list[float] = []
    until = time.perf_counter() + seconds

    async def partner(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while time.perf_counter() < until:
            begun = time.perf_counter()
            await exchange(reader, writer, sent[turn % len(sent)])
            waits.append((time.perf_counter() - begun) * 1_000)
            turn += PARTNERS
            await asyncio.sleep(PAUSE)
        writer.close()

    await asyncio.gather(*(partner(number) for number in range(PARTNERS)))
    cuts = quantiles(waits, n=100)
    return cuts[49], cuts[98]


if __name__ == "__main__":
    main()

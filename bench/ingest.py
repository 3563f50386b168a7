"""How fast decisions are taken in: by the API, by an import, and beside bare copies of their rows.

python -m bench.ingest [--seconds 60] [--rows 1000000] [--rounds 10] [--workers 2] [--engine sqlite]

The node's processes, the database and who posts share whatever processors there are. All that was
answered is counted afterwards in each table, and the whole log is checked.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import orjson
from rich.console import Console
from rich.table import Table

from bench import dumps, questions
from bench.copies import Copies
from bench.load import exchange, request
from bench.log import audited
from bench.nodes import (
    NODE,
    cpu_of_all,
    environment,
    family_of,
    peak_of,
    processes,
    serving,
)
from governance import membership
from governance.database import Database
from governance.migrations import upgrade
from governance.settings import Settings
from governance.words import Role
from tests.postgres import Server

WANTED = 8_533  # a second: the mean of the busiest day that the EU's database had
SIZE = 1_000
CPUS = "node CPU µs", "database"  # of processors, for each decision
CONNECTIONS = 3  # batches under way at once
out = Console()


def main() -> None:
    """Measures both engines, or one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2, help="processes of the sustained node")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(is_durable=True) as server:
        dump = Path(folder) / "dump.csv"
        dumps.write(dump, options.rows)

        def url(engine: str, name: str) -> str:
            if engine == "sqlite":
                return f"sqlite:///{folder}/{name}.db"
            server.create(name)
            return server.url(name)

        for engine in (options.engine,) if options.engine else ("sqlite", "postgresql"):
            table = Table("", "a second", "p50 ms", "p99 ms", *CPUS, "", title=engine, box=None)
            for name in ("sustained", "pair", "import"):
                node = Node(Path(folder) / f"{engine}-{name}.key", url(engine, name))
                try:
                    if name == "sustained":
                        _sustained(node, server.pid, table, options.workers, options.seconds)
                    elif name == "pair":
                        _beside_copies(node, table, options.rounds, url(engine, "bare"))
                    else:
                        _imported(node, server.pid, table, dump, options.rows)
                    _check(node, table)
                finally:
                    node.database.close()
            out.print(table)


class Node:
    """A node's database, and a member that issues."""

    def __init__(self, key_file: Path, url: str) -> None:
        self.settings = Settings(database_url=url, key_file=key_file)
        self.settings.keys(create=True)
        self.log = self.settings.sequencer(create=True)
        upgrade(url)
        self.database = Database(url, self.log)
        now = datetime.now(UTC)
        with self.database.writing() as session:
            membership.add_platform(session, "p.example", None, now=now)
            membership.add_member(session, "p.example", "bench", [Role.ISSUER], now=now)
            self.token = membership.create_token(
                session, "p.example", "bench", now=now, lifetime=None
            )

    @contextmanager
    def posting(self, workers: int = 1) -> Iterator["Posting"]:
        """The node serves, and was asked a few times, so that its processes have their plans."""
        by = processes(self.settings, workers) if workers > 1 else serving(NODE, self.settings)
        with by as (port, pid):
            posting = Posting(port, pid, self.token)
            for _ in range(workers**2):  # the system chooses who of them is asked
                posting.once()
            yield posting

    def expect(self, count: int) -> None:
        """Stops unless every table tells of so many sanctions, and no more."""
        found = Copies(self.database).counted()
        if set(found.values()) != {count}:
            raise SystemExit(f"expected {count:,} of each, and there are {found}")


class Posting:
    """A client that posts batches and counts what was answered."""

    def __init__(self, port: int, pid: int, token: str) -> None:
        self.pid, self.times = pid, list[float]()
        self.answered = 0
        self._port, self._token, self._serial = port, token, 0

    def once(self) -> list[str]:
        """The ids of one batch."""
        return asyncio.run(self._posted(1))

    def during(self, seconds: float) -> float:
        """Keeps the node busy; how long it was, in seconds."""
        self.times.clear()
        begun = time.perf_counter()

        async def client() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            while time.perf_counter() < begun + seconds:
                await self._one(reader, writer)
            writer.close()
            await writer.wait_closed()

        async def clients() -> None:
            await asyncio.gather(*(client() for _ in range(CONNECTIONS)))

        asyncio.run(clients())
        return time.perf_counter() - begun

    async def _posted(self, count: int) -> list[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        found = [one for _ in range(count) for one in await self._one(reader, writer)]
        writer.close()
        await writer.wait_closed()
        return found

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[str]:
        sent = request(self._port, self._token, self._body())
        begun = time.perf_counter()
        answer = await exchange(reader, writer, sent)
        self.times.append((time.perf_counter() - begun) * 1_000)
        done = orjson.loads(answer)["data"]["issueSanctions"]
        if done["issuedCount"] != SIZE:
            raise SystemExit(f"not all were issued: {answer[:500].decode()}")
        self.answered += SIZE
        return [result["sanction"]["id"] for result in done["results"]]

    def _body(self) -> bytes:
        self._serial += 1
        sanctions = questions.decisions(self._serial, SIZE)
        return orjson.dumps(
            {"query": questions.ISSUE, "variables": {"input": {"sanctions": sanctions}}}
        )


def _sustained(node: Node, server: int, table: Table, workers: int, seconds: float) -> None:
    """Batches one after another for a time, and all of them there afterwards."""
    with node.posting(workers) as posting:
        pids = posting.pid, server
        before = [cpu_of_all(pid) for pid in pids]
        took = posting.during(seconds)
        spent = [cpu_of_all(pid) - early for pid, early in zip(pids, before, strict=True)]
        memory = sum(map(peak_of, family_of(posting.pid)))
    node.expect(posting.answered)
    issued = len(posting.times) * SIZE
    told = f"{issued / took / WANTED:.2f} of {WANTED:,}; {issued:,} in {took:.0f} s; "
    told += f"{memory >> 20:,} MiB"
    each = [one / issued for one in spent]
    _row(table, f"B1000, {workers} processes", issued / took, posting.times, each, told)


def _beside_copies(node: Node, table: Table, rounds: int, bare: str) -> None:
    """One batch, then its rows copied into the same tables of another database, in turn."""
    upgrade(bare)
    ours, copies = Copies(node.database), Copies(Database(bare))
    least = []
    with node.posting() as posting:
        copies.write(ours.all())
        posting.times.clear()
        for _ in range(rounds):
            rows = ours.of(posting.once())
            begun = time.perf_counter()
            copies.write(rows)
            least.append((time.perf_counter() - begun) * 1_000)
    if copies.counted() != ours.counted():
        raise SystemExit("the copy isn't one")
    ratio = median(bare / mine for bare, mine in zip(least, posting.times, strict=True))
    rates = [SIZE * 1_000 / median(times) for times in (posting.times, least)]
    _row(table, "B1000, one at a time", rates[0], posting.times, (), f"{ratio:.2f} of the copy")
    _row(table, "   a copy of its rows", rates[1], least, (), "")
    copies.database.close()


def _imported(node: Node, server: int, table: Table, dump: Path, rows: int) -> None:
    """`comity import dsa-statements` of a generated dump."""
    command = [sys.executable, "-m", "api", "import", "dsa-statements", str(dump)]
    begun, before = time.perf_counter(), cpu_of_all(server)
    process = subprocess.Popen(command, env=environment(node.settings))
    memory = 0  # of all processes; what the system tells afterwards counts who began them, too
    while True:
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        with suppress(FileNotFoundError):  # one of them ended just now
            memory = max(memory, sum(map(peak_of, family_of(process.pid))))
        time.sleep(0.1)
    process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit("the import failed")
    node.expect(rows)
    told = f"{rows / took / WANTED:.2f} of {WANTED:,}; {memory >> 20:,} MiB"
    spent = used.ru_utime + used.ru_stime, cpu_of_all(server) - before
    _row(table, f"import of {rows:,} rows", rows / took, [], [s / rows for s in spent], told)


def _check(node: Node, table: Table) -> None:
    """The whole log, entry by entry."""
    begun = time.perf_counter()
    size = audited(node.database, node.log)
    took = time.perf_counter() - begun
    _row(table, "   its log, checked", size / took, [], (), f"{size:,} entries, none wrong")


def _row(
    table: Table, name: str, rate: float, times: list[float], cpu: Sequence[float], note: str
) -> None:
    cuts = quantiles(times, n=100) if len(times) > 1 else []
    told = [f"{cuts[at]:.0f}" if cuts else "" for at in (49, 98)]
    spent = [f"{seconds * 1e6:.0f}" if seconds else "" for seconds in cpu or (0, 0)]
    table.add_row(name, f"{rate:,.0f}", *told, *spent, note)


if __name__ == "__main__":
    main()

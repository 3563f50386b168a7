"""How reads grow with the processes of a node, and what keeps them from growing on.

python -m bench.workers [--workers 1 2] [--sanctions 100000] [--seconds 5] [--rounds 3]

Each number of processes is served in turn on one PostgreSQL, several rounds. Beside the rate stands
how much of a processor the node, the database and the callers took: once they take all there are,
more processes can't help.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench import worlds
from bench.__main__ import reads
from bench.load import load, request
from bench.nodes import cpu_of_all, processes
from governance.settings import Settings
from tests.postgres import Server

CONNECTIONS = 32
out = Console()


@dataclass(frozen=True, slots=True)
class Found:
    """Requests a second, and processors taken by each."""

    rate: float
    p99: float
    node: float
    database: float
    callers: float


def measured(
    settings: Settings, workers: int, server: int, token: str, bodies: list[bytes], seconds: float
) -> Found:
    with processes(settings, workers) as (port, node):
        sent = [request(port, token, body) for body in bodies]
        load(port, sent, seconds / 3, CONNECTIONS)
        pids = (node, server, os.getpid())
        before = [cpu_of_all(pid) for pid in pids[:2]] + [time.process_time()]
        found = load(port, sent, seconds, CONNECTIONS)
        after = [cpu_of_all(pid) for pid in pids[:2]] + [time.process_time()]
    took = [(late - early) / seconds for early, late in zip(before, after, strict=True)]
    if found.errors:
        raise SystemExit(f"{found.errors} answers were wrong")
    return Found(found.rate, found.p99, *took)


def main() -> None:
    """Measures each number of processes in each round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--sanctions", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(is_durable=True) as server:
        server.create("workers")
        settings = Settings(database_url=server.url("workers"), key_file=Path(folder) / "node.key")
        token = worlds.found(settings, options.sanctions)
        for name, bodies in reads(options.sanctions).items():
            rounds = [
                {
                    workers: measured(settings, workers, server.pid, token, bodies, options.seconds)
                    for workers in options.workers
                }
                for _ in range(options.rounds)
            ]
            _report(name, rounds, options.workers)


def _report(name: str, rounds: list[dict[int, Found]], numbers: list[int]) -> None:
    columns = "processes", "req/s", "times the first", "p99 ms", "node", "database", "callers"
    table = Table(*columns, title=f"{name}, of {len(os.sched_getaffinity(0))} processors", box=None)
    first = numbers[0]
    for number in numbers:
        times = median(each[number].rate / each[first].rate for each in rounds)
        cells = (
            (f"{median(getattr(each[number], what) for each in rounds):{form}}")
            for what, form in (("rate", ",.0f"), ("p99", ".1f"), ("node", ".2f"),
                               ("database", ".2f"), ("callers", ".2f"))
        )  # fmt: skip
        rate, *others = cells
        table.add_row(str(number), rate, f"{times:.2f}", *others)
    out.print(table)


if __name__ == "__main__":
    main()

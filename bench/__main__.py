"""Times a node beside its limit, in turn, on SQLite and PostgreSQL; bodies are compared first.

python -m bench [--sanctions 100000] [--rounds 5] [--seconds 3]
"""

import argparse
import asyncio
import os
import random
from statistics import median
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench import questions, worlds
from bench.load import Load, answer, load, request
from bench.nodes import NODE, serving
from governance.settings import Settings

CONNECTIONS = 16
out = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sanctions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--engine", choices=worlds.ENGINES)
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for engine, settings, token in worlds.on_each(options.engine, options.sanctions):
        _engine(engine, settings, token, options)


def _engine(engine: str, settings: Settings, token: str, options: argparse.Namespace) -> None:
    with (
        serving(NODE, settings) as (node, _),
        serving("bench.limit:create_app", settings) as (limit, _),
    ):
        table = Table("", "req/s", "p50 ms", "p99 ms", "of the limit", title=engine, box=None)
        for name, bodies in reads(options.sanctions).items():
            _compare(node, limit, token, bodies)
            rows = _rounds(node, limit, token, bodies, options)
            _report(table, name, rows)
        for name, bodies in _others().items():
            found = load(node, [request(node, token, b) for b in bodies], options.seconds, 1)
            _row(table, name, found, "-" if not found.errors else f"{found.errors} errors")
        out.print(table)


def reads(count: int) -> dict[str, list[bytes]]:
    """Bodies of questions about a world of so many sanctions, by name."""
    rng = random.Random(2)
    subjects = [worlds.subject(rng.randrange(count)) for _ in range(2_000)]
    measures = ["ACCOUNT_SUSPENDED", "CONTENT_REMOVED", "CONTENT_DEMOTED", "SERVICE_RESTRICTED"]
    return {
        "S: status of one account": [_body(questions.STATUS, s=uri) for uri in subjects],
        "L: 50 sanctions with appeals": [
            _body(questions.LIST, f={"measures": [measure]}) for measure in measures
        ],
    }


def _others() -> dict[str, list[bytes]]:
    """What has no hand-written limit here: many at once, and batches that are written."""
    rng = random.Random(3)
    many = [worlds.subject(rng.randrange(100_000)) for _ in range(1_000)]
    return {
        "S1000: status of 1,000 accounts": [_body(questions.STATUSES, s=many)],
        "B100: issue 100": [batch(rng, 100) for _ in range(200)],
        "B1000: issue 1,000": [batch(rng, 1_000) for _ in range(40)],
    }


def batch(rng: random.Random, size: int) -> bytes:
    """A request that issues so many sanctions, each of an account of its own."""
    sanctions = questions.decisions(f"{rng.getrandbits(64):x}", size)
    return _body(questions.ISSUE, input={"sanctions": sanctions})


def _body(query: str, **variables: Any) -> bytes:
    return orjson.dumps({"query": query, "variables": variables})


def _compare(node: int, limit: int, token: str, bodies: list[bytes]) -> None:
    """Stops unless both answer the same."""
    for body in bodies[:50]:
        ours = asyncio.run(answer(node, request(node, token, body)))
        theirs = asyncio.run(answer(limit, request(limit, token, body)))
        if orjson.loads(ours)["data"] != orjson.loads(theirs)["data"]:  # a limit tells no cost
            raise SystemExit(f"bodies differ:\n{ours.decode()}\n{theirs.decode()}")


def _rounds(
    node: int, limit: int, token: str, bodies: list[bytes], options: argparse.Namespace
) -> list[tuple[Load, Load]]:
    def once(port: int) -> Load:
        sent = [request(port, token, body) for body in bodies]
        return load(port, sent, options.seconds, CONNECTIONS)

    return [(once(node), once(limit)) for _ in range(options.rounds)]


def _report(table: Table, name: str, rounds: list[tuple[Load, Load]]) -> None:
    ratio = median(ours.rate / theirs.rate for ours, theirs in rounds)
    for label, side in ((name, 0), ("   its limit", 1)):
        loads = [pair[side] for pair in rounds]
        middle = sorted(loads, key=lambda one: one.rate)[len(loads) // 2]
        errors = sum(one.errors for one in loads)
        told = f"{ratio:.2f}" if side == 0 else ""
        _row(table, label, middle, f"{errors} errors" if errors else told)


def _row(table: Table, name: str, found: Load, note: str) -> None:
    table.add_row(name, f"{found.rate:,.1f}", f"{found.p50:.2f}", f"{found.p99:.2f}", note)


if __name__ == "__main__":
    main()

"""How the cost of reads grows with the number of sanctions, on SQLite and PostgreSQL.

python -m bench.growth [--sizes 10000,100000,1000000] [--seconds 3] [--rounds 3] [--engine sqlite]
                       [--folder DIR]

Each size is a database of its own, and a server on one connection. A page in the depth begins where
all but the oldest thousandth of the sanctions is listed, or two pages. Sizes are asked in turn, and
of several rounds the least median is shown, since whatever else runs only adds to it. Beside it is
what is touched, which nothing else changes. Ratios are to the smallest size. A folder keeps the
databases to be measured again; PostgreSQL's are kept by the server that COMITY_TEST_POSTGRES_URL
names.
"""

import argparse
import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from rich.console import Console
from rich.table import Table

from bench import questions, worlds
from bench.load import load, request
from bench.nodes import NODE, serving
from bench.touching import touched
from governance import migrations
from governance.fields import print_instant
from governance.settings import Settings
from tests.postgres import Server

COUNT = "query ($f: SanctionFilter) { sanctions(filter: $f) { totalCount } }"
PAGE = """query ($after: String) {
  sanctions(first: 50, after: $after) { nodes { id measure issuedAt } pageInfo { endCursor } }
}"""
# For ten million; with what PostgreSQL has by default it would go to the disk for each key.
ROOM = {"shared_buffers": "4GB", "max_wal_size": "16GB"}
out = Console(width=120)

COUNTED = 200  # questions whose statements are looked into
TOUCHED = {"sqlite": "steps", "postgresql": "pages"}


@dataclass(frozen=True, slots=True)
class Node:
    """A node with a database of a size, and a reader of it."""

    size: int
    settings: Settings
    port: int
    token: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a question takes, by size."""

    p50s: list[float]  # milliseconds
    touched: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=worlds.ENGINES)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with Server(is_durable=True, **ROOM) as server:
        for engine in (options.engine,) if options.engine else worlds.ENGINES:
            with ExitStack() as nodes:
                served = [_served(engine, server, size, options.folder) for size in sizes]
                asked = [nodes.enter_context(one) for one in served]
                found = _measured(asked, options.seconds, options.rounds)
            _show(engine, sizes, found)


def _show(engine: str, sizes: list[int], found: dict[str, Found]) -> None:
    heads = (f"{size:,}" for size in sizes)
    table = Table(f"p50 ms, {TOUCHED[engine]}", *heads, "ratio", title=engine, box=None)
    for name, one in found.items():
        cells = (f"{ms:.2f} {n:9,.0f}" for ms, n in zip(one.p50s, one.touched, strict=True))
        ratios = (f"{of_size[-1] / of_size[0]:.2f}" for of_size in (one.p50s, one.touched))
        table.add_row(name, *cells, "  ".join(ratios))
    deep, first = (found[name].p50s for name in ("a page in the depth", "the first page"))
    table.add_row("by the first", *(f"{d / f:.2f}" for d, f in zip(deep, first, strict=True)), "")
    out.print(table)


@contextmanager
def _served(engine: str, server: Server, size: int, kept: Path | None) -> Iterator[Node]:
    """A node with a database of a size, to be asked; gone at the end, unless kept in a folder."""
    name = f"growth_{size}"
    url = server.url(name)
    with nullcontext(kept) if kept else TemporaryDirectory() as folder:
        path = Path(folder) / f"{engine}_{size}"
        if engine == "sqlite":
            url = f"sqlite:///{path}.db"
        settings = Settings(database_url=url, key_file=path.with_suffix(".key"))
        written = path.with_suffix(".token")  # last
        if written.exists():
            migrations.upgrade(settings.database_url)
        else:
            if engine == "postgresql":
                server.drop(name)
                server.create(name)
            written.write_text(worlds.found(settings, size))
        with serving(NODE, settings) as (port, _):
            yield Node(size, settings, port, written.read_text())
        if engine == "postgresql" and not kept:
            server.drop(name)


def _measured(nodes: list[Node], seconds: float, rounds: int) -> dict[str, Found]:
    """What each question takes: the least of several rounds' medians, and what is touched."""
    found: dict[str, Found] = {}
    for name in _asked(nodes[0].size):
        bodies = [_asked(node.size)[name] for node in nodes]
        asked = list(zip(nodes, bodies, strict=True))
        took = [[_p50(node, sent, seconds) for node, sent in asked] for _ in range(rounds)]
        p50s = [min(of_size) for of_size in zip(*took, strict=True)]
        touching = [touched(node.settings, node.token, sent[:COUNTED]) for node, sent in asked]
        found[name] = Found(p50s, [asyncio.run(counted) for counted in touching])
    return found


def _asked(size: int) -> dict[str, list[bytes]]:
    rng = random.Random(4)
    oldest = max(0.001, 100 / size)
    deep = datetime.now(UTC) - worlds.AGE * (1 - oldest)
    return {
        "S: status of one account": [
            _body(questions.STATUS, s=worlds.subject(rng.randrange(size))) for _ in range(2_000)
        ],
        "L: 50 sanctions with appeals": [
            _body(questions.LIST, f={"measures": [measure]}) for measure in worlds.MEASURES
        ],
        "the first page": [_body(PAGE)],
        "a page in the depth": [_body(PAGE, after=f"Sanction~{print_instant(deep)}~san_")],
        "totalCount of all": [_body(COUNT)],
        "totalCount of a few": [_body(COUNT, f={"subjectKinds": ["SERVER"]})],
    }


def _body(query: str, **variables: object) -> bytes:
    return orjson.dumps({"query": query, "variables": variables})


def _p50(node: Node, bodies: list[bytes], seconds: float) -> float:
    sent = [request(node.port, node.token, body) for body in bodies]
    load(node.port, sent, seconds / 3, 1)  # so that plans and pages are there
    found = load(node.port, sent, seconds, 1)
    if found.errors:
        raise SystemExit(f"{found.errors} errors: {bodies[0].decode()}")
    return found.p50


if __name__ == "__main__":
    main()

"""How the cost of reads grows with the number of sanctions, on SQLite and PostgreSQL.

python -m bench.growth [--sizes 10000,100000,1000000] [--seconds 3] [--rounds 3] [--engine sqlite]
                       [--folder DIR]

Each size is a database of its own, and a server on one connection; a page in the depth begins where
all but the oldest thousandth of the sanctions was listed. Sizes are asked in turn, and of several
rounds the least median is shown, since whatever else runs only adds to it. Ratios are to the
smallest size. A folder keeps the databases to be measured again; PostgreSQL's are kept by the
server that COMITY_TEST_POSTGRES_URL names.
"""

import argparse
import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from rich.console import Console
from rich.table import Table

from bench import questions, worlds
from bench.load import load, request
from bench.nodes import NODE, serving
from governance.fields import print_instant
from governance.settings import Settings
from tests.postgres import Server

COUNT = "query ($f: SanctionFilter) { sanctions(filter: $f) { totalCount } }"
PAGE = """query ($after: String) {
  sanctions(first: 50, after: $after) { nodes { id measure issuedAt } pageInfo { endCursor } }
}"""
# For ten million; with what PostgreSQL has by default it would go to the disk for each key.
ROOM = {"shared_buffers": "4GB", "max_wal_size": "16GB"}
out = Console()

Ask = Callable[[list[bytes], float], float]  # questions, for seconds: the median of milliseconds


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
                ask = [nodes.enter_context(one) for one in served]
                found = _measured(ask, sizes, options.seconds, options.rounds)
            _show(engine, sizes, found)


def _show(engine: str, sizes: list[int], found: dict[str, list[float]]) -> None:
    table = Table("p50 ms", *(f"{size:,}" for size in sizes), "ratio", title=engine, box=None)
    for name, p50s in found.items():
        table.add_row(name, *(f"{p50:.2f}" for p50 in p50s), f"{p50s[-1] / p50s[0]:.2f}")
    deep, first = found["a page in the depth"], found["the first page"]
    ratios = (f"{one / other:.2f}" for one, other in zip(deep, first, strict=True))
    table.add_row("the depth by the first", *ratios, "")
    out.print(table)


@contextmanager
def _served(engine: str, server: Server, size: int, kept: Path | None) -> Iterator[Ask]:
    """A node with a database of a size, to be asked; gone at the end, unless kept in a folder."""
    name = f"growth_{size}"
    url = server.url(name)
    with nullcontext(kept) if kept else TemporaryDirectory() as folder:
        path = Path(folder) / f"{engine}_{size}"
        if engine == "sqlite":
            url = f"sqlite:///{path}.db"
        settings = Settings(database_url=url, key_file=path.with_suffix(".key"))
        written = path.with_suffix(".token")  # last
        if not written.exists():
            if engine == "postgresql":
                server.drop(name)
                server.create(name)
            written.write_text(worlds.found(settings, size))
        with serving(NODE, settings) as (port, _):
            yield partial(_p50, port, written.read_text())
        if engine == "postgresql" and not kept:
            server.drop(name)


def _measured(
    ask: list[Ask], sizes: list[int], seconds: float, rounds: int
) -> dict[str, list[float]]:
    """The median of each question by size, in milliseconds: the least of several rounds."""
    found: dict[str, list[float]] = {}
    for name in _asked(sizes[0]):
        bodies = [_asked(size)[name] for size in sizes]
        took = [
            [one(sent, seconds) for one, sent in zip(ask, bodies, strict=True)]
            for _ in range(rounds)
        ]
        found[name] = [min(of_size) for of_size in zip(*took, strict=True)]
    return found


def _asked(size: int) -> dict[str, list[bytes]]:
    rng = random.Random(4)
    deep = datetime.now(UTC) - timedelta(days=730 * 0.999)
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


def _p50(port: int, token: str, bodies: list[bytes], seconds: float) -> float:
    sent = [request(port, token, body) for body in bodies]
    load(port, sent, seconds / 3, 1)  # so that plans and pages are there
    found = load(port, sent, seconds, 1)
    if found.errors:
        raise SystemExit(f"{found.errors} errors: {bodies[0].decode()}")
    return found.p50


if __name__ == "__main__":
    main()

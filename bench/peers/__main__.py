"""Times a node beside others on one PostgreSQL server, in turn; bodies are compared first.

python -m bench.peers [--sanctions 100000] [--rounds 5] [--seconds 3] [--only S --only B1000]

The others check no credential, hide nothing and count nothing, which the node and its limit do; and
they get the keys of subjects, which those make of URIs: so these multiples are lower bounds. They
read one database. Batches go to a copy of it for each, and there the others keep no log, and but
for Strawberry check no rule; the limit's log is as large as the node's, and says nothing.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from bench import questions, worlds
from bench.load import Load, answer, load, request
from bench.nodes import QUIET, cpu_of, environment, free_port, listening, peak_of
from bench.peers import asking, batches
from governance.settings import Settings
from tests.postgres import Server

HERE = Path(__file__).parent
CONNECTIONS = {"S": 16, "L": 16, "S1000": 4, "B1000": 2}
BATCHES = "B1000"
AHEAD = 20  # batches a second that are made before a round
NAMES = ("Comity", "limit", "PostGraphile", "Mercurius", "Strawberry")
out = Console(width=110)


@dataclass(slots=True)
class Peer:
    """A server that is measured, one process on the first processor."""

    name: str
    words: dict[str, asking.Words]
    url: str
    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one round showed of a server."""

    load: Load
    cpu: float  # microseconds a request
    peak: int  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sanctions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", action="append", choices=list(CONNECTIONS))
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder, Server(is_durable=True) as server:
        server.create("peers")
        settings = Settings(database_url=server.url("peers"), key_file=Path(folder) / "key")
        token = _world(settings, options.sanctions)
        table = Table("", "req/s", "p50 ms", "p99 ms", "CPU µs", "peak MB", "Comity's multiple")
        chosen = options.only or list(CONNECTIONS)
        if reads := [name for name in chosen if name != BATCHES]:
            with _serving(dict.fromkeys(NAMES, settings)) as peers:
                for name in reads:
                    _read(table, peers, name, token, options)
        if BATCHES in chosen:
            with _serving({name: _copied(server, settings, name) for name in NAMES}) as peers:
                _issue(table, peers, token, options)
    out.print(f"{options.sanctions:,} sanctions, {options.rounds} rounds of {options.seconds:g} s")
    out.print(table)


def _world(settings: Settings, count: int) -> str:
    token = worlds.found(settings, count)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute((HERE / "functions.sql").read_bytes())
    return token


def _copied(server: Server, settings: Settings, name: str) -> Settings:
    """A node's settings with a database of its own."""
    server.create(name, template="peers")
    return replace(settings, database_url=server.url(name))


@contextlib.contextmanager
def _serving(settings: dict[str, Settings]) -> Iterator[list[Peer]]:
    secret = settings["Comity"].keys().derived("lookup")
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(_started(name, command, words, settings[name]))
            for name, command, words in _commands(secret)
        ]


def _commands(secret: bytes) -> list[tuple[str, list[str], dict[str, asking.Words]]]:
    uvicorn = [sys.executable, "-m", "uvicorn", "--factory", "--no-access-log"]
    uvicorn += ["--log-level", "warning"]
    node, theirs = _node(), asking.resolvers(secret)
    return [
        ("Comity", [sys.executable, "-m", "bench.served"], asking.comity()),
        ("limit", [*uvicorn, "bench.limit:create_app"], asking.comity()),
        ("PostGraphile", [node, str(HERE / "postgraphile.js")], asking.postgraphile(secret)),
        ("Mercurius", [node, str(HERE / "mercurius.js")], theirs),
        ("Strawberry", [*uvicorn, "bench.peers.idiomatic:create_app"], theirs),
    ]


def _node() -> str:
    """Node.js of the version that npm has put here."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return str(HERE / f"node_modules/node-{sys.platform}-{machine}/bin/node")


@contextlib.contextmanager
def _started(
    name: str, command: Sequence[str], words: dict[str, asking.Words], settings: Settings
) -> Iterator[Peer]:
    port = free_port()
    told = {
        "DATABASE_URL": settings.database_url,
        "PORT": str(port),
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }
    ports = {"uvicorn": ["--port", str(port)], "bench.served": [str(port)]}
    ends = next((ports[word] for word in command if word in ports), [])
    first = {min(os.sched_getaffinity(os.getppid()))}
    process = subprocess.Popen(
        [*command, *ends],
        env=environment(settings) | QUIET | told,
        preexec_fn=lambda: os.sched_setaffinity(0, first),  # noqa: PLW1509
    )
    try:
        listening(port, seconds=60)
        yield Peer(name, words, settings.database_url, port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _read(
    table: Table, peers: list[Peer], name: str, token: str, options: argparse.Namespace
) -> None:
    asked = _asked(name, options.sanctions)
    sent = {peer.name: _requests(peer, name, asked, token) for peer in peers}
    _compare(name, peers, sent)
    rounds = [
        {
            peer.name: _round(peer, sent[peer.name], options.seconds, CONNECTIONS[name])
            for peer in peers
        }
        for _ in range(options.rounds)
    ]
    _report(table, name, rounds)


def _issue(table: Table, peers: list[Peer], token: str, options: argparse.Namespace) -> None:
    issuer = _issuer(peers[0].url)

    def batch(serial: object) -> asking.Batch:
        return asking.Batch(issuer, questions.decisions(serial, batches.SIZE))

    def made(peer: Peer) -> batches.Fresh:
        return batches.Fresh(lambda at: _requests(peer, BATCHES, [batch(at)], token)[0])

    first = [batch(f"first{number}") for number in range(3)]
    _compare(BATCHES, peers, {peer.name: _requests(peer, BATCHES, first, token) for peer in peers})
    fresh = {peer.name: made(peer) for peer in peers}
    rounds = [
        {peer.name: _round_of_batches(peer, fresh[peer.name], options.seconds) for peer in peers}
        for _ in range(options.rounds)
    ]
    _report(table, BATCHES, rounds)


def _issuer(url: str) -> str:
    """The id of the platform whose member asks."""
    with psycopg.connect(url) as connection:
        found = connection.execute("select id from platforms where domain = 'p0.example'")
        [(ident,)] = found.fetchall()
        return str(ident)


def _asked(name: str, count: int) -> list[Any]:
    rng = random.Random(2)
    if name == "L":
        return [str(measure) for measure in worlds.MEASURES]
    if name == "S":
        return [worlds.subject(rng.randrange(count)) for _ in range(2_000)]
    return [[worlds.subject(n) for n in rng.sample(range(count), 1_000)] for _ in range(4)]


def _requests(peer: Peer, name: str, asked: list[Any], token: str) -> list[bytes]:
    return [request(peer.port, token, asking.body(peer.words[name], one)) for one in asked]


def _compare(name: str, peers: list[Peer], sent: dict[str, list[bytes]]) -> None:
    """Stops unless all answer alike."""
    for turn in range(min(50, len(sent["Comity"]))):
        found = {}
        for peer in peers:
            got = asyncio.run(answer(peer.port, sent[peer.name][turn]))
            try:
                found[peer.name] = _alike(name, peer, got)
            except (KeyError, TypeError):
                raise SystemExit(f"{peer.name} answers {name} with {got[:500]!r}") from None
        for other in NAMES:
            if found[other] != found["Comity"]:
                told = "\n".join(str(found[which])[:2_000] for which in (other, "Comity"))
                raise SystemExit(f"{name}: {other} answers\n{told}")


def _alike(name: str, peer: Peer, got: bytes) -> Any:
    """What an answer says; of a batch that was issued, the rows that it names."""
    found = asking.alike(name, peer.words[name], got)
    if name == BATCHES:
        found = batches.stored(peer.url, found)
        if len(found) != batches.SIZE:
            raise SystemExit(f"{peer.name} has {len(found):,} of {batches.SIZE:,} sanctions")
    return found


def _round_of_batches(peer: Peer, sent: batches.Fresh, seconds: float) -> Run:
    """The same as with others, and each table has all rows of what was answered then."""
    sent.stock(round(AHEAD * seconds))
    before = batches.counted(peer.url)
    found = _round(peer, sent, seconds, CONNECTIONS[BATCHES])
    expected = [count + found.load.count * batches.SIZE for count in before]
    if (after := batches.counted(peer.url)) != expected:
        raise SystemExit(f"{peer.name}: expected {expected} rows, and there are {after}")
    return found


def _round(peer: Peer, sent: Iterable[bytes], seconds: float, connections: int) -> Run:
    before = cpu_of(peer.pid)
    found = load(peer.port, sent, seconds, connections)
    if found.errors:
        raise SystemExit(f"{peer.name}: {found.errors} errors")
    spent = cpu_of(peer.pid) - before
    return Run(found, spent / max(1, found.count) * 1e6, peak_of(peer.pid))


def _report(table: Table, question: str, rounds: list[dict[str, Run]]) -> None:
    for name in NAMES:
        runs = sorted((one[name] for one in rounds), key=lambda run: run.load.rate)
        middle = runs[len(runs) // 2]
        multiple = median(one["Comity"].load.rate / one[name].load.rate for one in rounds)
        table.add_row(
            f"{question} {name}",
            f"{middle.load.rate:,.{0 if middle.load.rate >= 100 else 2}f}",
            f"{middle.load.p50:.2f}",
            f"{middle.load.p99:.2f}",
            f"{median(run.cpu for run in runs):,.0f}",
            f"{max(run.peak for run in runs) / 1e6:,.0f}",
            "" if name == "Comity" else f"{multiple:.2f}",
        )
    table.add_section()


if __name__ == "__main__":
    main()

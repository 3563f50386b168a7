"""What the decision log costs, beside the least that could be done instead, in one run.

python -m bench.log [--leaves 1000] [--rounds 20] [--size 100000]
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from sqlmodel import col, select

from governance.database import Database
from governance.decisions import of_node
from governance.entries import LogCheckpoint, LogEntry, LogTile
from governance.fields import print_instant
from governance.issuing import issue_one
from governance.judging import Request, draft
from governance.log.auditing import Audit, Signed
from governance.log.proving import inclusion
from governance.log.sequencing import Decision, Sequencer, ledger_of, newest_checkpoint
from governance.log.tiles import ENTRIES, FULL, Tile, bundle
from governance.log.tree import HASH_BYTES
from governance.membership import Actor, add_member, add_platform
from governance.migrations import upgrade
from governance.settings import Keys, Settings
from governance.words import Role
from tests.postgres import Server

NOW = datetime(2026, 1, 1, tzinfo=UTC)
out = Console()


def main() -> None:
    """Measures both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--size", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        server.create("bench")
        for url in (f"sqlite:///{folder}/bench.db", server.url("bench")):
            engine = url.partition(":")[0]
            settings = Settings(database_url=url, key_file=Path(folder) / f"{engine}.key")
            keys, log = settings.keys(create=True), settings.sequencer(create=True)
            upgrade(url)
            database = Database(url, log)
            try:
                _engine(engine, database, keys, log, options)
            finally:
                database.close()


def _engine(
    engine: str, database: Database, keys: Keys, log: Sequencer, options: argparse.Namespace
) -> None:
    table = Table("", "ours", "the least", "ratio", title=f"log on {engine}", box=None)
    ours, least = [], []
    for number in range(options.rounds):
        decisions = _decisions(number, options.leaves)
        ours.append(_timed(lambda d=decisions: _append(database, d)))  # type: ignore[misc]
        least.append(_timed(lambda d=decisions: _bare(database, d)))  # type: ignore[misc]
    rates = [options.leaves / median(times) for times in (ours, least)]
    _row(table, f"append {options.leaves:,} leaves, durable", rates, "leaves/s", least, ours)
    platform = _actor(database)
    single = [_timed(lambda: _issue(database, keys, platform)) for _ in range(200)]
    inserts = [_timed(lambda: _insert(database)) for _ in range(200)]
    for name, at in (("p50", 100), ("p99", 197)):
        mine, bare = sorted(single)[at], sorted(inserts)[at]
        told = f"{mine * 1e3:.2f} ms", f"{bare * 1e3:.2f} ms", f"{mine / bare:.1f}"
        table.add_row(f"issue one, {name}, beside one bare insert", *told)
    number = options.rounds
    while (size := _size(database)) < options.size:
        _append(database, _decisions(number, min(10_000, options.size - size)))
        number += 1
    _proofs(table, database, size)
    _audit(table, database, log)
    out.print(table)


def _decisions(number: int, count: int) -> list[Decision]:
    """As long as those of sanctions are."""
    at = print_instant(NOW)
    commitments = ("groundReference", "issuerReference", "policyReference", "reason", "subject")
    statement = {
        "audience": "PARTNERS",
        "automation": "NOT_AUTOMATED",
        "category": "CYBER_VIOLENCE",
        "conductFrom": at,
        "effectiveAt": at,
        "expiresAt": at,
        "ground": "INCOMPATIBLE_CONTENT",
        "measure": "ACCOUNT_SUSPENDED",
        "source": "NOTICE",
        "subjectKind": "ACCOUNT",
        "timePrecision": "INSTANT",
    }
    told = {"statement": statement, "commitments": dict.fromkeys(commitments, "x" * 44)}
    return [
        Decision(of_node("bench.happened", None, NOW, n=number, of=n, **told), None, None, NOW)
        for n in range(count)
    ]


def _append(database: Database, decisions: Iterable[Decision]) -> None:
    with database.writing() as session:
        ledger = ledger_of(session)
        for decision in decisions:
            ledger.add(decision)


def _bare(database: Database, decisions: Iterable[Decision]) -> None:
    """Two hashes a leaf, and one durable insert of the same bytes."""
    for decision in decisions:
        sha256(sha256(decision.data).digest()).digest()
    data = b"".join(decision.data for decision in decisions)
    _insert(database, data)


def _insert(database: Database, data: bytes = b"x" * 600) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS bare (data TEXT)")
        connection.execute(sa.text("INSERT INTO bare VALUES (:data)"), {"data": data.decode()})
        connection.commit()


def _actor(database: Database) -> Actor:
    with database.writing() as session:
        platform = add_platform(session, "bench.example", None, now=NOW)
        member = add_member(session, platform.domain, "mod", [Role.ISSUER], now=NOW)
        return Actor(member.id, platform.id, member.kind, frozenset(member.roles))


def _issue(database: Database, keys: Keys, actor: Actor) -> None:
    serial = time.perf_counter_ns()
    wish = {
        "issuerReference": f"bench {serial}",
        "subject": f"acct:bench{serial}@elsewhere.example",
        "measure": "ACCOUNT_SUSPENDED",
        "ground": "INCOMPATIBLE_CONTENT",
        "groundReference": "Rules, 1",
        "category": "CYBER_VIOLENCE",
        "reason": "You threatened others",
        "isAutomatedDetection": False,
        "automation": "NOT_AUTOMATED",
        "source": "NOTICE",
        "conductFrom": NOW,
        "expiresAt": NOW + timedelta(days=7),
    }
    with database.writing() as session:
        issue_one(session, keys, actor, Request(draft(wish)), now=NOW)


def _size(database: Database) -> int:
    with database.reading() as session:
        return session.exec(select(sa.func.max(LogCheckpoint.size))).one() or 0


def _proofs(table: Table, database: Database, size: int) -> None:
    with database.reading() as session:
        inclusion(session, 0, size)
        begun = time.process_time()
        for index in range(0, size, size // 200):
            inclusion(session, index, size)
        took = (time.process_time() - begun) / 200
    table.add_row(f"inclusion proof of {size:,}", f"{took * 1e3:.2f} ms CPU", "", "")


def audited(database: Database, log: Sequencer) -> int:
    """Checks a whole stored log; its size."""
    held = Held(database)
    held.audit(log)
    return held.size


class Held:
    """The files of a log, in memory."""

    def __init__(self, database: Database) -> None:
        with database.reading() as session:
            query = sa.select(col(LogEntry.data)).order_by(col(LogEntry.index))
            data = [text.encode() for text in session.scalars(query)]
            tiles = select(LogTile.level, LogTile.index, LogTile.hashes)
            self.tiles = {(level, index): hashes for level, index, hashes in session.exec(tiles)}
            newest = newest_checkpoint(session)
        assert newest is not None
        self.size, self._note = len(data), newest.note.encode()
        self.bundles = [bundle(data[at : at + FULL]) for at in range(0, len(data), FULL)]

    def audit(self, log: Sequencer) -> None:
        """Stops at what is wrong."""
        audit = Audit(Signed.parse(self._note), [log.signer.verifier()])
        for _ in audit.pages(self._fetch):
            pass
        if audit.faults or self.size != audit.tree.size:
            raise SystemExit(f"the log is wrong: {audit.faults}")

    def hash_once(self) -> None:
        """The least that one could do with its bytes."""
        for data in (*self.bundles, *self.tiles.values()):
            sha256(data).digest()

    def _fetch(self, wanted: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        for tile in wanted:
            if tile.level == ENTRIES:
                yield tile, self.bundles[tile.index]
            else:
                yield tile, self.tiles[tile.level, tile.index][: tile.width * HASH_BYTES]


def _audit(table: Table, database: Database, log: Sequencer) -> None:
    """The check of a whole log, beside one hash over each of its files."""
    held = Held(database)
    ours, least = _timed(lambda: held.audit(log)), _timed(held.hash_once)
    name = f"check a log of {held.size:,}, beside hashing its files"
    table.add_row(name, f"{ours:.2f} s", f"{least:.2f} s", f"{ours / least:.1f}")


def _row(
    table: Table, name: str, rates: list[float], unit: str, least: list[float], ours: list[float]
) -> None:
    ratio = median(a / b for a, b in zip(least, ours, strict=True))
    table.add_row(name, *[f"{rate:,.0f} {unit}" for rate in rates], f"{ratio:.2f}")


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()

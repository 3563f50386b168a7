"""What the decision log costs, beside the least that could be done instead, in one run.

python -m bench.log [--leaves 1000] [--rounds 20] [--size 100000] [--proofs 1000000]
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

from api.starting import settling
from governance.database import Database
from governance.decisions import of_node
from governance.entries import LogCheckpoint, LogEntry, LogTile
from governance.fields import print_instant
from governance.issuing import issue_one
from governance.log.auditing import Audit, Signed
from governance.log.leaves import BEGINS, case_id
from governance.log.notes import encode
from governance.log.proving import inclusion
from governance.log.sequencing import Sequencer, ledger_of, newest_checkpoint
from governance.log.tiles import ENTRIES, FULL, Tile, bundle, parse_bundle
from governance.log.tree import HASH_BYTES, complete_hash, leaf_hash
from governance.log.writing import Decision
from governance.membership import Actor, add_member, add_platform
from governance.migrations import upgrade
from governance.requesting import Request, draft
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
    parser.add_argument("--size", type=int, default=100_000, help="of the log that is checked")
    parser.add_argument("--proofs", type=int, default=1_000_000, help="of the log to prove from")
    options = parser.parse_args()
    with settling():  # as a node begins
        pass
    with tempfile.TemporaryDirectory() as folder, Server(is_durable=True) as server:
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
    _appending(table, database, options)
    _issuing(table, database, keys)
    _grow(database, options.size)
    _audit(table, database, log)
    _grow(database, options.proofs)
    _proofs(table, database, options.proofs)
    out.print(table)


def _appending(table: Table, database: Database, options: argparse.Namespace) -> None:
    """In turns, by the clock, and by the time of this process alone."""
    ours, least = [], []
    for number in range(options.rounds):
        decisions = _decisions(number, options.leaves)
        ours.append(_times(lambda d=decisions: _append(database, d)))  # type: ignore[misc]
        least.append(_times(lambda d=decisions: _bare(database, d)))  # type: ignore[misc]
    for clock, name in enumerate(("durable", "CPU of the client")):
        mine, bare = [one[clock] for one in ours], [one[clock] for one in least]
        rates = [f"{options.leaves / median(times):,.0f} leaves/s" for times in (mine, bare)]
        ratio = median(a / b for a, b in zip(bare, mine, strict=True))
        table.add_row(f"append {options.leaves:,} leaves, {name}", *rates, f"{ratio:.2f}")


def _issuing(table: Table, database: Database, keys: Keys) -> None:
    platform, single, inserts = _actor(database), [], []
    for _ in range(200):
        single.append(_times(lambda: _issue(database, keys, platform)))
        inserts.append(_times(lambda: _insert(database)))
    for clock, name, at in ((0, "p50", 100), (0, "p99", 197), (1, "CPU of the client, p50", 100)):
        mine, bare = (sorted(one[clock] for one in times)[at] for times in (single, inserts))
        told = f"{mine * 1e3:.2f} ms", f"{bare * 1e3:.2f} ms", f"{mine / bare:.1f}"
        table.add_row(f"issue one, durable, beside one insert: {name}", *told)


def _grow(database: Database, target: int) -> None:
    while (size := _size(database)) < target:
        _append(database, _issued(size, min(10_000, target - size)))


def _decisions(number: int, count: int) -> list[Decision]:
    """As long as those of sanctions are, of the node itself."""
    told = {"origin": "x" * 620, "size": count, "rootHash": encode(bytes(32))}
    return [
        Decision(of_node("peer.applied", None, NOW, **told, position=n), None, None, NOW)
        for n in range(number * count, (number + 1) * count)
    ]


def _issued(number: int, count: int) -> list[Decision]:
    """Of sanctions, each of a case of its own."""
    at = print_instant(NOW)
    names = ("groundReference", "issuerReference", "policyReference", "reason", "subject")
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
    found = []
    for n in range(number, number + count):
        bound = {name: encode(sha256(f"{name} {n}".encode()).digest()) for name in names}
        data = of_node(BEGINS, "grown.example", NOW, statement=statement, commitments=bound)
        found.append(Decision(data, "plt_grown", case_id(data), NOW, begins_case=True))
    return found


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
        places = range(0, size, size // 500)
        took = sorted(_times(lambda at=at: inclusion(session, at, size))[1] for at in places)  # type: ignore[misc]
    for name, at in (("p50", 250), ("p99", 495)):
        table.add_row(f"inclusion proof of {size:,}, {name}", f"{took[at] * 1e3:.2f} ms CPU")


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

    def hash_files(self) -> None:
        """One hash over each file."""
        for data in (*self.bundles, *self.tiles.values()):
            sha256(data).digest()

    def hash_tree(self) -> None:
        """The hash of each entry and of each node above them, once (RFC 6962)."""
        for data in self.bundles:
            for entry in parse_bundle(data):
                leaf_hash(entry)
        for hashes in self.tiles.values():
            if len(hashes) == FULL * HASH_BYTES:
                complete_hash(hashes)

    def _fetch(self, wanted: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        for tile in wanted:
            if tile.level == ENTRIES:
                yield tile, self.bundles[tile.index]
            else:
                yield tile, self.tiles[tile.level, tile.index][: tile.width * HASH_BYTES]


def _audit(table: Table, database: Database, log: Sequencer) -> None:
    """The check of a whole log, beside hashing it."""
    held = Held(database)
    acts = (lambda: held.audit(log)), held.hash_tree, held.hash_files
    rounds = [[_times(act)[1] for act in acts] for _ in range(3)]
    ours, tree, files = map(min, zip(*rounds, strict=True))
    for name, least in (("its entries and tree", tree), ("its files", files)):
        what = f"check a log of {held.size:,}, beside hashing {name}"
        table.add_row(what, f"{ours:.2f} s CPU", f"{least:.3f} s CPU", f"{ours / least:.1f}")


def _times(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of this process."""
    begun, spent = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - begun, time.process_time() - spent


if __name__ == "__main__":
    main()

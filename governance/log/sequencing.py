"""Appending to the log, in the transaction that decides what is logged.

Writers take turns, so the next index is the newest size, and there is never a gap. A transaction's
ledger gathers its decisions; at its end they become entries, the tiles grow at their right edge,
and the tree is signed: all of it commits together, or none of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col

from governance.entries import LogCheckpoint, LogEntry, StoredCheckpoint
from governance.errors import RolledBack
from governance.fields import parse_instant
from governance.log.checkpoints import Checkpoint
from governance.log.errors import LogError, Unproven
from governance.log.guards import Guard, check_continues
from governance.log.histories import LOG_KEY_ROTATED
from governance.log.notes import Note, encode, parse_note
from governance.log.proving import stored_root, tiles_at
from governance.log.signers import Signer, signed_by
from governance.log.tiles import Tile, edge_of, grow, in_tiles
from governance.log.tree import EMPTY_ROOT, leaf_hashes, root_hash
from governance.log.writing import Decision, entries_of
from governance.rows import Columns, columns_of, fetch, insert, inserting, mark, run

LEDGER = "ledger"  # in the info of a session that writes
KEY_LOST = "if its key is lost for good, `comity log begin-anew --key-lost` begins another log"

_CHECKPOINTS = f"SELECT {', '.join(StoredCheckpoint._fields)} FROM log_checkpoints"
_HANDED_OVER = (
    sa.select(col(LogEntry.data))
    .where(col(LogEntry.platform_id).is_(None))
    .where(col(LogEntry.data).contains(f'"type":"{LOG_KEY_ROTATED}"'))
    .order_by(col(LogEntry.index).desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Sequencer:
    """Who signs a log, and the file that remembers what was signed. While the key is rotated,
    its successor signs as well. `closes` is the log that this one takes the place of."""

    keys: Callable[[], Signer]
    guard: Guard
    successor: Signer | None = None
    is_witnessed: bool = False  # then others publish what it signs
    closes: str | None = None

    @property
    def signer(self) -> Signer:
        return self.keys()

    @property
    def origin(self) -> str:
        return self.signer.name

    def signed(self, tree: Checkpoint) -> Note:
        signers = [self.signer, *([self.successor] if self.successor else [])]
        return Note(tree.text, tuple(signer.sign(tree.text) for signer in signers))

    def has_signed(self, checkpoint: StoredCheckpoint) -> bool:
        """Whether it was this node's key that signed a tree."""
        try:
            return bool(signed_by(parse_note(checkpoint.note.encode()), [self.signer.verifier()]))
        except Unproven:
            return False

    def recalled(self, session: Session, signed: Checkpoint | None) -> Checkpoint:
        """What `continued` says, unless nothing here remembers what was signed: the database may
        be an old one on a new machine."""
        head = self.continued(session, signed)
        if head.size and signed is None:
            raise RolledBack(
                f"the log has {head.size:,} entries, and no {self.guard.path} says that they are "
                "all: bring it on with `comity log recover`, or if nothing is missing say so with "
                "`comity log resume`"
            )
        return head

    def continued(
        self, session: Session, signed: Checkpoint | None, newest: StoredCheckpoint | None = None
    ) -> Checkpoint:
        """The tree to go on from; RolledBack unless it goes on from what was signed here.

        Outside a writer's turn others go on signing: the guard is asked what was `signed` before
        the session reads anything.
        """
        newest = newest or newest_checkpoint(session)
        head = Checkpoint(self.origin, 0, EMPTY_ROOT) if newest is None else newest.tree
        if head.origin == self.closes:
            head = replace(head, origin=self.origin)
        if head.origin != self.origin:
            raise RolledBack(
                f"this node's key signs {self.origin}, the log is {head.origin}: put its key file "
                "back or, if this log took its place, bring the database on with `comity log "
                f"recover`; {KEY_LOST}"
            )
        if newest is not None and not self._follows(session, newest):
            raise RolledBack(
                f"another key than this node's signed {head.origin} last: put its file back or, if "
                "this one took its place, bring the database on with `comity log recover`; "
                f"{KEY_LOST}"
            )
        check_continues(signed, head, lambda size: stored_root(session, size))
        return head

    def _follows(self, session: Session, newest: StoredCheckpoint) -> bool:
        """Whether this key signed the newest tree, or is the one that the log was handed over to:
        the one before it may sign until its file is replaced everywhere."""
        own = self.signer.verifier()
        signatures = parse_note(newest.note.encode()).signatures
        if newest.origin == self.closes or any(map(own.knows, signatures)):
            return True
        told = session.scalar(_HANDED_OVER)
        return told is not None and orjson.loads(told)["decision"]["verifier"] == str(own)


class Ledger:
    """What one transaction logs."""

    def __init__(self, session: Session, sequencer: Sequencer) -> None:
        self._session, self._sequencer = session, sequencer
        self._decisions: list[Decision] = []
        self._newest: StoredCheckpoint | None = None
        self._domains: dict[str, str] = {}
        self._is_read = False

    def instant(self, now: datetime) -> datetime:
        """The log's time: now, or that of its newest entry where a clock jumped back."""
        times = [d.at for d in self._decisions[-1:]]
        newest = self.newest
        return max(now, *times, newest.logged_at) if newest else max([now, *times])

    @property
    def size(self) -> int:
        """How many entries the log has with what was added: the index of the next one."""
        newest = self.newest
        return (newest.size if newest else 0) + len(self._decisions)

    @property
    def newest(self) -> StoredCheckpoint | None:
        """The tree that this transaction continues."""
        if not self._is_read:
            self._newest, self._is_read = newest_checkpoint(self._session), True
        return self._newest

    def add(self, decision: Decision) -> None:
        """Has a decision logged when the transaction ends; `at` is an `instant` of this ledger."""
        self._decisions.append(decision)

    def close(self) -> Checkpoint | None:
        """Writes and signs what was gathered; returns the tree, for the guard after the commit.

        RolledBack where the database isn't a continuation of what this node signed.
        """
        if not self._decisions:
            return None
        session = self._session
        session.flush()
        head = self._sequencer.continued(session, self._sequencer.guard.newest(), self.newest)
        hashes = list[bytes]()
        entries = entries_of(session, self._decisions, head.size, hashes)
        root = _extended(session, head.size, entries, hashes)
        return self._signed(Checkpoint(head.origin, head.size + len(hashes), root))

    def _signed(self, tree: Checkpoint) -> Checkpoint:
        row = {
            "size": tree.size,
            "origin": tree.origin,
            "root_hash": encode(tree.root),
            "note": self._sequencer.signed(tree).render().decode(),
            "logged_at": self._decisions[-1].at,
            "cosignatures": None if self._sequencer.is_witnessed else "",
        }
        insert(self._session, LogCheckpoint, [row])
        return tree


def ledger_of(session: Session) -> Ledger:
    """The ledger of a transaction that writes."""
    found: Ledger = session.info[LEDGER]
    return found


def newest_checkpoint(session: Session, which: str = "") -> StoredCheckpoint | None:
    """The newest tree of the log, of all or `which` there are; None where there is none."""
    for found in fetch(session, f"{_CHECKPOINTS} {which} ORDER BY size DESC LIMIT 1", ()):
        stored = StoredCheckpoint._make(found)
        return stored._replace(logged_at=parse_instant(stored.logged_at))
    return None


def extend(session: Session, size: int, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Writes rows of entries at the end of the log; the root that they lead to."""
    hashes = leaf_hashes([row["data"].encode() for row in rows])
    return _extended(session, size, [columns_of(LogEntry, rows)], hashes)


def _extended(
    session: Session, size: int, entries: Iterable[Columns], hashes: Sequence[bytes]
) -> bytes:
    """Writes entries at the end of the log; the root that they lead to. There are as many hashes
    once the last entry was made."""
    edge = _edge(session, size)
    with inserting(session, ((LogEntry, part) for part in entries)):
        grown = grow(size, edge, hashes)
        size += len(hashes)
        root = root_hash(size, in_tiles(size, {**edge, **grown}.__getitem__))
    _write_tiles(session, grown)
    return root


def _edge(session: Session, size: int) -> dict[Tile, bytes]:
    try:
        return tiles_at(session, edge_of(size))
    except LogError:
        raise RolledBack("a tile at the log's edge is missing: restore a backup") from None


def _write_tiles(session: Session, tiles: Mapping[Tile, bytes]) -> None:
    """Widens the tiles that were there, and adds the others."""
    row = "({0}, {0}, {0})".format(mark(session))
    statement = (
        f'INSERT INTO log_tiles (level, "index", hashes) VALUES {", ".join([row] * len(tiles))} '
        'ON CONFLICT (level, "index") DO UPDATE SET hashes = excluded.hashes'
    )
    cells = [cell for tile, hashes in tiles.items() for cell in (tile.level, tile.index, hashes)]
    run(session, statement, [tuple(cells)])

"""Being a witness of other logs (C2SP tlog-witness): cosigning trees that only ever grew.

The newest tree of each log is compared and set in one transaction, and is on disk before its
cosignature is given away: in the database, and in a small file beside the key, so that a database
restored from a backup doesn't have an older tree cosigned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.database import Database
from governance.entries import WitnessedLog
from governance.errors import InvalidInput, NotFound
from governance.log.checkpoints import Checkpoint, parse_checkpoint
from governance.log.errors import LogError, Unproven
from governance.log.guards import Guard
from governance.log.notes import Signature, decode, encode
from governance.log.signers import (
    Algorithm,
    Signer,
    Verifier,
    parse_verifier,
    signed_by,
)
from governance.log.tree import EMPTY_ROOT, check_consistency
from governance.log.witnesses import AddCheckpoint

LONGEST_ORIGIN = 255  # characters


@dataclass(frozen=True, slots=True)
class Cosigner:
    """The key that this node cosigns with, which does nothing else, and the file it is in."""

    signer: Signer
    file: Path

    @property
    def verifier(self) -> Verifier:
        return self.signer.verifier(Algorithm.COSIGNATURE_V1)

    def guard(self, origin: str) -> Guard:
        """What remembers the newest tree of a log that was cosigned with this key."""
        mark = sha256(origin.encode()).hexdigest()[:16]
        return Guard(self.file.with_suffix(f".{mark}.head"))


class Declined(Exception):
    """Why a checkpoint isn't cosigned."""


class UnknownLog(Declined):
    """Its origin isn't witnessed here."""


class UnknownKey(Declined):
    """None of the keys trusted for its origin signed it."""


class Backwards(Declined):
    """The old size is larger than its own."""


class Inconsistent(Declined):
    """The proof doesn't show that its tree grew from the one known."""


class Outdated(Declined):
    """Another tree than the old one is known; `size` is that one's."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def add_checkpoint(
    db: Database, cosigner: Cosigner, asked: AddCheckpoint, *, clock: Callable[[], datetime]
) -> Signature:
    """Cosigns a checkpoint; of requests at once with one old size, one wins. Malformed, Declined.

    What is declined takes no writer's turn.
    """
    checkpoint = parse_checkpoint(asked.note.text)
    guard = cosigner.guard(checkpoint.origin)
    with db.reading() as session:
        _check(session, guard, asked, checkpoint)
    with db.writing() as session:
        _check(session, guard, asked, checkpoint)
        session.execute(
            sa.update(WitnessedLog)
            .where(col(WitnessedLog.origin) == checkpoint.origin)
            .values(size=checkpoint.size, root_hash=encode(checkpoint.root))
        )
        made = cosigner.signer.cosign(asked.note.text, at=int(clock().timestamp()))
    guard.advance(Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root))
    return made


def _check(session: Session, guard: Guard, asked: AddCheckpoint, checkpoint: Checkpoint) -> None:
    """Declined unless the checkpoint may be cosigned; in the specification's order."""
    log = session.get(WitnessedLog, checkpoint.origin)
    if log is None or not log.verifiers:
        raise UnknownLog
    try:
        signed_by(asked.note, map(parse_verifier, log.verifiers.split(" ")))
    except Unproven:
        raise UnknownKey from None
    if asked.old > checkpoint.size:
        raise Backwards
    known = _known(log, guard)
    if asked.old != known.size:
        raise Outdated(known.size)
    if checkpoint.size == known.size and checkpoint.root != known.root:
        raise Outdated(known.size)
    _check_growth(asked, known, checkpoint)


def _known(log: WitnessedLog, guard: Guard) -> Checkpoint:
    """The newest tree that was cosigned: the database's, or the file's if that is newer."""
    stored = Checkpoint(log.origin, log.size, decode(log.root_hash))
    kept = guard.newest()
    return kept if kept is not None and kept.size >= stored.size else stored


def _check_growth(asked: AddCheckpoint, known: Checkpoint, new: Checkpoint) -> None:
    if not asked.old:  # there is no proof of this, so there must be none
        if asked.hashes:
            raise Inconsistent
        return
    roots = {"old_root": known.root, "new_root": new.root}
    try:
        check_consistency(asked.old, new.size, hashes=asked.hashes, **roots)
    except LogError:
        raise Inconsistent from None


def witness(session: Session, origin: str, verifiers: Sequence[str]) -> WitnessedLog:
    """Trusts keys for a log from now on, instead of those before; what was cosigned is kept.

    InvalidInput names what isn't an origin, or a log's key.
    """
    if not _is_origin(origin):
        expected = f"a log's name of at most {LONGEST_ORIGIN} characters"
        raise InvalidInput(f"origin: expected {expected}", path=["origin"])
    if not verifiers or not all(map(_is_log_key, verifiers)):
        expected = "a log's key as name+id+key, as logs tell it at /log/key"
        raise InvalidInput(f"verifier: expected {expected}", path=["verifier"])
    log = session.get(WitnessedLog, origin) or WitnessedLog(
        origin=origin, verifiers="", size=0, root_hash=encode(EMPTY_ROOT)
    )
    log.verifiers = " ".join(verifiers)
    session.add(log)
    return log


def _is_origin(text: str) -> bool:
    try:
        return len(Checkpoint(text, 0, EMPTY_ROOT).origin) <= LONGEST_ORIGIN
    except LogError:
        return False


def _is_log_key(text: str) -> bool:
    try:
        return parse_verifier(text).algorithm is Algorithm.ED25519
    except LogError:
        return False


def forget(session: Session, origin: str) -> None:
    """Cosigns a log no longer. Its newest tree is kept, in case it is witnessed again."""
    log = session.get(WitnessedLog, origin)
    if log is None or not log.verifiers:
        raise NotFound("no such log is witnessed", path=["origin"])
    log.verifiers = ""
    session.add(log)


def witnessed(session: Session) -> list[WitnessedLog]:
    """The logs that are cosigned here, by name."""
    found = sa.select(WitnessedLog).where(col(WitnessedLog.verifiers) != "")
    return list(session.scalars(found.order_by(col(WitnessedLog.origin))))

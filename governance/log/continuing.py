"""A new log in the place of one that can't go on, where no copy reaches what was signed.

It has the entries that are left, under another name and another key, so that it is another log to
everybody, and no second history of the one before. Its next entry says which log was closed, and
what its newest tree was. Where that one's key is lost, it says so, and nothing proves the rest.
"""

from collections.abc import Mapping
from datetime import datetime

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col

from governance import erasing
from governance.database import Database
from governance.decisions import of_node
from governance.entries import LogCheckpoint, LogEntry
from governance.errors import Conflict, RolledBack
from governance.log.authorship import hand_over
from governance.log.checkpoints import Checkpoint
from governance.log.guards import Guard
from governance.log.histories import LOG_BEGUN
from governance.log.keyfiles import KeyFile, new_signer, write_secret
from governance.log.notes import encode
from governance.log.sequencing import Sequencer, ledger_of, newest_checkpoint
from governance.log.signers import Verifier
from governance.log.writing import Decision


def begin_anew(
    database: Database, file: KeyFile, name: str, *, now: datetime, is_key_lost: bool = False
) -> Verifier:
    """Closes the log and begins one with another name; returns its key.

    Conflict if nothing is missing, of what was signed or of keys, or the name isn't new.
    Interrupted at any moment, the same again finishes what was begun.
    """
    log = database.log
    assert log is not None, "opened with its log"
    next_file = KeyFile(file.path.with_name(f"{file.path.name}.next"))
    next_guard = Guard(log.guard.path.with_name(f"{log.guard.path.name}.next"))
    if not _is_begun(database, next_file):
        closed = _orphaned(database, log) if is_key_lost else _closed(database, log)
        with database.reading() as session:
            used = _names(session) | {closed.origin}
        if name in used:
            raise Conflict(f"expected another name than {name}, which a log of this node had")
        for left in (next_file.path, next_guard.path):
            left.unlink(missing_ok=True)
        write_secret(next_file.path, str(new_signer(name)))
        successor = Sequencer(next_file, next_guard, None, log.is_witnessed, closes=closed.origin)
        verifier = next_file().verifier()
        shown = (
            {"isKeyLost": True} if is_key_lost else {"handover": hand_over(log.signer, verifier)}
        )
        with database.writing(successor) as session:
            _announce(session, closed, verifier, shown, now)
            erasing.redact_lost(session, now=now)  # a copy brought on has none of its disclosures
    _finish(database, file, next_file, log.guard, next_guard)
    return file().verifier()


def closed_note(session: Session) -> str | None:
    """The last checkpoint that is left of the log that this one took the place of."""
    found = session.scalar(_begun().order_by(col(LogEntry.index).desc()).limit(1))
    return orjson.loads(found)["decision"].get("checkpoint") if found else None


def _begun() -> sa.Select[str]:
    """The entries that began a log in the place of another."""
    own = sa.select(col(LogEntry.data)).where(col(LogEntry.platform_id).is_(None))
    return own.where(col(LogEntry.data).contains(f'"type":"{LOG_BEGUN}"'))


def _names(session: Session) -> set[str]:
    """The names that this node's logs had, as far as its records say."""
    signed = session.scalars(sa.select(col(LogCheckpoint.origin)).distinct())
    closed = (orjson.loads(data)["decision"]["origin"] for data in session.scalars(_begun()))
    return {*signed, *closed}


def _is_begun(database: Database, next_file: KeyFile) -> bool:
    """Whether the new log is in the database, and its key isn't in its place."""
    with database.reading() as session:
        newest = newest_checkpoint(session)
    return newest is not None and next_file.path.exists() and next_file().name == newest.origin


def _closed(database: Database, log: Sequencer) -> Checkpoint:
    """The newest tree that was signed, of which entries are missing."""
    signed = log.guard.newest()
    with database.reading() as session:
        newest = newest_checkpoint(session)
        try:
            log.recalled(session, signed)
        except RolledBack:
            ours = [one.origin for one in (signed, newest) if one is not None]
            if ours != [log.origin] * len(ours):
                raise
        else:
            raise Conflict("nothing that was signed is missing: the log goes on as it is")
    if signed is not None:
        return signed
    assert newest is not None, "an empty log that nobody signed goes on"
    return newest.tree


def _orphaned(database: Database, log: Sequencer) -> Checkpoint:
    """The newest tree that was signed, by a key that isn't this node's."""
    signed = log.guard.newest()
    with database.reading() as session:
        newest = newest_checkpoint(session)
    if newest is None or log.has_signed(newest):
        raise Conflict("the key that signed the log is in its place: it isn't lost")
    is_ahead = signed and signed.origin == newest.origin and signed.size > newest.size
    return signed if signed and is_ahead else newest.tree


def _announce(
    session: Session,
    closed: Checkpoint,
    verifier: Verifier,
    shown: Mapping[str, str | bool],
    now: datetime,
) -> None:
    """Logs which log was closed, and what shows that it was its own doing, if anything does."""
    ledger = ledger_of(session)
    at = ledger.instant(now)
    told: dict[str, str | int] = {
        "origin": closed.origin,
        "size": closed.size,
        "rootHash": encode(closed.root),
        "verifier": str(verifier),
        **shown,
    }
    if ledger.newest is not None:
        told["checkpoint"] = ledger.newest.note
    ledger.add(Decision(of_node(LOG_BEGUN, None, at, **told), None, None, at))


def _finish(
    database: Database, file: KeyFile, next_file: KeyFile, guard: Guard, next_guard: Guard
) -> None:
    """Puts the new log's two files in the place of the old one's, the key last."""
    with database.reading() as session:
        newest = newest_checkpoint(session)
    assert newest is not None, "it has an entry that begins it"
    signed = guard.newest()
    if signed is None or signed.origin != newest.origin:
        next_guard.advance(newest.tree)
        next_guard.path.replace(guard.path)
    file.replace(next_file.path)

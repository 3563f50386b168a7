"""A new key for the log: announced in it, handed over by the old one, then alone in use."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import col

from governance.database import Database
from governance.decisions import of_node
from governance.entries import LogEntry
from governance.log.authorship import hand_over
from governance.log.keyfiles import KeyFile, new_signer, write_secret
from governance.log.sequencing import ledger_of
from governance.log.signers import Signer, Verifier
from governance.log.writing import Decision

ROTATED = "log.key_rotated"


def rotate(database: Database, file: KeyFile, *, now: datetime) -> Verifier:
    """Logs a new key and puts it in the old one's place; the checkpoint is signed by both.

    Interrupted at any moment, the log goes on under a key that it names, and the same again
    finishes what was begun.
    """
    log = database.log
    assert log is not None, "opened with its log"
    next_file = file.path.with_name(f"{file.path.name}.next")
    successor = _begun(database, next_file)
    if successor is None:
        successor = new_signer(log.origin)
        next_file.unlink(missing_ok=True)
        write_secret(next_file, str(successor))
        both = replace(log, successor=successor)
        with database.writing(both) as session:
            ledger = ledger_of(session)
            at = ledger.instant(now)
            verifier = successor.verifier()
            told = {"verifier": str(verifier), "handover": hand_over(log.signer, verifier)}
            ledger.add(Decision(of_node(ROTATED, None, at, **told), None, None, at))
    file.replace(next_file)
    return successor.verifier()


def _begun(database: Database, next_file: Path) -> Signer | None:
    """The new key of a rotation that was logged and not finished."""
    if not next_file.exists():
        return None
    successor = KeyFile(next_file)()
    name = str(successor.verifier())
    own = sa.select(col(LogEntry.data)).where(col(LogEntry.platform_id).is_(None))
    with database.reading() as session:
        is_logged = any(name in data for data in session.scalars(own))
    return successor if is_logged else None

"""Publishing the log's checkpoints: witnesses gate what is published, and never a decision."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.database import Database
from governance.entries import LogCheckpoint, StoredCheckpoint
from governance.log.notes import parse_note
from governance.log.proving import consistency
from governance.log.sequencing import newest_checkpoint
from governance.log.witnesses import AddCheckpoint

IS_PUBLISHED = col(LogCheckpoint.cosignatures).is_not(None)


def newest_published(session: Session) -> StoredCheckpoint | None:
    """The newest tree that is published; None where none is."""
    return newest_checkpoint(session, "WHERE cosignatures IS NOT NULL")


def covering(session: Session, index: int) -> StoredCheckpoint:
    """The checkpoint to prove an entry under: the newest published one if the entry is in it,
    else the newest signed one."""
    published = newest_published(session)
    if published is not None and index < published.size:
        return published
    newest = newest_checkpoint(session)
    assert newest is not None, "there are entries"
    return newest


def waiting(session: Session) -> StoredCheckpoint | None:
    """The newest checkpoint, unless it has cosignatures already."""
    newest = newest_checkpoint(session)
    return None if newest is None or newest.cosignatures else newest


def request(session: Session, checkpoint: StoredCheckpoint, old: int) -> AddCheckpoint:
    """What to ask a witness that knows the first `old` entries; at most the checkpoint's size."""
    hashes = consistency(session, old, checkpoint.size) if old else []
    return AddCheckpoint(old, tuple(hashes), parse_note(checkpoint.note.encode()))


def publish_newest(db: Database) -> None:
    """Publishes what waits for witnesses that are not asked any longer."""
    with db.reading() as session:
        newest = newest_checkpoint(session)
    if newest is not None and newest.cosignatures is None:
        with db.writing() as session:
            publish(session, newest.size)


def publish(session: Session, size: int, cosignatures: Iterable[str] = ()) -> None:
    """Publishes a checkpoint; one that others published with cosignatures stays as it is."""
    session.execute(
        sa.update(LogCheckpoint)
        .where(col(LogCheckpoint.size) == size)
        .where(sa.func.coalesce(col(LogCheckpoint.cosignatures), "") == "")
        .values(cosignatures="".join(cosignatures))
    )

"""The decision log as it is stored: entries as they were hashed, tiles, checkpoints as signed.

The stored bytes are the truth: an entry's text is canonical JSON in UTF-8, and is hashed and served
as it is. Triggers refuse to change or delete entries.
"""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Field

from governance.fields import PLACE, Stored
from governance.fields import UTCDateTime as Utc
from governance.log.checkpoints import Checkpoint
from governance.log.notes import decode


class LogEntry(Stored, table=True):
    """A leaf of the tree. `seq` counts each platform's entries, and the node's own, from zero. The
    case is the one that the decision names, which may be a peer's, that a database made anew
    doesn't know yet. What begins a case names none: its sanction's row says where it is, of older
    entries this one too."""

    __tablename__ = "log_entries"
    __table_args__ = (
        sa.Index(
            "log_entries_of_case",
            "case_id",
            "index",
            sqlite_where=sa.text("case_id IS NOT NULL"),
            postgresql_where=sa.text("case_id IS NOT NULL"),
        ),
        sa.Index("log_entries_of_platform", "platform_id", "seq", unique=True),
    )

    index: int = Field(primary_key=True, sa_type=PLACE)
    platform_id: str | None = None
    seq: int = Field(sa_type=sa.BigInteger)
    case_id: str | None = None
    data: str


class LogTile(Stored, table=True):
    """A hash tile, level 0 or higher; the last of a level grows until it has 256 hashes."""

    __tablename__ = "log_tiles"

    level: int = Field(primary_key=True)
    index: int = Field(primary_key=True, sa_type=sa.BigInteger)
    hashes: bytes


class LogCheckpoint(Stored, table=True):
    """A signed tree: one for each transaction that logged something. It is published once it has
    cosignatures: lines of its note, none where no witness is asked."""

    __tablename__ = "log_checkpoints"
    __table_args__ = (
        sa.Index(
            "log_checkpoints_published",
            "size",
            sqlite_where=sa.text("cosignatures IS NOT NULL"),
            postgresql_where=sa.text("cosignatures IS NOT NULL"),
        ),
    )

    size: int = Field(primary_key=True, sa_type=sa.BigInteger)
    origin: str
    root_hash: str  # base64
    note: str
    logged_at: datetime = Field(sa_type=Utc)  # of the newest entry
    cosignatures: str | None = None


class StoredCheckpoint(NamedTuple):
    """A row of them, for those who read it in every transaction."""

    size: int
    origin: str
    root_hash: str
    note: str
    logged_at: datetime
    cosignatures: str | None

    @property
    def tree(self) -> Checkpoint:
        """What is signed."""
        return Checkpoint(self.origin, self.size, decode(self.root_hash))

    @property
    def signed(self) -> str:
        """The note with every signature there is."""
        return self.note + (self.cosignatures or "")


class WitnessedLog(Stored, table=True):
    """Another node's log that this one cosigns: the keys that it trusts, separated by spaces (none
    once it doesn't any longer), and the newest tree that it cosigned."""

    __tablename__ = "witnessed_logs"

    origin: str = Field(primary_key=True)
    verifiers: str
    size: int = Field(sa_type=sa.BigInteger)
    root_hash: str  # base64

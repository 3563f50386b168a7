"""What is known of the files in the node's own export folder, so that it can be asked for."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

import sqlalchemy as sa
from sqlmodel import Field, Session, col

from governance.fields import EnumText, Stored
from governance.fields import UTCDateTime as Utc
from governance.words import ExportFormat


class ExportFile(Stored, table=True):
    """One file of a day. Its id is made of what it is, so that it is written down once."""

    __tablename__ = "export_files"
    __table_args__ = (sa.Index("export_files_newest", "begins_at", "id"),)

    id: str = Field(primary_key=True)
    begins_at: datetime = Field(sa_type=Utc)  # the day's midnight
    day: str
    dataset: str
    format: ExportFormat = Field(sa_type=EnumText(ExportFormat))
    path: str
    sha256: str
    byte_count: int = Field(sa_type=sa.BigInteger)
    row_count: int = Field(sa_type=sa.BigInteger)
    checkpoint_size: int = Field(sa_type=sa.BigInteger)
    root_hash: str
    schema_version: int


def file_id(day: date, dataset: str, form: ExportFormat) -> str:
    return f"exp_{day:%Y%m%d}{dataset}{form.lower()}"


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def keep(session: Session, files: Iterable[ExportFile]) -> None:
    """Writes files down; those of a day that were made again take their predecessors' place."""
    for file in files:
        session.merge(file)


def known_roots(session: Session) -> dict[str, int]:
    """The size of the tree that each file was made at, by its id."""
    found = sa.select(col(ExportFile.id), col(ExportFile.checkpoint_size))
    return dict(session.execute(found).all())

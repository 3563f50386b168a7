"""What is known of the files in the node's own export folder, so that it can be asked for."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import sqlalchemy as sa
from sqlmodel import Field, col

from governance.database import Database
from governance.exporting.manifests import File, Manifest, manifest_at
from governance.exporting.places import Place
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


def register(db: Database, place: Place) -> int:
    """Writes down what lies in the node's own folder and isn't known yet; how many files."""
    with db.reading() as session:
        sized = sa.select(col(ExportFile.id), col(ExportFile.checkpoint_size))
        known: dict[str, int] = dict(session.execute(sized).all())
    found: list[ExportFile] = []
    for path in place.list("manifests"):
        manifest = manifest_at(place, path)
        if known.get(_id(manifest, manifest.files[0])) != manifest.size:
            found += _kept(manifest)
    if found:
        with db.writing() as session:
            for file in found:
                session.merge(file)
    return len(found)


def _id(manifest: Manifest, file: File) -> str:
    return file_id(manifest.day, file.dataset, file.format)


def _kept(manifest: Manifest) -> Iterator[ExportFile]:
    for file in manifest.files:
        yield ExportFile(
            id=_id(manifest, file),
            begins_at=midnight(manifest.day),
            day=manifest.day.isoformat(),
            dataset=file.dataset,
            format=file.format,
            path=file.path,
            sha256=file.sha256,
            byte_count=file.bytes,
            row_count=file.rows,
            checkpoint_size=manifest.size,
            root_hash=manifest.root,
            schema_version=manifest.schemaVersion,
        )

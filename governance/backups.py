"""Backups: every record in one archive that restores into SQLite and PostgreSQL alike.

A zip archive: a part for each table, with a row a line as JSON; a manifest of what each part must
be; a seal over the manifest, keyed with the node's key. The key itself is never in it.
"""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

import orjson
import sqlalchemy as sa
from pydantic import Field, NonNegativeInt
from sqlmodel import Session

from governance.database import Database
from governance.errors import InvalidInput
from governance.fields import Draft, Instant
from governance.importing.runs import Progress
from governance.migrations import revisions
from governance.records import METADATA
from governance.settings import Keys

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.seal"
BATCH = 1_000  # rows held in memory


class Part(Draft):
    """A table's part of an archive, as it must be."""

    table: str
    columns: list[str]
    rows: NonNegativeInt
    bytes: NonNegativeInt
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.table}.jsonl"


class Manifest(Draft):
    """What an archive holds, of which revision, made when and under which key."""

    format: int = FORMAT
    comity: str = Field(default_factory=lambda: version("comity"))
    revision: str
    made_at: Instant
    key: str  # a keyed hash that tells whether a key is the one of the backup, and nothing else
    parts: list[Part]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


def backup(
    db: Database, keys: Keys, file: Path, *, now: datetime, progress: Progress | None = None
) -> Manifest:
    """Writes one consistent state to a new file of mode 0600, while others read and write.

    The file is there once it is whole and on disk. InvalidInput if it is there already.
    """
    if file.exists():
        raise InvalidInput(f"{file} is there already; a backup never replaces a file")
    with (
        db.reading() as session,
        _new_file(file) as raw,
        zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    ):
        tell = _rows_told(session, progress)
        parts = [_dump(session, table, archive, tell) for table in METADATA.sorted_tables]
        manifest = Manifest(revision=revisions()[0], made_at=now, key=key_mark(keys), parts=parts)
        written = orjson.dumps(manifest.model_dump(mode="json", by_alias=True))
        archive.writestr(MANIFEST, written)
        archive.writestr(SEAL, seal(keys, written))
    return manifest


@contextmanager
def _new_file(file: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name at the end, or is gone."""
    with tempfile.NamedTemporaryFile(  # of mode 0600
        dir=file.parent, prefix=f".{file.name}.", delete=False
    ) as raw:
        try:
            yield raw
            raw.flush()
            os.fsync(raw.fileno())
            os.rename(raw.name, file)
        except BaseException:
            os.unlink(raw.name)
            raise
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _rows_told(session: Session, progress: Progress | None) -> Callable[[int], None]:
    counts = [
        session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in METADATA.sorted_tables
    ]
    return told(progress, sum(counts))


def _dump(
    session: Session, table: sa.Table, archive: zipfile.ZipFile, tell: Callable[[int], None]
) -> Part:
    digest, rows, size = hashlib.sha256(), 0, 0
    found = session.execute(sa.select(table).execution_options(yield_per=BATCH))
    with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as part:
        for batch in found.partitions():
            data = b"".join(orjson.dumps(tuple(row), _hexed) + b"\n" for row in batch)
            part.write(data)
            digest.update(data)
            rows, size = rows + len(batch), size + len(data)
            tell(len(batch))
    return Part(
        table=table.name,
        columns=table.columns.keys(),
        rows=rows,
        bytes=size,
        sha256=digest.hexdigest(),
    )


def _hexed(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError


def key_mark(keys: Keys) -> str:
    """Tells a key from others, and nothing else about it."""
    return keys.tag("backup/key")


def seal(keys: Keys, manifest: bytes) -> str:
    """What only somebody with the key can make of a manifest."""
    return keys.tag("backup/manifest", hashlib.sha256(manifest).hexdigest())


def told(progress: Progress | None, total: int) -> Callable[[int], None]:
    """What adds to the work that is done, and tells it."""
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    return tell

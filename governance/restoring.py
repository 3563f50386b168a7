"""Restoring a backup into an empty database. The file may be damaged, or somebody else's."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hmac import compare_digest
from operator import index
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import psycopg
import sqlalchemy as sa
from sqlmodel import Session

from governance.backups import BATCH, FORMAT, MANIFEST, SEAL, Manifest, Part, key_mark, seal, told
from governance.database import Database
from governance.errors import Conflict, InvalidInput
from governance.fields import UTCDateTime, parse_instant, validated
from governance.importing.archives import Budget, Stream, ours
from governance.importing.runs import Progress, in_batches
from governance.migrations import revisions
from governance.records import METADATA
from governance.settings import Keys

LONGEST_MANIFEST = 1 << 20  # bytes
LONGEST_LINE = 16 << 20  # bytes; the longest row there can be has some 100 KB
_CHUNK = 1 << 20
_UNFIT = (  # a row that these tables don't take
    ValueError,
    TypeError,
    OverflowError,
    sa.exc.IntegrityError,
    sa.exc.DataError,
    sa.exc.ProgrammingError,
    sa.exc.InterfaceError,
    psycopg.IntegrityError,
    psycopg.DataError,
    psycopg.ProgrammingError,
)


def restore(
    db: Database,
    keys: Keys,
    file: Path,
    *,
    any_key: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Puts every row of an archive into an empty database of this version: all, or none.

    InvalidInput, which names the part, if the archive isn't what was written; Conflict if it is
    of another revision, if the database isn't empty, or, unless `any_key`, if the backup was made
    under another key: then no account could be looked up and no secret would fit.
    """
    with db.reading() as session:
        _require_empty(session)
    with Archive(file) as archive:
        manifest = archive.manifest(keys, any_key=any_key)
        tell = told(progress, sum(part.bytes for part in manifest.parts) * (2 - dry_run))
        for part in manifest.parts:
            archive.check(part, tell)
        if not dry_run:
            _load(db, archive, manifest, tell)
    return manifest


class Archive:
    """A backup under way to be read. It is somebody else's: all that is in it is checked."""

    def __init__(self, file: Path) -> None:
        with ours(str(file)):
            self._zip = zipfile.ZipFile(file)
        self._budget_of = file.stat().st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _t: type[BaseException] | None, _v: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._zip.close()

    def manifest(self, keys: Keys, *, any_key: bool) -> Manifest:
        """The manifest, once it is one for this version and, unless `any_key`, for this key."""
        written = self._read(MANIFEST)
        manifest = _parsed(written)
        if manifest.key != key_mark(keys):
            if not any_key:
                raise Conflict("the backup was made under another key: put its key file in place")
        elif not compare_digest(self._read(SEAL), seal(keys, written).encode()):
            raise InvalidInput(f"{MANIFEST} isn't what was written: its seal is broken")
        names = sorted([MANIFEST, SEAL, *(part.name for part in manifest.parts)])
        if sorted(self._zip.namelist()) != names:
            raise InvalidInput(f"expected the very parts that {MANIFEST} names")
        return manifest

    def check(self, part: Part, tell: Callable[[int], None]) -> None:
        """InvalidInput unless the part is the very bytes that the manifest says."""
        digest, rows, size = hashlib.sha256(), 0, 0
        with self._opened(part.name) as stream:
            while data := stream.read(_CHUNK):
                digest.update(data)
                rows, size = rows + data.count(b"\n"), size + len(data)
                tell(len(data))
        if (digest.hexdigest(), rows, size) != (part.sha256, part.rows, part.bytes):
            raise InvalidInput(f"{part.name} isn't what was written: its checksum differs")

    def lines(self, part: Part) -> Iterator[bytes]:
        with self._opened(part.name) as stream:
            while line := stream.readline(LONGEST_LINE):
                yield line

    def _read(self, name: str) -> bytes:
        with self._opened(name) as stream:
            return stream.read(LONGEST_MANIFEST)

    @contextmanager
    def _opened(self, name: str) -> Iterator[Stream]:
        if name not in self._zip.NameToInfo:
            raise InvalidInput(f"expected a backup of Comity's; there is no {name} in it")
        with ours(name):
            member = self._zip.open(name)
        with member:
            yield Stream(member, name, Budget(self._budget_of))


def _parsed(written: bytes) -> Manifest:
    try:
        raw = orjson.loads(written)
    except ValueError:
        raw = None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise InvalidInput(f"expected a {MANIFEST} of format {FORMAT}")
    manifest = validated(Manifest, raw)
    if manifest.revision != revisions()[0]:
        raise Conflict(
            f"the backup is of revision {manifest.revision[:20]!r} (Comity {manifest.comity[:20]!r}"
            f"), this version's is {revisions()[0]!r}: restore with that version, then migrate"
        )
    tables = [(table.name, table.columns.keys()) for table in METADATA.sorted_tables]
    if [(part.table, part.columns) for part in manifest.parts] != tables:
        raise InvalidInput(f"expected a {MANIFEST} with this version's tables and columns")
    return manifest


def _require_empty(session: Session) -> None:
    for table in METADATA.sorted_tables:
        if session.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise Conflict("expected an empty database; this one holds records, and none are lost")


def _load(db: Database, archive: Archive, manifest: Manifest, tell: Callable[[int], None]) -> None:
    name = ""
    try:
        with db.writing() as session:
            _require_empty(session)
            if db.dialect == "sqlite":  # sanctions refer to sanctions, in any order
                session.execute(sa.text("PRAGMA defer_foreign_keys=ON"))
            for table, part in zip(METADATA.sorted_tables, manifest.parts, strict=True):
                name, lines = part.name, archive.lines(part)
                _insert(session, table, _rows(table, db, lines, tell))
            _require_references(session)
    except _UNFIT:
        raise _unfit(name) from None


def _require_references(session: Session) -> None:
    """PostgreSQL has checked them; SQLite would at the commit, and say nothing of the table."""
    if session.connection().dialect.name == "sqlite":
        stray = session.execute(sa.text("PRAGMA foreign_key_check")).first()
        if stray is not None:
            raise _unfit(f"{stray[0]}.jsonl")


def _unfit(name: str) -> InvalidInput:
    return InvalidInput(f"expected rows that fit the tables; {name} has others")


def _rows(
    table: sa.Table, db: Database, lines: Iterator[bytes], tell: Callable[[int], None]
) -> Iterator[list[Any]]:
    """Rows as the driver takes them."""
    turns = [_turned(column.type, db.engine.dialect) for column in table.columns]
    for line in lines:
        yield [turn(value) for turn, value in zip(turns, orjson.loads(line), strict=True)]
        tell(len(line))


def _turned(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Callable[[Any], Any]:
    """What makes of a column's value in a line what the driver takes."""
    bound = kind.dialect_impl(dialect).bind_processor(dialect) or _as_it_is
    read: dict[type, Callable[[Any], Any]] = {
        UTCDateTime: parse_instant,
        sa.LargeBinary: bytes.fromhex,
        sa.Integer: index,  # SQLite would take anything
    }
    parse = next((how for of, how in read.items() if isinstance(kind, of)), None)
    if parse is None:
        return bound
    return lambda value: bound(None if value is None else parse(value))


def _as_it_is(value: Any) -> Any:
    return value


def _insert(session: Session, table: sa.Table, rows: Iterator[Sequence[Any]]) -> None:
    """On PostgreSQL by COPY: fast, and one statement, after which references are checked."""
    connection = session.connection()
    quoted = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quoted(name) for name in table.columns.keys())  # noqa: SIM118
    if connection.dialect.name == "postgresql":
        driver: psycopg.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        target = f"COPY {table.name} ({columns}) FROM STDIN"
        with driver.cursor() as cursor, cursor.copy(target.encode()) as copy:
            for row in rows:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(table.columns))
    for batch in in_batches(rows, BATCH):
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", [tuple(row) for row in batch]
        )

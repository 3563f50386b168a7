"""Makes the files of a selection: its records are read, grouped so that nobody is found, written.

Killed anywhere, it goes on where it was. What is erased meanwhile is seen afterwards, since what
had been erased is looked at before the first record is read. Any erasure counts: whether somebody
was in the files can't be told once the record went on.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col

from governance import selections
from governance.appeals import Appeal
from governance.database import Database
from governance.events import SAID_OF_OTHERS, Event, is_later
from governance.exporting.columns import SCHEMA_VERSION
from governance.exporting.grouping import ROWS, Grouping
from governance.exporting.manifests import File
from governance.exporting.names import ENDINGS, MANIFEST
from governance.exporting.places import Folder
from governance.exporting.writing import stopped, written
from governance.fields import print_instant
from governance.log.notes import Note
from governance.log.sequencing import Sequencer
from governance.platforms import Platform
from governance.rules.durations import bucket
from governance.rules.research import MOST_BYTES, shown
from governance.sanctions import Disclosure, Sanction
from governance.selections import Fit, Selection, SelectionFile, pseudonym
from governance.settings import Keys
from governance.words import AppealState, Audience
from governance.words import SelectionState as State

BATCH = 5_000  # records in memory
HEADING = "comity selection v1"


class GaveUp(Exception):
    """The selection was cancelled meanwhile."""


class TooLarge(Exception):
    """Its files would be larger than a project may keep."""


@dataclass(frozen=True, slots=True)
class Maker:
    """What makes selections."""

    database: Database
    keys: Keys
    log: Sequencer
    place: Folder
    clock: Callable[[], datetime]
    check: Callable[[], None] = lambda: None  # raises where the process is to stop

    def make(self, ident: str, fit: Fit) -> None:
        """Makes a selection's files, and says that they are there. ExportFailed where it stopped,
        to be gone on with; TooLarge; GaveUp."""
        try:
            with self.place.alone() as work:
                selection = self._begun(ident)
                with Grouping(self.place.path / f".{ident}.{selection.generation}") as grouping:
                    self._read(selection, fit, grouping)
                    grouping.group(selection.as_of.date(), self.check)
                    files = self._files(selection, grouping, work)
                    self._finish(selection, grouping, files)
                    grouping.remove()
        except (GaveUp, TooLarge):
            self.clear(ident)
            raise
        except (OSError, sqlite3.Error) as error:
            if getattr(error, "sqlite_errorname", "") in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
                self.clear(ident)  # a machine that lost power may leave half a page
            raise stopped(self.place.name, error) from None

    def clear(self, ident: str) -> None:
        """Deletes whatever was made of a selection."""
        shutil.rmtree(self.place.path / ident, ignore_errors=True)
        for scratch in self.place.path.glob(f".{ident}.*"):
            scratch.unlink(missing_ok=True)

    def drop(self, selection: Selection) -> None:
        """Deletes the files of a selection that isn't ready any more, and nothing newer."""
        folder = self.place.path / selection.id / str(selection.generation)
        shutil.rmtree(folder, ignore_errors=True)

    def idents(self) -> set[str]:
        """The selections of which anything is here."""
        names = (path.name.lstrip(".").partition(".")[0] for path in self.place.path.iterdir())
        return {name for name in names if name.startswith("sel_")}

    def is_whole(self, selection: Selection) -> bool:
        """Whether the files of a selection that is ready are here."""
        folder = self.place.path / selection.id / str(selection.generation)
        return (folder / MANIFEST).is_file()

    def _begun(self, ident: str) -> Selection:
        with self.database.writing() as session:
            selection = selections.found(session, ident)
            if selection.state is State.WAITING:
                # Before anything is read: what is erased from here on is seen as new.
                selection.erasures = erasures(session)
                selection.rows_read = 0
                counted = sa.select(sa.func.count()).select_from(Sanction)
                selection.rows_to_read = int(session.scalar(counted) or 0)
                self.clear(ident)
                selections.move(session, selection, State.RUNNING)
            elif selection.state is not State.RUNNING:
                raise GaveUp
        return selection

    def _read(self, selection: Selection, fit: Fit, grouping: Grouping) -> None:
        after, count = grouping.place()
        while True:
            self.check()
            with self.database.reading() as session:
                rows = list(_records(session, selection.as_of, fit, after))
            if not rows:
                return
            after, count = rows[-1]["id"], count + len(rows)
            told = [row for row in map(self._told(selection), rows) if row is not None]
            grouping.add(told, after, count)
            self._progress(selection, count)

    def _progress(self, selection: Selection, count: int) -> None:
        with self.database.writing() as session:
            now = selections.found(session, selection.id)
            if now.state is not State.RUNNING:
                raise GaveUp
            now.rows_read = count
            session.add(now)

    def _told(self, selection: Selection) -> Callable[[Mapping[str, Any]], Any]:
        def told(row: Mapping[str, Any]) -> tuple[str, bool, Mapping[str, Any]] | None:
            if not row["subject"] or row["subject"].startswith("urn:uuid:"):
                return None  # erased, or it names nobody
            if row["validity"] is None:
                return None  # its news came later than it
            kind = str(row["subject_kind"])
            name = pseudonym(self.keys, selection.project_id, kind, row["subject"])
            return name, bool(row["fits"]), _row(row, selection.as_of)

        return told

    def _files(self, selection: Selection, grouping: Grouping, work: Path) -> tuple[File, ...]:
        folder = f"{selection.id}/{selection.generation}"
        paths = {(ROWS, form): f"{folder}/rows.{ENDINGS[form]}" for form in selection.formats}
        files = written(work, paths, self._within(grouping.batches(), work))
        if sum(file.bytes for file in files) > MOST_BYTES:
            raise TooLarge
        (self.place.path / selection.id).mkdir(mode=0o700, exist_ok=True)
        for file in files:
            self.place.put(work / file.path, file.path)
        note = work / MANIFEST
        note.write_bytes(self._manifest(selection, files))
        self.place.put(note, f"{folder}/{MANIFEST}")
        return files

    def _within(self, batches: Iterator[Any], work: Path) -> Iterator[Any]:
        """The batches, while what is written stays within what a project may keep."""
        for batch in batches:
            self.check()
            yield batch
            if sum(path.stat().st_size for path in work.rglob("*.*")) > MOST_BYTES:
                raise TooLarge

    def _manifest(self, selection: Selection, files: tuple[File, ...]) -> bytes:
        """What the files are, signed as a day's are."""
        told = {
            "origin": self.log.origin,
            "id": selection.id,
            "generation": selection.generation,
            "asOf": print_instant(selection.as_of),
            "filter": selection.wanted,
            "files": [asdict(file) | {"rows": shown(file.rows)} for file in files],
            "schemaVersion": SCHEMA_VERSION,
        }
        text = f"{HEADING}\n{orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()}\n"
        return Note(text, (self.log.signer.sign(text),)).render()

    def _finish(self, selection: Selection, grouping: Grouping, files: tuple[File, ...]) -> None:
        made = [
            SelectionFile(
                selection_id=selection.id,
                format=file.format,
                name=Path(file.path).name,
                sha256=file.sha256,
                byte_count=file.bytes,
            )
            for file in files
        ]
        counts = grouping.counts()
        with self.database.writing() as session:
            now = selections.found(session, selection.id)
            if now.state is not State.RUNNING:
                raise GaveUp
            now.rows_read = now.rows_to_read
            selections.finish(session, now, made, counts, now=self.clock())


def erasures(session: Session) -> str:
    """What was erased on this node: another text once there is more."""
    redacted = col(Sanction.redacted_at)
    counted = sa.select(sa.func.count(), sa.func.max(redacted)).where(redacted.is_not(None))
    number, newest = session.execute(counted).one()
    return f"{number} {print_instant(newest) if newest else ''}".strip()


def _records(
    session: Session, as_of: datetime, fit: Fit, after: str
) -> Iterator[Mapping[str, Any]]:
    """The next records in the order of their ids, whether they fit or not."""
    found = _known(as_of, after)
    fits, values = fit(found.c)
    event = col(Event.sanction_id) == found.c.id, col(Event.recorded_at) < as_of
    filed = sa.exists().where(*event, is_later(Event), col(Event.appeal_id).is_not(None))
    decided = sa.exists().where(
        col(Event.appeal_id) == col(Appeal.id),
        col(Event.appeal_state) == AppealState.DECIDED,
        col(Event.recorded_at) < as_of,
    )
    outcome = (
        sa.select(col(Appeal.outcome))
        .where(col(Appeal.sanction_id) == found.c.id, decided)
        .order_by(col(Appeal.decided_at).desc(), col(Appeal.id).desc())
        .limit(1)
    )
    query = (
        sa.select(
            *(found.c[name] for name in _READ),
            col(Disclosure.subject).label("subject"),
            col(Platform.domain).label("platform"),
            filed.label("is_appealed"),
            outcome.scalar_subquery().label("outcome"),
            sa.case((fits, 1), else_=0).label("fits"),
        )
        .outerjoin(Disclosure, col(Disclosure.sanction_id) == found.c.id)
        .join(Platform, col(Platform.id) == found.c.platform_id)
        .order_by(found.c.id)
    )
    for row in session.execute(query, values).mappings():
        yield dict(row)


def _known(as_of: datetime, after: str) -> sa.Subquery:
    """The next sanctions as the newest event before an instant left them: see `governance.events`.
    What happens later on the day would else tell two selections of it apart."""
    table: Any = Sanction.__table__  # type: ignore[attr-defined]
    event: Any = sa.alias(Event.__table__)  # type: ignore[attr-defined]
    newest = (
        sa.select(sa.func.max(col(Event.position)))
        .where(col(Event.sanction_id) == table.c.id, col(Event.recorded_at) < as_of)
        .where(is_later(Event), col(Event.type).not_in(SAID_OF_OTHERS))
        .correlate(table)
        .scalar_subquery()
    )
    some = (
        sa.select(table, sa.func.coalesce(newest, table.c.first_event).label("newest"))
        .where(table.c.id > after, table.c.issued_at < as_of, table.c.recorded_at < as_of)
        .where(table.c.audience == Audience.PARTNERS)
        .order_by(table.c.id)
        .limit(BATCH)
        .subquery()
    )
    columns = ((event if c.name in _CHANGING else some).c[c.name] for c in table.c)
    is_known = event.c.recorded_at < as_of
    joined = some.outerjoin(event, sa.and_(event.c.position == some.c.newest, is_known))
    return sa.select(*columns).select_from(joined).subquery()


_CHANGING = {"validity", "expires_at", "starts_at", "ends_at", "end_reason"}
_READ = (
    *("id", "subject_kind", "measure", "category", "ground", "source", "automation"),
    *("issued_at", "starts_at", "ends_at", "expires_at", "end_reason", "validity"),
)


def _row(row: Mapping[str, Any], as_of: datetime) -> Mapping[str, Any]:
    """What may be told of a record as it was known, to the day."""
    ends_at = row["ends_at"]
    has_ended = ends_at is not None and ends_at <= as_of
    end = ends_at if has_ended else row["expires_at"]
    return {
        "subjectKind": str(row["subject_kind"]),
        "issuedOn": row["issued_at"].date().isoformat(),
        "measure": str(row["measure"]),
        "category": str(row["category"]),
        "platform": row["platform"],
        "duration": str(bucket(row["measure"], (row["starts_at"], end))),
        "validity": str(row["validity"]),
        "isAppealed": bool(row["is_appealed"]),
        "outcome": _text(row["outcome"]),
        "ground": str(row["ground"]),
        "source": str(row["source"]),
        "automation": str(row["automation"]),
        "endedOn": ends_at.date().isoformat() if has_ended else None,
        "endReason": _text(row["end_reason"]) if has_ended else None,
    }


def _text(word: object) -> str | None:
    return None if word is None else str(word)

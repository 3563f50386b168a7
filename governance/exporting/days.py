"""Daily exports: what the log holds of each day that is over, once and for good.

A day's manifest comes last, so that a day is either whole or not there. Explanations lie in files
of their own, which are made again when something of their day is erased.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col

from governance import decisions
from governance.database import Database
from governance.entries import LogEntry
from governance.exporting.columns import DATASETS, EXPLANATIONS, Dataset, rows_of
from governance.exporting.files import midnight
from governance.exporting.manifests import File, Manifest, file_path, manifest_at, path_of
from governance.exporting.places import ExportFailed, Place
from governance.exporting.writing import stopped, written
from governance.identifiers import SubjectKind
from governance.log.commitments import opening
from governance.log.leaves import Leaf, parse_leaf
from governance.log.notes import encode
from governance.log.proving import edge, stored_root
from governance.log.sequencing import Sequencer, newest_checkpoint
from governance.log.tree import leaf_hash
from governance.sanctions import Disclosure, Sanction
from governance.words import EventType
from governance.words import ExportFormat as Format

BATCH = 5_000  # entries in memory
LATENESS = timedelta(minutes=10)  # that a node's clock may be behind another's
ONE_DAY = timedelta(days=1)
_OF_A_DAY = re.compile(r"manifests/[0-9-]{10}\.note")  # and not of its explanations
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Exported:
    """What a run did."""

    days: int = 0
    rows: int = 0
    again: int = 0  # days whose explanations were made again


@dataclass(frozen=True, slots=True)
class Span:
    """The entries of a day: from `first` up to, but without, `next`, of a log of `size`."""

    day: date
    first: int
    next: int
    size: int


def _untold(_done: int, _total: int) -> None:
    """Where nobody wants to know how far it is."""


def export(
    db: Database,
    log: Sequencer,
    place: Place,
    *,
    now: datetime,
    since: date | None = None,
    progress: Progress = _untold,
) -> Exported:
    """Puts every day that is over and isn't there yet, oldest first, from `since` on; then makes
    explanations, again where something was erased. `progress` hears of entries, within large days
    too, first for the days and then for the explanations; what it raises stops the export.
    ExportFailed says why it stopped."""
    done = Exported()
    try:
        with place.alone() as work:
            _check_log(db, place)
            for span in _missing(db, place, now, since):
                manifest = _day(db, log, work, span, progress)
                _publish(place, work, manifest, log, path_of(span.day))
                done.days += 1
                done.rows += sum(file.rows for file in manifest.files) // len(Format)
                progress(span.next, span.size)
            done.again = _explain(db, log, place, work, progress)
    except OSError as error:
        raise stopped(place.name, error) from None
    return done


def _check_log(db: Database, place: Place) -> None:
    """ExportFailed where the newest day that is there isn't of this log: of another node's, or of
    entries that this one has lost."""
    for path in _days(place)[-1:]:
        newest = manifest_at(place, path)
        with db.reading() as session:
            log = newest_checkpoint(session)
            is_here = log is not None and newest.next <= log.size
            if not is_here or encode(stored_root(session, newest.next)) != newest.root:
                told = "it has days of another log, or of entries that this one lost"
                raise ExportFailed(f"{place.name}: {told}: move it aside, or export elsewhere")


def _days(place: Place) -> list[str]:
    """The manifests of days that are there, oldest first."""
    return [path for path in place.list("manifests") if _OF_A_DAY.fullmatch(path)]


def _missing(db: Database, place: Place, now: datetime, since: date | None) -> Iterator[Span]:
    """The days to do."""
    there = set(place.list("manifests"))
    with db.reading() as session:
        newest = newest_checkpoint(session)
    if newest is None:
        return
    with db.reading() as session:
        first = _first_at(session, midnight(since), newest.size) if since else 0
    while first < newest.size:
        with db.reading() as session:
            day = _logged_at(session, first).date()
            following = _first_at(session, midnight(day + ONE_DAY), newest.size)
        if following == newest.size and now < midnight(day + ONE_DAY) + LATENESS:
            return  # the day isn't over
        if path_of(day) not in there:
            yield Span(day, first, following, newest.size)
        first = following


def _logged_at(session: Session, index: int) -> datetime:
    """When an entry was logged, which never goes back along the log."""
    data = session.scalar(sa.select(col(LogEntry.data)).where(col(LogEntry.index) == index))
    return datetime.fromisoformat(orjson.loads(data or "")["node"]["loggedAt"])


def _first_at(session: Session, instant: datetime, size: int) -> int:
    """The index of the first entry that was logged then or later; the log's size if none was."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        if _logged_at(session, middle) < instant:
            low = middle + 1
        else:
            high = middle
    return low


def _day(db: Database, log: Sequencer, work: Path, span: Span, progress: Progress) -> Manifest:
    """Writes a day's files; the manifest that is to be signed for them."""
    files = _written(work, DATASETS, span.day, _batches(db, span, progress))
    with db.reading() as session:
        before = tuple(encode(one) for one in edge(session, span.first))
        root = encode(stored_root(session, span.next))
    return Manifest(log.origin, span.day, span.first, span.next, before, span.next, root, files)


def _parts(day: Span | Manifest, progress: Progress) -> Iterator[tuple[int, int]]:
    """A day's entries, a batch at a time, and how far they are once one of several is written."""
    for start in range(day.first, day.next, BATCH):
        if start > day.first:
            progress(start, day.size)
        yield start, min(start + BATCH, day.next)


def _batches(
    db: Database, span: Span, progress: Progress
) -> Iterator[dict[str, list[dict[str, object]]]]:
    """The rows of each dataset, a batch of entries at a time; each is a short transaction."""
    for start, stop in _parts(span, progress):
        with db.reading() as session:
            entries = list(_entries(session, start, stop))
        yield {dataset.name: rows_of(dataset, entries) for dataset in DATASETS}


def _entries(session: Session, start: int, stop: int) -> Iterator[tuple[int, bytes, Leaf]]:
    found = (
        sa.select(col(LogEntry.index), col(LogEntry.data))
        .where(col(LogEntry.index) >= start, col(LogEntry.index) < stop)
        .order_by(col(LogEntry.index))
    )
    for index, data in session.execute(found):
        yield index, leaf_hash(data.encode()), parse_leaf(data.encode())


def _written(
    work: Path,
    datasets: Iterable[Dataset],
    day: date,
    batches: Iterable[dict[str, list[dict[str, object]]]],
) -> tuple[File, ...]:
    """Writes a day's rows in every format; what the files are."""
    paths = {(d, form): file_path(d.name, form, day) for d in datasets for form in Format}
    return written(work, paths, batches)


def _publish(
    place: Place, work: Path, manifest: Manifest, log: Sequencer, manifest_path: str
) -> None:
    for file in manifest.files:
        place.put(work / file.path, file.path)
    note = work / "manifest.note"
    note.write_bytes(manifest.signed(log.signer))
    place.put(note, manifest_path)


def _explain(db: Database, log: Sequencer, place: Place, work: Path, progress: Progress) -> int:
    """Makes the explanations of each day whose files are there: where there are none yet, and
    where something of the day was erased since. How many were made again."""
    there = _days(place)
    again = 0
    with db.reading() as session:
        newest = newest_checkpoint(session)
        erased = _erased(session, _heeded(place, there))
    assert newest is not None or not there, "what is exported is in the log"
    for path in there:
        if newest is None:
            continue
        day = manifest_at(place, path)
        explained = path_of(day.day, of_explanations=True)
        is_new = place.read(explained) is None
        if not is_new and not _is_stale(manifest_at(place, explained), erased, day):
            continue
        made = replace(day, size=newest.size, root=newest.root_hash, edge=())
        files = _written(work, [EXPLANATIONS], day.day, _explanations(db, made, progress))
        _publish(place, work, replace(made, files=files), log, explained)
        again += not is_new
        progress(day.next, newest.size)
    return again


def _heeded(place: Place, days: list[str]) -> int:
    """The size of the log up to which all explanations heed erasures. A run takes the days in
    their order: what the newest heeds, the others do."""
    for path in reversed(days):
        explained = path_of(manifest_at(place, path).day, of_explanations=True)
        if place.read(explained) is not None:
            return manifest_at(place, explained).size
    return 0


def _is_stale(kept: Manifest, erased: list[tuple[int, int]], day: Manifest) -> bool:
    some = erased[bisect_left(erased, (day.first,)) : bisect_left(erased, (day.next,))]
    return any(redacted >= kept.size for _, redacted in some)


def _erased(session: Session, since: int) -> list[tuple[int, int]]:
    """Of each erasure that was logged since: the index of the entry that began its case, by which
    they are sorted, and of its own."""
    first, case, index = col(Sanction.first_entry), col(LogEntry.case_id), col(LogEntry.index)
    found = (
        sa.select(first, sa.func.max(index))
        .join(LogEntry, case == col(Sanction.id))
        .where(index >= since, _is_of(EventType.SANCTION_REDACTED), first.is_not(None))
        .group_by(col(Sanction.id))
    )
    return sorted((begun, last) for begun, last in session.execute(found))


def _is_of(event: EventType) -> sa.ColumnElement[bool]:
    """Whether an entry says that this happened. Entries are canonical, and hold no free text."""
    return col(LogEntry.data).contains(f'"type":"{decisions.kind_of(event)}"')


def _explanations(
    db: Database, day: Manifest, progress: Progress
) -> Iterator[dict[str, list[dict[str, object]]]]:
    """What is public and still held of the sanctions that were logged on a day."""
    for start, stop in _parts(day, progress):
        begun = (
            sa.select(col(LogEntry.data))
            .where(col(LogEntry.index) >= start, col(LogEntry.index) < stop)
            .where(_is_of(EventType.SANCTION_ISSUED))
        )
        with db.reading() as session:
            cases = [parse_leaf(data.encode()).case for data in session.scalars(begun)]
            found = (
                sa.select(Disclosure, col(Sanction.subject_kind))
                .join(Sanction, col(Sanction.id) == col(Disclosure.sanction_id))
                .where(col(Sanction.id).in_(cases))
                .order_by(col(Sanction.id))
            )
            rows = [row for held, kind in session.execute(found) for row in _public(held, kind)]
        yield {EXPLANATIONS.name: rows}


def _public(held: Disclosure, kind: SubjectKind) -> Iterator[dict[str, object]]:
    told: dict[str, object] = {
        "explanation": held.explanation,
        "groundReference": held.ground_reference,
        "policyReference": held.policy_reference,
        "subject": held.subject if kind is SubjectKind.SERVER else None,
    }
    for name, value in told.items():
        if value:
            yield {
                "sanctionId": held.sanction_id,
                "field": name,
                "value": value if isinstance(value, str) else orjson.dumps(value).decode(),
                "key": encode(opening(held.seed, name, value).key) if held.seed else None,
            }

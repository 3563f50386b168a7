"""The dated history of block lists: what was added, changed and removed, and when.

The blocks have no end, so each is a record of an outside decision, which doesn't bind. A removal
lifts the record and a changed severity supersedes it, each at the date of the event.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from sqlmodel import Session

from governance.database import Database
from governance.errors import InvalidInput, Refused
from governance.fields import parse_instant
from governance.hosts import BadUri, canonical_domain
from governance.importing.ends import lift_at
from governance.importing.runs import (
    Clock,
    Progress,
    RowRefused,
    Run,
    Summary,
    Wanted,
    importer,
    in_batches,
)
from governance.importing.servers import COLUMNS, server_draft, server_uri, severity
from governance.importing.tables import Row, read_rows
from governance.membership import Actor
from governance.requesting import Dating, Request
from governance.settings import Keys
from governance.words import Measure

PREFIX = "block-events/"  # of every issuerReference
REMOVED = "The server was removed from the list of blocked servers."
NEEDED = ("source_list", "at", "event", "domain", "new_severity")
NO_DOMAIN = "block-list.invalid"  # RFC 2606 section 2: never anybody's


class Kind(StrEnum):
    """What an event does to a list."""

    SNAPSHOT = "snapshot"  # on the list when it was first seen
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of one list."""

    line: int
    source: str
    at: datetime
    kind: Kind
    uri: str
    measure: Measure | None  # none when removed
    comment: str
    commit: str

    @property
    def listing(self) -> tuple[str, str]:
        return self.source, self.uri


@dataclass(frozen=True, slots=True)
class Current:
    """The record of what a list says of a server so far."""

    sanction_id: str
    measure: Measure


def import_block_events(
    db: Database,
    keys: Keys,
    file: Path,
    *,
    now: datetime,
    publish_comments: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Summary:
    """Replays the events in the file in the order of their dates."""
    run = Run(db, keys, now=now, dry_run=dry_run, progress=progress, clock=clock, columns=COLUMNS)
    with run:
        events = _read(run, file)
        replay = Replay(run, publish_comments)
        done = 0
        for batch in in_batches(events):
            with run.batch() as session:
                replay.take(session, batch)
            done += len(batch)
            run.advance(done, len(events))
        run.summary.refused.sort(key=lambda refused: refused.line)
        told = {
            "{} blocks carry no end: recorded, without binding anyone.": run.summary.recorded,
            "{} events changed a comment alone, which changes nothing.": replay.comments_alone,
        }
        run.summary.notes += [text.format(count) for text, count in told.items() if count]
        return run.summary


class Replay:
    """The lists as the events so far left them."""

    def __init__(self, run: Run, is_public: bool) -> None:
        self._run, self._is_public = run, is_public
        self._current: dict[tuple[str, str], Current] = {}
        self.comments_alone = 0

    def take(self, session: Session, batch: Sequence[Event]) -> None:
        """One batch, list by list. Lists don't depend on each other."""
        by_source: defaultdict[str, list[Event]] = defaultdict(list)
        for event in batch:
            by_source[event.source].append(event)
        for source, events in by_source.items():
            actor = importer(session, list_domain(source), source, now=self._run.now)
            for wave in waves(events):
                self._begin(session, actor, [e for e in wave if e.kind is not Kind.REMOVE])
                self._remove(session, actor, [e for e in wave if e.kind is Kind.REMOVE])

    def _begin(self, session: Session, actor: Actor, events: Sequence[Event]) -> None:
        new = [event for event in events if self._is_new(event)]
        wanted = list(self._wanted(new))
        lines = {event.line: event for event in new}
        for w, sanction_id in zip(wanted, self._run.issue(session, actor, wanted), strict=True):
            event = lines[w.line]
            if sanction_id is None or event.measure is None:
                self._current.pop(event.listing, None)
            else:
                self._current[event.listing] = Current(sanction_id, event.measure)

    def _is_new(self, event: Event) -> bool:
        current = self._current.get(event.listing)
        if current is None or current.measure is not event.measure:
            return True
        self.comments_alone += event.kind is Kind.CHANGE
        self._run.summary.unchanged += 1
        return False

    def _wanted(self, events: Iterable[Event]) -> Iterator[Wanted]:
        for event in events:
            try:
                yield Wanted(event.line, self._request(event))
            except Refused as refused:
                self._run.refuse(event.line, refused)

    def _request(self, event: Event) -> Request:
        assert event.measure is not None
        current = self._current.get(event.listing)
        at, server = event.at.isoformat(), event.uri.removeprefix("https://")
        draft = server_draft(
            event.uri,
            event.measure,
            event.comment,
            reference=f"{PREFIX}{event.source}/{server}/{at}",
            case=f"{PREFIX}{event.source}/{event.commit}" if event.commit else None,
            is_public=self._is_public,
            supersedes=current.sanction_id if current else None,
        )
        return Request(draft, is_outside=True, dating=Dating(event.at))

    def _remove(self, session: Session, actor: Actor, events: Sequence[Event]) -> None:
        ends: dict[str, Event] = {}
        for event in events:
            current = self._current.pop(event.listing, None)
            if current is None:
                reason = "expected a server that was on the list until then"
                self._run.summary.refuse(event.line, "event", reason)
            else:
                ends[current.sanction_id] = event
        dates = {sanction_id: event.at for sanction_id, event in ends.items()}
        answers = lift_at(session, actor, dates, REMOVED, now=self._run.now)
        for sanction_id, answer in answers.items():
            if isinstance(answer, Refused):
                self._run.summary.refuse(ends[sanction_id].line, "event", answer.message)
            elif answer:
                self._run.summary.lifted += 1
            else:
                self._run.summary.unchanged += 1


def waves(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events in groups that name no server twice, so that each group is one step."""
    wave: list[Event] = []
    named: set[tuple[str, str]] = set()
    for event in events:
        if event.listing in named:
            yield wave
            wave, named = [], set()
        wave.append(event)
        named.add(event.listing)
    if wave:
        yield wave


def list_domain(source: str) -> str:
    """The platform that stands for a list: its own domain, or one that is nobody's."""
    try:
        return canonical_domain(source)
    except BadUri:
        slug = re.sub(r"[^a-z0-9]+", "-", source.lower()).strip("-")[:40].strip("-")
        return f"{slug or sha256(source.encode()).hexdigest()[:12]}.{NO_DOMAIN}"


def _read(run: Run, file: Path) -> list[Event]:
    """The events that can be taken, by date, in the file's order where dates are equal."""
    events: list[Event] = []
    try:
        with file.open("rb") as stream:
            rows = read_rows(stream, exact=True)
            columns = _columns(next(rows, None))
            for row in rows:
                run.summary.read += 1
                if isinstance(row, RowRefused):
                    run.summary.refused.append(row)
                    continue
                try:
                    cells = dict(zip(columns, row.cells, strict=True))
                    events.append(_event(row.line, cells, run.now))
                except Refused as refused:
                    run.refuse(row.line, refused)
    except OSError as error:
        raise InvalidInput(f"expected a file that can be read: {error.strerror}") from None
    return sorted(events, key=lambda event: event.at)


def _columns(header: Row | RowRefused | None) -> list[str]:
    names = [c.strip().lower() for c in header.cells] if isinstance(header, Row) else []
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise InvalidInput(f"expected a first line that names the columns {', '.join(missing)}")
    return names


def _event(line: int, cells: Mapping[str, str], now: datetime) -> Event:
    source = cells["source_list"].strip()
    if not 0 < len(source) <= 200:
        raise InvalidInput("expected a list's name, at most 200 characters", path=["source_list"])
    try:
        kind = Kind(cells["event"].strip().lower())
    except ValueError:
        expected = f"expected one of {', '.join(Kind)}, got {cells['event'][:40]!r}"
        raise InvalidInput(expected, path=["event"]) from None
    uri = server_uri(cells["domain"])
    return Event(
        line=line,
        source=source,
        at=_date(cells["at"], now),
        kind=kind,
        uri=uri,
        measure=None if kind is Kind.REMOVE else severity(cells["new_severity"]),
        comment=cells.get("new_comment", ""),
        commit=cells.get("commit", "").strip(),
    )


def _date(text: str, now: datetime) -> datetime:
    try:
        at = parse_instant(text.strip())
    except ValueError as error:
        raise InvalidInput(str(error), path=["at"]) from None
    if at > now:
        raise InvalidInput("expected a date that has passed", path=["at"])
    return at

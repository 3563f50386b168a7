"""A Discourse site's users as it exports them (`user_list`): who is suspended or silenced, and
until when.

A silenced account stays visible, so silence is a suspension of all services. What an earlier
export said and this one doesn't was taken back there, and is lifted here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.database import Database
from governance.errors import InvalidInput, Refused
from governance.fields import parse_instant
from governance.importing.accounts import account_request, domain_of, imported
from governance.importing.ends import lift_at
from governance.importing.mastodon_blocks import note_if_new
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
from governance.importing.tables import read_rows
from governance.membership import Actor
from governance.sanctions import Disclosure, Sanction
from governance.settings import Keys
from governance.words import Measure, Validity

PREFIX = "discourse-users/"  # of the issuerReference of everything made here
TAKEN_BACK = "It was taken back on the site before its time."
NEEDED = ("username", "suspended_at", "suspended_till", "silenced_till")
MEASURES = {
    "suspended": Measure.ACCOUNT_SUSPENDED,
    "silenced": Measure.SERVICE_SUSPENDED,
}
COLUMNS = {"subject": "username", "expires_at": "suspended_till"}
# As Ruby prints a time: 2026-03-01 12:00:00 UTC.
_RUBY = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC", re.ASCII)


@dataclass(frozen=True, slots=True)
class Restriction:
    """One restriction of one user."""

    line: int
    user: str
    kind: str
    at: datetime | None
    until: datetime

    @property
    def reference(self) -> str:
        return f"{PREFIX}{self.user}/{self.kind}/{self.until:%Y-%m-%dT%H:%M:%SZ}"


def import_discourse_users(
    db: Database,
    keys: Keys,
    file: Path,
    *,
    platform: str,
    now: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Summary:
    """Brings the platform's time-outs in line with the export."""
    domain = domain_of(platform)
    run = Run(db, keys, now=now, dry_run=dry_run, progress=progress, clock=clock, columns=COLUMNS)
    with run:
        found = list(_read(run, file))
        done = 0
        for batch in in_batches(found):
            with run.batch() as session:
                note_if_new(run, session, domain)
                actor = importer(session, domain, None, now=run.now)
                _issue(run, session, actor, batch, domain)
            done += len(batch)
            run.advance(done, len(found))
        _lift_missing(run, domain, {one.reference for one in found})
        run.summary.refused.sort(key=lambda refused: refused.line)
        if run.summary.recorded:
            run.summary.notes.append(
                f"{run.summary.recorded} are for ever, or longer than the policy allows: recorded, "
                "without binding."
            )
        return run.summary


def _issue(run: Run, session: Session, actor: Actor, batch: list[Restriction], domain: str) -> None:
    """Issues what is new; one with another end takes the place of the one before it."""
    known = imported(session, actor, [one.reference for one in batch])
    before = {name.rpartition("/")[0]: ident for ident, name in _running(session, actor, run.now)}
    wanted = []
    for one in batch:
        if one.reference in known:
            run.summary.unchanged += 1
            continue
        try:
            request = account_request(
                f"acct:{one.user}@{domain}",
                MEASURES[one.kind],
                None,
                reference=one.reference,
                decided_at=min(one.at or run.now, run.now),
                until=one.until,
                supersedes=before.get(one.reference.rpartition("/")[0]),
            )
        except Refused as refused:
            run.refuse(one.line, refused)
        else:
            wanted.append(Wanted(one.line, request))
    run.issue(session, actor, wanted)


def _lift_missing(run: Run, domain: str, named: set[str]) -> None:
    with run.batch() as session:
        actor = importer(session, domain, None, now=run.now)
        gone = [ident for ident, name in _running(session, actor, run.now) if name not in named]
    for batch in in_batches(gone):
        with run.batch() as session:
            ends = dict.fromkeys(batch, run.now)
            answers = lift_at(session, actor, ends, TAKEN_BACK, now=run.now)
        run.summary.lifted += sum(answer is True for answer in answers.values())


def _running(session: Session, actor: Actor, now: datetime) -> list[tuple[str, str]]:
    """What exports said before and still runs: ids and references."""
    query = (
        sa.select(col(Sanction.id), col(Disclosure.issuer_reference))
        .join(Disclosure, col(Disclosure.sanction_id) == col(Sanction.id))
        .where(
            col(Sanction.platform_id) == actor.platform_id,
            col(Sanction.validity) == Validity.STANDING,
            sa.or_(col(Sanction.ends_at).is_(None), col(Sanction.ends_at) > now),
            col(Disclosure.issuer_reference).startswith(PREFIX, autoescape=True),
        )
    )
    return [(ident, reference) for ident, reference in session.execute(query)]


def _read(run: Run, file: Path) -> Iterator[Restriction]:
    try:
        with file.open("rb") as stream:
            rows = read_rows(stream, exact=True)
            header = next(rows, None)
            names = [] if header is None or isinstance(header, RowRefused) else header.cells
            missing = [name for name in NEEDED if name not in names]
            if missing:
                expected = f"expected a first line that names the columns {', '.join(missing)}"
                raise InvalidInput(expected)
            for row in rows:
                run.summary.read += 1
                if isinstance(row, RowRefused):
                    run.summary.refused.append(row)
                    continue
                try:
                    cells = dict(zip(names, row.cells, strict=True))
                    yield from _restrictions(row.line, cells, run.now)
                except Refused as refused:
                    run.refuse(row.line, refused)
    except OSError as error:
        raise InvalidInput(f"expected a file that can be read: {error.strerror}") from None


def _restrictions(line: int, cells: Mapping[str, str], now: datetime) -> list[Restriction]:
    """What runs now; what is over was served, and isn't told again."""
    ends = {kind: _date(cells, f"{kind}_till") for kind in MEASURES}
    begun = {"suspended": _date(cells, "suspended_at"), "silenced": None}
    return [
        Restriction(line, cells["username"].strip(), kind, begun[kind], end)
        for kind, end in ends.items()
        if end is not None and end > now
    ]


def _date(cells: Mapping[str, str], column: str) -> datetime | None:
    text = cells[column].strip()
    if not text:
        return None
    match = _RUBY.fullmatch(text)
    try:
        return parse_instant(f"{match[1]}T{match[2]}Z" if match else text).astimezone(UTC)
    except ValueError as error:
        raise InvalidInput(str(error), path=[column]) from None

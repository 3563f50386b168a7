"""`Block` and `Undo` activities of a platform, as Lemmy federates them: one a line, or an array.

A block of a whole site is a suspension, one of a community restricts a service. Its end is
`endTime` (`expires` in older versions); without one it is recorded and doesn't bind.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from sqlmodel import Session

from governance.database import Database
from governance.errors import InvalidInput, Refused
from governance.fields import parse_instant
from governance.importing.accounts import account_request, domain_of, imported
from governance.importing.ends import lift_at
from governance.importing.mastodon_blocks import note_if_new
from governance.importing.runs import Clock, Progress, Run, Summary, Wanted, importer, in_batches
from governance.membership import Actor
from governance.settings import Keys
from governance.words import Measure

PREFIX = "lemmy-blocks/"  # of the issuerReference of everything made here
UNDONE = "The block was undone where it was made."
LARGEST_FILE = 64 << 20  # bytes
COLUMNS = {"subject": "object", "expires_at": "endTime", "reason": "summary", "facts": "summary"}


@dataclass(frozen=True, slots=True)
class Activity:
    """A block, or the end of one."""

    line: int
    ident: str  # of the block
    person: str
    measure: Measure
    at: datetime
    until: datetime | None
    why: str | None
    is_undone: bool


def import_lemmy_blocks(
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
    """Takes the platform's own activities over, in their order; the same again changes nothing."""
    domain = domain_of(platform)
    run = Run(db, keys, now=now, dry_run=dry_run, progress=progress, clock=clock, columns=COLUMNS)
    with run:
        found = list(_read(run, file, domain))
        done = 0
        # What is undone must be there before.
        for is_undone, group in groupby(found, key=lambda one: one.is_undone):
            for batch in in_batches(group):
                with run.batch() as session:
                    note_if_new(run, session, domain)
                    actor = importer(session, domain, None, now=run.now)
                    (_lift if is_undone else _issue)(run, session, actor, batch)
                done += len(batch)
                run.advance(done, len(found))
        run.summary.refused.sort(key=lambda refused: refused.line)
        if run.summary.recorded:
            run.summary.notes.append(
                f"{run.summary.recorded} blocks carry no end, or one beyond the policy: recorded, "
                "without binding."
            )
        return run.summary


def _issue(run: Run, session: Session, actor: Actor, batch: Sequence[Activity]) -> None:
    wanted = []
    known = imported(session, actor, [PREFIX + one.ident for one in batch])
    for one in batch:
        if PREFIX + one.ident in known:
            run.summary.unchanged += 1
            continue
        try:
            request = account_request(
                one.person,
                one.measure,
                one.why,
                reference=PREFIX + one.ident,
                decided_at=one.at,
                until=one.until,
            )
        except Refused as refused:
            run.refuse(one.line, refused)
        else:
            wanted.append(Wanted(one.line, request))
    run.issue(session, actor, wanted)


def _lift(run: Run, session: Session, actor: Actor, batch: Sequence[Activity]) -> None:
    known = imported(session, actor, [PREFIX + one.ident for one in batch])
    ends = {known[PREFIX + one.ident]: one for one in batch if PREFIX + one.ident in known}
    for one in batch:
        if PREFIX + one.ident not in known:
            run.summary.refuse(one.line, "object", "expected a block that was imported before")
    dates = {ident: one.at for ident, one in ends.items()}
    for ident, answer in lift_at(session, actor, dates, UNDONE, now=run.now).items():
        if isinstance(answer, Refused):
            run.summary.refuse(ends[ident].line, "type", answer.message)
        elif answer:
            run.summary.lifted += 1
        else:
            run.summary.unchanged += 1


def _read(run: Run, file: Path, domain: str) -> Iterator[Activity]:
    try:
        size = file.stat().st_size
        data = file.read_bytes() if size <= LARGEST_FILE else b""
    except OSError as error:
        raise InvalidInput(f"expected a file that can be read: {error.strerror}") from None
    if size > LARGEST_FILE:
        raise InvalidInput(f"expected a file of at most {LARGEST_FILE >> 20} MiB")
    for line, text in _texts(data):
        run.summary.read += 1
        try:
            yield _activity(line, text, domain, run.now)
        except Refused as refused:
            run.refuse(line, refused)


def _texts(data: bytes) -> Iterator[tuple[int, Any]]:
    """Activities with their lines, or their places in an array."""
    if data.lstrip().startswith(b"["):
        try:
            every = orjson.loads(data)
        except ValueError:
            raise InvalidInput("expected an array of activities, or one a line") from None
        yield from enumerate(every, 1)
        return
    for line, text in enumerate(data.splitlines(), 1):
        if text.strip():
            yield line, text


def _activity(line: int, text: Any, domain: str, now: datetime) -> Activity:
    try:
        told = orjson.loads(text) if isinstance(text, bytes) else text
    except ValueError:
        raise InvalidInput("expected JSON", path=["line"]) from None
    kind = told.get("type") if isinstance(told, dict) else None
    if kind == "Announce":  # how communities pass activities on
        told = told.get("object")
        kind = told.get("type") if isinstance(told, dict) else None
    if kind not in ("Block", "Undo"):
        raise InvalidInput("expected a Block, or an Undo of one", path=["type"])
    block = told if kind == "Block" else told.get("object")
    if not isinstance(block, dict) or block.get("type") != "Block":
        raise InvalidInput("expected the whole Block that is undone", path=["object"])
    if urlsplit(_text(block, "actor")).hostname != domain:
        raise InvalidInput(f"expected an actor of {domain}", path=["actor"])
    at = _instant(told, "published") or now
    return Activity(
        line,
        ident=_text(block, "id"),
        person=_text(block, "object"),
        measure=_measure(block),
        at=min(at, now),
        until=_instant(block, "endTime") or _instant(block, "expires"),
        why=block.get("summary") if isinstance(block.get("summary"), str) else None,
        is_undone=kind == "Undo",
    )


def _measure(block: Mapping[str, Any]) -> Measure:
    """A community's own address has a path, /c/…; a site's has none."""
    is_site = urlsplit(_text(block, "target")).path in ("", "/")
    return Measure.ACCOUNT_SUSPENDED if is_site else Measure.SERVICE_RESTRICTED


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 400:
        raise InvalidInput("expected text of at most 400 characters", path=[name])
    return value


def _instant(told: Mapping[str, Any], name: str) -> datetime | None:
    value = told.get(name)
    if value is None:
        return None
    try:
        return parse_instant(value)
    except ValueError as error:
        raise InvalidInput(str(error), path=[name]) from None

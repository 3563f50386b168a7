"""A platform's list of blocked servers, as Mastodon exports it, again and again.

The list carries no end and permanence isn't allowed, so each new block gets a term from the day
of the import. What the platform holds and what the list says are compared server by server; so
the same list again changes nothing, however much later.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.database import Database
from governance.errors import InvalidInput, NotFound, Refused
from governance.identifiers import SubjectKind, lookup_key
from governance.importing.ends import lift_at
from governance.importing.lists import BlockList, Listed, read_list
from governance.importing.runs import Clock, Progress, Run, Summary, Wanted, importer, in_batches
from governance.importing.servers import COLUMNS, server_draft
from governance.membership import Actor, find_platform
from governance.requesting import Dating, Request
from governance.rules.policy import LONGEST_SUSPENSION
from governance.rules.status import effect
from governance.sanctions import Disclosure, Note, Part, Sanction, SubjectKey
from governance.settings import Keys
from governance.words import Effect, EndReason, EventType, Measure, Validity

TERM = timedelta(days=90)
PREFIX = "mastodon-blocks/"  # of the issuerReference of everything made here
LEFT = "The server left the platform's list of blocked servers."


class Step(Enum):
    """What a listed server calls for."""

    ISSUE = auto()  # a sanction with a term
    SUPERSEDE = auto()  # the same, in place of one with another severity
    RECORD = auto()  # its term is over: a record until a member renews it
    KEEP = auto()  # it is as the list says
    LEAVE = auto()  # a member ended it by hand; an import doesn't undo that


@dataclass(frozen=True, slots=True)
class Made:
    """A sanction that an import of this list made before."""

    sanction: Sanction
    number: int  # among the imports' sanctions of the same server
    left: bool  # lifted because the server left the list


def import_mastodon_blocks(
    db: Database,
    keys: Keys,
    file: Path,
    *,
    platform: str,
    now: datetime,
    term: timedelta = TERM,
    publish_comments: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Summary:
    """Brings the platform's server blocks in line with the list in the file."""
    if not timedelta() < term <= LONGEST_SUSPENSION:
        expected = f"expected a term above zero, at most {LONGEST_SUSPENSION.days} days"
        raise InvalidInput(expected, path=["term"])
    found = read_list(file)
    run = Run(db, keys, now=now, dry_run=dry_run, progress=progress, clock=clock, columns=COLUMNS)
    with run:
        run.summary.refused += found.refused
        run.summary.read = len(found.listed) + len(found.refused)
        steps: Counter[Step] = Counter()
        done = 0
        for batch in in_batches(found.listed.values()):
            with run.batch() as session:
                note_if_new(run, session, platform)
                actor = importer(session, platform, None, now=run.now)
                made = _made(session, keys, actor, [listed.uri for listed in batch])
                steps += _take(run, session, actor, batch, made, term, publish_comments)
            done += len(batch)
            run.advance(done, len(found.listed))
        _lift_missing(run, found, platform)
        run.summary.refused.sort(key=lambda refused: refused.line)
        run.summary.notes += _notes(run, found, steps, term)
        return run.summary


def note_if_new(run: Run, session: Session, domain: str) -> None:
    """A mistyped domain would pass unnoticed: an import adds the platform it names."""
    try:
        find_platform(session, domain)
    except NotFound:
        run.summary.notes.append(f"{domain} was no platform of this node: it is added.")


def step(measure: Measure, last: Made | None, now: datetime) -> Step:
    """What a server listed with this measure calls for, after the last thing done about it."""
    if last is None or last.left:
        return Step.ISSUE
    sanction = last.sanction
    if sanction.validity is not Validity.STANDING or sanction.end_reason is EndReason.LIFTED:
        return Step.LEAVE
    is_same = sanction.measure is measure
    if effect((sanction.starts_at, sanction.ends_at), now) is not Effect.ENDED:
        return Step.KEEP if is_same else Step.SUPERSEDE
    if sanction.measure is Measure.WARNING:  # it ends as it starts, and is given once
        return Step.KEEP if is_same else Step.SUPERSEDE
    return Step.RECORD if is_same else Step.ISSUE


def _take(
    run: Run,
    session: Session,
    actor: Actor,
    batch: Sequence[Listed],
    made: dict[str, Made],
    term: timedelta,
    is_public: bool,
) -> Counter[Step]:
    steps: Counter[Step] = Counter()
    wanted: list[Wanted] = []
    for listed in batch:
        last = made.get(listed.uri)
        chosen = step(listed.measure, last, run.now)
        steps[chosen] += 1
        if chosen in (Step.KEEP, Step.LEAVE):
            run.summary.unchanged += 1
            continue
        try:
            request = _request(listed, last, chosen, run.now, term, is_public)
        except Refused as refused:
            run.refuse(listed.line, refused)
        else:
            wanted.append(Wanted(listed.line, request))
    run.issue(session, actor, wanted)
    return steps


def _request(
    listed: Listed, last: Made | None, chosen: Step, now: datetime, term: timedelta, is_public: bool
) -> Request:
    number = last.number + 1 if last else 1
    has_end = chosen is not Step.RECORD and listed.measure is not Measure.WARNING
    draft = server_draft(
        listed.uri,
        listed.measure,
        listed.comment,
        reference=f"{PREFIX}{listed.uri.removeprefix('https://')}/{number}",
        is_public=is_public,
        expires_at=now + term if has_end else None,
        supersedes=last.sanction.id if last and chosen is Step.SUPERSEDE else None,
    )
    return Request(
        draft, is_outside=chosen is Step.RECORD, dating=Dating(now), record_conflicts=True
    )


def _made(session: Session, keys: Keys, actor: Actor, uris: Sequence[str]) -> dict[str, Made]:
    """The last sanction that imports made of each server, by its URI."""
    secret = keys.derived("lookup")
    of_key = {lookup_key(secret, SubjectKind.SERVER, uri): uri for uri in uris}
    rows = session.execute(
        _by_imports(actor, SubjectKey.key, Disclosure.issuer_reference, _has_left(), Sanction)
        .join(SubjectKey, col(SubjectKey.sanction_id) == col(Sanction.id))
        .where(col(SubjectKey.key).in_(of_key))
    )
    made: dict[str, Made] = {}
    for key, reference, left, sanction in rows:
        tail = reference.rpartition("/")[2]
        if not re.fullmatch("[0-9]{1,9}", tail):
            continue  # a member's own sanction that took the place of an imported one
        number = int(tail)
        last = made.get(of_key[key])
        if last is None or last.number < number:
            made[of_key[key]] = Made(sanction, number, left)
    return made


def _lift_missing(run: Run, found: BlockList, platform: str) -> None:
    """Lifts what imports made of servers that the list no longer names."""
    with run.batch() as session:
        actor = importer(session, platform, None, now=run.now)
        running = session.execute(
            _by_imports(actor, Sanction.id, Disclosure.subject).where(
                col(Sanction.platform_id) == actor.platform_id,
                col(Sanction.validity) == Validity.STANDING,
                sa.or_(col(Sanction.ends_at).is_(None), col(Sanction.ends_at) > run.now),
            )
        ).all()
    gone = [sanction_id for sanction_id, uri in running if not found.names(uri)]
    for batch in in_batches(gone):
        with run.batch() as session:
            answers = lift_at(session, actor, dict.fromkeys(batch, run.now), LEFT, now=run.now)
        # Another writer may have ended one meanwhile: then nothing is left to lift.
        run.summary.lifted += sum(answer is True for answer in answers.values())


def _by_imports(actor: Actor, *columns: Any) -> sa.Select[Any]:
    """A selection from what imports of lists made for the platform."""
    is_own = sa.or_(
        col(Sanction.issued_by) == actor.member_id,
        sa.exists().where(
            col(Part.sanction_id) == col(Sanction.id), col(Part.member_id) == actor.member_id
        ),
    )
    return (
        sa.select(*columns)
        .select_from(Sanction)
        .join(Disclosure, col(Disclosure.sanction_id) == col(Sanction.id))
        .where(col(Disclosure.issuer_reference).startswith(PREFIX, autoescape=True), is_own)
    )


def _has_left() -> sa.Exists:
    """Whether an import lifted it because its server left the list."""
    return sa.exists().where(
        col(Note.sanction_id) == col(Sanction.id),
        col(Note.event) == EventType.SANCTION_LIFTED.value,
        col(Note.text) == LEFT,
    )


def _notes(run: Run, found: BlockList, steps: Counter[Step], term: timedelta) -> list[str]:
    """What the counts don't say: terms, and what was left as it was."""
    days = f"{term / timedelta(days=1):g} days"
    end = f"{run.now + term:%Y-%m-%d %H:%M} UTC"
    beyond = run.summary.recorded - steps[Step.RECORD]
    told = {
        f"The list carries no ends: {{}} new blocks end {days} from now, on {end}.": (
            run.summary.issued
        ),
        "{} blocks are still listed though their term ended: recorded, without binding, until a "
        "member renews them with new conduct dates.": steps[Step.RECORD],
        "{} blocks conflict with the policy, most likely its cap: recorded, without binding.": (
            beyond
        ),
        "{} blocks were ended by a member though still listed: left as they are.": (
            steps[Step.LEAVE]
        ),
        "{} rows are obfuscated and refused; what they may stand for is not lifted.": len(
            found.obfuscated
        ),
    }
    return [text.format(count) for text, count in told.items() if count > 0]

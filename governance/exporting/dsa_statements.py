"""Statements of reasons as the EU's DSA Transparency Database takes them (schema v2, in force since
2025-07-01), and as its daily dumps print them.

What is sent is public for good, so nothing private is: facts and reasons stay here, and a sanction
without a public explanation isn't ready.
"""

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col

from governance.database import Database
from governance.errors import InvalidInput
from governance.exporting.dsa_rules import DATES, DECISIONS, SOURCES, Statement, problems
from governance.identifiers import SubjectKind
from governance.importing.dsa_statements import V2
from governance.platforms import Platform
from governance.sanctions import Disclosure, Sanction
from governance.vocabulary import LANGUAGES, ContentType, Keyword
from governance.words import Ground, Validity

MOST_AT_ONCE = 100  # statements in one request of the API
BATCH = 500
NAMESPACE = UUID("9d5c9c0e-6e0c-5f7e-9c57-3f0f6f0b7d11")  # of the dump's uuids

OTHER = "Another restriction, described to the recipient"
UNSPECIFIED = "Not further specified"
# A statement always is of some content; an account or a server is its own kind.
_NOT_CONTENT = {SubjectKind.ACCOUNT: "Account", SubjectKind.SERVER: "Server"}


def statement(sanction: Sanction, held: Disclosure | None) -> Statement | None:
    """The statement of a sanction; None for a warning, which restricts nothing."""
    decided = _decision(sanction)
    if decided is None:
        return None
    explained = (held.explanation if held else None) or None
    ground = (held.ground_reference if held else None) or None
    rule = held.policy_reference if held else None
    kind = "illegal" if sanction.ground is Ground.ILLEGAL_CONTENT else "incompatible"
    language = (sanction.content_language or "").partition("-")[0].upper()
    content = sanction.content_date or sanction.conduct_from
    told = {
        **decided,
        "decision_ground": f"DECISION_GROUND_{sanction.ground}",
        "decision_ground_reference_url": rule and rule.get("url"),
        f"{kind}_content_{'legal_ground' if kind == 'illegal' else 'ground'}": ground,
        f"{kind}_content_explanation": explained and explained[:2_000],
        "category": f"STATEMENT_CATEGORY_{sanction.category}",
        "category_specification": [f"KEYWORD_{word}" for word in sanction.keywords],
        "category_specification_other": UNSPECIFIED if Keyword.OTHER in sanction.keywords else None,
        **_content(sanction),
        "content_language": language if language in LANGUAGES else None,
        "content_date": content and f"{content:%Y-%m-%d}",
        "territorial_scope": sorted(sanction.territorial_scope),
        "application_date": f"{sanction.effective_at:%Y-%m-%d}",
        "decision_facts": explained,
        "source_type": SOURCES[sanction.source],
        "automated_detection": "Yes" if sanction.is_automated_detection else "No",
        "automated_decision": f"AUTOMATED_DECISION_{sanction.automation}",
        "puid": sanction.id,
    }
    return {name: value for name, value in told.items() if value not in (None, [])}


def _decision(sanction: Sanction) -> Statement | None:
    for name, (codes, end_name) in DECISIONS.items():
        code = codes.get(sanction.measure)
        if code is None:
            continue
        full = f"{name.upper()}_{code}"
        is_list = name == "decision_visibility"
        told: Statement = {name: [full] if is_list else full}
        if code == "OTHER":
            told[f"{name}_other"] = OTHER
        if sanction.expires_at is not None:
            # Ours is the first instant without the restriction, theirs the last day with it.
            last = sanction.expires_at - timedelta(microseconds=1)
            told[end_name] = f"{max(last, sanction.effective_at):%Y-%m-%d}"
        return told
    return None


def _content(sanction: Sanction) -> Statement:
    kinds = [f"CONTENT_TYPE_{kind}" for kind in sanction.content_type]
    other = UNSPECIFIED if ContentType.OTHER in sanction.content_type else None
    if not kinds and sanction.subject_kind in _NOT_CONTENT:
        kinds, other = ["CONTENT_TYPE_OTHER"], _NOT_CONTENT[sanction.subject_kind]
    return {"content_type": kinds, "content_type_other": other}


def dumped(told: Statement, platform: str, issued_at: datetime) -> list[str]:
    """The statement as a row of the daily dump, in the columns of `V2`."""
    known = told | {
        "uuid": str(uuid5(NAMESPACE, told["puid"])),
        "platform_name": platform,
        "platform_uid": told["puid"],
        "created_at": f"{issued_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
    }
    return [_cell(name, known.get(name)) for name in V2]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "[" + ",".join(f'"{one}"' for one in value) + "]"
    is_day = name in DATES
    return f"{value} 00:00:00" if is_day else str(value)


@dataclass(frozen=True, slots=True)
class Ready:
    """A sanction's statement, or why it isn't ready."""

    sanction_id: str
    told: Statement
    issued_at: datetime
    problems: list[str]


def statements(
    db: Database, platform: Platform, *, since: date | None, until: date | None
) -> Iterator[Ready]:
    """The statements of what a platform decided, oldest first, whether ready or not; of days that
    are both included. Voided ones were no decisions."""
    after: tuple[datetime, str] | None = None
    while True:
        with db.reading() as session:
            rows = session.execute(_page(platform, since, until, after)).all()
        for sanction, held in rows:
            told = statement(sanction, held)
            if told is not None:
                yield Ready(sanction.id, told, sanction.issued_at, problems(told))
        if len(rows) < BATCH:
            return
        after = rows[-1][0].issued_at, rows[-1][0].id


def _page(
    platform: Platform, since: date | None, until: date | None, after: tuple[datetime, str] | None
) -> sa.Select[Sanction, Disclosure]:
    key = sa.tuple_(col(Sanction.issued_at), col(Sanction.id))
    where = [col(Sanction.platform_id) == platform.id, col(Sanction.validity) != Validity.VOIDED]
    if since is not None:
        where.append(col(Sanction.issued_at) >= datetime.combine(since, time(), UTC))
    if until is not None:
        end = datetime.combine(until, time(), UTC) + timedelta(days=1)
        where.append(col(Sanction.issued_at) < end)
    if after is not None:
        bound = (sa.literal(after[0], Sanction.issued_at.type), sa.literal(after[1]))  # type: ignore[attr-defined]
        where.append(key > sa.tuple_(*bound))
    return (
        sa.select(Sanction, Disclosure)
        .outerjoin(Disclosure, col(Disclosure.sanction_id) == col(Sanction.id))
        .where(*where)
        .order_by(col(Sanction.issued_at), col(Sanction.id))
        .limit(BATCH)
    )


def write(
    found: Iterable[Ready], platform: str, file: Path, *, is_dump: bool
) -> tuple[int, list[tuple[str, list[str]]]]:
    """Writes what is ready into a new file: requests of the API, one a line, or the dump's CSV. How
    many there are, and what isn't ready."""
    refused: list[tuple[str, list[str]]] = []
    partial, count = file.with_name(f".{file.name}.part"), 0
    if file.exists():
        raise InvalidInput(f"{file} is there already")
    try:
        with open(partial, "w", encoding="utf-8", newline="") as out:
            rows = csv.writer(out, lineterminator="\n")
            if is_dump:
                rows.writerow(V2)
            for some in batched(_ready(found, refused), MOST_AT_ONCE):
                count += len(some)
                if is_dump:
                    rows.writerows(dumped(r.told, platform, r.issued_at) for r in some)
                else:
                    told = {"statements": [one.told for one in some]}
                    out.write(orjson.dumps(told).decode() + "\n")
            out.flush()
            os.fsync(out.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return count, refused


def _ready(found: Iterable[Ready], refused: list[tuple[str, list[str]]]) -> Iterator[Ready]:
    for one in found:
        if one.problems:
            refused.append((one.sanction_id, one.problems))
        else:
            yield one


def batched(items: Iterable[Ready], size: int) -> Iterator[list[Ready]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def platform_of(session: Session, domain: str) -> Platform | None:
    return session.scalar(sa.select(Platform).where(col(Platform.domain) == domain))

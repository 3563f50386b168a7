"""Statements of reasons: the daily dumps of the EU's DSA Transparency Database.

A dump is a CSV file or zip archives of them, full or light, in v1 or v2 codes. Statements name no
account, so the subject of each is its own `urn:uuid:`. Each restriction is one sanction; they share
the statement's UUID as their caseReference. What conflicts with the policy becomes a record.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from sqlmodel import Session

from governance.database import Database
from governance.errors import InvalidInput, Refused
from governance.importing import dsa_rows
from governance.importing.archives import Part, opened
from governance.importing.relays import ALONE, Alone, Baton
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
from governance.importing.tables import Row, read_rows
from governance.membership import Actor
from governance.platforms import Platform
from governance.preparing import Prepared
from governance.requesting import Request
from governance.settings import Keys

# The columns of the full dump, for files without a header. v2 put content_id_ean after
# content_date; the light dump lacks the last four.
_FULL = (
    "uuid decision_visibility decision_visibility_other end_date_visibility_restriction "
    "decision_monetary decision_monetary_other end_date_monetary_restriction decision_provision "
    "end_date_service_restriction decision_account end_date_account_restriction account_type "
    "decision_ground decision_ground_reference_url illegal_content_legal_ground "
    "illegal_content_explanation incompatible_content_ground incompatible_content_explanation "
    "incompatible_content_illegal category category_addition category_specification "
    "category_specification_other content_type content_type_other content_language content_date "
    "territorial_scope application_date decision_facts source_type source_identity "
    "automated_detection automated_decision platform_name platform_uid created_at"
)
V1 = tuple(_FULL.split())
_AFTER_DATE = V1.index("content_date") + 1
V2 = (*V1[:_AFTER_DATE], "content_id_ean", *V1[_AFTER_DATE:])
_NOT_LIGHT = frozenset(
    {
        "illegal_content_explanation",
        "incompatible_content_explanation",
        "decision_facts",
        "territorial_scope",
    }
)
HEADERS = {
    len(columns): columns
    for full in (V1, V2)
    for columns in (full, tuple(name for name in full if name not in _NOT_LIGHT))
}
TOGETHER = 5_000  # rows a transaction: many change the same pages, which are written once
NEEDED = ("uuid", "platform_name", "decision_ground", "category", "automated_decision")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a row asks for."""

    line: int
    file: str
    platform: str
    requests: list[Request]


class Importer(NamedTuple):
    """Who imports for a platform, and the platform's domain."""

    actor: Actor
    domain: str


class _Row(NamedTuple):
    """A row, the names of its cells, and its file."""

    row: Row | RowRefused
    columns: tuple[str, ...]
    file: str


Ready = Mapping[str, list[Prepared | Refused]]  # by the name of the platform


def import_dsa_statements(
    db: Database,
    keys: Keys,
    file: Path,
    *,
    now: datetime,
    publish_comments: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    clock: Clock | None = None,
    baton: Baton | Alone = ALONE,
) -> Summary:
    """Takes over every statement of a dump, or those that are a runner's."""
    run = Run(
        db,
        keys,
        now=now,
        dry_run=dry_run,
        progress=progress,
        clock=clock,
        columns=dsa_rows.COLUMNS,
        are_apart=True,
    )
    with run, opened(file) as source:
        if source.size == 0:
            raise InvalidInput("expected a dump of statements, got an empty file", path=["file"])
        rows = chain.from_iterable(map(_rows, source.parts()))
        importers: dict[str, Importer] = {}
        for number, batch in enumerate(in_batches(rows, TOGETHER)):
            if baton.has(number):
                run.summary.read += len(batch)
                found = [_statement(run, row, publish_comments) for row in batch]
                wanted = _by_platform([one for one in found if one])
                ready = {} if dry_run else _prepared(run, importers, wanted)
                with baton.turn(number), run.batch() as session:
                    _take(run, session, importers, wanted, ready)
                run.summary.ends.append(len(run.summary.refused))
            run.advance(source.position, source.size)
        run.advance(source.size, source.size)
        return conclude(run.summary) if baton is ALONE else run.summary


def conclude(summary: Summary) -> Summary:
    """Notes what is to be known of the whole."""
    if summary.recorded:
        text = "decisions conflict with the policy: recorded, without binding anyone."
        summary.notes.append(f"{summary.recorded} {text}")
    return summary


def _by_platform(statements: list[Statement]) -> dict[str, list[Wanted]]:
    wanted: defaultdict[str, list[Wanted]] = defaultdict(list)
    for statement in statements:
        wanted[statement.platform] += [
            Wanted(statement.line, request, statement.file) for request in statement.requests
        ]
    return wanted


def _prepared(
    run: Run, importers: Mapping[str, Importer], wanted: Mapping[str, list[Wanted]]
) -> Ready:
    """What can be done before the turn, of platforms that an earlier batch has found or added."""
    known = [(name, importers[name]) for name in wanted if name in importers]
    return {name: run.prepare(by.actor, by.domain, wanted[name]) for name, by in known}


def _take(
    run: Run,
    session: Session,
    importers: dict[str, Importer],
    wanted: Mapping[str, list[Wanted]],
    ready: Ready,
) -> None:
    for platform, of_platform in wanted.items():
        by = importers.get(platform)
        if by is None or run.summary.is_dry_run:
            domain = dsa_rows.platform_domain(platform)
            actor = importer(session, domain, platform, now=run.now)
            name = session.get_one(Platform, actor.platform_id).domain
            by = importers[platform] = Importer(actor, name)
        run.issue(session, by.actor, of_platform, ready.get(platform))


def _rows(part: Part) -> Iterator[_Row]:
    """Each row under its names, but for the first where that is what gives the names."""
    columns: tuple[str, ...] = ()
    for row in read_rows(part.stream, exact=True, file=part.name):
        if isinstance(row, Row) and not columns:
            columns, is_header = _columns(row)
            if is_header:
                continue
        yield _Row(row, columns, part.name)


def _statement(run: Run, given: _Row, is_public: bool) -> Statement | None:
    """The row's statement; None where it is refused, which is reported."""
    row, columns, file = given
    if isinstance(row, RowRefused):
        run.summary.refused.append(row)
        return None
    cells = dict(zip(columns, row.cells, strict=True))
    try:
        platform = dsa_rows.platform_name(cells)
        found = dsa_rows.requests(cells, is_public=is_public)
        if any(request.dating and request.dating.issued_at > run.now for request in found):
            raise InvalidInput("expected a decision that was taken by now", path=["created_at"])
        return Statement(row.line, file, platform, found)
    except Refused as refused:
        run.refuse(row.line, refused, file)
        return None


def _columns(first: Row) -> tuple[tuple[str, ...], bool]:
    """The names of the columns, and whether the first row gives them."""
    names = tuple(cell.strip().lower() for cell in first.cells)
    if dsa_rows.is_uuid(first.cells[0]) and len(names) in HEADERS:
        return HEADERS[len(names)], False
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise InvalidInput(f"expected a first line that names the columns {', '.join(missing)}")
    return names, True

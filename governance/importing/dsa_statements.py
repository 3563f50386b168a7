"""Statements of reasons: the daily dumps of the EU's DSA Transparency Database.

A dump is a CSV file or zip archives of them, full or light, in v1 or v2 codes. Statements name no
account, so the subject of each is its own `urn:uuid:`. Each restriction is one sanction; they share
the statement's UUID as their caseReference. What conflicts with the policy becomes a record.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from sqlmodel import Session

from governance.database import Database
from governance.errors import InvalidInput, Refused
from governance.importing import dsa_rows
from governance.importing.archives import Part, opened
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
from governance.judging import Request
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
NEEDED = ("uuid", "platform_name", "decision_ground", "category", "automated_decision")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a row asks for."""

    line: int
    file: str
    platform: str
    requests: list[Request]


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
) -> Summary:
    """Takes over every statement of a dump."""
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
        statements = chain.from_iterable(
            _statements(run, part, publish_comments) for part in source.parts()
        )
        for batch in in_batches(statements):
            with run.batch() as session:
                _take(run, session, [s for s in batch if isinstance(s, Statement)])
            run.advance(source.position, source.size)
        run.advance(source.size, source.size)
        if run.summary.recorded:
            text = "decisions conflict with the policy: recorded, without binding anyone."
            run.summary.notes.append(f"{run.summary.recorded} {text}")
        return run.summary


def _take(run: Run, session: Session, statements: list[Statement]) -> None:
    wanted: defaultdict[str, list[Wanted]] = defaultdict(list)
    for statement in statements:
        wanted[statement.platform] += [
            Wanted(statement.line, request, statement.file) for request in statement.requests
        ]
    for platform, of_platform in wanted.items():
        domain = dsa_rows.platform_domain(platform)
        run.issue(session, importer(session, domain, platform, now=run.now), of_platform)


def _statements(run: Run, part: Part, is_public: bool) -> Iterator[Statement | None]:
    """Each row's statement; None where it is refused, which is reported."""
    rows = read_rows(part.stream, exact=True, file=part.name)
    columns: tuple[str, ...] = ()
    for row in rows:
        if isinstance(row, Row) and not columns:
            columns, is_header = _columns(row)
            if is_header:
                continue
        run.summary.read += 1
        yield _statement(run, row, columns, part.name, is_public)


def _statement(
    run: Run, row: Row | RowRefused, columns: tuple[str, ...], file: str, is_public: bool
) -> Statement | None:
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

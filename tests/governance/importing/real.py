"""Excerpts of real files, and small ones written for a test."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa

from governance.importing.dsa_statements import V1
from governance.sanctions import Disclosure, Sanction
from tests.builders import World

DATA = Path(__file__).parents[2] / "data"
LISTS = DATA / "blocklists"
DSA = DATA / "dsa"

HEADER = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate"
UUID = "00000000-0000-4000-8000-{:012d}"

# A statement as the database requires it; tests change what they are about.
STATEMENT = {
    "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
    "category": "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
    "application_date": "2024-11-22 00:00:00",
    "automated_detection": "No",
    "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED",
    "platform_name": "A Platform",
    "created_at": "2024-11-23 10:00:00",
}


def block_list(path: Path, *rows: str, header: str = HEADER) -> Path:
    """A list of blocked servers in a file."""
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def dump(
    path: Path, *statements: Mapping[str, str], columns: Sequence[str] = V1, start: int = 1
) -> Path:
    """A dump of statements in a file, each with a UUID of its own."""
    lines = [",".join(columns)]
    for number, changes in enumerate(statements, start):
        row = {"uuid": UUID.format(number)} | STATEMENT | dict(changes)
        lines.append(",".join(quoted(row.get(column, "")) for column in columns))
    path.write_text("\n".join(lines) + "\n")
    return path


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n ') else text


def sanctions(world: World) -> dict[str, Sanction]:
    """Every sanction by its issuerReference."""
    with world.database.reading() as session:
        rows = session.execute(
            sa.select(Disclosure.issuer_reference, Sanction)  # type: ignore[call-overload]
            .join(Sanction, Sanction.id == Disclosure.sanction_id)
            .order_by(Disclosure.issuer_reference)
        )
        return {str(reference): sanction for reference, sanction in rows}


def disclosures(world: World) -> dict[str, Disclosure]:
    """What every sanction commits to, by its issuerReference."""
    with world.database.reading() as session:
        rows = session.execute(sa.select(Disclosure)).scalars()
        return {str(row.issuer_reference): row for row in rows}

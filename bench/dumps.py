"""Dumps of statements of reasons in the form of the EU's database (full, v2), of any size."""

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from governance.importing.dsa_statements import V2
from governance.vocabulary import Category

PLATFORMS = ("Alpha Video", "Beta Social", "Gamma Market")
_MEASURES = (
    {"decision_visibility": '["DECISION_VISIBILITY_CONTENT_REMOVED"]'},
    {"decision_visibility": '["DECISION_VISIBILITY_CONTENT_DEMOTED"]'},
    {
        "decision_account": "DECISION_ACCOUNT_SUSPENDED",
        "end_date_account_restriction": "2025-12-24 00:00:00",
    },
)


def write(path: Path, rows: int, seed: int = 1) -> None:
    """Writes so many statements, one restriction each."""
    rng = random.Random(seed)
    categories = [f"STATEMENT_CATEGORY_{category.value}" for category in Category]
    day = datetime(2025, 12, 6, tzinfo=UTC)
    shared = dict.fromkeys(V2, "") | {
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": "Community rules, section 4",
        "incompatible_content_explanation": "The content insults others after a warning.",
        "incompatible_content_illegal": "No",
        "content_type": '["CONTENT_TYPE_TEXT"]',
        "content_language": "DE",
        "content_date": "2025-12-01 00:00:00",
        "territorial_scope": '["DE","FR"]',
        "decision_facts": "Found by a search for known texts.",
        "source_type": "SOURCE_VOLUNTARY",
        "automated_detection": "Yes",
        "automated_decision": "AUTOMATED_DECISION_PARTIALLY",
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, V2, lineterminator="\n")
        out.writeheader()
        for _ in range(rows):
            at = (day + timedelta(seconds=rng.randrange(86_000))).strftime("%Y-%m-%d %H:%M:%S")
            told = {
                "uuid": str(UUID(int=rng.getrandbits(128), version=4)),
                "category": rng.choice(categories),
                "platform_name": rng.choice(PLATFORMS),
                "application_date": at,
                "created_at": at,
            }
            out.writerow(shared | rng.choice(_MEASURES) | told)

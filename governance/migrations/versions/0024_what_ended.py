"""What figures of ends, and counts of facets, are read from: without looking at the rows."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

NEWEST = [
    *("issued_at", "id", "platform_id", "measure", "category", "ground", "automation", "validity"),
    *("source", "subject_kind", "is_binding", "starts_at", "ends_at", "end_reason", "lasts"),
]
ENDED = ["ends_at", "id", "measure", "redacted_at"]


def upgrade() -> None:
    _indexed([*NEWEST, "content_language"], [*ENDED, "validity"])


def downgrade() -> None:
    _indexed(NEWEST, ENDED)


def _indexed(newest: list[str], ended: list[str]) -> None:
    for name, columns in (("sanctions_newest", newest), ("sanctions_ended", ended)):
        op.drop_index(name, "sanctions")
        op.create_index(name, "sanctions", columns)

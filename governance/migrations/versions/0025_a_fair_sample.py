"""Indexes of a fair sample, and of what else few sanctions are: decided by machines, to begin
later, longer than half a year, not binding."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

COUNTED = [
    *("platform_id", "measure", "category", "ground", "automation", "validity", "source"),
    *("subject_kind", "is_binding", "starts_at", "ends_at", "end_reason", "lasts"),
    "content_language",
]
NEWEST = ["issued_at", "id"]
INDEXES = {
    "sanctions_sampled": ("id < 'san_4'", ["id", "issued_at", *COUNTED]),
    "sanctions_by_machines": ("automation = 'FULLY'", NEWEST),
    "sanctions_begun_later": ("starts_at IS NULL OR starts_at > issued_at", NEWEST),
    "sanctions_longest": ("lasts > 15552000000000", NEWEST),
    "sanctions_not_binding": ("is_binding IS FALSE", NEWEST),
}


def upgrade() -> None:
    for name, (condition, columns) in INDEXES.items():
        text = sa.text(condition)
        op.create_index(name, "sanctions", columns, sqlite_where=text, postgresql_where=text)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "sanctions")

"""On PostgreSQL, too, all that sanctions with keywords are chosen and counted by is beside them: it
reads an index alone where that has the column itself, and not only what its order is made of."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

NAME = "sanctions_of_keywords_text"
BESIDE = [
    *("keywords", "platform_id", "measure", "category", "ground", "automation", "validity"),
    *("source", "subject_kind", "is_binding", "starts_at", "ends_at", "end_reason", "lasts"),
    "content_language",
]


def upgrade() -> None:
    _indexed(BESIDE)


def downgrade() -> None:
    _indexed([])


def _indexed(beside: Sequence[str]) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.drop_index(NAME, "sanctions")
    op.create_index(
        NAME,
        "sanctions",
        [sa.text("(CAST(keywords AS TEXT))"), "issued_at", "id"],
        postgresql_include=beside,
        postgresql_where=sa.text("json_array_length(keywords) > 0"),
    )

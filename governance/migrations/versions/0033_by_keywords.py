"""Those with keywords are in the order of these, so that a rare one is found among all."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

COUNTED = [
    *("platform_id", "measure", "category", "ground", "automation", "validity", "source"),
    *("subject_kind", "is_binding", "starts_at", "ends_at", "end_reason", "lasts"),
    "content_language",
]
NEWEST = ["issued_at", "id"]


def upgrade() -> None:
    op.drop_index("sanctions_with_keywords", "sanctions")
    if _is_sqlite():
        _indexed("sanctions_of_keywords", ["keywords", *NEWEST, *COUNTED])
    else:
        _indexed("sanctions_of_keywords_text", [sa.text("(CAST(keywords AS TEXT))"), *NEWEST])


def downgrade() -> None:
    op.drop_index("sanctions_of_keywords" if _is_sqlite() else "sanctions_of_keywords_text")
    _indexed("sanctions_with_keywords", NEWEST)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _indexed(name: str, columns: Sequence[str | sa.TextClause]) -> None:
    some = sa.text("json_array_length(keywords) > 0")
    op.create_index(name, "sanctions", columns, sqlite_where=some, postgresql_where=some)

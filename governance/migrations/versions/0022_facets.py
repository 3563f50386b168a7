"""Indexes of what few sanctions are: unlawful, brought up by others, with keywords."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

UNUSUAL = {
    "sanctions_of_illegal": ("ground <> 'INCOMPATIBLE_CONTENT'", ["ground"]),
    "sanctions_of_notices": ("source <> 'OWN_INITIATIVE'", ["source"]),
    "sanctions_with_keywords": ("json_array_length(keywords) > 0", []),
}


def upgrade() -> None:
    for name, (condition, first) in UNUSUAL.items():
        text = sa.text(condition)
        columns = [*first, "issued_at", "id"]
        op.create_index(name, "sanctions", columns, sqlite_where=text, postgresql_where=text)


def downgrade() -> None:
    for name in UNUSUAL:
        op.drop_index(name, "sanctions")

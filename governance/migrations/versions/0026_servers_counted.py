"""The index of servers says that it is: SQLite and PostgreSQL look it up in the row otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

NAME = "sanctions_of_servers"
KEYS = ["issued_at", "id"]


def upgrade() -> None:
    _indexed(["subject_kind", *KEYS])


def downgrade() -> None:
    _indexed(KEYS)


def _indexed(columns: list[str]) -> None:
    servers = sa.text("subject_kind = 'SERVER'")
    op.drop_index(NAME, "sanctions")
    op.create_index(NAME, "sanctions", columns, sqlite_where=servers, postgresql_where=servers)

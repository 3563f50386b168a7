"""Entries of the log about peers' cases, which a database made anew doesn't know yet."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}  # as PostgreSQL names them
FOREIGN_KEY = "log_entries_case_id_fkey"
MESSAGE = "entries of the log are never changed"


def upgrade() -> None:
    with op.batch_alter_table("log_entries", naming_convention=NAMES) as batch:
        batch.drop_constraint(FOREIGN_KEY, type_="foreignkey")
    _forbid_changes()


def downgrade() -> None:
    with op.batch_alter_table("log_entries", naming_convention=NAMES) as batch:
        batch.create_foreign_key(
            FOREIGN_KEY, "sanctions", ["case_id"], ["id"], postgresql_not_valid=True
        )
    _forbid_changes()


def _forbid_changes() -> None:
    """On SQLite the table was made anew, without its triggers."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                sa.text(
                    f"CREATE TRIGGER log_entries_no_{verb} BEFORE {verb} ON log_entries "
                    f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
                )
            )

"""Fewer references to look for with each decision.

A sanction's disclosures, keys and parts are written in the turn that writes or has read it, and no
sanction is ever deleted; the platform of a host has been looked up by then, too.
"""

from contextlib import AbstractContextManager

from alembic import op
from alembic.operations import BatchOperations

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}  # as PostgreSQL names them
LOOKED_FOR = {
    "disclosures": {"sanction_id": "sanctions", "host_id": "platforms"},
    "subject_keys": {"sanction_id": "sanctions"},
    "parts": {"sanction_id": "sanctions"},
}
KEYS_ALONE = "parts", "subject_keys"


def upgrade() -> None:
    for table, columns in LOOKED_FOR.items():
        with _altered(table) as batch:
            for column in columns:
                batch.drop_constraint(f"{table}_{column}_fkey", type_="foreignkey")


def downgrade() -> None:
    for table, columns in LOOKED_FOR.items():
        with _altered(table) as batch:
            for column, target in columns.items():
                batch.create_foreign_key(
                    f"{table}_{column}_fkey", target, [column], ["id"], postgresql_not_valid=True
                )


def _altered(table: str) -> AbstractContextManager[BatchOperations]:
    kept = {"sqlite_with_rowid": table not in KEYS_ALONE}
    return op.batch_alter_table(table, naming_convention=NAMES, table_kwargs=kept)

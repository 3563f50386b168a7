"""Less to look for and to write with each decision.

Rows that a turn writes with their sanction needn't have their platform, member and sanction looked
for again; few events are an appeal's; on SQLite a table of keys alone is its own index.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}  # as PostgreSQL names them
LOOKED_FOR = {
    "events": {"platform_id": "platforms", "sanction_id": "sanctions"},
    "log_entries": {"platform_id": "platforms"},
    "parts": {"member_id": "members"},
}
KEYS_ALONE = "parts", "subject_keys"
APPEALS = sa.text("appeal_id IS NOT NULL")
MESSAGE = "entries of the log are never changed"


def upgrade() -> None:
    op.drop_index("events_of_appeal", "events")
    for table, batch in _altered(are_indexes=True):
        for column in LOOKED_FOR.get(table, ()):
            batch.drop_constraint(f"{table}_{column}_fkey", type_="foreignkey")
    op.create_index(
        "events_of_appeal",
        "events",
        ["appeal_id", "position"],
        sqlite_where=APPEALS,
        postgresql_where=APPEALS,
    )
    _forbid_changes()


def downgrade() -> None:
    op.drop_index("events_of_appeal", "events")
    for table, batch in _altered(are_indexes=False):
        for column, target in LOOKED_FOR.get(table, {}).items():
            batch.create_foreign_key(
                f"{table}_{column}_fkey", target, [column], ["id"], postgresql_not_valid=True
            )
    op.create_index("events_of_appeal", "events", ["appeal_id", "position"])
    _forbid_changes()


def _altered(*, are_indexes: bool) -> Iterator[tuple[str, BatchOperations]]:
    """Each table, to be altered; SQLite makes it anew, those of keys alone as their own indexes
    or beside one."""
    for table in dict.fromkeys((*LOOKED_FOR, *KEYS_ALONE)):
        with op.batch_alter_table(
            table,
            recreate="always" if _is_sqlite() else "never",
            naming_convention=NAMES,
            table_kwargs={"sqlite_with_rowid": not (are_indexes and table in KEYS_ALONE)},
        ) as batch:
            yield table, batch


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _forbid_changes() -> None:
    """On SQLite the table was made anew, without its triggers."""
    if _is_sqlite():
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                sa.text(
                    f"CREATE TRIGGER log_entries_no_{verb} BEFORE {verb} ON log_entries "
                    f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
                )
            )

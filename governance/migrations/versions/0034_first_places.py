"""Two places fewer to write with each decision: where its first event and its first entry of the
log are, its own row says, and only what comes later is in the indexes of those. On SQLite a place
in the feed is the row's own id, which needs no index.

Entries that began a case before stay in the index of cases: they are never changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

LATER = sa.text("type <> 'SANCTION_ISSUED'")
EVENT = """(SELECT min(position) FROM events
    WHERE sanction_id = sanctions.id AND type = 'SANCTION_ISSUED')"""
ENTRY = """(SELECT min("index") FROM log_entries
    WHERE case_id = sanctions.id AND data LIKE '%"type":"sanction.issued"%')"""
MESSAGE = "entries of the log are never changed"


def upgrade() -> None:
    for name in ("first_event", "first_entry"):
        op.add_column("sanctions", sa.Column(name, sa.BigInteger(), nullable=True))
    op.execute(f"UPDATE sanctions SET first_event = {EVENT}, first_entry = {ENTRY}")
    op.drop_index("events_of_sanction", "events")
    _make_places(sa.Integer())
    op.create_index(
        "events_of_sanction",
        "events",
        ["sanction_id", "position"],
        sqlite_where=LATER,
        postgresql_where=LATER,
    )


def downgrade() -> None:
    op.drop_index("events_of_sanction", "events")
    _make_places(sa.BigInteger())
    op.create_index("events_of_sanction", "events", ["sanction_id", "position"])
    _name_cases()
    for name in ("first_event", "first_entry"):
        op.drop_column("sanctions", name)


def _make_places(kind: sa.types.TypeEngine[int]) -> None:
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("events") as batch:
            batch.alter_column("position", type_=kind, autoincrement=False)


def _name_cases() -> None:
    """Of entries that began one since."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        op.execute("DROP TRIGGER log_entries_no_UPDATE")
    else:
        op.execute("ALTER TABLE log_entries DISABLE TRIGGER log_entries_kept")
    op.execute(
        "UPDATE log_entries SET case_id = sanctions.id FROM sanctions "
        'WHERE sanctions.first_entry = log_entries."index" AND case_id IS NULL'
    )
    if is_sqlite:
        op.execute(
            "CREATE TRIGGER log_entries_no_UPDATE BEFORE UPDATE ON log_entries "
            f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )
    else:
        op.execute("ALTER TABLE log_entries ENABLE TRIGGER log_entries_kept")

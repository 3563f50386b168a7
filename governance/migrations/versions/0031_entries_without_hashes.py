"""Entries are stored without their hashes, which the tiles hold and which follow from them."""

from base64 import b64encode
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

MESSAGE = "entries of the log are never changed"


def upgrade() -> None:
    op.drop_column("log_entries", "leaf_hash")


def downgrade() -> None:
    hashes = sa.Column("leaf_hash", sa.Text(), server_default="", nullable=False)
    op.add_column("log_entries", hashes)
    if op.get_bind().dialect.name == "sqlite":
        _hash_on_sqlite()
    else:
        op.execute("ALTER TABLE log_entries DISABLE TRIGGER log_entries_kept")
        op.execute(
            "UPDATE log_entries SET leaf_hash = "
            r"encode(sha256('\x00'::bytea || convert_to(data, 'UTF8')), 'base64')"
        )
        op.execute("ALTER TABLE log_entries ENABLE TRIGGER log_entries_kept")


def _hash_on_sqlite() -> None:
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.create_function("leaf_hash_of", 1, _leaf_hash)
    op.execute("DROP TRIGGER log_entries_no_UPDATE")
    op.execute("UPDATE log_entries SET leaf_hash = leaf_hash_of(data)")
    op.execute(
        "CREATE TRIGGER log_entries_no_UPDATE BEFORE UPDATE ON log_entries "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    )


def _leaf_hash(entry: str) -> str:
    return b64encode(sha256(b"\0" + entry.encode()).digest()).decode()

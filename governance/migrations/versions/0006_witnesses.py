"""Cosignatures of the log's checkpoints, and the logs that this node witnesses."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("log_checkpoints", sa.Column("cosignatures", sa.Text(), nullable=True))
    op.execute("UPDATE log_checkpoints SET cosignatures = ''")  # they were all published
    is_published = sa.text("cosignatures IS NOT NULL")
    op.create_index(
        "log_checkpoints_published",
        "log_checkpoints",
        ["size"],
        sqlite_where=is_published,
        postgresql_where=is_published,
    )
    op.create_table(
        "witnessed_logs",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("verifiers", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin"),
    )


def downgrade() -> None:
    op.drop_table("witnessed_logs")
    op.drop_index("log_checkpoints_published", "log_checkpoints")
    op.drop_column("log_checkpoints", "cosignatures")

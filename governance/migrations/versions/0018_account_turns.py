"""Turns of accounts by their own host's suspensions."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
    op.create_table(
        "account_turns",
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("turn", sa.Text(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"]),
        sa.ForeignKeyConstraint(["sanction_id"], ["sanctions.id"]),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("account_turns_of_platform", "account_turns", ["platform_id", "position"])
    op.create_index("ix_account_turns_sanction_id", "account_turns", ["sanction_id"])
    op.create_table(
        "account_watches",
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("next_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["sanction_id"], ["sanctions.id"]),
        sa.PrimaryKeyConstraint("sanction_id"),
    )
    op.create_index("ix_account_watches_next_at", "account_watches", ["next_at"])
    op.create_table(
        "account_mark",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("streams") as streams:
        streams.add_column(sa.Column("turn", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("streams") as streams:
        streams.drop_column("turn")
    for table in ("account_mark", "account_watches", "account_turns"):
        op.drop_table(table)

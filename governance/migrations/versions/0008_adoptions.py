"""Adoptions of others' sanctions, and receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
    no = sa.false()
    op.add_column(
        "sanctions", sa.Column("has_own_grounds", sa.Boolean(), nullable=False, server_default=no)
    )
    is_derived = sa.text("derived_from_id IS NOT NULL")
    op.create_index(
        "sanctions_derived",
        "sanctions",
        ["derived_from_id", "issued_at", "id"],
        sqlite_where=is_derived,
        postgresql_where=is_derived,
    )
    op.add_column("disclosures", sa.Column("own_grounds", sa.Text(), nullable=True))
    op.add_column("events", sa.Column("receipt_state", sa.Text(), nullable=True))
    op.add_column("events", sa.Column("receipt_due_at", instant, nullable=True))
    op.create_table(
        "receipts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("due_at", instant, nullable=True),
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("adoption_id", sa.Text(), nullable=True),
        sa.Column("replacement_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["sanction_id"], ["sanctions.id"]),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"]),
        sa.ForeignKeyConstraint(["adoption_id"], ["sanctions.id"]),
        sa.ForeignKeyConstraint(["replacement_id"], ["sanctions.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("receipts_newest", "receipts", ["at", "id"])
    op.create_index("receipts_of_sanction", "receipts", ["sanction_id", "at", "id"])
    op.create_index("receipts_of_platform", "receipts", ["platform_id", "at", "id"])
    op.create_index("ix_receipts_adoption_id", "receipts", ["adoption_id"])


def downgrade() -> None:
    op.drop_table("receipts")
    op.drop_column("events", "receipt_due_at")
    op.drop_column("events", "receipt_state")
    op.drop_column("disclosures", "own_grounds")
    op.drop_index("sanctions_derived", "sanctions")
    op.drop_column("sanctions", "has_own_grounds")

"""The platforms that followed nodes speak for, and what is known of their sanctions' sources."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
    op.add_column(
        "peers", sa.Column("is_disclosed", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("peer_entries", sa.Column("case_id", sa.Text(), nullable=True))
    op.add_column(
        "peer_entries",
        sa.Column("is_first", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index("peer_entries_of_case", "peer_entries", ["case_id", "verdict"])
    op.create_table(
        "peer_platforms",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("declared_id", sa.Text(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=True),
        sa.Column("is_proven", sa.Boolean(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("proven_at", instant, nullable=True),
        sa.Column("checked_at", instant, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["origin"], ["peers.origin"]),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"]),
        sa.PrimaryKeyConstraint("origin", "domain"),
        sa.UniqueConstraint("platform_id"),
    )
    op.create_table(
        "peer_sources",
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sanction_id"], ["sanctions.id"]),
        sa.PrimaryKeyConstraint("sanction_id"),
    )
    op.create_index("ix_peer_sources_source_id", "peer_sources", ["source_id"])


def downgrade() -> None:
    op.drop_table("peer_sources")
    op.drop_table("peer_platforms")
    op.drop_index("peer_entries_of_case", "peer_entries")
    op.drop_column("peer_entries", "is_first")
    op.drop_column("peer_entries", "case_id")
    op.drop_column("peers", "is_disclosed")

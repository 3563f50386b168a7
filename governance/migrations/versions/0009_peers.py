"""Nodes that are followed: copies of their logs, and evidence of forks."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
    op.create_table(
        "peers",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("verifiers", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root_hash", sa.Text(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("followed_at", instant, nullable=False),
        sa.Column("last_verified_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("origin"),
    )
    op.create_table(
        "peer_entries",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=True),
        sa.Column("leaf_hash", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["origin"], ["peers.origin"]),
        sa.PrimaryKeyConstraint("origin", "index"),
    )
    op.create_index("peer_entries_of_platform", "peer_entries", ["origin", "platform", "index"])
    op.create_table(
        "peer_tiles",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["origin"], ["peers.origin"]),
        sa.PrimaryKeyConstraint("origin", "level", "index"),
    )
    op.create_table(
        "peer_forks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("first", sa.Text(), nullable=False),
        sa.Column("second", sa.Text(), nullable=False),
        sa.Column("seen_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["origin"], ["peers.origin"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_peer_forks_origin", "peer_forks", ["origin"])


def downgrade() -> None:
    for table in ("peer_forks", "peer_tiles", "peer_entries", "peers"):
        op.drop_table(table)

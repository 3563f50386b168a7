"""Weeks that are over have sums, and appeals are counted by their answer: from nothing at first."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

INSTANT = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("tallies", sa.Column("state", sa.Text(), nullable=True))
    op.add_column("tallies", sa.Column("outcome", sa.Text(), nullable=True))
    op.add_column("tallies", sa.Column("due_at", INSTANT, nullable=True))
    op.add_column(
        "tallied",
        sa.Column("has_weeks", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("tallied", "has_weeks")
    for name in ("due_at", "outcome", "state"):
        op.drop_column("tallies", name)

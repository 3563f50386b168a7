"""When the domain of a peer's platform is asked next, and how often that was in vain."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
    op.add_column("peer_platforms", sa.Column("check_at", instant, nullable=True))
    op.add_column(
        "peer_platforms", sa.Column("failures", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    op.drop_column("peer_platforms", "failures")
    op.drop_column("peer_platforms", "check_at")

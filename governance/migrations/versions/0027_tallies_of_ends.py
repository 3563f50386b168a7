"""What ended on a day is counted, too: from nothing at first."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tallies", sa.Column("validity", sa.Text(), nullable=True))
    op.add_column(
        "tallied",
        sa.Column("has_ended", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("tallied", "has_ended")
    op.drop_column("tallies", "validity")

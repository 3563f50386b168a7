"""What retention looks for: ends, and erasures that wait for an appeal."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sanctions",
        sa.Column(
            "erasure_asked_at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=True,
        ),
    )
    op.create_index("sanctions_ended", "sanctions", ["ends_at", "id"])


def downgrade() -> None:
    op.drop_index("sanctions_ended", "sanctions")
    with op.batch_alter_table("sanctions") as sanctions:
        sanctions.drop_column("erasure_asked_at")

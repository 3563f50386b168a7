"""Notices; the state an appeal came to with each event."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("sanction_id", sa.Text(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column(
            "at",
            sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["platform_id"], ["platforms.id"]),
        sa.ForeignKeyConstraint(["sanction_id"], ["sanctions.id"]),
        sa.PrimaryKeyConstraint("sanction_id"),
    )
    op.add_column("events", sa.Column("appeal_state", sa.Text(), nullable=True))
    op.create_index("events_of_appeal", "events", ["appeal_id", "position"])


def downgrade() -> None:
    op.drop_index("events_of_appeal", "events")
    with op.batch_alter_table("events") as events:
        events.drop_column("appeal_state")
    op.drop_table("notices")

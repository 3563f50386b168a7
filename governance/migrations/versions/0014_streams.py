"""Streams of security event tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
    op.create_table(
        "streams",
        sa.Column("receiver_id", sa.Text(), nullable=False),
        sa.Column("issuer_id", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("requested", sa.JSON(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("authorization", sa.LargeBinary(), nullable=True),
        sa.Column("verifications", sa.Integer(), nullable=False),
        sa.Column("is_verifying", sa.Boolean(), nullable=False),
        sa.Column("verification_state", sa.Text(), nullable=True),
        sa.Column("verified_at", instant, nullable=True),
        sa.Column("acknowledged", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"]),
        sa.ForeignKeyConstraint(["issuer_id"], ["platforms.id"]),
        sa.PrimaryKeyConstraint("receiver_id"),
    )


def downgrade() -> None:
    op.drop_table("streams")

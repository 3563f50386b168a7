"""How many sanctions of a day are alike: counted by the server, from nothing at first."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
    op.create_table(
        "tallies",
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("issued_at", instant, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=True),
        sa.Column("measure", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("automation", sa.Text(), nullable=True),
        sa.Column("duration_bucket", sa.Text(), nullable=True),
        sa.Column("lasts", sa.BigInteger(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("by", "issued_at", "place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "appeal_tallies",
        sa.Column("issued_at", instant, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("automation", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("takes", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("issued_at", "place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tallied",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("until", instant, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    for table in ("tallied", "appeal_tallies", "tallies"):
        op.drop_table(table)

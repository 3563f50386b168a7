"""What researchers ask for in bulk, and the files that were made of it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")
    op.create_table(
        "selections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("formats", sa.JSON(), nullable=False),
        sa.Column("requested_at", instant, nullable=False),
        sa.Column("as_of", instant, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("rows_to_read", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=True),
        sa.Column("subject_count", sa.BigInteger(), nullable=True),
        sa.Column("withheld_count", sa.BigInteger(), nullable=True),
        sa.Column("erasures", sa.Text(), nullable=False),
        sa.Column("made_at", instant, nullable=True),
        sa.Column("expires_at", instant, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["members.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("selections_of_project", "selections", ["project_id", "requested_at", "id"])
    op.create_table(
        "selection_files",
        sa.Column("selection_id", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["selection_id"], ["selections.id"]),
        sa.PrimaryKeyConstraint("selection_id", "format"),
    )
    op.create_index(
        "sanctions_redacted",
        "sanctions",
        ["redacted_at"],
        sqlite_where=sa.text("redacted_at IS NOT NULL"),
        postgresql_where=sa.text("redacted_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("sanctions_redacted", "sanctions")
    op.drop_table("selection_files")
    op.drop_table("selections")

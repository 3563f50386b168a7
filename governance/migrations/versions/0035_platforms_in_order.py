"""Platforms are in the order they joined, so that a page of them takes no look at all of them."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("platforms_in_order", "platforms", ["added_at", "id"])


def downgrade() -> None:
    op.drop_index("platforms_in_order", "platforms")

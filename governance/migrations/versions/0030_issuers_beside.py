"""Two places fewer to write with each decision: who issued it is beside the sanction instead of a
part of its own, and only what supersedes another is in the index of that.

Who issued what was decided before stays among the parts; whoever reads looks at both.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

NAMES = {"uq": "%(table_name)s_%(column_0_name)s_key"}  # as PostgreSQL names it
SUPERSEDES = sa.text("supersedes_id IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("sanctions", naming_convention=NAMES) as batch:
        batch.add_column(sa.Column("issued_by", sa.Text(), nullable=True))
        batch.drop_constraint("sanctions_supersedes_id_key", type_="unique")
    op.create_index(
        "sanctions_superseding",
        "sanctions",
        ["supersedes_id"],
        unique=True,
        sqlite_where=SUPERSEDES,
        postgresql_where=SUPERSEDES,
    )


def downgrade() -> None:
    op.execute(
        "INSERT INTO parts (sanction_id, member_id, part) SELECT id, issued_by, 'ISSUER' "
        "FROM sanctions WHERE issued_by IS NOT NULL ON CONFLICT DO NOTHING"
    )
    op.drop_index("sanctions_superseding", "sanctions")
    with op.batch_alter_table("sanctions", naming_convention=NAMES) as batch:
        batch.create_unique_constraint("sanctions_supersedes_id_key", ["supersedes_id"])
        batch.drop_column("issued_by")

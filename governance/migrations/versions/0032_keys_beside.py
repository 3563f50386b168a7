"""The keys that find a sanction are beside what it discloses, too, so that they needn't be found by
the sanction: a place less to write with each decision, among random ids."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INDEX = "ix_subject_keys_sanction_id"
GATHERED = {"sqlite": "json_group_array", "postgresql": "json_agg"}


def upgrade() -> None:
    gathered = GATHERED[op.get_bind().dialect.name]
    keys = sa.Column("lookup_keys", sa.JSON(), server_default="[]", nullable=False)
    op.add_column("disclosures", keys)
    op.execute(
        f"UPDATE disclosures SET lookup_keys = (SELECT {gathered}(key) FROM subject_keys found "
        "WHERE found.sanction_id = disclosures.sanction_id) "
        "WHERE sanction_id IN (SELECT sanction_id FROM subject_keys)"
    )
    op.drop_index(INDEX, "subject_keys")


def downgrade() -> None:
    op.create_index(INDEX, "subject_keys", ["sanction_id"])
    op.drop_column("disclosures", "lookup_keys")

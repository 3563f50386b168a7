"""How long each sanction restricts, beside its instants, so that figures needn't compute it; and
what lists and figures are read from."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

LASTS = {
    "sqlite": """
        (strftime('%s', substr(ends_at, 1, 19)) - strftime('%s', substr(starts_at, 1, 19)))
        * 1000000 + substr(ends_at, 21, 6) - substr(starts_at, 21, 6)""",
    "postgresql": "extract(epoch FROM ends_at - starts_at) * 1000000",
}
COUNTED = [
    *("platform_id", "measure", "category", "ground", "automation", "validity", "source"),
    *("subject_kind", "is_binding", "starts_at", "ends_at", "end_reason", "lasts"),
]
UNUSUAL = {
    "sanctions_not_standing": ("validity <> 'STANDING'", ["validity"]),
    "sanctions_ended_early": ("end_reason <> 'EXPIRED'", ["end_reason"]),
    "sanctions_of_servers": ("subject_kind = 'SERVER'", []),
    "sanctions_to_be_erased": ("erasure_asked_at IS NOT NULL", []),
    "sanctions_in_language": ("content_language IS NOT NULL", ["content_language"]),
}


def upgrade() -> None:
    op.drop_index("sanctions_newest", "sanctions")
    op.drop_index("sanctions_ended", "sanctions")
    op.add_column("sanctions", sa.Column("lasts", sa.BigInteger(), nullable=True))
    op.execute(
        f"UPDATE sanctions SET lasts = {LASTS[op.get_bind().dialect.name]} "
        "WHERE starts_at < ends_at AND measure <> 'WARNING'"
    )
    op.create_index("sanctions_newest", "sanctions", ["issued_at", "id", *COUNTED])
    op.create_index("sanctions_ended", "sanctions", ["ends_at", "id", "measure", "redacted_at"])
    for name, (condition, first) in UNUSUAL.items():
        text = sa.text(condition)
        columns = [*first, "issued_at", "id"]
        op.create_index(name, "sanctions", columns, sqlite_where=text, postgresql_where=text)
    hosted = sa.text("host_id IS NOT NULL")
    op.create_index(
        "disclosures_of_host",
        "disclosures",
        ["host_id", "sanction_id"],
        sqlite_where=hosted,
        postgresql_where=hosted,
    )
    notices = sa.text("type IN ('NOTICE_DUE', 'NOTICE_RECORDED')")
    op.create_index(
        "events_of_notices",
        "events",
        ["position"],
        sqlite_where=notices,
        postgresql_where=notices,
    )


def downgrade() -> None:
    op.drop_index("events_of_notices", "events")
    op.drop_index("disclosures_of_host", "disclosures")
    for name in UNUSUAL:
        op.drop_index(name, "sanctions")
    op.drop_index("sanctions_newest", "sanctions")
    op.drop_index("sanctions_ended", "sanctions")
    op.drop_column("sanctions", "lasts")
    op.create_index("sanctions_newest", "sanctions", ["issued_at", "id"])
    op.create_index("sanctions_ended", "sanctions", ["ends_at", "id"])

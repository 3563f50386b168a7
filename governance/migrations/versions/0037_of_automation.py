"""An index of how far machines took decisions, in the place of one of those that they took alone;
and of what lasts for no known time, being open-ended or restricting nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

NEWEST = ["issued_at", "id"]
BY_MACHINES = {"sanctions_by_machines": "automation = 'FULLY'"}
NONE = "(starts_at IS NULL OR ends_at IS NOT NULL OR measure = 'WARNING')"
UNMEASURED = {
    "sanctions_restricting_none": f"lasts IS NULL AND {NONE}",
    "sanctions_open_ended": f"lasts IS NULL AND NOT {NONE}",
}


def upgrade() -> None:
    for name in BY_MACHINES:
        op.drop_index(name, "sanctions")
    op.create_index("sanctions_of_automation", "sanctions", ["automation", *NEWEST])
    _indexed(UNMEASURED)


def downgrade() -> None:
    for name in ("sanctions_of_automation", *UNMEASURED):
        op.drop_index(name, "sanctions")
    _indexed(BY_MACHINES)


def _indexed(conditions: dict[str, str]) -> None:
    for name, condition in conditions.items():
        text = sa.text(condition)
        op.create_index(name, "sanctions", NEWEST, sqlite_where=text, postgresql_where=text)

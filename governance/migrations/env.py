"""What Alembic runs: one connection, in the writers' turn."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel.sql.sqltypes import AutoString

from governance.database import Database
from governance.fields import EnumList, EnumText, UTCDateTime
from governance.records import METADATA

INSTANT = 'sa.TIMESTAMP(timezone=True).with_variant(sa.Text(), "sqlite")'
PLAIN = {
    AutoString: "sa.Text()",
    EnumText: "sa.Text()",
    EnumList: "sa.JSON()",
    UTCDateTime: INSTANT,
}


def render(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Migrations name plain types, so that they don't change when the code does."""
    return PLAIN.get(type(item), False) if kind == "type" else False


database = Database(context.config.attributes["url"])
try:
    with database.writing() as session:
        context.configure(
            connection=session.connection(),
            target_metadata=METADATA,
            render_as_batch=database.dialect == "sqlite",
            render_item=render,
        )
        with context.begin_transaction():
            context.run_migrations()
finally:
    database.close()

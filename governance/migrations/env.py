"""What Alembic runs: one connection, in the writers' turn."""

from typing import Any, Literal

import sqlalchemy as sa
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


def refer_freely(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys=OFF").close()


database = Database(context.config.attributes["url"])
if database.dialect == "sqlite":
    # A table that can't be altered is made anew and takes the old one's name; while there is none
    # of that name nothing may look for what refers to it. https://sqlite.org/lang_altertable.html
    sa.event.listen(database.engine, "connect", refer_freely)
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
        if database.dialect == "sqlite":
            strays = session.execute(sa.text("PRAGMA foreign_key_check")).all()
            if strays:
                raise RuntimeError(f"rows of {strays[0][0]} refer to none: nothing was changed")
finally:
    database.close()

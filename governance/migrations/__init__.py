"""Alembic migrations, the same for SQLite and PostgreSQL."""

import contextlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from governance.database import Database

if TYPE_CHECKING:  # a node that is at the newest revision starts without it
    from alembic.config import Config

HERE = Path(__file__).parent


def upgrade(url: str, revision: str = "head") -> None:
    """Brings the database at the URL to a revision; each migration is one transaction. An SQLite
    file that is made is its owner's alone."""
    from alembic import command

    file = _file(make_url(url))
    if file is not None and not file.exists():
        with contextlib.suppress(OSError):  # whoever opens it says what is wrong
            file.touch(mode=0o600)
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    from alembic import command

    command.downgrade(_config(url), revision)


def is_current(database: Database) -> bool:
    """Whether the database is at the newest revision that this code knows."""
    return _revision(database) == revisions()[0]


def _revision(database: Database) -> str | None:
    """The database's revision; None where it has none."""
    file = _file(database.engine.url)
    if file is not None and file.parent.exists() and not file.exists():
        return None  # looking would make the file
    with database.engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return found


def is_newer(database: Database) -> bool:
    """Whether a newer Comity made the database."""
    return _revision(database) not in (None, *revisions())


def advice(database: Database) -> str:
    """What to do about a database that isn't current."""
    if is_newer(database):
        return "the database was made by a newer Comity: install that one"
    return "the database isn't at this version's tables: run `comity migrate` first"


@cache
def revisions() -> tuple[str, ...]:
    """Every revision that this code knows, the newest first: their files begin with them."""
    files = (HERE / "versions").glob("[0-9]*.py")
    return tuple(sorted((file.name.partition("_")[0] for file in files), reverse=True))


def _file(url: URL) -> Path | None:
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _config(url: str) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["url"] = url
    return config

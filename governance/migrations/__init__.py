"""Alembic migrations, the same for SQLite and PostgreSQL."""

import contextlib
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL, make_url

from governance.database import Database


def upgrade(url: str, revision: str = "head") -> None:
    """Brings the database at the URL to a revision; each migration is one transaction. An SQLite
    file that is made is its owner's alone."""
    file = _file(make_url(url))
    if file is not None and not file.exists():
        with contextlib.suppress(OSError):  # whoever opens it says what is wrong
            file.touch(mode=0o600)
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
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
        return MigrationContext.configure(connection).get_current_revision()


def advice(database: Database) -> str:
    """What to do about a database that isn't current."""
    if _revision(database) not in (None, *revisions()):
        return "the database was made by a newer Comity: install that one"
    return "the database isn't at this version's tables: run `comity migrate` first"


@cache
def revisions() -> tuple[str, ...]:
    """Every revision that this code knows, the newest first."""
    scripts = ScriptDirectory.from_config(_config(""))
    return tuple(script.revision for script in scripts.walk_revisions())


def _file(url: URL) -> Path | None:
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = url
    return config

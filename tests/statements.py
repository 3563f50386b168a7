"""SQLAlchemy compiles a statement once a process, as in a node, though each test has engines of its
own: they take their compiled statements from one place, by the kind of their dialect."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_COMPILED: dict[Any, Any] = {}
_TOLD: dict[str, Any] = {}


class _Alike:
    """Dialects of a class compile alike: every engine here is opened by `Database`."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))


class SQLite(_Alike, SQLiteDialect_pysqlite):
    """The stock dialect."""

    supports_statement_cache = True


class PostgreSQL(_Alike, PGDialect_psycopg):
    """The stock dialect. Servers are alike, too: what one tells of itself, none is asked again."""

    supports_statement_cache = True

    def initialize(self, connection: sa.Connection) -> None:
        own = vars(self)
        if not _TOLD:
            before = set(own)
            super().initialize(connection)  # type: ignore[no-untyped-call]
            _TOLD.update({name: own[name] for name in own.keys() - before})
        own.update(_TOLD)


def share() -> None:
    """From now on, for every engine."""
    registry.register("sqlite", __name__, "SQLite")
    registry.register("postgresql.psycopg", __name__, "PostgreSQL")
    sa.event.listen(sa.Engine, "engine_connect", _use_shared)


def _use_shared(connection: sa.Connection) -> None:
    connection.execution_options(compiled_cache=_COMPILED)

"""Errors as callers see them: a code each, and nothing of our insides."""

import re
import sqlite3
import sys
from typing import Any

from graphql import GraphQLError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from api.observing.logs import unexpected
from api.observing.notes import current
from governance.errors import Refused

# PostgreSQL's SQLSTATEs of a server that can't be asked now (appendix A of its manual):
# connections, no such database, no resources, shutting down; or that only answers reads now.
_AWAY = ("08", "3D000", "53", "57P", "25006")
_DRIVERS = frozenset({"asyncpg", "psycopg"})
_AWAY_SQLITE = tuple(f"SQLITE_{it}" for it in ("CANTOPEN", "IOERR", "FULL", "BUSY", "READONLY"))
_MESSAGES = {
    "INTERNAL": "something went wrong on our side",
    "UNAVAILABLE": "the node can't reach its database: try again later",
}


def located(refused: Refused) -> GraphQLError:
    """A refusal as a top-level error with its code."""
    return GraphQLError(refused.message, extensions={"code": refused.code.value})


_SUGGESTION = re.compile(r" Did you mean .*$", re.DOTALL)
# An input that doesn't fit may hold texts and secrets beside what is wrong; messages are logged.
_GIVEN = re.compile(r"([,;] found: |: (?=[{\[])).*$", re.DOTALL)


def public(error: GraphQLError, *, suggests: bool = True) -> dict[str, Any]:
    """The error as it is answered. What isn't ours is masked and logged by its type alone."""
    original = error.original_error
    if original is not None and not isinstance(original, GraphQLError | Refused):
        unexpected(original)
        where = GraphQLError("", error.nodes, path=error.path).formatted
        formatted: dict[str, Any] = {**where, **masked(code_of(original))}
    else:
        formatted = {**error.formatted}
        formatted.setdefault("extensions", {"code": "BAD_DOCUMENT"})
        formatted["message"] = _GIVEN.sub("", formatted["message"])
        if not suggests:
            formatted["message"] = _SUGGESTION.sub("", formatted["message"])
    current().errors[formatted["extensions"].get("code", "BAD_DOCUMENT")] += 1
    return formatted


def masked(code: str) -> dict[str, Any]:
    """An error of ours, with the request's id so that its caller can ask the operator."""
    return {"message": _MESSAGES[code], "extensions": {"code": code, **identified()}}


def identified() -> dict[str, str]:
    """The request's id, beside errors in the answer's `extensions`."""
    request_id = current().request_id
    return {"requestId": request_id} if request_id else {}


def code_of(error: BaseException) -> str:
    """INTERNAL, or UNAVAILABLE where the database couldn't be asked."""
    return "UNAVAILABLE" if is_unreachable(error) else "INTERNAL"


def is_unreachable(error: BaseException | None) -> bool:
    """Whether the database couldn't be asked, which is not our bug and may pass."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or is_unreachable(error.orig)
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorname", "").startswith(_AWAY_SQLITE)
    return isinstance(error, OSError | NoneFree) or _is_away(error)


def _is_away(error: BaseException | None) -> bool:
    """Whether a driver of PostgreSQL says so; a node on SQLite never loads one."""
    if _DRIVERS.isdisjoint(sys.modules):
        return False
    import asyncpg
    from psycopg import OperationalError
    from psycopg.errors import ReadOnlySqlTransaction

    if isinstance(error, OperationalError | ReadOnlySqlTransaction | asyncpg.PostgresError):
        return error.sqlstate is None or error.sqlstate.startswith(_AWAY)
    # "connection is closed", whose heirs are bugs, and what a server that is stopped cuts short
    return type(error) in (asyncpg.InterfaceError, asyncpg.InternalClientError)

"""Cursors of keyset pages: where a page ends, as text, and what lies beyond it."""

import re
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from api.reads.fields import Read, getter
from api.reads.nodes import Page
from api.reads.texts import Text, concatenated
from api.reads.values import Argument, Env, Getter
from governance.errors import InvalidInput
from governance.fields import UTCDateTime, parse_instant


def beyond(page: Page, read: Read, connection: str) -> list[sa.ColumnElement[bool]]:
    """The conditions of the cursors that are given: only what lies beyond them."""
    given = {name: page.arguments.get(name) for name in ("after", "before")}
    return [
        _is_beyond(page, read, connection, name, edge)
        for name, edge in given.items()
        if edge is not None
    ]


def _is_beyond(
    page: Page, read: Read, connection: str, name: str, edge: Argument
) -> sa.ColumnElement[bool]:
    """Whether a row lies behind the cursor, by (instant, id)."""
    at, ident = page.keys
    point = sa.tuple_(
        read.bound(_decoded(connection, name, edge, 0), UTCDateTime()),
        read.bound(_decoded(connection, name, edge, 1), sa.Text()),
    )
    row = sa.tuple_(at, ident)
    return row < point if page.newest_first is (name == "after") else row > point


def _decoded(connection: str, name: str, edge: Argument, part: int) -> Getter:
    get = getter(edge)

    def read(env: Env) -> datetime | str:
        text = get(env)
        match = re.fullmatch(r"(\w+)~([0-9TZ:.-]{27})~(\w{1,64})", str(text), re.ASCII)
        try:
            if match is None or match[1] != connection.removesuffix("Connection"):
                raise ValueError
            return parse_instant(match[2]) if part == 0 else match[3]
        except ValueError:
            raise InvalidInput(
                f"{name}: expected a cursor of this connection", path=[name]
            ) from None

    return read


def cursor(read: Read, connection: str, at: Any, ident: Any) -> Text:
    kind = connection.removesuffix("Connection")
    return concatenated([f"{kind}~", read.dialect.instant(at), "~", ident])

"""The feed as it is followed: the events after a place, each beside its own, one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa
from graphql import FieldNode

from api.reads.fields import Read
from api.reads.nodes import Following
from api.reads.texts import Text, bracketed, concatenated, name_of
from api.reads.values import Env

if TYPE_CHECKING:
    from api.reads.compiler import Compiler


def compiled_following(
    compiler: Compiler, nodes: Sequence[FieldNode], following: Following, read: Read
) -> Text:
    """A JSON array of `[place, object]`; which, `between` says to each execution."""
    after = read.bound(_after, sa.BigInteger(), "after")
    last = read.bound(_last, sa.BigInteger(), "last")
    most = read.bound(_most, sa.Integer(), "most")
    key = following.key
    rows = (
        sa.select(following.source)
        .where(key > after, key <= last, *following.where)
        .order_by(key)
        .limit(most)
        .subquery()
    )
    place = rows.c[str(key.key)]
    item = compiler.objects(name_of(following.type), nodes, rows.c, read)
    pair = concatenated(["[", sa.cast(place, sa.Text()), ",", item, "]"])
    joined = read.dialect.joined(pair, place)
    return sa.select(bracketed(joined)).select_from(rows).scalar_subquery()


def between(env: Env, after: int, last: int, most: int) -> Env:
    """The same for the places after one and up to the last, so many events at most."""
    return replace(env, found={"after": after, "last": last, "most": most})


def _after(env: Env) -> int:
    return int(env.found["after"])


def _last(env: Env) -> int:
    return int(env.found["last"])


def _most(env: Env) -> int:
    return int(env.found["most"])

"""Nodes that this node follows, and what speaks against them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import BaseModel, Field

from api.reads.fields import All, Read, Row, rows_of, sql
from api.schema.visible import later
from governance.fields import Long
from governance.peers import STALE_AFTER, PeerFork
from governance.peers import Peer as PeerRow
from governance.words import PeerState


@strawberry.pydantic.type(description="Two signed checkpoints that can't be of one log")
class Fork(BaseModel):
    first: str = Field(description="The checkpoint that was seen first, a signed note")
    second: str = Field(description="The one that contradicts it, a signed note")
    seen_at: datetime = Field(description="When the second one was seen")


@strawberry.pydantic.type(description="A node that this node follows")
class Peer(BaseModel):
    origin: str = Field(description="Name of its log, as checkpoints print it")
    url: str = Field(description="Where it is reached")
    size: Long = Field(description="Entries of its log that are here, checked")
    root_hash: str = Field(description="Root of their Merkle tree, base64")
    last_verified_at: datetime | None = Field(
        description="When its newest checkpoint was checked; null before"
    )
    problem: str | None = Field(description="Why it can't be followed at the moment")

    @sql(Long | None, "Seconds since it was verified; null before")
    def lag_seconds(row: Row, read: Read) -> Any:
        seconds: sa.ColumnElement[Any] = sa.extract("epoch", read.now - row.last_verified_at)
        if read.dialect.name == "sqlite":
            days = sa.func.julianday(read.now) - sa.func.julianday(row.last_verified_at)
            seconds = sa.func.round(days * 86_400)
        return sa.cast(sa.func.floor(seconds), sa.BigInteger())

    @sql(PeerState, "How it stands; its sanctions bind only while FOLLOWING")
    def state(row: Row, read: Read) -> Any:
        stored = sa.type_coerce(row.state, sa.Text())
        is_late = sa.and_(stored == sa.literal_column("'FOLLOWING'"), is_late_now(row, read))
        return sa.case((is_late, sa.literal_column("'STALE'")), else_=stored)

    @sql(list[Fork], "Evidence that it signed two histories, oldest first")
    def forks(row: Row, read: Read) -> Any:
        found = rows_of(PeerFork)
        return All(Fork, found, [found.c.origin == row.origin], [found.c.seen_at, found.c.id])


def is_late_now(row: Row, read: Read) -> sa.ColumnElement[bool]:
    """The twin of `governance.following.state_of`."""
    verified = sa.func.coalesce(row.last_verified_at, row.followed_at)
    return sa.type_coerce(verified, row.followed_at.type) <= later(read, -STALE_AFTER)


def peers_of(read: Read) -> All:
    """Every node that is or was followed, by the name of its log."""
    found = rows_of(PeerRow)
    return All(Peer, found, order=[found.c.origin])

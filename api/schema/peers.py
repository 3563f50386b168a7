"""Nodes that this node follows, and what speaks against them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import BaseModel, Field

from api.reads.fields import All, Read, Row, rows_of
from api.schema.declaring import sql
from api.schema.visible import is_late
from governance.fields import Long
from governance.peers import Peer as PeerRow
from governance.peers import PeerFork
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
        is_stale = sa.and_(stored == sa.literal_column("'FOLLOWING'"), is_late(row, read))
        return sa.case((is_stale, sa.literal_column("'STALE'")), else_=stored)

    @sql(list[Fork], "Evidence that it signed two histories, oldest first")
    def forks(row: Row, read: Read) -> Any:
        found = rows_of(PeerFork)
        return All(Fork, found, [found.c.origin == row.origin], [found.c.seen_at, found.c.id])


def stale_peers(read: Read) -> sa.ColumnElement[str]:
    """The names of logs whose sanctions don't bind for want of news, as a JSON array."""
    peer = rows_of(PeerRow)
    state = sa.type_coerce(peer.c.state, sa.Text())
    is_forked = state == sa.literal_column("'QUARANTINED'")
    is_stale = sa.and_(state == sa.literal_column("'FOLLOWING'"), is_late(peer.c, read))
    named = sa.select(peer.c.origin).where(sa.or_(is_forked, is_stale))
    late = named.order_by(peer.c.origin).subquery()
    joined = read.dialect.joined(read.dialect.quoted(late.c.origin), late.c.origin)
    listed = sa.select(sa.func.coalesce(joined, sa.literal_column("''"))).select_from(late)
    bracket = sa.literal_column("'['", sa.Text()), sa.literal_column("']'", sa.Text())
    return bracket[0].concat(listed.scalar_subquery()).concat(bracket[1])


def peers_of(read: Read) -> All:
    """Every node that is or was followed, by the name of its log."""
    found = rows_of(PeerRow)
    return All(Peer, found, order=[found.c.origin])

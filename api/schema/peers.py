"""Nodes that this node follows, and what speaks against them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field
from sqlalchemy.sql.elements import Grouping

from api.reads.fields import Condition, Read, Row, is_any_of, rows_of
from api.reads.groups import SECOND
from api.reads.nodes import All
from api.reads.texts import bracketed, whole_number
from api.schema.declaring import sql
from api.schema.visible import is_late
from governance.fields import Long, Shape
from governance.peers import Peer as PeerRow
from governance.peers import PeerFork
from governance.words import PeerState


@strawberry.pydantic.type(description="Two signed checkpoints that can't be of one log")
class Fork(Shape):
    first: str = Field(description="The checkpoint that was seen first, a signed note")
    second: str = Field(description="The one that contradicts it, a signed note")
    seen_at: datetime = Field(description="When the second one was seen")


@strawberry.pydantic.type(description="A node that this node follows")
class Peer(Shape):
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
        lag = read.dialect.microseconds(row.last_verified_at, read.now)
        return Grouping(lag).op("/")(whole_number(SECOND))

    @sql(PeerState, "How it stands; its sanctions bind only while FOLLOWING")
    def state(row: Row, read: Read) -> Any:
        stale = sa.literal_column(f"'{PeerState.STALE}'", sa.Text())
        return sa.case((is_stale(row, read), stale), else_=sa.type_coerce(row.state, sa.Text()))

    @sql(list[Fork], "Evidence that it signed two histories, oldest first")
    def forks(row: Row, read: Read) -> Any:
        found = rows_of(PeerFork)
        return All(Fork, found, [found.c.origin == row.origin], [found.c.seen_at, found.c.id])


def is_stale(row: Row, read: Read) -> Condition:
    """Whether a node is followed and wasn't verified lately."""
    return sa.and_(is_any_of(row.state, [PeerState.FOLLOWING]), is_late(row, read))


def stale_peers(read: Read) -> sa.ColumnElement[str]:
    """The names of logs whose sanctions don't bind for want of news, as a JSON array."""
    peer = rows_of(PeerRow)
    is_forked = is_any_of(peer.c.state, [PeerState.QUARANTINED])
    named = sa.select(peer.c.origin).where(sa.or_(is_forked, is_stale(peer.c, read)))
    late = named.order_by(peer.c.origin).subquery()
    joined = read.dialect.joined(read.dialect.quoted(late.c.origin), late.c.origin)
    return sa.select(bracketed(joined)).select_from(late).scalar_subquery()


def peers_of(read: Read) -> All:
    """Every node that is or was followed, by the name of its log."""
    found = rows_of(PeerRow)
    return All(Peer, found, order=[found.c.origin])

"""Platforms, as everyone sees them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic
from pydantic import Field

from api.reads.fields import Read, Row, rows_of
from api.reads.nodes import All, One, Page
from api.reads.values import Argument
from api.schema.declaring import sql
from api.schema.nodes import PAGING, Connection, Node
from api.schema.peers import Peer
from api.schema.reports import PublishedReport
from governance.peers import Peer as PeerRow
from governance.peers import PeerPlatform
from governance.platforms import Platform as PlatformRow
from governance.platforms import PlatformKey, PlatformStatement
from governance.reporting import Report


@strawberry.pydantic.type(description="A key that a platform signs its decisions with")
class SigningKey(Node):
    id: strawberry.ID = Field(description="Global id, prefixed key_")
    key: str = Field(description="The Ed25519 public key, base64")
    registered_at: datetime = Field(description="When it was registered, by the log")
    retired_at: datetime | None = Field(description="When it was replaced or retired")


@strawberry.pydantic.type(description="An organisation that takes part, known by its domain")
class Platform(PlatformStatement, Node):
    id: strawberry.ID = Field(description="Global id, prefixed plt_")

    @sql(datetime, "When it joined this node, or its domain named a followed one")
    def joined_at(row: Row, read: Read) -> Any:
        return row.added_at

    @sql(Peer | None, "The followed node that it decides on; null if on this one")
    def peer(row: Row, read: Read) -> Any:
        spoken, peer = rows_of(PeerPlatform), rows_of(PeerRow)
        named = sa.select(spoken.c.origin).where(spoken.c.platform_id == row.id)
        return One(Peer, peer, [peer.c.origin == named.correlate_except(spoken).scalar_subquery()])

    @sql(Connection[SigningKey], "Keys it signs its decisions with, oldest first", **PAGING)
    def signing_keys(row: Row, read: Read, **paging: Argument) -> Any:
        found = rows_of(PlatformKey)
        keys, own = (found.c.registered_at, found.c.id), found.c.platform_id == row.id
        return Page(SigningKey, found, keys, paging, [own], newest_first=False)

    @sql(
        list[PublishedReport], "Transparency reports that it published, every version, newest first"
    )
    def published_reports(row: Row, read: Read) -> Any:
        found = rows_of(Report)
        newest = found.c.starts_at.desc(), found.c.ends_at.desc(), found.c.version.desc()
        return All(PublishedReport, found, [found.c.platform_id == row.id], newest)


def platform_of(row: Row) -> One:
    """The platform that the row is of."""
    found = rows_of(PlatformRow)
    return One(Platform, found, [found.c.id == row.platform_id], is_joinable=True)

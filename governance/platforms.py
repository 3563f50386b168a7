"""Platforms, their members, and the tokens members act with."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from governance.fields import EnumList, EnumText, Shape, Stored, UTCDateTime
from governance.words import MemberKind, Role


class PlatformStatement(Shape):
    """An organisation that takes part, known by its domain."""

    id: str = Field(primary_key=True, description="Global id, prefixed plt_")
    domain: str = Field(unique=True, description="Canonical domain that names the platform")
    name: str = Field(description="Name people know the platform by")


class Platform(PlatformStatement, Stored, table=True):
    """One that was added here, or whose domain first named a followed node then."""

    __tablename__ = "platforms"
    __table_args__ = (sa.Index("platforms_in_order", "added_at", "id"),)

    added_at: datetime = Field(sa_type=UTCDateTime)


class PlatformKey(Stored, table=True):
    """An Ed25519 key that a platform signs its decisions with, and from when to when. Each is
    registered once, by one platform; both instants are those of the log's entries."""

    __tablename__ = "platform_keys"

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id", index=True)
    key: str = Field(unique=True)  # base64 of 32 bytes
    registered_at: datetime = Field(sa_type=UTCDateTime)
    retired_at: datetime | None = Field(default=None, sa_type=UTCDateTime)  # or replaced


class Member(Stored, table=True):
    """A person or a service that acts for a platform. Public data never names one."""

    __tablename__ = "members"
    __table_args__ = (sa.UniqueConstraint("platform_id", "handle"),)

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id")
    handle: str
    kind: MemberKind = Field(sa_type=EnumText(MemberKind))
    roles: list[Role] = Field(sa_type=EnumList(Role))
    added_at: datetime = Field(sa_type=UTCDateTime)


class Token(Stored, table=True):
    """A bearer credential of a member. Only its hash is stored."""

    __tablename__ = "tokens"

    id: str = Field(primary_key=True)
    member_id: str = Field(foreign_key="members.id", index=True)
    hash: str = Field(unique=True)
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime | None = Field(sa_type=UTCDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)

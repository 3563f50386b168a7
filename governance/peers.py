"""Peers: nodes that this node follows, the copies of their logs, and what speaks against them."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from pydantic import Field as PlainField
from sqlmodel import Field, Session

from governance.fields import Draft, EnumText, Stored
from governance.fields import UTCDateTime as Utc
from governance.log.checkpoints import Checkpoint, parse_checkpoint
from governance.log.notes import decode, parse_note
from governance.log.signers import Verifier, parse_verifier
from governance.log.tree import EMPTY_ROOT
from governance.words import PeerState

STALE_AFTER = timedelta(days=7)  # without a verified checkpoint; then its sanctions bind no longer


class Verdict(StrEnum):
    """What became of a peer's entry here."""

    APPLIED = "APPLIED"
    NOTED = "NOTED"  # nothing of it is about sanctions
    WAITING = "WAITING"  # until its platform's domain names the peer's log
    REFUSED = "REFUSED"  # kept as evidence, never applied


class Peer(Stored, table=True):
    """A followed node. `size` entries of its log are here, checked and applied; `checkpoint` is
    the newest signed tree that was checked, which may be larger for a moment."""

    __tablename__ = "peers"

    origin: str = Field(primary_key=True)
    url: str
    verifiers: str  # separated by spaces
    size: int = Field(default=0, sa_type=sa.BigInteger)
    root_hash: str  # base64
    checkpoint: str | None = None
    state: PeerState = Field(default=PeerState.FOLLOWING, sa_type=EnumText(PeerState))
    problem: str | None = None
    token: bytes | None = None  # sealed with the node's key
    is_disclosed: bool = Field(
        default=True, sa_column_kwargs={"server_default": sa.true()}
    )  # what it discloses is here, as far as it lets see
    followed_at: datetime = Field(sa_type=Utc)
    last_verified_at: datetime | None = Field(default=None, sa_type=Utc)

    @property
    def trusted(self) -> list[Verifier]:
        """The keys that its checkpoints are believed by."""
        return [parse_verifier(text) for text in self.verifiers.split(" ")]

    @property
    def seen(self) -> Checkpoint:
        """The newest tree that was checked; the empty one at first."""
        if self.checkpoint is None:
            return Checkpoint(self.origin, 0, EMPTY_ROOT)
        return parse_checkpoint(parse_note(self.checkpoint.encode()).text)

    @property
    def head(self) -> Checkpoint:
        """The tree of the entries that are here."""
        return Checkpoint(self.origin, self.size, decode(self.root_hash))


class FollowingDraft(Draft):
    """A node to follow."""

    url: str = PlainField(max_length=2_048, description="Where the node is, https://…")
    token: str | None = PlainField(
        default=None, max_length=200, description="A token of that node, for its disclosures"
    )


class PeerPlatform(Stored, table=True):
    """A platform of a peer's log. The peer speaks for it while the platform's domain names the
    log; `platform_id` is then its row here. `is_current` while no entry of it waits."""

    __tablename__ = "peer_platforms"

    origin: str = Field(primary_key=True, foreign_key="peers.origin")
    domain: str = Field(primary_key=True)
    declared_id: str
    platform_id: str | None = Field(default=None, foreign_key="platforms.id", unique=True)
    is_proven: bool = False
    is_current: bool = False
    proven_at: datetime | None = Field(default=None, sa_type=Utc)
    checked_at: datetime | None = Field(default=None, sa_type=Utc)
    check_at: datetime | None = Field(default=None, sa_type=Utc)  # again; at once if null
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # since it was well
    problem: str | None = None


def followed_platforms() -> sa.Select[Any]:
    """Ids of the platforms that decide in peers' logs, and not here."""
    platform_id: sa.ColumnClause[str] = sa.column("platform_id", sa.Text())
    found = sa.table("peer_platforms", platform_id)
    return sa.select(platform_id).select_from(found).where(platform_id.is_not(None))


def decides_elsewhere(session: Session, platform_id: str) -> bool:
    """Whether a platform decides in a peer's log: nobody here changes its cases (invariant 14)."""
    return bool(session.scalar(sa.select(sa.literal(platform_id).in_(followed_platforms()))))


class PeerSource(Stored, table=True):
    """The source of a peer's sanction, as long as it isn't known here."""

    __tablename__ = "peer_sources"

    sanction_id: str = Field(primary_key=True, foreign_key="sanctions.id")
    source_id: str = Field(index=True)


class PeerEntry(Stored, table=True):
    """An entry of a peer's log as it was hashed, whatever it says. `fault` is why it is refused."""

    __tablename__ = "peer_entries"
    __table_args__ = (
        sa.Index("peer_entries_of_platform", "origin", "platform", "index"),
        sa.Index("peer_entries_of_case", "case_id", "verdict"),
    )

    origin: str = Field(primary_key=True, foreign_key="peers.origin")
    index: int = Field(primary_key=True, sa_type=sa.BigInteger)
    platform: str | None = None
    case_id: str | None = None
    is_first: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    leaf_hash: str  # base64
    data: bytes
    verdict: Verdict = Field(sa_type=EnumText(Verdict))
    fault: str | None = None


class PeerTile(Stored, table=True):
    """A hash tile of a peer's log; the last of a level grows."""

    __tablename__ = "peer_tiles"

    origin: str = Field(primary_key=True, foreign_key="peers.origin")
    level: int = Field(primary_key=True)
    index: int = Field(primary_key=True, sa_type=sa.BigInteger)
    hashes: bytes


class PeerFork(Stored, table=True):
    """Two checkpoints that a peer signed and that can't both be of one log: evidence."""

    __tablename__ = "peer_forks"

    id: str = Field(primary_key=True)
    origin: str = Field(foreign_key="peers.origin", index=True)
    first: str
    second: str
    seen_at: datetime = Field(sa_type=Utc)


class Changed(Exception):
    """A peer that was asked is followed otherwise by now, or no longer: the answer is of no use."""


def unchanged(session: Session, peer: Peer) -> Peer:
    """The peer, to write to it; Changed unless it is followed still as it was when it was read."""
    stored = session.get_one(Peer, peer.origin)
    if stored.state is not PeerState.FOLLOWING or any(
        getattr(stored, name) != getattr(peer, name)
        for name in ("followed_at", "url", "token", "verifiers")
    ):
        raise Changed
    return stored


def state_of(peer: Peer, now: datetime) -> PeerState:
    """How a peer stands: STALE is never stored, it follows from the clock."""
    verified = peer.last_verified_at or peer.followed_at
    is_late = peer.state is PeerState.FOLLOWING and now - verified >= STALE_AFTER
    return PeerState.STALE if is_late else peer.state

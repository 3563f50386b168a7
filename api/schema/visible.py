"""Who sees what, as SQL: the twin of `governance.rules.disclosure`, proved equal by a test."""

from datetime import timedelta
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa

from api.reads.fields import FIRST, Condition, Read, is_any_of, rows_of, there_is
from api.reads.values import Getter
from governance.appeals import Invitation, Vote
from governance.fields import UTCDateTime
from governance.identifiers import SubjectKind
from governance.peers import STALE_AFTER, Peer, PeerPlatform
from governance.rules.disclosure import ViewerKind
from governance.rules.policy import PARTNER_RETENTION
from governance.sanctions import Disclosure
from governance.words import Audience

Row = Any
LATEST_END = "latest_end"  # of a sanction as it was known once: the end that is known now


def later(read: Read, delta: timedelta) -> sa.ColumnElement[Any]:
    """The request's clock moved by a delta, as a parameter."""
    return read.bound(_moved(delta), UTCDateTime(), "later")


@cache
def _moved(delta: timedelta) -> Getter:
    return lambda env: env.now + delta


def is_own(row: Row, read: Read) -> Condition:
    if read.viewer is not ViewerKind.PARTNER:
        return sa.false()
    return sa.and_(row.platform_id == read.platform_id)


def is_entitled(row: Row, read: Read) -> Condition:
    """Whether the viewer may see the private disclosures of the sanction in the row."""
    if read.viewer is not ViewerKind.PARTNER:
        return sa.false()
    oldest = later(read, -PARTNER_RETENTION)
    ends_at = row.get(LATEST_END, row.ends_at)
    open_ended = sa.and_(ends_at.is_(None), sa.or_(row.is_binding, row.recorded_at > oldest))
    retained = sa.or_(open_ended, ends_at > oldest)
    shared = sa.and_(_is_shared(row), sa.or_(retained, _hosts(row, read)))
    return sa.or_(row.platform_id == read.platform_id, shared, is_guest(row.id, read))


def is_guest(sanction_id: sa.ColumnElement[str], read: Read) -> Condition:
    """Whether the viewer's platform was invited to review the case of a sanction."""
    guests = rows_of(Invitation)
    own = guests.c.platform_id == read.platform_id
    return there_is(guests, guests.c.sanction_id == sanction_id, own)


def is_host(row: Row, read: Read) -> Condition:
    """Whether the account of the sanction in the row lives with the viewer, who may know."""
    if read.viewer is not ViewerKind.PARTNER:
        return sa.false()
    return sa.and_(_is_shared(row), _hosts(row, read))


def _is_shared(row: Row) -> Condition:
    return is_any_of(row.audience, [Audience.PARTNERS])


def _hosts(row: Row, read: Read) -> Condition:
    held = rows_of(Disclosure)
    return there_is(held, held.c.sanction_id == row.id, held.c.host_id == read.platform_id)


def is_heard(row: Row, read: Read) -> Condition:
    """Whether the platform of the sanction in the row may bind here: it decides on this node, or on
    one that is followed, was verified within a week of the instant asked about, and which the
    platform's domain names."""
    spoken, peer = rows_of(PeerPlatform), rows_of(Peer)
    both = sa.join(spoken, peer, peer.c.origin == spoken.c.origin)
    is_silenced = sa.or_(
        sa.not_(spoken.c.is_proven),
        sa.type_coerce(peer.c.state, sa.Text()) != sa.literal_column("'FOLLOWING'"),
        is_late(peer.c, read),
    )
    return sa.not_(there_is(both, spoken.c.platform_id == row.platform_id, is_silenced))


def is_late(peer: Row, read: Read) -> Condition:
    """The twin of `governance.peers.state_of`, at the instant asked about."""
    oldest = read.bound(_heard_since(read.clock), UTCDateTime(), "heard")
    verified = sa.func.coalesce(peer.last_verified_at, peer.followed_at)
    return sa.type_coerce(verified, UTCDateTime()) <= oldest


@lru_cache(16)  # one parameter for all that ask about one instant
def _heard_since(clock: Getter) -> Getter:
    first = FIRST + STALE_AFTER  # a week before it there is no instant
    return lambda env: max(min(clock(env), env.now), first) - STALE_AFTER


def sees_subject(row: Row, read: Read) -> Condition:
    """Whether the viewer may know whom the sanction in the row is about."""
    return sa.or_(is_any_of(row.subject_kind, [SubjectKind.SERVER]), is_entitled(row, read))


def is_told(message: Row, appeal: Row, read: Read) -> Condition:
    """Whether who may read the messages of the appeal in the row is told this one by now."""
    if read.viewer is not ViewerKind.APPELLANT:
        return sa.true()
    votes = rows_of(Vote)
    is_vote = there_is(votes, votes.c.appeal_id == appeal.id, votes.c.at == message.at)
    return sa.or_(appeal.decided_at.is_not(None), sa.not_(is_vote))

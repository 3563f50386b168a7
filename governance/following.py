"""Whom this node follows: from when on, and until when."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.asking import forget_disclosures
from governance.errors import Conflict, NotFound
from governance.log.notes import encode
from governance.log.signers import Verifier
from governance.log.tree import EMPTY_ROOT
from governance.peers import Peer, PeerPlatform
from governance.sealing import seal
from governance.settings import Keys
from governance.words import PeerState

MOST_PEERS = 100


def begin(
    session: Session,
    keys: Keys,
    url: str,
    verifiers: Sequence[Verifier],
    token: str | None,
    *,
    now: datetime,
) -> Peer:
    """Follows a node from now on; one that was followed before goes on where it was, with the
    token given. A quarantined one stays so. Conflict if there are too many."""
    origin = verifiers[0].name
    peer, trusted = session.get(Peer, origin), " ".join(sorted(map(str, verifiers)))
    if peer is None:
        if len(active(session)) >= MOST_PEERS:
            raise Conflict(f"expected at most {MOST_PEERS} followed nodes", path=["url"])
        empty = encode(EMPTY_ROOT)
        peer = Peer(origin=origin, url=url, verifiers=trusted, root_hash=empty, followed_at=now)
    elif not peer.size:  # nothing was proven by the keys of before
        peer.verifiers = trusted
    elif not {str(one) for one in verifiers} & set(peer.verifiers.split(" ")):
        raise Conflict(f"another key signs {origin} than the one that is trusted", path=["url"])
    if peer.url != url:
        peer.token = None  # it was given for another place
    peer.url = url
    if token is not None:
        peer.token, peer.is_disclosed = seal(keys, origin, token), False
    if peer.state is PeerState.UNFOLLOWED:
        peer.state, peer.followed_at = PeerState.FOLLOWING, now
    session.add(peer)
    doubted = sa.update(PeerPlatform).where(col(PeerPlatform.origin) == origin)
    session.execute(doubted.where(col(PeerPlatform.failures) > 0).values(check_at=None))
    return peer


def end(session: Session, node: str) -> Peer:
    """Follows a node no longer: by its log's name, or its URL, where the log followed last counts.
    What it signed is kept, what it disclosed is not: no news of an erasure would come any more."""
    named = sa.or_(col(Peer.origin) == node, col(Peer.url) == node.rstrip("/"))
    followed = sa.select(Peer).where(named, col(Peer.state) != PeerState.UNFOLLOWED)
    peer = session.scalar(followed.order_by(col(Peer.followed_at).desc()).limit(1))
    if peer is None:
        raise NotFound("no such node is followed", path=["url"])
    if peer.state is PeerState.FOLLOWING:
        peer.state = PeerState.UNFOLLOWED
    peer.token = None
    peer.is_disclosed = False  # should it be followed again
    session.add(peer)
    forget_disclosures(session, peer)
    return peer


def active(session: Session) -> dict[str, str]:
    """The URLs of the nodes that are followed, by their logs' names."""
    followed = sa.select(col(Peer.origin), col(Peer.url)).order_by(col(Peer.origin))
    found = session.execute(followed.where(col(Peer.state) == PeerState.FOLLOWING))
    return {row.origin: row.url for row in found}

"""Whether a platform is heard: it decides on this node, or in the log of a peer that is well."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.peers import Peer, PeerPlatform, state_of
from governance.rules import hearing


def is_heard(session: Session, platform_id: str, now: datetime) -> bool:
    """Whether what the platform decides binds here; `api.schema.visible.is_heard` is the twin."""
    spoken = sa.select(Peer, col(PeerPlatform.is_proven)).join_from(
        PeerPlatform, Peer, col(Peer.origin) == col(PeerPlatform.origin)
    )
    found = session.execute(spoken.where(col(PeerPlatform.platform_id) == platform_id)).first()
    if found is None:
        return True
    peer, is_proven = found
    return hearing.is_heard(state_of(peer, now), is_proven=is_proven)

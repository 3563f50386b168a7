"""How far a peer's log was applied, as this node's own log says it."""

from typing import NamedTuple

from sqlmodel import Session, col, select

from governance.entries import LogEntry
from governance.log.canonical import canonical
from governance.log.leaves import parse_leaf
from governance.log.notes import encode
from governance.log.tree import EMPTY_ROOT

APPLIED = "peer.applied"


class Mark(NamedTuple):
    """How far a peer's log was applied, and its root there."""

    size: int
    root_hash: str  # base64


def mark_of(session: Session, origin: str) -> Mark:
    """How far this node's log says that a peer's was applied."""
    named = canonical({"origin": origin})[1:-1].decode()
    said = select(LogEntry.data).where(
        col(LogEntry.platform_id).is_(None),
        col(LogEntry.data).contains(f'"type":"{APPLIED}"', autoescape=True),
        col(LogEntry.data).contains(named, autoescape=True),
    )
    from_the_end = col(LogEntry.platform_id).desc(), col(LogEntry.seq).desc()  # as the index has it
    newest = session.exec(said.order_by(*from_the_end).limit(1)).first()
    if newest is None:
        return Mark(0, encode(EMPTY_ROOT))
    told = parse_leaf(newest.encode()).decision
    return Mark(told["size"], told["rootHash"])

"""Hearing: whose decisions bind here, of those that are taken in other nodes' logs."""

from governance.words import PeerState


def is_heard(state: PeerState, *, is_proven: bool) -> bool:
    """Whether a platform of a peer's log binds here: its domain names that log, and the peer was
    verified lately and signed one history alone (invariant 13)."""
    return is_proven and state is PeerState.FOLLOWING

"""What a peer discloses: asked for as its cases come, and again where that wasn't possible."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance.conflicting import judge_together
from governance.database import Database
from governance.disclosing import MOST_CASES, Disclosed, checked, fits
from governance.identifiers import lookup_key, parse_subject
from governance.log.errors import LogError
from governance.log.leaves import BEGINS, Leaf, parse_leaf
from governance.peers import Peer, PeerEntry, PeerPlatform, Verdict, followed_platforms, unchanged
from governance.platforms import Platform
from governance.remotes import Remote
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.sealing import unseal
from governance.settings import Keys
from governance.subjects import forget_keys

ASK_AGAIN = timedelta(seconds=3)  # for disclosures that couldn't be had

Clock = Callable[[], datetime]


class Asker:
    """Asks one peer."""

    def __init__(self, database: Database, keys: Keys, origin: str, *, clock: Clock) -> None:
        self._database, self._keys, self._origin, self._clock = database, keys, origin, clock
        self._asked_at: datetime | None = None  # for what wasn't disclosed
        self._has_failed = False  # to answer

    def disclosed(self, peer: Peer, leaves: Sequence[Leaf], remote: Remote) -> dict[str, Disclosed]:
        """What the peer discloses of the cases that are to be applied, checked; a case whose
        disclosures don't hold has none. What couldn't be asked is asked again later."""
        spoken = self._spoken_for()
        begun = {
            str(leaf.case): leaf
            for leaf in leaves
            if leaf.decision["type"] == BEGINS and leaf.platform in spoken
        }
        token = unseal(self._keys, peer.origin, peer.token) if peer.token else None
        found: dict[str, Disclosed] = {}
        cases = list(begun)
        try:
            for at in range(0, len(cases), MOST_CASES):
                told = remote.disclosures(cases[at : at + MOST_CASES], token)
                for case in cases[at : at + MOST_CASES]:
                    with suppress(LogError):
                        found[case] = checked(begun[case], told.get(case, []))
        except LogError as error:
            self._has_failed = True
            with self._database.writing() as session:
                stored = unchanged(session, peer)
                stored.is_disclosed, stored.problem = False, f"disclosures: {error}"
        return {case: one for case, one in found.items() if one}

    def again(self, remote: Remote) -> None:
        """Asks for what a peer may disclose of its cases, where that wasn't possible before."""
        now = self._clock()
        with self._database.reading() as session:
            peer = session.get_one(Peer, self._origin)
        if peer.is_disclosed or (self._asked_at and now - self._asked_at < ASK_AGAIN):
            return
        self._asked_at, self._has_failed, after = now, False, ""
        while not self._has_failed and (leaves := self._undisclosed(peer, after)):
            after = str(leaves[-1].case)
            disclosed = self.disclosed(peer, leaves, remote)
            with self._database.writing() as session:
                unchanged(session, peer)
                for case, fields in disclosed.items():
                    sanction = session.get_one(Sanction, case)
                    if sanction.redacted_at is None:
                        disclose(session, self._keys, sanction, fields)
                judge_together(session, disclosed)
        if not self._has_failed:
            with self._database.writing() as session:
                stored = unchanged(session, peer)
                stored.is_disclosed, stored.problem = True, None

    def _undisclosed(self, peer: Peer, after: str) -> list[Leaf]:
        """The next first entries of cases of which not all may be here, by their cases."""
        begun = (
            sa.select(col(PeerEntry.data))
            .join(Sanction, col(Sanction.id) == col(PeerEntry.case_id))
            .where(col(PeerEntry.origin) == peer.origin, col(Sanction.redacted_at).is_(None))
            .where(col(PeerEntry.verdict) == Verdict.APPLIED, col(PeerEntry.is_first))
            .where(col(PeerEntry.case_id) > after)
            .order_by(col(PeerEntry.case_id))
            .limit(MOST_CASES)
        )
        with self._database.reading() as session:
            return [parse_leaf(data) for data in session.scalars(begun)]

    def _spoken_for(self) -> set[str]:
        """The domains that the peer speaks for."""
        with self._database.reading() as session:
            own = sa.select(col(PeerPlatform.domain)).where(
                col(PeerPlatform.origin) == self._origin, col(PeerPlatform.is_proven)
            )
            return set(session.scalars(own))


def disclose(session: Session, keys: Keys, sanction: Sanction, disclosed: Disclosed) -> None:
    """Stores what a peer disclosed of a sanction, after it was checked, beside what it disclosed
    before; lookups find it by this node's own key. There is no seed: that never leaves the peer.
    Nothing where the subject isn't of the kind that the statement says."""
    if not fits(sanction.subject_kind, disclosed):
        return
    held = session.get(Disclosure, sanction.id)
    held = held or Disclosure(sanction_id=sanction.id, seed=b"", subject="")
    for name, value in disclosed.items():
        setattr(held, name, value)
    if uri := disclosed.get("subject"):
        host = parse_subject(uri).host
        local = select(Platform.id).where(
            Platform.domain == host, col(Platform.id).not_in(followed_platforms())
        )
        held.host_id = session.exec(local).first() if host else None
    for name in (disclosed.get("subject"), *disclosed.get("aliases", ())):
        if name:
            key = lookup_key(keys.derived("lookup"), sanction.subject_kind, name)
            if key not in held.lookup_keys:
                held.lookup_keys = [*held.lookup_keys, key]
                session.add(SubjectKey(key=key, sanction_id=sanction.id))
    session.add(held)
    session.flush()


def forget_disclosures(session: Session, peer: Peer) -> None:
    """Deletes what a peer disclosed."""
    own = sa.select(col(PeerPlatform.platform_id)).where(col(PeerPlatform.origin) == peer.origin)
    cases = sa.select(col(Sanction.id)).where(col(Sanction.platform_id).in_(own))
    forget_keys(session, cases)
    session.execute(sa.delete(Disclosure).where(col(Disclosure.sanction_id).in_(cases)))

"""The platforms that a peer speaks for: those whose domains name its log, asked now and then."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import SystemRandom

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance.applying import Application
from governance.asking import Asker
from governance.database import Database
from governance.log.errors import LogError, Unread
from governance.log.leaves import parse_leaf
from governance.marks import mark_of
from governance.peers import STALE_AFTER, Peer, PeerEntry, PeerPlatform, Verdict, unchanged
from governance.platforms import Member, Platform
from governance.remotes import Remote
from governance.sanctions import Sanction
from governance.settings import Keys
from governance.words import PeerState, Role

CHECK_EVERY = timedelta(hours=1)  # that a domain names its node still
CHECK_AGAIN = timedelta(seconds=30)  # what a domain didn't say; twice as long each time
LONGEST_CHECK = timedelta(hours=6)
MOST_CHECKS = 16  # domains in one poll
MOST_AT_ONCE = 2_048  # entries that waited, in one transaction
LONGEST_NAME = 200  # characters

Clock = Callable[[], datetime]
_RANDOM = SystemRandom()


class Speakers:
    """The platforms of one peer."""

    def __init__(
        self, database: Database, keys: Keys, origin: str, asker: Asker, *, clock: Clock
    ) -> None:
        self._database, self._keys, self._origin, self._clock = database, keys, origin, clock
        self._asker = asker

    def check(self, remote: Remote) -> None:
        """Asks the domains of the peer's platforms whether it speaks for them, now and then."""
        now = self._clock()
        with self._database.reading() as session:
            due = session.scalars(_due(self._origin, now)).all()
        for platform in due:
            self._check(platform, remote, now)

    def are_left(self) -> bool:
        """Whether some were never asked."""
        unasked = sa.select(sa.literal(1)).where(
            col(PeerPlatform.origin) == self._origin, col(PeerPlatform.checked_at).is_(None)
        )
        with self._database.reading() as session:
            return session.scalar(unasked.limit(1)) is not None

    def _check(self, platform: PeerPlatform, remote: Remote, now: datetime) -> None:
        with self._database.reading() as session:
            peer = session.get_one(Peer, self._origin)
        named, problem = None, None
        try:
            named = remote.named(platform.domain)
            if named.origin != peer.origin or named.key not in peer.verifiers.split(" "):
                problem = "its domain names another log"
        except Unread as error:
            problem = str(error)
        except LogError:
            problem = "its domain names no log"
        with self._database.writing() as session:
            unchanged(session, peer)
            stored = session.get_one(PeerPlatform, (platform.origin, platform.domain))
            stored.checked_at, stored.problem = now, problem
            if problem is None:
                stored.proven_at = now
                stored.problem = join(session, stored, named.name if named else None, now=now)
                stored.is_proven = stored.problem is None
            elif named or now - (stored.proven_at or now) >= STALE_AFTER:
                stored.is_proven = stored.is_current = False
            is_well = stored.is_proven and stored.problem is None
            stored.failures = 0 if is_well else stored.failures + 1
            stored.check_at = now + _pause(stored.failures) * _RANDOM.uniform(0.5, 1)
            session.add(stored)
        after: int | None = None if stored.is_current or not stored.is_proven else -1
        while after is not None:
            after = self._catch_up(peer, stored, remote, after)

    def _catch_up(
        self, peer: Peer, platform: PeerPlatform, remote: Remote, after: int
    ) -> int | None:
        """Applies the next entries that waited for a platform to be proven; the last one's index
        unless that was all."""
        waiting = (
            sa.select(PeerEntry)
            .where(col(PeerEntry.origin) == peer.origin)
            .where(col(PeerEntry.platform) == platform.domain)
            .where(col(PeerEntry.verdict) == Verdict.WAITING, col(PeerEntry.index) > after)
            .order_by(col(PeerEntry.index))
            .limit(MOST_AT_ONCE)
        )
        with self._database.reading() as session:
            leaves = [parse_leaf(entry.data) for entry in session.scalars(waiting)]
        disclosed = self._asker.disclosed(peer, leaves, remote)
        with self._database.writing() as session:
            peer = unchanged(session, peer)
            stored = session.get_one(PeerPlatform, (platform.origin, platform.domain))
            entries = session.scalars(waiting).all()
            mark = mark_of(session, peer.origin)
            application = Application(session, self._keys, peer, disclosed, mark, now=self._clock())
            for entry in entries:
                leaf = parse_leaf(entry.data)
                entry.verdict, entry.fault = application.apply_entry(entry.index, leaf)
                session.add(entry)
            stored.is_current = len(entries) < MOST_AT_ONCE
            session.add(stored)
            application.finish_batch()
        return entries[-1].index if len(entries) == MOST_AT_ONCE else None


def _due(origin: str, now: datetime) -> sa.Select[PeerPlatform]:
    """The platforms whose domains are to be asked: those first that never were."""
    check_at = col(PeerPlatform.check_at)
    is_waiting = sa.and_(col(PeerPlatform.is_proven), sa.not_(col(PeerPlatform.is_current)))
    return (
        sa.select(PeerPlatform)
        .where(col(PeerPlatform.origin) == origin)
        .where(sa.or_(check_at.is_(None), check_at <= now, is_waiting))
        .order_by(check_at.is_not(None), check_at, col(PeerPlatform.domain))
        .limit(MOST_CHECKS)
    )


def _pause(failures: int) -> timedelta:
    """How long a domain isn't asked at most, after it was in vain so many times."""
    if not failures:
        return CHECK_EVERY
    return min(CHECK_AGAIN * (1 << min(failures - 1, 16)), LONGEST_CHECK)


def join(session: Session, spoken: PeerPlatform, name: str | None, *, now: datetime) -> str | None:
    """Makes a platform that a peer speaks for one of this node's records; else why not.

    One that was added here and never decided anything here is the peer's from now on, and its
    members may read; so is one of a log that isn't followed any longer.
    """
    if spoken.platform_id is not None:
        return None
    found = session.exec(select(Platform).where(Platform.domain == spoken.domain)).first()
    if found is None:
        if session.get(Platform, spoken.declared_id) is not None:
            return "its id is another platform's"
        shown = (name or spoken.domain).strip()[:LONGEST_NAME] or spoken.domain
        found = Platform(id=spoken.declared_id, domain=spoken.domain, name=shown, added_at=now)
        session.add(found)
        session.flush()
    else:
        other = session.exec(
            select(PeerPlatform).where(PeerPlatform.platform_id == found.id)
        ).first()
        if other is not None:
            if session.get_one(Peer, other.origin).state is not PeerState.UNFOLLOWED:
                return "another followed node speaks for it"
            other.platform_id, other.is_proven, other.is_current = None, False, False
            session.add(other)
            session.flush()
        elif session.exec(select(Sanction.id).where(Sanction.platform_id == found.id)).first():
            return "it is a platform of this node, and has decided here"
        for member in session.exec(select(Member).where(Member.platform_id == found.id)):
            reads = Role.RESEARCHER if member.roles == [Role.RESEARCHER] else Role.READER
            member.roles = [reads]
            session.add(member)
    spoken.platform_id = found.id
    return None

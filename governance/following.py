"""Following another node's log: nothing of it counts before it is proven, and then all at once.

A checkpoint is believed if a known key signed it and its tree begins with the one seen before.
Entries are taken over in batches, each in one transaction with the size that it leads to, so an
interruption anywhere loses nothing and repeats nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta
from itertools import chain
from random import SystemRandom
from typing import NamedTuple, Protocol

import sqlalchemy as sa
from sqlmodel import Session, col

from governance import mirroring
from governance.applying import (
    Application,
    Mark,
    disclose,
    forget_disclosures,
    join,
    mark_of,
)
from governance.conflicting import judge_together
from governance.database import Database
from governance.disclosing import MOST_CASES, Disclosed, checked
from governance.errors import Conflict, NotFound
from governance.fields import new_id
from governance.log.auditing import CHECKPOINT, Signed
from governance.log.checkpoints import Checkpoint
from governance.log.errors import Excessive, LogError, Malformed, Unproven, Unread
from governance.log.growth import Forked, Growth, Proven
from governance.log.histories import History
from governance.log.leaves import BEGINS, Leaf, parse_leaf
from governance.log.notes import decode, encode
from governance.log.signers import Verifier, signed_by
from governance.log.tiles import Tile
from governance.log.tree import EMPTY_ROOT, leaf_hash
from governance.peers import STALE_AFTER, Peer, PeerEntry, PeerFork, PeerPlatform, Verdict
from governance.sanctions import Sanction
from governance.sealing import seal, unseal
from governance.settings import Keys
from governance.words import PeerState

MOST_AT_ONCE = 2_048  # entries in one transaction
MOST_PEERS = 100
LARGEST_CHECKPOINT = 64 * 1024  # bytes
CHECK_EVERY = timedelta(hours=1)  # that a domain names its node still
CHECK_AGAIN = timedelta(seconds=30)  # what a domain didn't say; twice as long each time
LONGEST_CHECK = timedelta(hours=6)
MOST_CHECKS = 16  # domains in one poll
ASK_AGAIN = timedelta(seconds=3)  # for disclosures that couldn't be had
GRAIN = timedelta(seconds=5)  # how exactly it is noted when a log without news was verified

Clock = Callable[[], datetime]
_RANDOM = SystemRandom()


class Named(NamedTuple):
    """Which log speaks for a domain, as the domain says: its origin and key, and a name."""

    origin: str
    key: str
    name: str | None


class Remote(Protocol):
    """A peer as it is reached. Each call raises Unread for what isn't there."""

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a file."""

    def fetch(self, tiles: Iterable[Tile]) -> Iterable[tuple[Tile, bytes]]:
        """The bytes of tiles, in order."""

    def named(self, domain: str) -> Named:
        """What a platform's domain says of the node that speaks for it; LogError if nothing."""

    def disclosures(self, cases: Sequence[str], token: str | None) -> Mapping[str, object]:
        """What the peer discloses of some cases, to the holder of a token."""


class Changed(Exception):
    """A peer that was asked is followed otherwise by now, or no longer: the answer is of no use."""


class Follower:
    """What one process knows of one peer beside the database: its log's history."""

    def __init__(self, database: Database, keys: Keys, origin: str, *, clock: Clock) -> None:
        self._database, self._keys, self._origin, self._clock = database, keys, origin, clock
        self._history: History | None = None
        self._seen = 0  # entries that the history was told
        self._asked_at: datetime | None = None  # for what wasn't disclosed
        self._has_failed = False  # to answer
        self._excess: Excessive | None = None  # what was left out in this poll

    def poll(self, remote: Remote) -> bool:
        """Takes over all that is new; False once the peer isn't followed any longer. What is
        wrong with it is noted and raised as a LogError; a fork ends the following. Excessive once
        it has more than is taken."""
        peer = self._peer()
        if peer.state is not PeerState.FOLLOWING:
            return False
        try:
            self._polled(peer, remote)
            self._check_platforms(remote)
            self._ask_again(remote)
            if self._excess is not None:
                excess, self._excess = self._excess, None
                raise excess
        except LogError as error:
            self._note(str(error))
            raise
        except Changed:
            return self._peer().state is PeerState.FOLLOWING
        return True

    def _polled(self, peer: Peer, remote: Remote) -> None:
        signed = Signed.parse(remote.read(CHECKPOINT, LARGEST_CHECKPOINT))
        if signed.tree.origin != peer.origin:
            raise Unproven(f"{CHECKPOINT}: it is of another log")
        self._check_signed(peer, signed, remote)
        try:
            growth = self._growth(peer, signed.tree, remote)
        except Forked:
            self._quarantine(signed)
            raise
        if peer.size == signed.tree.size:
            self._verified(signed)
            return
        for batch in _batches(growth.entries(remote.fetch, peer.size)):
            if not self._take(peer, batch, signed, remote):
                break  # another process is at it

    def _growth(self, peer: Peer, new: Checkpoint, remote: Remote) -> Growth:
        """The way to the new tree, proven. Forked if it isn't one from what was seen."""
        seen = peer.seen
        if new.size < seen.size:
            if new.size <= peer.size:
                self._check_older(peer, new)
            raise Unproven(f"the log has {new.size:,} entries, and had {seen.size:,} before")
        if new.size == seen.size and new.root != seen.root:
            raise Forked(f"two trees of {new.size:,} entries are signed")
        growth = Growth(seen, new)
        if (new.size, peer.size) != (seen.size, seen.size):
            growth.prove(remote.fetch)
        return growth

    def _check_older(self, peer: Peer, new: Checkpoint) -> None:
        with self._database.reading() as session:
            if mirroring.root_at(session, peer, new.size) != new.root:
                raise Forked(f"the log's first {new.size:,} entries were others before")

    def _check_signed(self, peer: Peer, signed: Signed, remote: Remote) -> None:
        """Unproven unless a key signed it that is known, or that a known one handed over to."""
        try:
            signed_by(signed.note, peer.trusted)
            return
        except Unproven:
            if signed.tree.size <= peer.size:
                raise
        scout = deepcopy(self._told(peer))
        growth = Growth(peer.head, signed.tree)
        growth.prove(remote.fetch)
        for entry in chain.from_iterable(growth.entries(remote.fetch, peer.size)):
            _followed(scout, entry)
        signed_by(signed.note, scout.trusted)

    def _take(self, peer: Peer, batch: Sequence[Proven], signed: Signed, remote: Remote) -> bool:
        """Takes over the next entries; not if another process did."""
        history = self._told(peer)
        self._history = None  # until the batch is committed
        start = peer.size
        read = [_followed(history, entry) for entry in batch]
        disclosed = self._disclosed(
            peer, [leaf for leaf, fault in read if leaf and not fault], remote
        )
        with self._database.writing() as session:
            stored = _unchanged(session, peer)
            if stored.size != start:
                return False
            application = self._application(session, stored, disclosed)
            rows = [
                _row(stored.origin, index, entry, leaf, *_taken(application, index, leaf, fault))
                for index, (entry, (leaf, fault)) in enumerate(zip(batch, read, strict=True), start)
            ]
            session.add_all(rows)
            mirroring.extend(session, stored, batch)
            if start < application.mark.size <= stored.size:
                _check_mark(session, stored, application.mark)
            stored.verifiers = " ".join(sorted(map(str, history.trusted)))
            self._believe(stored, signed)
            self._take_waiting(session, application)
        self._excess = application.excess or self._excess
        peer.size, peer.root_hash, peer.verifiers = stored.size, stored.root_hash, stored.verifiers
        self._history, self._seen = history, peer.size
        return True

    def _application(
        self, session: Session, peer: Peer, disclosed: Mapping[str, Disclosed]
    ) -> Application:
        mark = mark_of(session, peer.origin)
        return Application(session, self._keys, peer, disclosed, mark, now=self._clock())

    def _disclosed(
        self, peer: Peer, leaves: Sequence[Leaf], remote: Remote
    ) -> dict[str, Disclosed]:
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
                stored = _unchanged(session, peer)
                stored.is_disclosed, stored.problem = False, f"disclosures: {error}"
        return {case: one for case, one in found.items() if one}

    def _ask_again(self, remote: Remote) -> None:
        """Asks for what a peer may disclose of its cases, where that wasn't possible before."""
        peer, now = self._peer(), self._clock()
        if peer.is_disclosed or (self._asked_at and now - self._asked_at < ASK_AGAIN):
            return
        self._asked_at, self._has_failed, after = now, False, ""
        while not self._has_failed and (leaves := self._undisclosed(peer, after)):
            after = str(leaves[-1].case)
            disclosed = self._disclosed(peer, leaves, remote)
            with self._database.writing() as session:
                _unchanged(session, peer)
                for case, fields in disclosed.items():
                    sanction = session.get_one(Sanction, case)
                    if sanction.redacted_at is None:
                        disclose(session, self._keys, sanction, fields)
                judge_together(session, disclosed)
        if not self._has_failed:
            with self._database.writing() as session:
                stored = _unchanged(session, peer)
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

    def _take_waiting(self, session: Session, application: Application) -> None:
        """What waited for cases that are known now."""
        session.flush()
        others = {self._origin: application}
        for case in application.begun:
            waiting = sa.select(PeerEntry).where(
                col(PeerEntry.case_id) == case, col(PeerEntry.verdict) == Verdict.WAITING
            )
            order = col(PeerEntry.origin), col(PeerEntry.index)
            for entry in session.scalars(waiting.order_by(*order)).all():
                if entry.origin not in others:
                    peer = session.get_one(Peer, entry.origin)
                    others[entry.origin] = self._application(session, peer, {})
                found = others[entry.origin].take(entry.index, parse_leaf(entry.data))
                entry.verdict, entry.fault = found
                session.add(entry)
        for each in others.values():
            each.finish_batch()

    def _check_platforms(self, remote: Remote) -> None:
        """Asks the domains of the peer's platforms whether it speaks for them, now and then."""
        now = self._clock()
        with self._database.reading() as session:
            due = session.scalars(_due(self._origin, now)).all()
        for platform in due:
            self._check_platform(platform, remote, now)

    def _check_platform(self, platform: PeerPlatform, remote: Remote, now: datetime) -> None:
        peer, named, problem = self._peer(), None, None
        try:
            named = remote.named(platform.domain)
            if named.origin != peer.origin or named.key not in peer.verifiers.split(" "):
                problem = "its domain names another log"
        except Unread as error:
            problem = str(error)
        except LogError:
            problem = "its domain names no log"
        with self._database.writing() as session:
            _unchanged(session, peer)
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
        disclosed = self._disclosed(peer, leaves, remote)
        with self._database.writing() as session:
            peer = _unchanged(session, peer)
            stored = session.get_one(PeerPlatform, (platform.origin, platform.domain))
            entries = session.scalars(waiting).all()
            application = self._application(session, peer, disclosed)
            for entry in entries:
                leaf = parse_leaf(entry.data)
                entry.verdict, entry.fault = application.apply_entry(entry.index, leaf)
                session.add(entry)
            stored.is_current = len(entries) < MOST_AT_ONCE
            session.add(stored)
            self._take_waiting(session, application)
        return entries[-1].index if len(entries) == MOST_AT_ONCE else None

    def _spoken_for(self) -> set[str]:
        """The domains that the peer speaks for."""
        with self._database.reading() as session:
            own = sa.select(col(PeerPlatform.domain)).where(
                col(PeerPlatform.origin) == self._origin, col(PeerPlatform.is_proven)
            )
            return set(session.scalars(own))

    def _told(self, peer: Peer) -> History:
        """The history of the entries that are here."""
        if self._history is None or self._seen != peer.size:
            history = History(peer.origin, peer.trusted)
            with self._database.reading() as session:
                for entry in mirroring.copied(session, peer.origin):
                    _followed(history, Proven(entry.data, leaf_hash(entry.data)))
            self._history, self._seen = history, peer.size
        return self._history

    def _peer(self) -> Peer:
        with self._database.reading() as session:
            return session.get_one(Peer, self._origin)

    def _verified(self, signed: Signed) -> None:
        """Notes that the log is as it says, now and then; at once if it wasn't before."""
        peer, now = self._peer(), self._clock()
        before = peer.last_verified_at
        is_known = peer.seen == signed.tree and (peer.problem is None or not peer.is_disclosed)
        if is_known and before is not None and before <= now < before + GRAIN:
            return
        with self._database.writing() as session:
            self._believe(_unchanged(session, peer), signed)

    def _believe(self, peer: Peer, signed: Signed) -> None:
        """Keeps the newest checkpoint, to compare others with; notes that all of it is here."""
        if peer.seen.size <= signed.tree.size:
            peer.checkpoint = signed.note.render().decode()
        if peer.size == signed.tree.size:
            if peer.head.root != signed.tree.root:
                raise Unproven("the entries don't lead to the checkpoint's root")
            peer.problem = peer.problem if not peer.is_disclosed else None
            peer.last_verified_at = self._clock()

    def _note(self, problem: str) -> None:
        with self._database.reading() as session:
            if session.get_one(Peer, self._origin).problem == problem:
                return
        with self._database.writing() as session:
            peer = session.get_one(Peer, self._origin)
            peer.problem = problem
            session.add(peer)

    def _quarantine(self, signed: Signed) -> None:
        """Keeps both checkpoints as evidence, and follows no longer."""
        with self._database.writing() as session:
            peer = session.get_one(Peer, self._origin)
            peer.state = PeerState.QUARANTINED
            session.add(peer)
            session.add(
                PeerFork(
                    id=new_id("frk"),
                    origin=peer.origin,
                    first=peer.checkpoint or "",
                    second=signed.note.render().decode(),
                    seen_at=self._clock(),
                )
            )


def _unchanged(session: Session, peer: Peer) -> Peer:
    """The peer, to write to it; Changed unless it is followed still as it was when it was read."""
    stored = session.get_one(Peer, peer.origin)
    if stored.state is not PeerState.FOLLOWING or any(
        getattr(stored, name) != getattr(peer, name)
        for name in ("followed_at", "url", "token", "verifiers")
    ):
        raise Changed
    return stored


def _followed(history: History, entry: Proven) -> tuple[Leaf | None, str | None]:
    """An entry as it was read, and what is wrong with it."""
    try:
        leaf = parse_leaf(entry.data)
    except Malformed as error:
        return None, str(error)
    try:
        history.follow(leaf, entry.leaf_hash)
    except LogError as error:
        return leaf, str(error)
    return leaf, None


def _check_mark(session: Session, peer: Peer, mark: Mark) -> None:
    """Unproven unless the log begins with what this node's own says was applied of it, which was
    before the database was made anew."""
    if mirroring.root_at(session, peer, mark.size) != decode(mark.root_hash):
        raise Unproven(f"the log's first {mark.size:,} entries were others before")


def _taken(
    application: Application, index: int, leaf: Leaf | None, fault: str | None
) -> tuple[Verdict, str | None]:
    return (Verdict.REFUSED, fault) if fault or leaf is None else application.take(index, leaf)


def _row(
    origin: str,
    index: int,
    entry: Proven,
    leaf: Leaf | None,
    verdict: Verdict,
    fault: str | None,
) -> PeerEntry:
    return PeerEntry(
        origin=origin,
        index=index,
        platform=leaf.platform if leaf else None,
        case_id=leaf.case if leaf else None,
        is_first=leaf is not None and leaf.decision["type"] == BEGINS,
        leaf_hash=encode(entry.leaf_hash),
        data=entry.data,
        verdict=verdict,
        fault=fault,
    )


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


def _batches(bundles: Iterator[list[Proven]]) -> Iterator[list[Proven]]:
    batch: list[Proven] = []
    for bundle in bundles:
        batch += bundle
        if len(batch) >= MOST_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


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
    """Follows a node no longer: by its log's name, or its URL. What it signed is kept, what it
    disclosed is not: no news of an erasure would come any more."""
    named = sa.or_(col(Peer.origin) == node, col(Peer.url) == node.rstrip("/"))
    peer = session.scalar(sa.select(Peer).where(named).limit(1))
    if peer is None or peer.state is PeerState.UNFOLLOWED:
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


def state_of(peer: Peer, now: datetime) -> PeerState:
    """How a peer stands: STALE is never stored, it follows from the clock."""
    verified = peer.last_verified_at or peer.followed_at
    is_late = peer.state is PeerState.FOLLOWING and now - verified >= STALE_AFTER
    return PeerState.STALE if is_late else peer.state

"""Following another node's log: nothing of it counts before it is proven, and then all at once.

A checkpoint is believed if a known key signed it and its tree begins with the one seen before.
Entries are taken over in batches, each in one transaction with the size that it leads to, so an
interruption anywhere loses nothing and repeats nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from itertools import chain

from sqlmodel import Session

from governance import mirroring
from governance.applying import Application
from governance.asking import Asker
from governance.database import Database
from governance.fields import new_id
from governance.log.auditing import CHECKPOINT, Signed
from governance.log.checkpoints import Checkpoint
from governance.log.errors import Excessive, LogError, Malformed, Unproven
from governance.log.growth import Forked, Growth, Proven
from governance.log.histories import STRANGER, History
from governance.log.leaves import BEGINS, Leaf, parse_leaf
from governance.log.notes import decode, encode
from governance.log.signers import signed_by
from governance.log.tree import leaf_hash
from governance.marks import Mark, mark_of
from governance.peers import (
    Changed,
    Peer,
    PeerEntry,
    PeerFork,
    Verdict,
    unchanged,
)
from governance.remotes import Remote
from governance.settings import Keys
from governance.speaking import Speakers
from governance.words import PeerState

MOST_AT_ONCE = 2_048  # entries in one transaction
LARGEST_CHECKPOINT = 64 * 1024  # bytes
GRAIN = timedelta(seconds=5)  # how exactly it is noted when a log without news was verified

Clock = Callable[[], datetime]


class Follower:
    """What one process knows of one peer beside the database: its log's history."""

    def __init__(self, database: Database, keys: Keys, origin: str, *, clock: Clock) -> None:
        self._database, self._keys, self._origin, self._clock = database, keys, origin, clock
        self._history: History | None = None
        self._seen = 0  # entries that the history was told
        self._asker = Asker(database, keys, origin, clock=clock)
        self._speakers = Speakers(database, keys, origin, self._asker, clock=clock)
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
            self._speakers.check(remote)
            self._asker.again(remote)
            if self._excess is not None:
                excess, self._excess = self._excess, None
                raise excess
        except LogError as error:
            self._note(str(error))
            raise
        except Changed:
            return self._peer().state is PeerState.FOLLOWING
        return True

    def has_more(self) -> bool:
        """Whether domains of the peer's platforms are left for the next poll."""
        return self._speakers.are_left()

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
        disclosed = self._asker.disclosed(
            peer, [leaf for leaf, fault in read if leaf and not fault], remote
        )
        with self._database.writing() as session:
            stored = unchanged(session, peer)
            if stored.size != start:
                return False
            mark = mark_of(session, stored.origin)
            application = Application(
                session, self._keys, stored, disclosed, mark, now=self._clock()
            )
            rows = [
                _row(stored.origin, index, entry, leaf, *_taken(application, index, leaf, fault))
                for index, (entry, (leaf, fault)) in enumerate(zip(batch, read, strict=True), start)
            ]
            session.add_all(rows)
            mirroring.extend(session, stored, batch)
            if stored.size == signed.tree.size and history.stranger is not None:
                _refuse(session, stored, history.stranger, STRANGER)
            if start < application.mark.size <= stored.size:
                _check_mark(session, stored, application.mark)
            stored.verifiers = " ".join(sorted(map(str, history.trusted)))
            self._believe(stored, signed)
            application.finish_batch()
        self._excess = application.excess or self._excess
        peer.size, peer.root_hash, peer.verifiers = stored.size, stored.root_hash, stored.verifiers
        self._history, self._seen = history, peer.size
        return True

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
            self._believe(unchanged(session, peer), signed)

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


def _refuse(session: Session, peer: Peer, index: int, fault: str) -> None:
    """Refuses an entry of which only those after it tell what is wrong with it."""
    entry = session.get_one(PeerEntry, (peer.origin, index))
    entry.verdict, entry.fault = Verdict.REFUSED, fault
    session.add(entry)


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


def _batches(bundles: Iterator[list[Proven]]) -> Iterator[list[Proven]]:
    batch: list[Proven] = []
    for bundle in bundles:
        batch += bundle
        if len(batch) >= MOST_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch

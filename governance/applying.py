"""What peers decided, in this node's records: entries of their logs, applied as they say.

An entry changes only a case that its own platform began in the same log, and what is about to bind
is judged by the policy once more. Whatever doesn't fit is kept with the entry and changes nothing.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    NoResultFound,
    ProgrammingError,
)
from sqlmodel import Session, col, select

from governance import conflicting, decisions, erasing, feed, fitting
from governance.adoptions import Receipt
from governance.appeals import Appeal
from governance.asking import disclose
from governance.correcting import Corrected, correct_copies
from governance.disclosing import Disclosed
from governance.entries import LogEntry
from governance.errors import Refused
from governance.events import RECEIPTS, Event
from governance.fields import parse_instant
from governance.fitting import Unfit
from governance.log.errors import Excessive
from governance.log.leaves import Leaf, parse_leaf
from governance.log.notes import encode
from governance.log.sequencing import ledger_of
from governance.log.tree import leaf_hash
from governance.log.writing import Decision
from governance.marks import APPLIED, Mark, mark_of
from governance.notices import Notice
from governance.peers import (
    Peer,
    PeerEntry,
    PeerPlatform,
    PeerSource,
    Verdict,
    decides_elsewhere,
)
from governance.platforms import Platform
from governance.replaying import EVENTS, VALIDITIES, Replay
from governance.rules import adoption, policy
from governance.sanctions import Sanction
from governance.settings import Keys
from governance.words import EventType, NoticeOutcome, PolicyConflict

ADDED = "platform.added"
MOST_PLATFORMS = 1_000  # of one peer
_PLATFORM_ID = re.compile("plt_[a-z2-7]{26}")
_UNFIT = (  # what an entry that says something impossible leads to
    *(ValidationError, ValueError, KeyError, TypeError, AttributeError, LookupError),
    *(AssertionError, NoResultFound, DataError, IntegrityError, InterfaceError, ProgrammingError),
)
_CORRECTS = frozenset(VALIDITIES) | {
    *(EventType.SANCTION_SHORTENED, EventType.SANCTION_LIFTED, EventType.SANCTION_SOURCE_ENDED),
}
_UNTOLD = frozenset({EventType.NOTICE_DUE})


class Application(Replay):
    """Applies entries of one peer, in one transaction that also says so in this node's log."""

    def __init__(
        self,
        session: Session,
        keys: Keys,
        peer: Peer,
        disclosed: Mapping[str, Disclosed],
        mark: Mark,
        *,
        now: datetime,
    ) -> None:
        self._session, self._held, self._keys, self._peer = session, None, keys, peer
        self._disclosed, self.mark, self._now = disclosed, mark, now
        self._erased, self.lost = {}, set()
        self._platforms = dict(session.exec(select(Platform.domain, Platform.id)).all())
        own = select(PeerPlatform).where(PeerPlatform.origin == peer.origin)
        self._spoken = {platform.domain: platform for platform in session.exec(own)}
        self._position = 0
        self._before: dict[str | None, frozenset[str]] = {None: frozenset()}  # see `_is_applied`
        self.told = 0  # entries that count here now
        self.begun: list[str] = []  # cases that are known now
        self.excess: Excessive | None = None  # what was left out

    def take(self, index: int, leaf: Leaf) -> tuple[Verdict, str | None]:
        """What becomes of the next entry, and why if it is refused."""
        kind = leaf.decision["type"]
        if kind == ADDED:
            return self._declared(leaf)
        event = EVENTS.get(kind)
        if event is None or event in _UNTOLD or leaf.platform is None:
            return Verdict.NOTED, None
        platform = self._spoken.get(leaf.platform)
        if platform is None or not platform.is_current:
            return Verdict.WAITING, None
        return self.apply_entry(index, leaf)

    def apply_entry(self, index: int, leaf: Leaf) -> tuple[Verdict, str | None]:
        """Applies an entry of a platform that the peer speaks for."""
        event, is_repeated = EVENTS[leaf.decision["type"]], index < self.mark.size
        is_asked = event in RECEIPTS or is_repeated
        is_known = is_asked and self._session.get(Sanction, leaf.case) is not None
        if event in RECEIPTS and not is_known:
            return Verdict.WAITING, None  # the case may come from another log
        if event is not EventType.SANCTION_ISSUED and self._is_applied(leaf):
            self.told += 1
            return Verdict.APPLIED, None
        try:
            with self._session.begin_nested():
                self._apply(event, leaf)
                if is_repeated and not is_known:
                    self._recall(leaf)
        except (Unfit, Refused) as error:
            return Verdict.REFUSED, str(error)
        except _UNFIT:
            return Verdict.REFUSED, "what it says can't be"
        self.told += 1
        if event in _CORRECTS:
            sanction = self._session.get_one(Sanction, leaf.decision["case"])
            source = Corrected(sanction, is_repeated=is_repeated)
            correct_copies(self._session, source, now=self._now)
        return Verdict.APPLIED, None

    def finish_batch(self) -> None:
        """Takes what waited for cases that are known now, of whichever peer, and says so."""
        self._session.flush()
        others = {self._peer.origin: self}
        for case in self.begun:
            waiting = sa.select(PeerEntry).where(
                col(PeerEntry.case_id) == case, col(PeerEntry.verdict) == Verdict.WAITING
            )
            order = col(PeerEntry.origin), col(PeerEntry.index)
            for entry in self._session.scalars(waiting.order_by(*order)).all():
                if entry.origin not in others:
                    others[entry.origin] = self._of(entry.origin)
                found = others[entry.origin].take(entry.index, parse_leaf(entry.data))
                entry.verdict, entry.fault = found
                self._session.add(entry)
        for each in others.values():
            each._say()

    def _of(self, origin: str) -> "Application":
        """The same of another peer, which is asked nothing."""
        peer, mark = self._session.get_one(Peer, origin), mark_of(self._session, origin)
        return Application(self._session, self._keys, peer, {}, mark, now=self._now)

    def _say(self) -> None:
        """Says in this node's log how far the peer's is applied, if that changed anything: the
        acknowledgement of what was erased, and where the feed stands."""
        conflicting.judge_together(self._session, self.begun)
        if not self.told:
            return
        ledger, peer = ledger_of(self._session), self._peer
        at = ledger.instant(self._now)
        reached = max(self.mark, Mark(peer.size, peer.root_hash))
        told = {"origin": peer.origin, "size": reached.size, "rootHash": reached.root_hash}
        data = decisions.of_node(
            APPLIED, None, at, **told, position=feed.newest_position(self._session)
        )
        ledger.add(Decision(data, None, None, at))

    def _declared(self, leaf: Leaf) -> tuple[Verdict, str | None]:
        """The log has a platform from now on; whether it speaks for it, the domain tells."""
        domain, declared = leaf.platform, leaf.decision.get("id")
        if domain is None or type(declared) is not str or not _PLATFORM_ID.fullmatch(declared):
            return Verdict.NOTED, None
        if domain not in self._spoken:
            if len(self._spoken) >= MOST_PLATFORMS:
                self.excess = Excessive(f"it has more than {MOST_PLATFORMS:,} platforms")
                return Verdict.REFUSED, str(self.excess)
            added = PeerPlatform(origin=self._peer.origin, domain=domain, declared_id=declared)
            self._session.add(added)
            self._spoken[domain] = added
        return Verdict.NOTED, None

    def _apply(self, event: EventType, leaf: Leaf) -> None:
        at, platform_id = parse_instant(leaf.logged_at), self._platform_of(leaf)
        if event is EventType.SANCTION_ISSUED:
            if self._is_taken_over(leaf, platform_id):
                return
            fitting.check_new(self._session, leaf, platform_id)
        elif event not in RECEIPTS:
            fitting.check_change(self._session, event, leaf, platform_id)
        before = fitting.ends_of(self._session, leaf)
        sanction, about = self._happened(event, leaf, at)
        if event in decisions.CHANGES and not fitting.may_end(event, sanction, before):
            raise Unfit("it makes its sanction end later")
        if event is EventType.SANCTION_REDACTED:
            scope, redacted_at = self._erased.pop(sanction.id)
            erasing.forget(self._session, [sanction], scope, now=redacted_at)
        self._session.flush()
        told = feed.Happening(event, sanction, occurred_at=self._occurred(leaf))
        if isinstance(about, Appeal):
            told = told._replace(appeal=about)
        elif about is not None:
            told = told._replace(receipt=about)
        self._tell(0, told, at)
        if event is EventType.SANCTION_ISSUED:
            self.begun.append(sanction.id)
            self._before[sanction.id] = frozenset()

    def _is_applied(self, leaf: Leaf) -> bool:
        """Whether the same entry, of a log that this one took the place of, was applied before."""
        if leaf.case not in self._before:
            elsewhere = sa.select(col(PeerEntry.leaf_hash)).where(
                col(PeerEntry.case_id) == leaf.case,
                col(PeerEntry.verdict) == Verdict.APPLIED,
                col(PeerEntry.origin) != self._peer.origin,
            )
            self._before[leaf.case] = frozenset(self._session.scalars(elsewhere))
        return encode(leaf_hash(leaf.data)) in self._before[leaf.case]

    def _platform_of(self, leaf: Leaf) -> str:
        platform_id = self._spoken[str(leaf.platform)].platform_id
        assert platform_id is not None, "it is current"
        return platform_id

    def _is_taken_over(self, leaf: Leaf, platform_id: str) -> bool:
        """Whether the case was begun in a log that this one took the place of: it goes on, and is
        disclosed again."""
        known = self._session.get(Sanction, leaf.case)
        if known is None or known.platform_id != platform_id:
            return False
        if known.redacted_at is None:
            self._disclose(known, leaf.decision["commitments"])
        self.begun.append(known.id)
        return True

    def _note_notice(self, sanction: Sanction, outcome: NoticeOutcome, at: datetime) -> None:
        told = Notice(
            sanction_id=sanction.id, platform_id=sanction.platform_id, outcome=outcome, at=at
        )
        self._session.merge(told)

    def _invite(self, sanction: Sanction, guest: str, at: datetime) -> None:
        if guest in self._platforms:
            super()._invite(sanction, guest, at)

    def _receipt(self, sanction: Sanction, platform_id: str, changed: Mapping[str, Any]) -> Receipt:
        """Of the sanctions that it names, those that are known here."""
        known = {
            name: value
            for name, value in changed.items()
            if name not in ("adoptionId", "replacementId")
            or self._session.get(Sanction, value) is not None
        }
        return super()._receipt(sanction, platform_id, known)

    def _issue(self, leaf: Leaf, at: datetime) -> Sanction:
        sanction = super()._issue(leaf, at)
        sanction.reference_key = f"peer {sanction.id}"
        self._find_copies(sanction)
        if sanction.subject_kind not in policy.kinds_of(sanction.measure):
            raise Unfit("its measure isn't taken against its kind of subject")
        found, source_id = conflicting.alone(sanction), sanction.derived_from_id
        source = self._session.get_one(Sanction, source_id) if source_id else None
        if source is not None and adoption.ends_later(sanction.ends_at, self._first_end(source)):
            found.append(PolicyConflict.TOO_LONG)
        conflicting.mark(sanction, found)
        self._session.add(sanction)
        return sanction

    def _recall(self, leaf: Leaf) -> None:
        """What platforms of this node said of a case, by its log, before the database was made
        anew."""
        sanction = self._session.get_one(Sanction, leaf.case)
        said = select(LogEntry.data).where(LogEntry.case_id == sanction.id)
        for data in self._session.exec(said.order_by(col(LogEntry.index))).all():
            told = parse_leaf(data.encode())
            event = EVENTS.get(told.decision["type"])
            if event not in RECEIPTS:
                continue
            at, by = parse_instant(told.logged_at), self._platforms[str(told.platform)]
            receipt = super()._receipt(sanction, by, told.decision.get("changed", {}))
            self._session.flush()
            occurred = self._occurred(told)
            self._tell(0, feed.Happening(event, sanction, None, occurred, receipt=receipt), at)

    def _find_copies(self, source: Sanction) -> None:
        """Sanctions that were derived from this one before it was known are linked to it."""
        waiting = select(PeerSource).where(PeerSource.source_id == source.id)
        for link in self._session.exec(waiting):
            copy = self._session.get_one(Sanction, link.sanction_id)
            copy.derived_from_id = source.id
            is_theirs = decides_elsewhere(self._session, copy.platform_id)
            if is_theirs and adoption.ends_later(copy.ends_at, source.ends_at):
                conflicting.mark(copy, [PolicyConflict.TOO_LONG])
            self._session.add(copy)
            self._session.delete(link)

    def _first_end(self, source: Sanction) -> datetime | None:
        """The end that a sanction had at first: a copy may be older than what shortened it."""
        told = select(Event).where(Event.position == source.first_event)
        first = self._session.exec(told).first()
        return first.ends_at if first else source.ends_at

    def _disclose(self, sanction: Sanction, commitments: Mapping[str, str]) -> None:
        if sanction.id in self._disclosed:
            disclose(self._session, self._keys, sanction, self._disclosed[sanction.id])

    def _tell(self, index: int, happening: feed.Happening, at: datetime) -> None:
        """Adds to the feed what happened, in this node's order and at the peer's time."""
        position = feed.next_odd(feed.newest_position(self._session))
        if happening.type is EventType.SANCTION_ISSUED:
            happening.sanction.first_event = position
        row = feed.row_of(happening, position, at)
        self._session.execute(sa.insert(Event), [row])

"""From the log back to records: entries that were checked, applied in their order.

What the log doesn't hold comes from an older database of the same node: its disclosures. A case
whose disclosures are lost ends redacted; whatever the log says was erased stays erased. What it
says of peers' cases that aren't known waits in it, until their nodes are followed again.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from pydantic.alias_generators import to_camel
from sqlmodel import Session, SQLModel, col, select

from governance import decisions, erasing, feed, issuing
from governance.adoptions import Receipt, receipt_id
from governance.appeals import Appeal, Invitation
from governance.entries import LogCheckpoint
from governance.errors import InvalidInput
from governance.events import RECEIPTS, SAID_OF_OTHERS, Event
from governance.fields import new_id, parse_instant
from governance.judging import lapse
from governance.log.checkpoints import parse_checkpoint
from governance.log.leaves import Leaf
from governance.log.notes import Note, encode
from governance.log.sequencing import extend
from governance.notices import Notice, teller
from governance.peers import PeerSource
from governance.platforms import Platform, PlatformKey
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.signing import new_key
from governance.words import EventType, NoticeOutcome, Validity

# What a node knows of a sanction beside what it logs and discloses.
PRIVATE = (
    *("issued_by", "reference_key", "fingerprint", "secret_generation", "secret_hash"),
    "erasure_asked_at",
)

VALIDITIES = {
    EventType.SANCTION_OVERTURNED: Validity.OVERTURNED,
    EventType.SANCTION_VOIDED: Validity.VOIDED,
    EventType.SANCTION_SUPERSEDED: Validity.SUPERSEDED,
}
EVENTS = {decisions.kind_of(event): event for event in EventType}


class Replay:
    """Brings a database on from where its log ends, in one transaction that signs nothing.

    `held` reads the database that disclosures are taken from, if there is one. The entries must
    have been checked, and continue the log. `lost` are the cases without their disclosures.
    """

    def __init__(self, session: Session, held: Session | None = None) -> None:
        self._session, self._held = session, held
        newest = session.scalar(sa.select(sa.func.max(col(LogCheckpoint.size))))
        self.size: int = newest or 0
        self._position: int = session.scalar(sa.select(sa.func.max(col(Event.position)))) or 0
        self._platforms = {p.domain: p.id for p in session.exec(select(Platform))}
        self._erased: dict[str, tuple[erasing.Scope, datetime]] = {}
        self.lost: set[str] = set()
        self._root = b""

    def apply(self, leaves: Iterable[Leaf]) -> None:
        """Applies the next entries, and adds them to the log."""
        rows = [self._applied(self.size + place, leaf) for place, leaf in enumerate(leaves)]
        if rows:
            self._session.flush()
            self._root = extend(self._session, self.size, rows)
            self.size += len(rows)

    def finish(self, note: Note, logged_at: datetime) -> None:
        """Ends with the checkpoint of the tree reached; what was erased on the way is gone."""
        tree = parse_checkpoint(note.text)
        if (tree.size, tree.root) != (self.size, self._root):
            raise InvalidInput("the entries don't lead to this checkpoint")
        self._session.add(
            LogCheckpoint(
                size=tree.size,
                origin=tree.origin,
                root_hash=encode(tree.root),
                note=note.render().decode(),
                logged_at=logged_at,
                cosignatures="",  # published: it was found somewhere
            )
        )
        self._session.flush()
        self.forget()
        self.lost -= self._erased.keys()

    def forget(self) -> None:
        """Erases once more what the log says was erased, wherever it may have come from."""
        for case, (scope, at) in self._erased.items():
            sanction = self._session.get_one(Sanction, case)
            erasing.forget(self._session, [sanction], scope, now=at)

    def _applied(self, index: int, leaf: Leaf) -> dict[str, Any]:
        """The entry's row, after what it says was done."""
        at, kind = parse_instant(leaf.logged_at), leaf.decision["type"]
        if kind == "platform.added":
            self._add_platform(leaf, at)
        if kind in ("key.registered", "key.retired"):
            self._change_key(leaf, at)
        if kind == "peer.applied":  # what came of peers took places in the feed
            self._position = max(self._position, leaf.decision["position"])
        event = EVENTS.get(kind)
        if event in SAID_OF_OTHERS and self._session.get(Sanction, leaf.case) is None:
            assert event is not None
            self._position = feed.position_after(self._position, event, index)
        elif event is not None:
            sanction, about = self._happened(event, leaf, at)
            appeal = about if isinstance(about, Appeal) else None
            receipt = about if isinstance(about, Receipt) else None
            told = feed.Happening(event, sanction, appeal, self._occurred(leaf), receipt=receipt)
            self._tell(index, told, at)
        return {
            "index": index,
            "platform_id": self._id_of(leaf.platform, at) if leaf.platform else None,
            "seq": leaf.seq,
            "case_id": leaf.decision.get("case"),
            "data": leaf.data.decode(),
        }

    @staticmethod
    def _occurred(leaf: Leaf) -> datetime:
        return parse_instant(leaf.decision["at"])

    def _add_platform(self, leaf: Leaf, at: datetime) -> None:
        """The name people know a platform by isn't in the log."""
        found = self._held.get(Platform, leaf.decision["id"]) if self._held else None
        name = found.name if found else leaf.decision["platform"]
        platform = Platform(
            id=leaf.decision["id"], domain=leaf.decision["platform"], name=name, added_at=at
        )
        self._session.add(platform)
        self._session.flush()
        self._platforms[platform.domain] = platform.id

    def _id_of(self, domain: str, at: datetime) -> str:
        """The platform of a domain. One that the log doesn't add is a peer's."""
        if domain not in self._platforms:
            named = select(Platform).where(Platform.domain == domain)
            found = self._held.exec(named).first() if self._held else None
            made = Platform(id=new_id("plt"), domain=domain, name=domain, added_at=at)
            self._session.add(Platform(**found.model_dump()) if found else made)
            self._session.flush()
            self._platforms[domain] = found.id if found else made.id
        return self._platforms[domain]

    def _change_key(self, leaf: Leaf, at: datetime) -> None:
        decision, gone = leaf.decision, "key"
        if decision["type"] == "key.registered":
            self._session.add(new_key(self._platforms[str(leaf.platform)], decision["key"], at))
            gone = "replaces"
        held = sa.update(PlatformKey).where(col(PlatformKey.key) == decision.get(gone))
        self._session.execute(held.values(retired_at=at))

    def _happened(
        self, event: EventType, leaf: Leaf, at: datetime
    ) -> tuple[Sanction, Appeal | Receipt | None]:
        """Does to the records what the entry says."""
        if event is EventType.SANCTION_ISSUED:
            return self._issue(leaf, at), None
        decision = leaf.decision
        changed = decision.get("changed", {})
        sanction = self._session.get_one(Sanction, decision["case"])
        if "appeal" in decision:
            return sanction, self._appeal(event, sanction, decision, changed, at)
        if event in RECEIPTS:
            return sanction, self._receipt(sanction, self._id_of(str(leaf.platform), at), changed)
        _set(sanction, decisions.CHANGES[event], changed)
        sanction.validity = VALIDITIES.get(event, sanction.validity)
        self._session.add(feed.settle(sanction))
        if event is EventType.SANCTION_REDACTED:
            assert sanction.redacted_at is not None
            self._erased[sanction.id] = erasing.Scope(decision["scope"]), sanction.redacted_at
        if event is EventType.NOTICE_RECORDED:
            self._note_notice(sanction, NoticeOutcome[decision["outcome"]], at)
        return sanction, None

    def _issue(self, leaf: Leaf, at: datetime) -> Sanction:
        decision, case = leaf.decision, str(leaf.case)
        held = self._held.get(Sanction, case) if self._held else None
        source_id = decision.get("derivedFrom")
        is_known = source_id is not None and self._session.get(Sanction, source_id) is not None
        sanction = Sanction(
            id=case,
            issued_at=parse_instant(decision["at"]),
            platform_id=self._platforms[decision["platform"]],
            recorded_at=at,
            supersedes_id=decision.get("supersedes"),
            derived_from_id=source_id if is_known else None,
            has_own_grounds="ownGrounds" in decision["commitments"],
            reference_key=f"lost {case}",
        )
        _set(sanction, decisions.STATEMENT, decision["statement"])
        sanction.is_binding = not sanction.policy_conflicts
        if sanction.is_binding:
            sanction.lapses_at = lapse(sanction.measure, sanction.issued_at)
        if held is not None:
            for name in PRIVATE:
                setattr(sanction, name, getattr(held, name))
        self._session.add(feed.settle(sanction))
        self._session.flush()
        if source_id is not None and not is_known:
            self._session.add(PeerSource(sanction_id=case, source_id=source_id))
        if sanction.supersedes_id is not None:
            issuing.move_appeals(self._session, sanction.supersedes_id, case, now=at)
        self._disclose(sanction, decision["commitments"])
        return sanction

    def _disclose(self, sanction: Sanction, commitments: Mapping[str, str]) -> None:
        """Takes over what is held of a case, if it is what the log committed to."""
        disclosure = self._held.get(Disclosure, sanction.id) if self._held else None
        if self._held is None or disclosure is None:
            self.lost.add(sanction.id)
            return
        if disclosure.seed and not decisions.commitments(disclosure).items() <= commitments.items():
            raise InvalidInput(f"the disclosures of {sanction.id} aren't those of the log")
        host = self._held.get(Platform, disclosure.host_id) if disclosure.host_id else None
        if host is not None:
            self._id_of(host.domain, host.added_at)
        self._session.add(Disclosure(**disclosure.model_dump()))
        found = [SubjectKey(key=key, sanction_id=sanction.id) for key in disclosure.lookup_keys]
        self._session.add_all(found)

    def _appeal(
        self,
        event: EventType,
        sanction: Sanction,
        decision: Mapping[str, Any],
        changed: Mapping[str, Any],
        at: datetime,
    ) -> Appeal:
        appeal = self._session.get(Appeal, decision["appeal"])
        if appeal is None:
            about = {"id": decision["appeal"], "sanction_id": sanction.id}
            about |= {"origin_id": decision.get("origin", sanction.id)}
            appeal = Appeal(**about, platform_id=sanction.platform_id)
        _set(appeal, decisions.APPEAL, changed)
        self._session.add(appeal)
        if event is EventType.REVIEWER_INVITED:
            self._invite(sanction, decision["guest"], at)
        return appeal

    def _receipt(self, sanction: Sanction, platform_id: str, changed: Mapping[str, Any]) -> Receipt:
        """The reason that was given isn't in the log."""
        key = receipt_id(sanction.id, platform_id)
        receipt = self._session.get(Receipt, key)
        if receipt is None:
            receipt = Receipt(id=key, sanction_id=sanction.id, platform_id=platform_id)
        _set(receipt, decisions.RECEIPT, changed)
        held = self._held.get(Receipt, key) if self._held else None
        is_same = held is not None and (held.state, held.at) == (receipt.state, receipt.at)
        receipt.reason = held.reason if held and is_same else None
        self._session.add(receipt)
        return receipt

    def _invite(self, sanction: Sanction, guest: str, at: datetime) -> None:
        invited = self._id_of(guest, at)
        self._session.add(Invitation(sanction_id=sanction.id, platform_id=invited, at=at))

    def _note_notice(self, sanction: Sanction, outcome: NoticeOutcome, at: datetime) -> None:
        disclosure = self._session.get(Disclosure, sanction.id)
        platform_id = teller(sanction, disclosure.host_id if disclosure else None)
        self._session.merge(
            Notice(sanction_id=sanction.id, platform_id=platform_id, outcome=outcome, at=at)
        )

    def _tell(self, index: int, happening: feed.Happening, at: datetime) -> None:
        """Adds to the feed what happened, and the notice that was due after it."""
        self._session.flush()
        position = feed.position_after(self._position, happening.type, index)
        if happening.type is EventType.SANCTION_ISSUED:
            happening.sanction.first_event, happening.sanction.first_entry = position, index
        rows = [feed.row_of(happening, position, at)]
        notice = self._held.get(Event, position + 1) if self._held else None
        if notice is not None and notice.type is EventType.NOTICE_DUE:
            rows.append(notice.model_dump())
        self._session.execute(sa.insert(Event), rows)
        self._position = rows[-1]["position"]


def _set(row: SQLModel, names: Iterable[str], values: Mapping[str, Any]) -> None:
    """Sets fields to what the log has of them; what it leaves out is null, empty or false."""
    for name in names:
        value = values.get(to_camel(name))
        field = type(row).model_fields[name]
        if value is None:
            empty = False if field.annotation is bool else None
            value = empty if field.is_required() else field.get_default(call_default_factory=True)
        else:
            value = _adapter(type(row), name).validate_python(value)
        setattr(row, name, value)


@cache
def _adapter(record: type[SQLModel], name: str) -> TypeAdapter[Any]:
    kind: Any = record.model_fields[name].annotation
    return TypeAdapter(kind)

"""Corrections go on to every copy: in the transaction that corrects a sanction, and in any order
of adoptions of adoptions.

A copy that rests on its source alone is corrected by the node, which cites the source's entry. Of a
copy on own grounds its platform is asked for a remedy, by a deadline.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from governance import feed
from governance.adoptions import Receipt, receipt_id
from governance.feed import Happening
from governance.log.sequencing import ledger_of
from governance.peers import followed_platforms
from governance.platforms import Platform
from governance.rules import adoption
from governance.rules.policy import REMEDY_DUE
from governance.sanctions import Sanction
from governance.words import EventType, ReceiptState, Validity


@dataclass(frozen=True, slots=True)
class Corrected:
    """A sanction that was corrected, and the index of the entry that says so, if it is known.
    `is_repeated` where the log may have what came of that: the database was made anew since."""

    sanction: Sanction
    entry: int | None = None
    is_repeated: bool = False


def record(session: Session, sanction: Sanction, event: EventType, now: datetime) -> Sanction:
    """Settles the instants, stores them, tells the feed, and corrects the copies."""
    session.add(feed.settle(sanction))
    feed.append(session, [Happening(event, sanction)], now=now)
    correct_copies(session, Corrected(sanction, ledger_of(session).size - 1), now=now)
    return sanction


def correct_copies(session: Session, source: Corrected, *, now: datetime) -> None:
    """Corrects whatever was taken over from a sanction, and from that, as the sanction now is;
    what is right already stays as it is."""
    sources = {source.sanction.id: source}
    while sources:
        happenings: list[Happening] = []
        begun = ledger_of(session).size
        copies = _copies(session, sources)
        _held = _at_once(session, copies)  # or each would be read again for each copy
        for copy in copies:
            cause = sources[str(copy.derived_from_id)]
            happenings += _corrected(session, cause, copy, now)
        if happenings:
            feed.append(session, happenings, now=now)
        sources = {
            event.sanction.id: Corrected(event.sanction, begun + place)
            for place, event in enumerate(happenings)
            if event.receipt is None
        }


def correct(copy: Sanction, source: Corrected, event: EventType, now: datetime) -> Happening:
    """Does to the copy what `rules.adoption.correction` said; ends what it ends at the source's
    end."""
    ends_at = source.sanction.ends_at
    if event is EventType.SANCTION_OVERTURNED:
        copy.validity, copy.overturned_at = Validity.OVERTURNED, now
    elif event is EventType.SANCTION_VOIDED:
        copy.validity, copy.voided_at = Validity.VOIDED, now
        copy.void_code = source.sanction.void_code
    elif event is EventType.SANCTION_SOURCE_ENDED:
        copy.source_ended_at = ends_at
    else:
        copy.reduced_after_end |= source.sanction.reduced_after_end
        if adoption.ends_later(copy.ends_at, ends_at):
            copy.expires_at = ends_at
    cited: dict[str, str | int] = {"source": source.sanction.id}
    if source.entry is not None:
        cited["sourceEntry"] = source.entry
    return Happening(event, feed.settle(copy), told=cited)


def receipt_of(session: Session, sanction_id: str, platform_id: str) -> Receipt | None:
    return session.get(Receipt, receipt_id(sanction_id, platform_id))


def receive(
    session: Session,
    source: Sanction,
    platform_id: str,
    state: ReceiptState,
    *,
    now: datetime,
    adoption_id: str | None = None,
    replacement_id: str | None = None,
    due_at: datetime | None = None,
    reason: str | None = None,
) -> Happening:
    """The platform's receipt of the sanction, as it is from now on, to be told."""
    key = receipt_id(source.id, platform_id)
    receipt = session.get(Receipt, key)
    if receipt is None:
        at = ledger_of(session).instant(now)
        receipt = Receipt(
            id=key, sanction_id=source.id, platform_id=platform_id, state=state, at=at
        )
    receipt.state, receipt.at = state, ledger_of(session).instant(now)
    receipt.adoption_id = adoption_id or receipt.adoption_id
    receipt.replacement_id, receipt.due_at, receipt.reason = replacement_id, due_at, reason
    session.add(receipt)
    is_due = state is ReceiptState.DUE
    event = EventType.RECEIPT_DUE if is_due else EventType.RECEIPT_RECORDED
    return Happening(event, source, receipt=receipt)


def _copies(session: Session, sources: Mapping[str, Corrected]) -> Sequence[Sanction]:
    session.flush()
    found = select(Sanction).where(
        col(Sanction.derived_from_id).in_(sources),
        col(Sanction.platform_id).not_in(followed_platforms()),  # their own nodes do
    )
    return session.exec(found.order_by(col(Sanction.issued_at), col(Sanction.id))).all()


def _at_once(session: Session, copies: Sequence[Sanction]) -> Sequence[object]:
    """Platforms and receipts of copies, which the session has for as long as they are held."""
    if not copies:
        return ()
    platforms = {copy.platform_id for copy in copies}
    receipts = {receipt_id(str(copy.derived_from_id), copy.platform_id) for copy in copies}
    return (
        *session.exec(select(Platform).where(col(Platform.id).in_(platforms))),
        *session.exec(select(Receipt).where(col(Receipt.id).in_(receipts))),
    )


def _corrected(
    session: Session, source: Corrected, copy: Sanction, now: datetime
) -> list[Happening]:
    """What happens to one copy, and what its platform's receipt says of it."""
    event = adoption.correction(source.sanction, copy, now)
    if event is None:
        return []
    told, state, due_at = [], ReceiptState.DUE, None
    if copy.has_own_grounds:
        said = receipt_of(session, source.sanction.id, copy.platform_id)
        if source.is_repeated and said is not None and said.state not in adoption.UNCORRECTED:
            return []
        due_at = now + REMEDY_DUE
    else:
        state = ReceiptState.REMEDIED
        session.add(copy)
        told.append(correct(copy, source, event, now))
    receipt = receive(
        session, source.sanction, copy.platform_id, state,
        now=now, adoption_id=copy.id, due_at=due_at,
    )  # fmt: skip
    return [*told, receipt]

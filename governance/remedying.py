"""Remedies: what became of a platform's own copy after its source was corrected."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from governance import feed
from governance.adopting import is_unended
from governance.adoptions import Receipt, RemedyDraft
from governance.changing import own_sanction
from governance.correcting import Corrected, correct, correct_copies, receipt_of, receive
from governance.entries import LogEntry
from governance.errors import Conflict, InvalidInput, PolicyRefused, RefusalCode
from governance.log.sequencing import ledger_of
from governance.membership import Actor
from governance.rules import adoption
from governance.rules.permissions import Operation
from governance.sanctions import Sanction
from governance.subjects import keys_of
from governance.words import ReceiptState, Remedy, Validity


def remedy(session: Session, actor: Actor, draft: RemedyDraft, *, now: datetime) -> Receipt:
    """Says what became of an own copy after its source was corrected. What is remedied or
    replaced is corrected as the source was, now if it wasn't yet."""
    actor.require(Operation.REMEDY)
    copy = own_sanction(session, actor, draft.sanction_id)
    source = session.get(Sanction, copy.derived_from_id) if copy.derived_from_id else None
    if source is None:
        raise Conflict("expected a sanction that was adopted", path=["sanctionId"])
    replacement = _replacement(session, actor, copy, draft)
    receipt = receipt_of(session, source.id, actor.platform_id)
    if receipt is not None and _is_said(receipt, draft):
        return receipt
    state = adoption.remedied(receipt.state if receipt else None, draft.remedy)
    if draft.remedy is not Remedy.NO_ACTION_NEEDED:
        _correct(session, source, copy, now)
    elif is_unended(copy, now) and adoption.correction(source, copy, now) is not None:
        raise Conflict("the copy hasn't ended: correct or replace it", path=["remedy"])
    due_at = receipt.due_at if receipt else None
    told = receive(
        session, source, actor.platform_id, state,
        now=now, adoption_id=copy.id, replacement_id=replacement, due_at=due_at,
        reason=draft.reason,
    )  # fmt: skip
    feed.append(session, [told], now=now)
    assert told.receipt is not None
    return told.receipt


def _is_said(receipt: Receipt, draft: RemedyDraft) -> bool:
    """Whether the receipt says this already."""
    said = receipt.state, receipt.replacement_id
    return said == (ReceiptState[draft.remedy], draft.replacement_id)


def _replacement(session: Session, actor: Actor, copy: Sanction, draft: RemedyDraft) -> str | None:
    """The sanction that takes the copy's place: own, not derived, of the same subject, standing
    and ending no later."""
    path = ["replacementId"]
    if draft.remedy is not Remedy.KEPT_ON_OWN_GROUNDS:
        if draft.replacement_id is not None:
            raise InvalidInput(f"expected none with {draft.remedy}", path=path)
        return None
    found = session.get(Sanction, draft.replacement_id) if draft.replacement_id else None
    if found is None or found.platform_id != actor.platform_id:
        raise InvalidInput("expected a sanction of this platform", path=path)
    if found.derived_from_id is not None or not found.is_binding:
        raise InvalidInput("expected a binding sanction that was not taken over", path=path)
    if found.validity is not Validity.STANDING:
        raise Conflict(f"expected a standing sanction; this one is {found.validity}", path=path)
    if _subjects(session, found).isdisjoint(_subjects(session, copy)):
        raise InvalidInput("expected a sanction of the same subject", path=path)
    if adoption.ends_later(found.expires_at, copy.expires_at):
        raise PolicyRefused(
            "expected an end no later than the copy's", path=path, code=RefusalCode.TOO_LONG
        )
    return found.id


def _subjects(session: Session, sanction: Sanction) -> set[str]:
    return set(session.scalars(keys_of([sanction.id])))


def _correct(session: Session, source: Sanction, copy: Sanction, now: datetime) -> None:
    """Corrects a copy on own grounds as its source was, by its platform's own word."""
    event = adoption.correction(source, copy, now)
    if event is None:
        return
    session.add(copy)
    told = correct(copy, Corrected(source, _newest_entry(session, source)), event, now)
    feed.append(session, [told], now=now)
    correct_copies(session, Corrected(copy, ledger_of(session).size - 1), now=now)


def _newest_entry(session: Session, source: Sanction) -> int | None:
    """The index of what the source's own platform logged of it last."""
    newest = sa.select(sa.func.max(col(LogEntry.index))).where(
        col(LogEntry.case_id) == source.id, col(LogEntry.platform_id) == source.platform_id
    )
    return session.scalar(newest) or source.first_entry

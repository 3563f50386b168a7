"""Adoptions: what a copy comes to when its source is corrected, and what a receipt may say next.

The rules ask nothing about where the source was issued: a correction that arrives from another node
is the same correction.
"""

from datetime import datetime
from typing import Protocol

from governance.errors import Conflict
from governance.words import EventType, ReceiptState, Remedy, SanctionAnswer, Validity

ANSWERS = frozenset(ReceiptState[answer] for answer in SanctionAnswer)

UNCORRECTED = ANSWERS | {ReceiptState.ADOPTED}  # no remedy was ever due

# From which states a receipt comes to each remedy; a copy that was corrected with its source may
# be replaced later.
REMEDIES: dict[Remedy, frozenset[ReceiptState]] = {
    Remedy.REMEDIED: frozenset({ReceiptState.DUE}),
    Remedy.KEPT_ON_OWN_GROUNDS: frozenset({ReceiptState.DUE, ReceiptState.REMEDIED}),
    Remedy.NO_ACTION_NEEDED: frozenset({ReceiptState.DUE}),
}


class Decided(Protocol):
    """What the rules need to know of a sanction."""

    @property
    def validity(self) -> Validity: ...
    @property
    def ends_at(self) -> datetime | None: ...
    @property
    def reduced_after_end(self) -> bool: ...


def correction(source: Decided, copy: Decided, now: datetime) -> EventType | None:
    """What the copy comes to with its source, as that stands now; None where nothing is left to
    correct. An overturn or void goes on to a copy that has ended, too."""
    if copy.validity is not Validity.STANDING:
        return None
    if source.validity is Validity.OVERTURNED:
        return EventType.SANCTION_OVERTURNED
    if source.validity is Validity.VOIDED:
        return EventType.SANCTION_VOIDED
    if source.ends_at is not None and ends_later(copy.ends_at, source.ends_at):
        is_over = source.ends_at <= now
        return EventType.SANCTION_SOURCE_ENDED if is_over else EventType.SANCTION_SHORTENED
    if source.reduced_after_end and not copy.reduced_after_end:
        return EventType.SANCTION_SHORTENED  # it loses its weight in the ladder
    return None


def ends_later(end: datetime | None, limit: datetime | None) -> bool:
    """Whether one end, none being never, is after the other."""
    return limit is not None and (end is None or end > limit)


def answered(state: ReceiptState | None, answer: SanctionAnswer) -> ReceiptState:
    """The state an answer leads to; Conflict once the sanction was adopted."""
    if state is not None and state not in ANSWERS:
        raise Conflict(
            f"expected a sanction that was not adopted; the receipt says {state}",
            path=["sanctionId"],
        )
    return ReceiptState[answer]


def remedied(state: ReceiptState | None, remedy: Remedy) -> ReceiptState:
    """The state a remedy leads to; Conflict where none is due."""
    if state not in REMEDIES[remedy]:
        said = "there is no receipt" if state is None else f"the receipt says {state}"
        raise Conflict(f"expected a copy whose remedy is due; {said}", path=["remedy"])
    return ReceiptState[remedy]


def is_overdue(state: ReceiptState, due_at: datetime | None, now: datetime) -> bool:
    """Whether a remedy is due and missing."""
    return state is ReceiptState.DUE and due_at is not None and due_at <= now

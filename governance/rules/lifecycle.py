"""The state machines of sanctions and appeals, as tables."""

from dataclasses import dataclass
from datetime import datetime

from governance.errors import Conflict
from governance.words import AppealMove, AppealState, Author, Effect, EventType, Validity

ALL_EFFECTS = frozenset(Effect)
NOT_ENDED = frozenset({Effect.PENDING, Effect.IN_FORCE})


@dataclass(frozen=True, slots=True)
class SanctionMove:
    """From which states an event is possible, and the validity it leads to."""

    effects: frozenset[Effect]
    validity: Validity = Validity.STANDING


# Every event starts from a STANDING sanction; all other validities are terminal.
SANCTION_MOVES: dict[EventType, SanctionMove] = {
    EventType.SANCTION_APPROVED: SanctionMove(frozenset({Effect.PENDING})),
    EventType.SANCTION_SHORTENED: SanctionMove(NOT_ENDED),
    EventType.SANCTION_LIFTED: SanctionMove(NOT_ENDED),
    EventType.SANCTION_OVERTURNED: SanctionMove(ALL_EFFECTS, Validity.OVERTURNED),
    EventType.SANCTION_VOIDED: SanctionMove(ALL_EFFECTS, Validity.VOIDED),
    EventType.SANCTION_SUPERSEDED: SanctionMove(ALL_EFFECTS, Validity.SUPERSEDED),
    EventType.SANCTION_SOURCE_ENDED: SanctionMove(NOT_ENDED),
}


def after(event: EventType, validity: Validity, effect: Effect) -> Validity:
    """The validity an event leads to; Conflict where the event isn't possible."""
    move = SANCTION_MOVES[event]
    if validity is not Validity.STANDING:
        raise Conflict(f"expected a standing sanction; this one is {validity}")
    if effect not in move.effects:
        expected = " or ".join(sorted(move.effects))
        raise Conflict(f"expected a sanction that is {expected}; this one is {effect}")
    return move.validity


@dataclass(frozen=True, slots=True)
class AppealStep:
    """From which states a move is possible, where it leads, and whose move it is."""

    origins: frozenset[AppealState]
    target: AppealState
    by: Author


S = AppealState
OPEN = frozenset({S.FILED, S.ADMITTED, S.IN_REVIEW, S.AWAITING_APPELLANT})
UNDER_WAY = OPEN | {S.ESCALATED}
AWAITING_ANSWER = OPEN - {S.AWAITING_APPELLANT}  # the clock runs

APPEAL_STEPS: dict[AppealMove, AppealStep] = {
    AppealMove.ADMIT: AppealStep(frozenset({S.FILED}), S.ADMITTED, Author.PLATFORM),
    AppealMove.REFUSE: AppealStep(frozenset({S.FILED}), S.INADMISSIBLE, Author.PLATFORM),
    AppealMove.START_REVIEW: AppealStep(frozenset({S.ADMITTED}), S.IN_REVIEW, Author.PLATFORM),
    AppealMove.ASK: AppealStep(frozenset({S.IN_REVIEW}), S.AWAITING_APPELLANT, Author.PLATFORM),
    AppealMove.ANSWER: AppealStep(frozenset({S.AWAITING_APPELLANT}), S.IN_REVIEW, Author.APPELLANT),
    AppealMove.WITHDRAW: AppealStep(OPEN, S.WITHDRAWN, Author.APPELLANT),
    AppealMove.ESCALATE: AppealStep(
        frozenset({S.DECIDED, S.INADMISSIBLE}), S.ESCALATED, Author.APPELLANT
    ),
    AppealMove.RECORD_FINAL: AppealStep(frozenset({S.ESCALATED}), S.FINAL, Author.PLATFORM),
}
ANSWERED = frozenset({S.DECIDED, S.ESCALATED, S.FINAL})
DECIDABLE = frozenset({S.IN_REVIEW})


def appeal_state(stored: AppealState, lapses_at: datetime | None, now: datetime) -> AppealState:
    """The state by the clock: a pause that isn't answered in time lapses."""
    if stored is S.AWAITING_APPELLANT and lapses_at is not None and lapses_at <= now:
        return S.LAPSED
    return stored


def is_overdue(state: AppealState, due_at: datetime, now: datetime) -> bool:
    """Whether an answer is due and missing; the clock stands still while the appellant is asked."""
    return state in AWAITING_ANSWER and due_at <= now


def moved(move: AppealMove, state: AppealState) -> AppealState:
    """The state a move leads to; Conflict where it isn't possible."""
    step = APPEAL_STEPS[move]
    if state not in step.origins:
        expected = " or ".join(sorted(step.origins))
        raise Conflict(f"{move} expects an appeal that is {expected}; this one is {state}")
    return step.target

"""The whole product of states and moves, against the tables as the rules print them."""

from itertools import product

import pytest

from governance.errors import Conflict
from governance.rules.lifecycle import (
    APPEAL_STEPS,
    OPEN,
    SANCTION_MOVES,
    UNDER_WAY,
    after,
    appeal_state,
    is_overdue,
    moved,
)
from governance.words import AppealMove, AppealState, Author, Effect, EventType, Validity
from tests.builders import DAY, MICRO, NOW

M, S = AppealMove, AppealState

EVERY = set(Effect)
ALIVE = {Effect.PENDING, Effect.IN_FORCE}
LEADS_TO = {
    EventType.SANCTION_APPROVED: ({Effect.PENDING}, Validity.STANDING),
    EventType.SANCTION_SHORTENED: (ALIVE, Validity.STANDING),
    EventType.SANCTION_LIFTED: (ALIVE, Validity.STANDING),
    EventType.SANCTION_OVERTURNED: (EVERY, Validity.OVERTURNED),
    EventType.SANCTION_VOIDED: (EVERY, Validity.VOIDED),
    EventType.SANCTION_SUPERSEDED: (EVERY, Validity.SUPERSEDED),
    EventType.SANCTION_SOURCE_ENDED: (ALIVE, Validity.STANDING),
}
STEPS = {
    (S.FILED, M.ADMIT): S.ADMITTED,
    (S.FILED, M.REFUSE): S.INADMISSIBLE,
    (S.ADMITTED, M.START_REVIEW): S.IN_REVIEW,
    (S.IN_REVIEW, M.ASK): S.AWAITING_APPELLANT,
    (S.AWAITING_APPELLANT, M.ANSWER): S.IN_REVIEW,
    (S.FILED, M.WITHDRAW): S.WITHDRAWN,
    (S.ADMITTED, M.WITHDRAW): S.WITHDRAWN,
    (S.IN_REVIEW, M.WITHDRAW): S.WITHDRAWN,
    (S.AWAITING_APPELLANT, M.WITHDRAW): S.WITHDRAWN,
    (S.DECIDED, M.ESCALATE): S.ESCALATED,
    (S.INADMISSIBLE, M.ESCALATE): S.ESCALATED,
    (S.ESCALATED, M.RECORD_FINAL): S.FINAL,
}


def test_the_tables_name_every_event_and_every_move() -> None:
    assert set(SANCTION_MOVES) == set(LEADS_TO)
    assert set(APPEAL_STEPS) == set(M)


@pytest.mark.parametrize(("event", "validity", "effect"), list(product(LEADS_TO, Validity, Effect)))
def test_every_event_in_every_state_of_a_sanction(
    event: EventType, validity: Validity, effect: Effect
) -> None:
    effects, target = LEADS_TO[event]
    if validity is Validity.STANDING and effect in effects:
        assert after(event, validity, effect) is target
    else:
        with pytest.raises(Conflict):
            after(event, validity, effect)


@pytest.mark.parametrize(("state", "move"), list(product(S, M)))
def test_every_move_in_every_state_of_an_appeal(state: AppealState, move: AppealMove) -> None:
    if (state, move) in STEPS:
        assert moved(move, state) is STEPS[state, move]
    else:
        with pytest.raises(Conflict):
            moved(move, state)


def test_the_person_answers_withdraws_and_escalates_and_the_platform_does_the_rest() -> None:
    persons = {move for move, step in APPEAL_STEPS.items() if step.by is Author.APPELLANT}
    assert persons == {M.ANSWER, M.WITHDRAW, M.ESCALATE}


def test_an_appeal_is_open_until_it_is_answered_lapsed_or_withdrawn() -> None:
    closed = {S.INADMISSIBLE, S.DECIDED, S.LAPSED, S.WITHDRAWN, S.ESCALATED, S.FINAL}
    assert set(S) - OPEN == closed
    assert {S.ESCALATED} == UNDER_WAY - OPEN


@pytest.mark.parametrize("state", S)
def test_only_an_unanswered_question_lapses_and_to_the_microsecond(state: AppealState) -> None:
    lapses_at = NOW + 14 * DAY
    assert appeal_state(state, lapses_at, lapses_at - MICRO) is state
    expected = S.LAPSED if state is S.AWAITING_APPELLANT else state
    assert appeal_state(state, lapses_at, lapses_at) is expected
    assert appeal_state(state, None, lapses_at) is state


@pytest.mark.parametrize("state", S)
def test_overdue_is_a_missing_answer_of_the_platform(state: AppealState) -> None:
    waiting = {S.FILED, S.ADMITTED, S.IN_REVIEW}
    assert is_overdue(state, NOW, NOW) is (state in waiting)
    assert not is_overdue(state, NOW + MICRO, NOW)

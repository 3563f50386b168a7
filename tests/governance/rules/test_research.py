"""What a row keeps at each level, and how a selection goes on."""

from datetime import date
from itertools import pairwise

from governance.rules.research import (
    DATES,
    FEWEST,
    LEVELS,
    MOVES,
    UNDER_WAY,
    known_by,
    open_from,
    shown,
)
from governance.words import SelectionState as State
from tests.builders import NOW

ROW = {
    "subjectKind": "ACCOUNT", "issuedOn": "2026-02-17", "measure": "WARNING", "category": "SCAMS",
    "platform": "mod.example", "duration": "NONE", "validity": "STANDING", "isAppealed": False,
    "outcome": None, "ground": "ILLEGAL_CONTENT", "source": "NOTICE", "automation": "FULLY",
    "endedOn": "2026-02-18", "endReason": "EXPIRED",
}  # fmt: skip


def test_each_level_tells_more_than_the_one_below() -> None:
    for less, more in pairwise(LEVELS):
        assert set(less.columns) <= set(more.columns)
        assert less.told(more.told(ROW)) == less.told(ROW)
    assert LEVELS[-1].told(ROW) == ROW


def test_the_lowest_level_tells_the_kind_and_the_month() -> None:
    told = {name: value for name, value in LEVELS[0].told(ROW).items() if value is not None}
    assert told == {"subjectKind": "ACCOUNT", "issuedOn": "2026-02"}


def test_no_level_tells_more_of_a_time_than_its_day() -> None:
    for level in LEVELS:
        told = level.told(ROW)
        lengths = {len(str(told[name])) for name in DATES if told[name] is not None}
        assert lengths == ({7} if level.is_by_month else {10})


def test_a_group_is_told_once_nobody_can_join_it() -> None:
    for as_of in (date(2026, 3, 2), date(2026, 3, 31)):
        assert open_from(LEVELS[-1], as_of) == as_of
        assert open_from(LEVELS[0], as_of) == date(2026, 3, 1)
    assert open_from(LEVELS[0], date(2026, 3, 1)) == date(2026, 3, 1)


def test_figures_below_ten_are_not_told() -> None:
    assert [shown(n) for n in (None, 0, FEWEST - 1, FEWEST)] == [None, None, None, FEWEST]


def test_all_of_a_day_are_as_of_its_beginning() -> None:
    assert known_by(NOW) == known_by(NOW.replace(hour=23)) == NOW.replace(hour=0)


def test_every_state_has_its_moves_and_what_is_over_stays_over() -> None:
    assert set(MOVES) == set(State)
    over = {state for state, moves in MOVES.items() if not moves}
    assert over == {State.FAILED, State.CANCELLED, State.EXPIRED}
    assert {s for s, moves in MOVES.items() if State.CANCELLED in moves} == {
        *UNDER_WAY,
        State.READY,
    }
    assert {s for s, moves in MOVES.items() if State.FAILED in moves} == UNDER_WAY

"""The counters behind limits, which hold so many callers and no more."""

import time

import pytest

from api.limiting import windows
from api.limiting.rates import LimitRefused, Rates
from api.limiting.windows import MOST_KEYS, Windows


def test_any_number_of_callers_takes_so_much_memory() -> None:
    counters = Windows()
    for number in range(2 * MOST_KEYS):
        counters.counted(f"caller {number}", 3_600)
        assert counters.get(f"caller {number}") == 1
    assert MOST_KEYS // 2 <= (counters.reset() or 0) <= MOST_KEYS


def test_what_ends_first_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_KEYS", 100)
    counters = Windows()
    counters.counted("wrong secrets", 3_600, 20)
    for number in range(1_000):
        counters.counted(f"requests of {number}", 60)
    assert counters.get("wrong secrets") == 20
    assert counters.get("requests of 0") == 0


def test_what_is_over_goes_before_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_KEYS", 100)
    counters, now = Windows(), time.monotonic()
    for number in range(99):
        counters.counted(f"short {number}", 1)
    counters.counted("long", 60)
    monkeypatch.setattr(time, "monotonic", lambda: now + 30)
    counters.counted("new", 1)
    assert counters.get("long") == 1
    assert counters.reset() == 2


def test_a_window_is_no_longer_than_it_says_whatever_the_clock_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates, now, then = Rates(members=1, public=1, guesses=1), time.monotonic(), time.time()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert rates.request("caller", is_member=False).resets == 60
    monkeypatch.setattr(time, "time", lambda: then - 3_600)
    with pytest.raises(LimitRefused) as refused:
        rates.request("caller", is_member=False)
    assert refused.value.budget.resets == 60
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    assert rates.request("caller", is_member=False).left == 0


def test_a_secret_that_was_right_leaves_nothing_behind() -> None:
    rates = Rates(members=1, public=1, guesses=2)
    for number in range(10):
        with rates.guessing(f"caller {number}"):
            pass
    assert rates._storage.reset() == 0
    for _ in range(2):
        with rates.guessing("guesser") as guess:
            guess.was_wrong = True
    with pytest.raises(LimitRefused), rates.guessing("guesser"):
        raise AssertionError("it isn't looked at")
    assert rates._storage.reset() == 1

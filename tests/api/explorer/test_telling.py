"""How codes and figures are told to people."""

import pytest

from api.explorer.telling import DEEDS, label, span
from governance.words import Measure


def test_every_measure_is_told_as_a_deed() -> None:
    assert set(DEEDS) == set(Measure)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "–"),
        (0, "0 s"),
        (59.6, "1 min"),
        (5_400, "1 h 30 min"),
        (7_200, "2 hours"),
        (86_400, "1 day"),
        (90_000, "25 hours"),
        (604_800, "7 days"),
        (15_552_000, "180 days"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_units(seconds: float | None, told: str) -> None:
    assert span(seconds) == told


def test_codes_are_told_as_words() -> None:
    assert label("ACCOUNT_SUSPENDED") == "Account suspended"
    assert label("OTHER_VIOLATION_TC") == "Other breach of terms"
    assert label(None) == "–"

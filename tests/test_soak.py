"""The soak's verdict: flat is what stays, however it began."""

import pytest

from bench.soak import is_flat

WARMING = [100.0 + n for n in range(30)]


@pytest.mark.parametrize(
    ("settled", "expected"),
    [
        ([130.0] * 70, True),
        ([130.0 + n % 5 for n in range(70)], True),
        ([130.0 - n / 2 for n in range(70)], True),
        ([130.0 + n / 2 for n in range(70)], False),
        ([130.0] * 56 + [150.0] * 14, False),
    ],
    ids=["still", "in waves", "falling", "rising", "risen at the end"],
)
def test_memory_is_flat_if_it_stays_once_caches_have_filled(
    settled: list[float], expected: bool
) -> None:
    assert is_flat(WARMING + settled) is expected

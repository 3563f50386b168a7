"""Waiting for what happens beside a test."""

import time
from collections.abc import Callable

PATIENCE = 30  # seconds


def until_so(holds: Callable[[], object], found: Callable[[], object] = str) -> None:
    """Returns once something is so; fails with what is found instead where it doesn't become so."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, found()
        time.sleep(0.01)

"""Rates: how often a credential, or an address without one, may ask, and guess a secret.

Kept in the memory of each process. Headers are those of the IETF draft "RateLimit header fields
for HTTP" (draft-ietf-httpapi-ratelimit-headers-10).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from api.limiting.windows import Windows

MINUTE, HOUR = 60, 3_600  # seconds


class Budget(NamedTuple):
    """What is left of a limit: of `most` in `window` seconds, `left` for `resets` seconds."""

    name: str
    most: int
    window: int
    left: int
    resets: int


def fields(budgets: Sequence[Budget]) -> list[tuple[bytes, bytes]]:
    """The header fields that tell callers their budgets, as they are sent."""
    if not budgets:
        return []
    newest = {budget.name: budget for budget in budgets}.values()
    told = ", ".join([f'"{b.name}";r={b.left};t={b.resets}' for b in newest])
    return [_policy(*[b[:3] for b in newest]), (b"ratelimit", told.encode())]


@lru_cache(64)
def _policy(*limits: tuple[str, int, int]) -> tuple[bytes, bytes]:
    named = [f'"{name}";q={most};w={window}' for name, most, window in limits]
    return b"ratelimit-policy", ", ".join(named).encode()


def refused_fields(limit: "LimitRefused") -> list[tuple[bytes, bytes]]:
    """The same of a limit that is reached, and when to come back."""
    return [*fields([limit.budget]), (b"retry-after", b"%d" % limit.budget.resets)]


def refused_headers(limit: "LimitRefused") -> dict[str, str]:
    """Those by name."""
    return {name.decode(): value.decode() for name, value in refused_fields(limit)}


class LimitRefused(Exception):
    """A limit is reached. The message is safe to show; `code` is the error's."""

    def __init__(self, message: str, code: str, budget: Budget) -> None:
        super().__init__(message)
        self.message, self.code, self.budget = message, code, budget


@dataclass(slots=True)
class Guess:
    """An appeal secret that somebody shows."""

    was_wrong: bool = False


class Rates:
    """The budgets of callers, as this process knows them."""

    def __init__(self, *, members: int, public: int, guesses: int) -> None:
        """Requests a minute of one credential, and of one address without any; wrong appeal
        secrets an hour of either."""
        self._members, self._public, self._guesses = members, public, guesses
        self._windows = Windows()

    def request(self, caller: str, *, is_member: bool) -> Budget:
        """Counts a request; LimitRefused beyond the limit."""
        most = self._members if is_member else self._public
        count, seconds = self._windows.counted(_key(caller, is_member), MINUTE)
        budget = _budget("requests", most, MINUTE, count, seconds)
        if count > most:
            message = f"expected at most {most:,} requests a minute"
            raise LimitRefused(message, "RATE_LIMITED", budget)
        return budget

    def take_back(self, caller: str, *, is_member: bool) -> None:
        """Forgets a request that is about to be counted once more."""
        self._windows.take_back(_key(caller, is_member))

    @contextmanager
    def guessing(self, caller: str) -> Iterator[Guess]:
        """Around a question that an appeal secret opens. It is counted beforehand, so that many
        at once are many, and taken back unless the secret was wrong. LimitRefused where the
        caller tried too many."""
        guess, key = Guess(), f"guesses/{caller}"
        count, seconds = self._windows.counted(key, HOUR)
        try:
            if count > self._guesses:
                message = "too many wrong appeal secrets: try again later"
                budget = _budget("guesses", self._guesses, HOUR, count, seconds)
                raise LimitRefused(message, "RATE_LIMITED", budget)
            yield guess
        finally:
            if not guess.was_wrong:
                self._windows.take_back(key)


def _key(caller: str, is_member: bool) -> str:
    return f"members/{caller}" if is_member else f"public/{caller}"


def _budget(name: str, most: int, window: int, count: int, seconds: float) -> Budget:
    return Budget(name, most, window, max(0, most - count), max(1, int(seconds) + 1))

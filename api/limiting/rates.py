"""Rates: how often a credential, or an address without one, may ask, and guess a secret.

Kept in the memory of each process. Headers are those of the IETF draft "RateLimit header fields
for HTTP" (draft-ietf-httpapi-ratelimit-headers-10).
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from api.limiting.windows import Windows


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


class _PerMinute(RateLimitItemPerMinute):
    """A rate whose keys are short, since every request makes one."""

    seconds = 60

    def key_for(self, *identifiers: bytes | str | float) -> str:
        return f"{self.namespace}/{identifiers[0]!s}"


class Rates:
    """The budgets of callers, as this process knows them."""

    def __init__(self, *, members: int, public: int, guesses: int) -> None:
        """Requests a minute of one credential, and of one address without any; wrong appeal
        secrets an hour of either."""
        self._storage = Windows()
        self._limiter = FixedWindowRateLimiter(self._storage)
        self._members = _PerMinute(members, namespace="members")
        self._public = _PerMinute(public, namespace="public")
        self._guesses = RateLimitItemPerHour(guesses)

    def request(self, caller: str, *, is_member: bool) -> Budget:
        """Counts a request; LimitRefused beyond the limit."""
        item = self._members if is_member else self._public
        # As the limiter does, but the key is made and looked for once.
        count, seconds = self._storage.counted(item.key_for(caller), item.seconds)
        budget = _budget("requests", item.amount, item.seconds, count, seconds)
        if count > item.amount:
            message = f"expected at most {item.amount:,} requests a minute"
            raise LimitRefused(message, "RATE_LIMITED", budget)
        return budget

    def take_back(self, caller: str, *, is_member: bool) -> None:
        """Forgets a request that is about to be counted once more."""
        item = self._members if is_member else self._public
        self._storage.take_back(item.key_for(caller))

    @contextmanager
    def guessing(self, caller: str) -> Iterator[Guess]:
        """Around a question that an appeal secret opens. It is counted beforehand, so that many
        at once are many, and taken back unless the secret was wrong. LimitRefused where the
        caller tried too many."""
        guess = Guess()
        try:
            if not self._limiter.hit(self._guesses, caller):
                message = "too many wrong appeal secrets: try again later"
                budget = self._guessed(caller)
                raise LimitRefused(message, "RATE_LIMITED", budget)
            yield guess
        finally:
            if not guess.was_wrong:
                self._storage.take_back(self._guesses.key_for(caller))

    def _guessed(self, caller: str) -> Budget:
        item = self._guesses
        count, ends = self._storage.window(item.key_for(caller))
        return _budget("guesses", item.amount, item.get_expiry(), count, ends - time.monotonic())


def _budget(name: str, most: int, window: int, count: int, seconds: float) -> Budget:
    return Budget(name, most, window, max(0, most - count), max(1, ceil(seconds)))

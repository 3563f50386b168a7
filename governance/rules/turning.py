"""Turns: when the suspensions of an account by its own host close it, and when it opens again.

RISC's `account-disabled` and `account-enabled` are about the account, not about a decision: of
suspensions that overlap only the first and the last say anything (invariant 4).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from governance.rules.status import effect
from governance.words import Effect

NEVER = datetime.max.replace(tzinfo=UTC)


class AccountTurn(StrEnum):
    """What became of an account."""

    DISABLED = "DISABLED"
    ENABLED = "ENABLED"


class Spanned(Protocol):
    """What the rules need to know of a suspension."""

    @property
    def starts_at(self) -> datetime | None: ...
    @property
    def ends_at(self) -> datetime | None: ...


class Turned(NamedTuple):
    """What became of the account, and when: with `cause` the suspension that keeps it longest, or
    that ended last."""

    turn: AccountTurn
    at: datetime
    cause: int  # its place among the suspensions


def turned(suspensions: Sequence[Spanned], at: datetime, *, is_disabled: bool) -> Turned | None:
    """What is new of an account at an instant; None if it stands as was said."""
    spans = [(one.starts_at, one.ends_at) for one in suspensions]
    held = [place for place, span in enumerate(spans) if effect(span, at) is Effect.IN_FORCE]
    if held and not is_disabled:
        begun = min(start for place in held if (start := spans[place][0]))
        longest = max(held, key=lambda place: spans[place][1] or NEVER)
        return Turned(AccountTurn.DISABLED, begun, longest)
    ended = [(end, place) for place, (_, end) in enumerate(spans) if end and end <= at]
    if is_disabled and ended and not held:
        end, place = max(ended)
        return Turned(AccountTurn.ENABLED, end, place)
    return None


def next_look(suspension: Spanned, at: datetime) -> datetime | None:
    """When a suspension next begins or ends after an instant."""
    edges = (suspension.starts_at, suspension.ends_at)
    return min((edge for edge in edges if edge is not None and edge > at), default=None)

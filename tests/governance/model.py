"""What domain.md says of a platform's time-outs, in plain Python and in memory."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from governance.errors import RefusalCode
from governance.words import EndReason, Validity
from tests.builders import DAY

Span = tuple[datetime, datetime]

STRONGEST_FIRST = ["OVERTURNED", "VOIDED", "SUPERSEDED", "LIFTED", "EXPIRED"]


@dataclass(frozen=True)
class Case:
    """A time-out as the model knows it."""

    subject: str
    body: dict[str, Any] = field(compare=False)
    start: datetime
    expires: datetime
    issued: datetime
    ended_by: tuple[tuple[datetime, str], ...] = ()
    validity: Validity = Validity.STANDING
    appealed: bool = False
    weightless: bool = False  # reduced after its end

    @property
    def end(self) -> tuple[datetime, EndReason]:
        ends = [*self.ended_by, (self.expires, "EXPIRED")]
        at, reason = min(ends, key=lambda end: (end[0], STRONGEST_FIRST.index(end[1])))
        return at, EndReason[reason]

    def is_over(self, now: datetime) -> bool:
        return self.end[0] <= now

    def is_in_force(self, now: datetime) -> bool:
        return self.start <= now < self.end[0]

    @property
    def counts(self) -> bool:
        return self.validity in (Validity.STANDING, Validity.SUPERSEDED)

    def is_about(self, body: dict[str, Any]) -> bool:
        same = ("subject", "conduct_from", "conduct_to")
        return all(self.body[name] == body[name] for name in same)

    def closed(self, now: datetime, by: str) -> "Case":
        validity = self.validity if by == "LIFTED" else Validity[by]
        return replace(self, validity=validity, ended_by=(*self.ended_by, (now, by)))


Answer = Case | RefusalCode


def lift(case: Case, now: datetime) -> Answer:
    if case.validity is not Validity.STANDING or case.is_over(now):
        return RefusalCode.CONFLICT
    return case.closed(now, "LIFTED")


def overturn(case: Case, now: datetime) -> Answer:
    if case.validity is not Validity.STANDING:
        return RefusalCode.CONFLICT
    return case.closed(now, "OVERTURNED")


def void(case: Case, now: datetime) -> Answer:
    if case.validity is not Validity.STANDING or case.appealed:
        return RefusalCode.CONFLICT
    return case.closed(now, "VOIDED")


def shorten(case: Case, now: datetime, end: datetime) -> Answer:
    if case.validity is not Validity.STANDING or case.is_over(now):
        return RefusalCode.CONFLICT
    if end <= max(now, case.start):
        return RefusalCode.END_BEFORE_START
    if end >= case.expires:
        return RefusalCode.TOO_LONG
    return replace(case, expires=end)


def reduce(case: Case, now: datetime, end: datetime) -> Answer:
    if end >= case.expires or (now < case.start and end <= case.start):
        return RefusalCode.INVALID_INPUT
    if case.is_over(now):
        return replace(case, weightless=True)
    return replace(case, expires=max(end, now))


def may_appeal(case: Case, now: datetime) -> RefusalCode | None:
    if case.validity is not Validity.STANDING:
        return RefusalCode.CONFLICT
    if case.appealed:
        return RefusalCode.ESCALATE_INSTEAD
    if case.is_over(now) and now >= case.issued + 183 * DAY:
        return RefusalCode.APPEAL_WINDOW_CLOSED
    return None


def refusal(new: Span, of_subject: Collection[Case]) -> RefusalCode | None:
    """Why a new time-out of fresh conduct is refused, if it is."""
    start, end = new
    if end <= start:
        return RefusalCode.END_BEFORE_START
    if end - start > 180 * DAY:
        return RefusalCode.TOO_LONG
    spans = [(case.start, case.end[0]) for case in of_subject if case.counts]
    if most_in_a_window([new, *spans]) > 180 * DAY:
        return RefusalCode.TOTAL_TOO_LONG
    return None


def most_in_a_window(spans: Collection[Span]) -> timedelta:
    """The longest time that any 360 days hold, overlaps counted once."""
    edges = sorted({edge for span in spans if span[0] < span[1] for edge in span})
    pieces = [
        piece
        for piece in pairwise(edges)
        if any(start <= piece[0] and piece[1] <= end for start, end in spans)
    ]
    windows = [*edges, *(edge - 360 * DAY for edge in edges)]
    return max(
        (
            sum(
                (
                    max(min(end, first + 360 * DAY) - max(start, first), 0 * DAY)
                    for start, end in pieces
                ),
                start=0 * DAY,
            )
            for first in windows
        ),
        default=0 * DAY,
    )


def advised(cases: Collection[Case], now: datetime) -> timedelta:
    """The ladder's step: 1, 7, 30, then 90 days."""
    standing = [
        case
        for case in cases
        if case.validity is Validity.STANDING
        and not case.weightless
        and now - 365 * DAY < case.issued <= now
    ]
    return [1 * DAY, 7 * DAY, 30 * DAY, 90 * DAY][min(len(standing), 3)]

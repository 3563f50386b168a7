"""A sanction's two axes: effect, derived from the clock, and the ends it is derived from."""

from datetime import datetime
from typing import NamedTuple, Protocol

from governance.words import Effect, EndReason

# From a start (none while unapproved) to an end (none while open-ended), half-open.
Span = tuple[datetime | None, datetime | None]


class Instants(Protocol):
    """The instants of a sanction that its effect follows from."""

    @property
    def effective_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def approved_at(self) -> datetime | None: ...
    @property
    def lapses_at(self) -> datetime | None: ...
    @property
    def lifted_at(self) -> datetime | None: ...
    @property
    def overturned_at(self) -> datetime | None: ...
    @property
    def voided_at(self) -> datetime | None: ...
    @property
    def superseded_at(self) -> datetime | None: ...
    @property
    def source_ended_at(self) -> datetime | None: ...


# What ends a sanction; the first of those at one instant is the reason.
_ENDS = (
    ("overturned_at", EndReason.OVERTURNED),
    ("voided_at", EndReason.VOIDED),
    ("superseded_at", EndReason.SUPERSEDED),
    ("source_ended_at", EndReason.SOURCE_ENDED),
    ("lifted_at", EndReason.LIFTED),
    ("lapses_at", EndReason.NOT_APPROVED),
    ("expires_at", EndReason.EXPIRED),
)


class Timeline(NamedTuple):
    """When a sanction starts and ends, and which of its ends that is."""

    starts_at: datetime | None
    ends_at: datetime | None
    end_reason: EndReason | None


def timeline(sanction: Instants) -> Timeline:
    """The start, and the earliest end; the order of EndReason breaks ties.

    `lapses_at` is set on a binding termination alone; while it isn't approved it has no start.
    """
    needs_approval = sanction.lapses_at is not None
    if needs_approval and sanction.approved_at is None:
        starts_at = None
    else:
        starts_at = max(sanction.effective_at, sanction.approved_at or sanction.effective_at)
    ends_at, end_reason = None, None
    for name, reason in _ENDS:
        end = getattr(sanction, name)
        if end is None or (ends_at is not None and end >= ends_at):  # of equal ones the first
            continue
        if reason is not EndReason.NOT_APPROVED or sanction.approved_at is None:
            ends_at, end_reason = end, reason
    return Timeline(starts_at, ends_at, end_reason)


def effect(span: Span, now: datetime) -> Effect:
    """ENDED from the end on, IN_FORCE from the start to just before the end, else PENDING."""
    starts_at, ends_at = span
    if ends_at is not None and ends_at <= now:
        return Effect.ENDED
    if starts_at is None or now < starts_at:
        return Effect.PENDING
    return Effect.IN_FORCE

"""Whether an appeal may be filed now, until when, and if not why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from governance.errors import Conflict, RefusalCode, Refused
from governance.rules.policy import APPEAL_WINDOW
from governance.words import Author, Validity


@dataclass(frozen=True, slots=True)
class Case:
    """What bears on it, of the sanction and of the appeals before."""

    validity: Validity
    is_erased: bool
    is_open: bool  # an appeal
    answered: Collection[str]  # the authors of the appeals that were answered
    closes_at: datetime | None


def closes_at(
    ends_at: datetime | None, issued_at: datetime, notified_at: datetime | None
) -> datetime | None:
    """When the window closes: 183 days from the notice, and never while in force."""
    return None if ends_at is None else max(ends_at, (notified_at or issued_at) + APPEAL_WINDOW)


def may_file(case: Case, author: Author, now: datetime) -> None:
    """Refused where an appeal isn't possible; the first reason is told."""
    if case.is_erased:
        raise Refused("the subject was erased", path=["sanctionId"], code=RefusalCode.ERASED)
    if case.validity is not Validity.STANDING:
        raise Conflict(f"expected a standing sanction; this one is {case.validity}")
    if case.is_open:
        raise Refused(
            "an appeal is open already; it has to be answered first", code=RefusalCode.APPEAL_OPEN
        )
    if Author.APPELLANT in case.answered or (author is Author.PLATFORM and case.answered):
        raise Refused(
            "this appeal was decided; the way from here is to escalate it",
            code=RefusalCode.ESCALATE_INSTEAD,
        )
    if case.closes_at is not None and case.closes_at <= now:
        raise Refused(
            f"the window of {APPEAL_WINDOW.days} days is over",
            code=RefusalCode.APPEAL_WINDOW_CLOSED,
        )

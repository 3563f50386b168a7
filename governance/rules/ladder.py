"""The ladder: advice on how long the next time-out might be. Never a termination."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.rules.policy import LADDER, LADDER_WINDOW, SUSPENSIONS
from governance.words import Measure, Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """An earlier sanction of the same subject by the same platform, as the ladder sees it."""

    measure: Measure
    validity: Validity
    issued_at: datetime
    has_open_appeal: bool = False
    reduced_after_end: bool = False


def weight(rung: Rung, now: datetime) -> bool:
    """Whether a sanction counts: a standing suspension of the last 365 days, undisputed."""
    return (
        rung.measure in SUSPENSIONS
        and rung.validity is Validity.STANDING
        and not rung.has_open_appeal
        and not rung.reduced_after_end
        and now - LADDER_WINDOW < rung.issued_at <= now
    )


def step(rungs: Iterable[Rung], now: datetime) -> timedelta:
    """The advised length of the next time-out; the last step is the highest there is."""
    count = sum(weight(rung, now) for rung in rungs)
    return LADDER[min(count, len(LADDER) - 1)]

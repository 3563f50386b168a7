"""Part 7 of the templates: complaints that were filed in the period, and what became of them so
far."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance.appeals import Appeal
from governance.events import Event
from governance.exporting.templates import Values
from governance.periods import Period
from governance.platforms import Platform
from governance.rules.lifecycle import appeal_state
from governance.rules.policy import CONTENT_MEASURES
from governance.sanctions import Sanction
from governance.words import AppealState, EventType, Measure, Outcome

MICRO = timedelta(microseconds=1)
COMPLAINTS = "Number of complaints submitted to the internal-complaints mechanism"
DISPUTES = "Number of disputes submitted to out-of-court dispute settlement bodies"
# Which measures a complaint may be about. Warnings are in the total alone.
ABOUT: Mapping[str, frozenset[Measure]] = {
    "Complaint regarding a decision to remove or disable access to or restrict visibility of "
    "information": CONTENT_MEASURES | {Measure.SERVER_LIMITED},
    "Complaint regarding a decision to suspend or terminate the provision of the "
    "service": frozenset(
        {m for m in Measure if m.startswith("SERVICE_")} | {Measure.SERVER_SUSPENDED}
    ),
    "Complaint regarding a decision to suspend or terminate an account": frozenset(
        {Measure.ACCOUNT_SUSPENDED, Measure.ACCOUNT_TERMINATED}
    ),
    "Complaint regarding a decision to restrict the ability to monetise information": frozenset(
        {m for m in Measure if m.startswith("MONETIZATION_")}
    ),
}
OUTCOMES = {
    "Decisions upheld": Outcome.UPHELD,
    "Decisions partially reversed": Outcome.REDUCED,
    "Decisions reversed": Outcome.OVERTURNED,
}
# Closed without a decision on the substance.
OMITTED = frozenset({AppealState.INADMISSIBLE, AppealState.WITHDRAWN, AppealState.LAPSED})


@dataclass(frozen=True, slots=True)
class _Complaint:
    measure: Measure
    outcome: Outcome | None
    took: timedelta | None
    is_omitted: bool = False


def complaints(session: Session, platform: Platform, period: Period, now: datetime) -> Values:
    filed = _filed(session, platform, period, now)
    found = _outcomes(COMPLAINTS, filed)
    found[COMPLAINTS, "Decision omitted"] = str(sum(c.is_omitted for c in filed))
    for indicator, measures in ABOUT.items():
        found |= _outcomes(indicator, [c for c in filed if c.measure in measures])
    return found | _disputes(session, platform, period)


def _filed(session: Session, platform: Platform, period: Period, now: datetime) -> list[_Complaint]:
    """By the sanction that was first appealed against, whatever took its place since."""
    rows = (
        sa.select(
            col(Sanction.measure),
            col(Appeal.outcome),
            col(Appeal.filed_at),
            col(Appeal.decided_at),
            col(Appeal.state),
            col(Appeal.lapses_at),
            col(Appeal.inadmissible_code),
        )
        .join(Sanction, col(Sanction.id) == col(Appeal.origin_id))
        .where(Appeal.platform_id == platform.id)  # type: ignore[arg-type]
        .where(col(Appeal.filed_at) >= period.start, col(Appeal.filed_at) < period.end)
    )
    found = []
    for measure, outcome, filed, decided, state, lapses, code in session.execute(rows):
        took = decided - filed if outcome is not None and decided is not None else None
        omitted = code is not None or appeal_state(state, lapses, now) in OMITTED
        found.append(_Complaint(measure, outcome, took, omitted))
    return found


def _outcomes(indicator: str, complaints: Collection[_Complaint]) -> Values:
    found: Values = {(indicator, "Total number"): str(len(complaints))}
    for scope, outcome in OUTCOMES.items():
        found[indicator, scope] = str(sum(c.outcome is outcome for c in complaints))
    found[indicator, "Median time"] = hours(c.took for c in complaints if c.took is not None)
    return found


def hours(spans: Iterable[timedelta]) -> str | None:
    """The median in hours, as decimals; None without any."""
    micros = [span // MICRO for span in spans]
    if not micros:
        return None
    exact = Decimal(median(micros)) / 3_600_000_000
    return _plain(exact)


def _plain(number: Decimal) -> str:
    """At most six digits after the point, none that say nothing."""
    text = f"{number:.6f}"
    return text.rstrip("0").rstrip(".")


def _disputes(session: Session, platform: Platform, period: Period) -> Values:
    """Appeals that were brought before an outside body in the period."""
    of_appeals = col(Event.appeal_id).is_not(None)  # as an index is known by
    about = (Event.platform_id == platform.id, Event.type == EventType.APPEAL_MOVED, of_appeals)
    moved = sa.select(col(Event.appeal_id), col(Event.occurred_at)).where(*about)  # type: ignore[arg-type]
    brought = moved.where(
        col(Event.appeal_state) == AppealState.ESCALATED,
        col(Event.occurred_at) >= period.start,
        col(Event.occurred_at) < period.end,
    )
    ids = brought.with_only_columns(col(Event.appeal_id))
    is_final = col(Event.appeal_state) == AppealState.FINAL
    escalated = dict(session.execute(brought).all())
    final = dict(session.execute(moved.where(is_final, col(Event.appeal_id).in_(ids))).all())
    closed = select(Appeal).where(Appeal.state == AppealState.FINAL, col(Appeal.id).in_(ids))
    answered = session.exec(closed).all()
    found: Values = {(DISPUTES, "Total number"): str(len(escalated))}
    for scope, outcome in OUTCOMES.items():
        found[DISPUTES, scope] = str(sum(a.outside_outcome is outcome for a in answered))
    took = (final[a.id] - escalated[a.id] for a in answered if a.id in final)
    found[DISPUTES, "Median time"] = hours(took)
    if answered:
        implemented = sum(a.implemented_at is not None for a in answered)
        found[DISPUTES, "Percentage of outcomes implemented"] = _plain(
            Decimal(implemented) / len(answered)
        )
    return found

"""Transparency reports from the records, in the harmonised templates of the EU.

What the records don't hold is left blank and never 0; `comity report figures` adds it. A report
that was published isn't rewritten: publishing again makes the next version.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

import orjson
import sqlalchemy as sa
from sqlmodel import Field, Session, SQLModel, col, select

from governance.appeals import Appeal
from governance.errors import InvalidInput, NotFound
from governance.events import Event
from governance.exporting.templates import Key, Part, categories, filled, keys, read
from governance.fields import UTCDateTime as Utc
from governance.fields import new_id, print_instant
from governance.platforms import Platform
from governance.rules.lifecycle import appeal_state
from governance.sanctions import Sanction
from governance.words import (
    AppealState,
    Automation,
    EventType,
    Ground,
    Measure,
    Outcome,
    Source,
    Validity,
)

ONE_DAY = timedelta(days=1)
LONGEST_PERIOD = timedelta(days=366)
MICRO = timedelta(microseconds=1)
Values = dict[Key, str | None]


class Report(SQLModel, table=True):
    """A report as it was published: its parts as CSV, by their names."""

    __tablename__ = "reports"
    __table_args__ = (sa.UniqueConstraint("platform_id", "starts_at", "ends_at", "version"),)

    id: str = Field(primary_key=True)
    platform_id: str = Field(foreign_key="platforms.id")
    starts_at: datetime = Field(sa_type=Utc)
    ends_at: datetime = Field(sa_type=Utc)
    version: int
    published_at: datetime = Field(sa_type=Utc)
    parts: dict[str, str] = Field(sa_type=sa.JSON)


class ReportFigure(SQLModel, table=True):
    """A figure of a report that is counted elsewhere."""

    __tablename__ = "report_figures"

    platform_id: str = Field(primary_key=True, foreign_key="platforms.id")
    starts_at: datetime = Field(primary_key=True, sa_type=Utc)
    ends_at: datetime = Field(primary_key=True, sa_type=Utc)
    part: str = Field(primary_key=True)
    row: str = Field(primary_key=True)
    column: str = Field(primary_key=True)
    value: str


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant up to, but without, another."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise InvalidInput("to: expected an instant after from", path=["to"])
        if self.end - self.start > LONGEST_PERIOD:
            most = LONGEST_PERIOD.days
            raise InvalidInput(f"to: expected at most {most} days after from", path=["to"])

    @classmethod
    def of_days(cls, text: str) -> "Period":
        """A reporting period as the template has it: 2026-01-01/2026-06-30, both days included."""
        first, _, last = text.partition("/")
        try:
            days = date.fromisoformat(first), date.fromisoformat(last)
        except ValueError:
            raise InvalidInput(
                f"expected a reporting period such as 2026-01-01/2026-06-30, got {text!r}"
            ) from None
        start, end = (datetime.combine(day, time(), UTC) for day in days)
        return cls(start, end + ONE_DAY)

    def __str__(self) -> str:
        if self.start.time() == self.end.time() == time():
            return f"{self.start.date()}/{(self.end - ONE_DAY).date()}"
        return f"{print_instant(self.start)}/{print_instant(self.end)}"


@dataclass(frozen=True, slots=True)
class Reported:
    """A part of a report as CSV. What was never published has the version 0."""

    text: str
    version: int = 0
    published_at: datetime | None = None


def report(
    session: Session, domain: str, period: Period, part: Part, *, now: datetime
) -> Reported | None:
    """The newest published version, or else what it would be now; None for an unknown platform."""
    platform = session.exec(select(Platform).where(Platform.domain == domain)).first()
    if platform is None:
        return None
    newest = _newest(session, platform, period)
    if newest is not None:
        return Reported(newest.parts[part], newest.version, newest.published_at)
    return Reported(_part(session, platform, period, part, now))


def publish(session: Session, domain: str, period: Period, *, now: datetime) -> Report:
    """Publishes what the records hold now, as the next version; the period has to be over."""
    platform = _platform(session, domain)
    if now < period.end:
        raise InvalidInput(f"expected a period that is over; this ends on {period.end:%Y-%m-%d}")
    newest = _newest(session, platform, period)
    published = Report(
        id=new_id("rep"),
        platform_id=platform.id,
        starts_at=period.start,
        ends_at=period.end,
        version=newest.version + 1 if newest else 1,
        published_at=now,
        parts={part.value: _part(session, platform, period, part, now) for part in Part},
    )
    session.add(published)
    session.flush()
    return published


def add_figures(session: Session, text: str, *, now: datetime) -> tuple[str, Period, int]:
    """Adds what is counted elsewhere, from a part in the template's shape: Service is the domain.
    Figures that the records hold are refused; those added before are replaced."""
    try:
        part, domain, days, values = read(text)
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    platform, period = _platform(session, domain), Period.of_days(days)
    known = _counted(session, platform, period, part, now)
    for key, value in values.items():
        if known.get(key) is not None:
            raise InvalidInput(f"{key[0]}, {key[1]}: the records hold this, got {value!r}")
        _check_number(key, value)
        session.merge(
            ReportFigure(
                platform_id=platform.id,
                starts_at=period.start,
                ends_at=period.end,
                part=part,
                row=key[0],
                column=key[1],
                value=value,
            )
        )
    return platform.domain, period, len(values)


def _check_number(key: Key, value: str) -> None:
    try:
        fits = Decimal(value) >= 0
    except ArithmeticError:
        fits = False
    if not fits:
        raise InvalidInput(f"{key[0]}, {key[1]}: expected a number, got {value!r}")


def _platform(session: Session, domain: str) -> Platform:
    platform = session.exec(select(Platform).where(Platform.domain == domain)).first()
    if platform is None:
        raise NotFound(f"no platform {domain} on this node")
    return platform


def _newest(session: Session, platform: Platform, period: Period) -> Report | None:
    return session.exec(
        select(Report)
        .where(Report.platform_id == platform.id)
        .where(Report.starts_at == period.start, Report.ends_at == period.end)
        .order_by(col(Report.version).desc())
    ).first()


def _part(session: Session, platform: Platform, period: Period, part: Part, now: datetime) -> str:
    values = _counted(session, platform, period, part, now)
    known = {key: value for key, value in values.items() if value is not None}
    elsewhere = _elsewhere(session, platform, period, part)
    return filled(part, platform.domain, str(period), {**elsewhere, **known})


def _elsewhere(session: Session, platform: Platform, period: Period, part: Part) -> dict[Key, str]:
    rows = select(ReportFigure).where(
        ReportFigure.platform_id == platform.id,
        ReportFigure.part == part,
        ReportFigure.starts_at == period.start,
        ReportFigure.ends_at == period.end,
    )
    return {(figure.row, figure.column): figure.value for figure in session.exec(rows)}


def _counted(
    session: Session, platform: Platform, period: Period, part: Part, now: datetime
) -> Values:
    """What the records hold of a part; all else is None."""
    count: Mapping[Part, Callable[..., Values]] = {
        Part.APPEALS: _appeals,
        Part.NOTICES: _notices,
        Part.OWN_INITIATIVE_ILLEGAL: _own_illegal,
        Part.OWN_INITIATIVE_TERMS: _own_terms,
        Part.AUTOMATED: _automated,
    }
    blank: Values = dict.fromkeys(keys(part))
    found = count[part](session, platform, period, now)
    assert found.keys() <= blank.keys(), found.keys() - blank.keys()
    return blank | found


# Part 7: complaints that were filed in the period, and what became of them so far.

COMPLAINTS = "Number of complaints submitted to the internal-complaints mechanism"
DISPUTES = "Number of disputes submitted to out-of-court dispute settlement bodies"
# Which measures a complaint may be about. Warnings are in the total alone.
ABOUT: Mapping[str, frozenset[Measure]] = {
    "Complaint regarding a decision to remove or disable access to or restrict visibility of "
    "information": frozenset(
        {m for m in Measure if m.startswith("CONTENT_")} | {Measure.SERVER_LIMITED}
    ),
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


def _appeals(session: Session, platform: Platform, period: Period, now: datetime) -> Values:
    filed = _complaints(session, platform, period, now)
    found = _outcomes(COMPLAINTS, filed)
    found[COMPLAINTS, "Decision omitted"] = str(sum(c.is_omitted for c in filed))
    for indicator, measures in ABOUT.items():
        found |= _outcomes(indicator, [c for c in filed if c.measure in measures])
    return found | _disputes(session, platform, period)


def _complaints(
    session: Session, platform: Platform, period: Period, now: datetime
) -> list[_Complaint]:
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
    about = (Event.platform_id == platform.id, Event.type == EventType.APPEAL_MOVED)
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


# Parts 4 to 6 and 8: measures that were decided in the period. Voided ones never counted, and a
# warning restricts nothing.

MEASURED = "Number of measures taken at the provider's own initiative"
DETECTED = "Number of measures taken after detection with solely automated means"
COLUMNS: Mapping[Measure, str] = {
    Measure.CONTENT_REMOVED: "Visibility restriction Removal",
    Measure.CONTENT_DISABLED: "Visibility restriction Disable",
    Measure.CONTENT_DEMOTED: "Visibility restriction Demoted",
    Measure.CONTENT_AGE_RESTRICTED: "Visibility restriction Age restricted",
    Measure.CONTENT_INTERACTION_RESTRICTED: "Visibility restriction Interaction restricted",
    Measure.CONTENT_LABELLED: "Visibility restriction Labelled",
    Measure.CONTENT_OTHER: "Visibility restriction Other",
    Measure.SERVER_LIMITED: "Visibility restriction Other",
    Measure.MONETIZATION_SUSPENDED: "Monetary restriction Suspension",
    Measure.MONETIZATION_TERMINATED: "Monetary restriction Termination",
    Measure.MONETIZATION_OTHER: "Monetary restriction Other",
    Measure.SERVICE_RESTRICTED: "Provision of the service Suspension",
    Measure.SERVICE_SUSPENDED: "Provision of the service Suspension",
    Measure.SERVER_SUSPENDED: "Provision of the service Suspension",
    Measure.SERVICE_TERMINATED: "Provision of the service Termination",
    Measure.ACCOUNT_SUSPENDED: "Account restriction Suspension",
    Measure.ACCOUNT_TERMINATED: "Account restriction Termination",
}


def _measures(
    session: Session, platform: Platform, period: Period, *conditions: Any
) -> Iterable[Any]:
    """Restrictions by what parts are counted by, with how many of each there are."""
    by = (
        col(Sanction.category),
        sa.cast(col(Sanction.keywords), sa.Text()),
        col(Sanction.measure),
        col(Sanction.is_automated_detection),
        col(Sanction.source),
        col(Sanction.ground),
        col(Sanction.automation),
    )
    counted = (
        sa.select(*by, sa.func.count().label("number"))
        .where(col(Sanction.platform_id) == platform.id)
        .where(col(Sanction.issued_at) >= period.start, col(Sanction.issued_at) < period.end)
        .where(col(Sanction.measure) != Measure.WARNING)
        .where(col(Sanction.validity) != Validity.VOIDED, *conditions)
        .group_by(*by)
    )
    return session.execute(counted)


def _own_illegal(session: Session, platform: Platform, period: Period, _now: datetime) -> Values:
    return _own(session, platform, period, Part.OWN_INITIATIVE_ILLEGAL, Ground.ILLEGAL_CONTENT)


def _own_terms(session: Session, platform: Platform, period: Period, _now: datetime) -> Values:
    return _own(session, platform, period, Part.OWN_INITIATIVE_TERMS, Ground.INCOMPATIBLE_CONTENT)


def _own(
    session: Session, platform: Platform, period: Period, part: Part, ground: Ground
) -> Values:
    is_own = col(Sanction.source) == Source.OWN_INITIATIVE
    counts = _blank(part, (MEASURED, DETECTED, *COLUMNS.values()))
    for row in _measures(session, platform, period, is_own, col(Sanction.ground) == ground):
        for name in _rows(part, row.category, row[1]):
            counts[name, MEASURED] += row.number
            counts[name, COLUMNS[row.measure]] += row.number
            if row.is_automated_detection:
                counts[name, DETECTED] += row.number
    return {key: str(count) for key, count in counts.items()}


BASES = {
    Ground.ILLEGAL_CONTENT: "Number of actions taken on the basis of the law",
    Ground.INCOMPATIBLE_CONTENT: (
        "Number of actions taken on the basis of the terms and conditions of the service"
    ),
}
FLAGGERS = " (Trusted Flagger notices)"


def _notices(session: Session, platform: Platform, period: Period, _now: datetime) -> Values:
    """Actions that notices led to; how many notices came isn't in the records."""
    part = Part.NOTICES
    columns = (*BASES.values(), *(f"{name}{FLAGGERS}" for name in BASES.values()))
    counts = _blank(part, columns)
    noticed = col(Sanction.source).in_([Source.NOTICE, Source.TRUSTED_FLAGGER])
    for row in _measures(session, platform, period, noticed):
        for name in _rows(part, row.category, row[1]):
            counts[name, BASES[row.ground]] += row.number
            if row.source is Source.TRUSTED_FLAGGER:
                counts[name, f"{BASES[row.ground]}{FLAGGERS}"] += row.number
    return {key: str(count) for key, count in counts.items()}


def _automated(session: Session, platform: Platform, period: Period, _now: datetime) -> Values:
    """Measures by how far machines decided; those where they took part are in neither."""
    solely = "Number of measures solely taken by automated means"
    never = "Number of measures not taken by automated means"
    counts = {(name, scope): 0 for name in (solely, never) for scope in _SCOPES}
    for row in _measures(session, platform, period):
        name = {Automation.FULLY: solely, Automation.NOT_AUTOMATED: never}.get(row.automation)
        if name is not None:
            counts[name, "Total number"] += row.number
            if row.source is Source.OWN_INITIATIVE:
                counts[name, "Own-initiative"] += row.number
    return {key: str(count) for key, count in counts.items()}


_SCOPES = ("Total number", "Own-initiative")


def _blank(part: Part, columns: Iterable[str]) -> dict[Key, int]:
    return {(name, column): 0 for name in categories(part) for column in columns}


def _rows(part: Part, category: str, keywords: str) -> list[str]:
    """The rows that a measure is counted in: all, its category, each of its keywords there."""
    whole = f"STATEMENT_CATEGORY_{category}"
    known = set(categories(part))
    wanted = ["TOTAL", whole, *(f"{whole}/KEYWORD_{word}" for word in orjson.loads(keywords))]
    return [name for name in wanted if name in known]

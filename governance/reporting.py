"""Transparency reports from the records, in the harmonised templates of the EU.

What the records don't hold is left blank and never 0; `comity report figures` adds it. A report
that was published isn't rewritten: publishing again makes the next version.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, Session, col, select

from governance.complaints import complaints
from governance.errors import InvalidInput, NotFound
from governance.exporting.templates import Key, Part, Values, filled, keys, read
from governance.fields import Stored, new_id
from governance.fields import UTCDateTime as Utc
from governance.periods import Period
from governance.platforms import Platform
from governance.restrictions import after_notices, automated, own_illegal, own_terms

_NO_COUNT = re.compile("^Accuracy|Median time|Percentage")  # figures that may have decimals


class Report(Stored, table=True):
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


class ReportFigure(Stored, table=True):
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
    is_count = not _NO_COUNT.search(" ".join(key))
    number, such = r"\d{1,15}", "a whole number such as 12"
    if not is_count:
        number, such = rf"{number}(\.\d{{1,9}})?", "a number such as 12 or 0.5"
    if not re.fullmatch(number, value, re.ASCII):
        raise InvalidInput(f"{key[0]}, {key[1]}: expected {such}, got {value[:100]!r}")


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
    is_begun = period.start <= now  # else nothing is known of it, and 0 would be a figure
    values = _counted(session, platform, period, part, now) if is_begun else {}
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
        Part.APPEALS: complaints,
        Part.NOTICES: after_notices,
        Part.OWN_INITIATIVE_ILLEGAL: own_illegal,
        Part.OWN_INITIATIVE_TERMS: own_terms,
        Part.AUTOMATED: automated,
    }
    blank: Values = dict.fromkeys(keys(part))
    found = count[part](session, platform, period, now)
    assert found.keys() <= blank.keys(), found.keys() - blank.keys()
    return blank | found

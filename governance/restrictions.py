"""Parts 4 to 6 and 8 of the templates: measures that were decided in the period. Voided ones never
counted, and a warning restricts nothing."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col

from governance.exporting.templates import Key, Part, Values, categories
from governance.periods import Period
from governance.platforms import Platform
from governance.sanctions import Sanction
from governance.words import Automation, Ground, Measure, Source, Validity

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


def own_illegal(session: Session, platform: Platform, period: Period, _now: datetime) -> Values:
    return _own(session, platform, period, Part.OWN_INITIATIVE_ILLEGAL, Ground.ILLEGAL_CONTENT)


def own_terms(session: Session, platform: Platform, period: Period, _now: datetime) -> Values:
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


def after_notices(session: Session, platform: Platform, period: Period, _now: datetime) -> Values:
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


def automated(session: Session, platform: Platform, period: Period, _now: datetime) -> Values:
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

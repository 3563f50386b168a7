"""Transparency reports: part 7 of the EU's harmonised template, from the records."""

import csv
import io
from datetime import datetime
from urllib.parse import urlencode

import strawberry.pydantic
from pydantic import Field

from api.schema.computing import Asked
from api.schema.subjects import domain_of
from governance.errors import InvalidInput
from governance.exporting.templates import Part
from governance.fields import Shape, parse_instant, print_instant
from governance.periods import Period
from governance.reporting import report


@strawberry.pydantic.type(description="One figure of the harmonised template")
class ReportRow(Shape):
    section: str = Field(description="Section, as the template has it")
    indicator: str = Field(description="Indicator, as the template has it")
    scope: str = Field(description="Scope of the indicator, such as Decisions reversed")
    value: str | None = Field(description="The figure; null where the records don't tell")


@strawberry.pydantic.type(description="Part 7 of the harmonised template, in its 47 rows")
class TransparencyReport(Shape):
    published_at: datetime | None = Field(description="When it was published; null for a draft")
    version: int = Field(description="Number of the publication; 0 for a draft")
    rows: list[ReportRow] = Field(description="Every row of the template, in its order")
    csv_url: str = Field(description="The same as CSV on this node, in the template's shape")


@strawberry.pydantic.type(description="A report that a platform published")
class PublishedReport(Shape):
    starts_at: datetime = Field(description="Where its period begins")
    ends_at: datetime = Field(description="Where its period ends, itself not in it")
    version: int = Field(description="Number of the publication, from 1")
    published_at: datetime = Field(description="When it was published")


def instant(text: object, name: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise InvalidInput(f"{name}: {error}", path=[name]) from None


def report_of(asked: Asked, domain: str, start: str, end: str) -> TransparencyReport | None:
    """The newest published version, else a draft of what the records hold now."""
    period = Period(instant(start, "from"), instant(end, "to"))
    found = report(asked.session, domain_of(domain), period, Part.APPEALS, now=asked.now)
    if found is None:
        return None
    told = csv.DictReader(io.StringIO(found.text))
    rows = [
        ReportRow(
            section=row["Section"],
            indicator=row["Indicator"],
            scope=row["Scope"],
            value=row["Value"] or None,
        )
        for row in told
    ]
    query = urlencode({"from": print_instant(period.start), "to": print_instant(period.end)})
    return TransparencyReport(
        published_at=found.published_at,
        version=found.version,
        rows=rows,
        csv_url=f"/reports/{domain_of(domain)}/{Part.APPEALS}.csv?{query}",
    )

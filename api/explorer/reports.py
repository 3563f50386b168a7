"""Platforms' reports in the EU's template."""

from datetime import UTC, date, datetime
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.facets import bad, day_of
from api.explorer.site import AsGraphQL, Site
from api.explorer.telling import percent, span
from governance.exporting.templates import Part
from governance.fields import parse_instant, print_instant

PATH = "/reports"
HOUR = 3_600
PARTS = {
    Part.NOTICES: "4, notices",
    Part.OWN_INITIATIVE_ILLEGAL: "5, illegal content found by the platform",
    Part.OWN_INITIATIVE_TERMS: "6, breaches of its terms found by the platform",
    Part.APPEALS: "7, appeals",
    Part.AUTOMATED: "8, automated means",
}


def report_routes(site: Site) -> list[Route]:
    """The list of platforms' reports, and one."""

    async def listed(request: Request) -> Response:
        data = await site.desk.ask(request, "reports")
        platforms = [
            {**one, "published": published(one["publishedReports"])}
            for one in data["platforms"]["nodes"]
        ]
        asked = AsGraphQL("reports", {})
        return site.page(request, "reports", asked=asked, platforms=platforms)

    async def one(request: Request) -> Response:
        first, last = period_of(request, site.desk.executor.now())
        asked = {
            "platform": request.path_params["domain"],
            "from": print_instant(first),
            "to": print_instant(last),
        }
        data = await site.desk.ask(request, "report", asked)
        report = data["transparencyReport"]
        if data["platform"] is None or report is None:
            return site.missing(request, "No platform of this node has this domain.")
        rows = [row | {"value": told(row)} for row in report["rows"]]
        sections = [(name, list(of)) for name, of in groupby(rows, key=lambda row: row["section"])]
        return site.page(
            request,
            "report",
            asked=AsGraphQL("report", asked),
            is_indexed=not request.query_params,
            platform=data["platform"],
            report=report,
            sections=sections,
            parts=[(report["csvUrl"].replace(Part.APPEALS, part), PARTS[part]) for part in Part],
            first=first.date().isoformat(),
            last=last.date().isoformat(),
        )

    return [site.route(PATH, listed), site.route(f"{PATH}/{{domain}}", one)]


def published(reports: list[Data]) -> list[Data]:
    """The newest version of each period. Both are in order, newest first."""
    newest: dict[tuple[str, str], Data] = {}
    for report in reports:
        period = _day(report["startsAt"]), _day(report["endsAt"])
        newest.setdefault(period, {**report, "first": period[0], "last": period[1]})
    return list(newest.values())


def _day(instant: str) -> str:
    return parse_instant(instant).date().isoformat()


def told(row: Data) -> str:
    """A figure with its unit: medians are of hours, shares 0 to 1."""
    value: str | None = row["value"]
    if value is None:
        return ""
    if row["scope"] == "Median time":
        return span(float(value) * HOUR)
    return percent(float(value)) if row["scope"].startswith("Percentage") else value


def period_of(request: Request, now: datetime) -> tuple[datetime, datetime]:
    """The days that an address names, the last of them left out; else the last whole half-year."""
    today = now.astimezone(UTC).date()
    middle = date(today.year, 7, 1)
    begun = middle if today >= middle else date(today.year, 1, 1)
    earlier = date(today.year, 1, 1) if begun == middle else date(today.year - 1, 7, 1)
    query = request.query_params
    first = day_of("from", query["from"]) if query.get("from") else earlier
    last = day_of("to", query["to"]) if query.get("to") else begun
    if last <= first:
        raise bad(f"expected “from” before “to”, got {first} and {last}")
    if first > today:
        raise bad(f"from: expected a day that has begun, got {first}")
    midnight = datetime.min.time()
    return datetime.combine(first, midnight, UTC), datetime.combine(last, midnight, UTC)

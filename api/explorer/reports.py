"""Platforms' reports in the EU's template."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data, Desk
from api.explorer.facets import bad, day_of
from api.explorer.platforms import page_of
from api.explorer.site import AsGraphQL, Site
from api.explorer.telling import percent, span
from governance.exporting.templates import Part
from governance.fields import parse_instant, print_instant

PATH = "/reports"
LISTED = 100  # platforms on a page
READ = 1_000  # platforms at once
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
        named = sorted(
            await all_reports(site.desk, request),
            key=lambda one: (one["name"].casefold(), one["domain"]),
        )
        page = page_of(request, len(named), LISTED)
        shown = named[(page - 1) * LISTED : page * LISTED]
        platforms = [{**one, "published": published(one["publishedReports"])} for one in shown]
        first, last = half_year(site.desk.executor.now().astimezone(UTC).date())
        half = f"{first:%B} to {last:%B %Y}"
        return site.page(
            request,
            "reports",
            asked=AsGraphQL("reports", {}),
            feed=f"{PATH}.atom",
            is_indexed=not request.query_params,
            platforms=platforms,
            half=half,
            newer=f"{PATH}?page={page - 1}" if page > 1 else None,
            older=f"{PATH}?page={page + 1}" if page * LISTED < len(named) else None,
        )

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
        sections = [(name, grouped(of, "indicator")) for name, of in grouped(rows, "section")]
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
            last=last_day(last).isoformat(),
        )

    return [site.route(PATH, listed), site.route(f"{PATH}/{{domain}}", one)]


async def all_reports(desk: Desk, request: Request) -> list[Data]:
    """Every platform with what it published."""
    found, asked = list[Data](), {"first": READ}
    while True:
        data = (await desk.ask(request, "reports", asked))["platforms"]
        found += data["nodes"]
        if not data["pageInfo"]["hasNextPage"]:
            return found
        asked = {"first": READ, "after": data["pageInfo"]["endCursor"]}


def grouped(rows: Iterable[Data], name: str) -> list[tuple[str, list[Data]]]:
    """Rows by a value; those with the same follow each other."""
    return [(value, list(of)) for value, of in groupby(rows, key=itemgetter(name))]


def published(reports: list[Data]) -> list[Data]:
    """The newest version of each period. Both are in order, newest first."""
    newest: dict[tuple[str, str], Data] = {}
    for report in reports:
        start, end = parse_instant(report["startsAt"]), parse_instant(report["endsAt"])
        period = start.date().isoformat(), last_day(end).isoformat()
        newest.setdefault(period, {**report, "first": period[0], "last": period[1]})
    return list(newest.values())


def last_day(end: datetime) -> date:
    """The last day of a period, which ends before this instant."""
    return (end - timedelta(microseconds=1)).date()


def told(row: Data) -> str:
    """A figure with its unit: medians are of hours, shares 0 to 1."""
    value: str | None = row["value"]
    if value is None:
        return ""
    if row["scope"] == "Median time":
        return span(float(value) * HOUR)
    return percent(float(value)) if row["scope"].startswith("Percentage") else value


def period_of(request: Request, now: datetime) -> tuple[datetime, datetime]:
    """When the days begin and end that an address names, both included; else those of the last
    whole half-year."""
    today, query = now.astimezone(UTC).date(), request.query_params
    half = half_year(today)
    first = day_of("from", query["from"]) if query.get("from") else half[0]
    last = day_of("to", query["to"]) if query.get("to") else half[1]
    if last < first:
        raise bad(f"expected “from” not after “to”, got {first} and {last}")
    if first > today:
        raise bad(f"from: expected a day that has begun, got {first}")
    midnight, end = datetime.min.time(), last + timedelta(days=1)
    return datetime.combine(first, midnight, UTC), datetime.combine(end, midnight, UTC)


def half_year(today: date) -> tuple[date, date]:
    """The first and the last day of the last half-year that is over."""
    if today.month > 6:
        return date(today.year, 1, 1), date(today.year, 6, 30)
    return date(today.year - 1, 7, 1), date(today.year - 1, 12, 31)

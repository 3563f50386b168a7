"""Data to take along: files of each day, and platforms' reports in the EU's template."""

from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.facets import bad, day_of
from api.explorer.lists import paged
from api.explorer.site import AsGraphQL, Site
from governance.fields import print_instant

PATH = "/data"
FILES = 120  # on a page


def data_routes(site: Site) -> list[Route]:
    """The pages of files and of reports."""

    async def files(request: Request) -> Response:
        asked = paged(request, size=FILES)
        data = await site.desk.ask(request, "exports", asked)
        found, info = data["exports"], data["exports"]["pageInfo"]
        newer = f"{PATH}?before={info['startCursor']}" if info["hasPreviousPage"] else None
        older = f"{PATH}?after={info['endCursor']}" if info["hasNextPage"] else None
        return site.page(
            request,
            "data",
            asked=AsGraphQL("exports", asked),
            is_indexed=not request.query_params,
            days=by_day(found["nodes"]),
            platforms=data["platforms"]["nodes"],
            newer=newer,
            older=older,
        )

    async def report(request: Request) -> Response:
        first, last = period_of(request, site.desk.executor.now())
        asked = {
            "platform": request.path_params["domain"],
            "from": print_instant(first),
            "to": print_instant(last),
        }
        data = await site.desk.ask(request, "report", asked)
        if data["platform"] is None or data["transparencyReport"] is None:
            return site.missing(request, "No platform of this node has this domain.")
        rows = data["transparencyReport"]["rows"]
        sections = [(name, list(of)) for name, of in groupby(rows, key=lambda row: row["section"])]
        return site.page(
            request,
            "report",
            asked=AsGraphQL("report", asked),
            is_indexed=not request.query_params,
            platform=data["platform"],
            report=data["transparencyReport"],
            sections=sections,
            first=first.date().isoformat(),
            last=last.date().isoformat(),
        )

    return [site.route(PATH, files), site.route("/reports/{domain}", report)]


def by_day(nodes: list[Data]) -> list[dict[str, Any]]:
    """Files by day and dataset, each with its formats."""
    rows = []
    for (day, dataset), files in groupby(nodes, key=lambda node: (node["day"], node["dataset"])):
        listed = list(files)
        rows.append({"day": day, "dataset": dataset, "files": listed, **listed[0]})
    return rows


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
    midnight = datetime.min.time()
    return datetime.combine(first, midnight, UTC), datetime.combine(last, midnight, UTC)

"""Platforms: side by side, and one."""

import re
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.facets import CATEGORY, DURATION, SANCTIONS, bad
from api.explorer.figures import Figure, automated, by_day, by_facet, figure, only
from api.explorer.periods import Period
from api.explorer.site import AsGraphQL, Site
from api.explorer.telling import number, percent, span

PATH = "/platforms"
LISTED = 100  # on a page
COLUMNS = {
    "name": "Platform",
    "decisions": "Decisions",
    "length": "Median length",
    "automated": "By machines alone",
    "appeals": "Appeals",
    "overturned": "Overturned",
    "answered": "Median answer",
    "overdue": "Answers overdue",
    "echoes": "Echoes",
    "late": "Corrections overdue",
}


def platform_routes(site: Site) -> list[Route]:
    """What is served under /platforms."""

    async def listed(request: Request) -> Response:
        period = Period.of(request, site.desk.executor.now())
        sort = request.query_params.get("sort", "decisions")
        if sort not in COLUMNS:
            raise bad(f"sort: expected one of {', '.join(COLUMNS)}")
        asked = {"filter": period.between("issued")}
        data = await site.desk.kept(request, "side_by_side", asked)
        rows = side_by_side(data, sort)
        page = page_of(request, len(rows), LISTED)
        this = f"{PATH}?days={period.name}&sort={sort}&page="
        return site.page(
            request,
            "platforms",
            asked=AsGraphQL("side_by_side", asked),
            feed=f"{PATH}.atom",
            is_indexed=not request.query_params,
            rows=rows[(page - 1) * LISTED : page * LISTED],
            newer=f"{this}{page - 1}" if page > 1 else None,
            older=f"{this}{page + 1}" if page * LISTED < len(rows) else None,
            columns=COLUMNS,
            sort=sort,
            as_of=data["statistics"]["asOf"],
            **period.told,
        )

    async def one(request: Request) -> Response:
        period = Period.of(request, site.desk.executor.now())
        domain = request.path_params["domain"]
        asked = {"domain": domain}
        data = await site.found(request, "platform", asked)
        if data is None or (platform := data["platform"]) is None:
            return site.missing(request, "No platform of this node has this domain.")
        own = {"platform": platform["domain"]}
        spans = {
            n: period.between("issued", back) | own for back, n in enumerate(("now", "before"))
        }
        told = await site.desk.kept(request, "platform_figures", spans)
        of_it = f"&platform={platform['domain']}"
        return site.page(
            request,
            "platform",
            asked=AsGraphQL("platform_figures", spans),
            feed=f"/sanctions.atom?platform={platform['domain']}",
            is_indexed=not request.query_params,
            platform=platform,
            nodes=data["sanctions"]["nodes"],
            decided=only(told, "now")["sanctionCount"],
            has_before=only(told, "before")["sanctionCount"] > 0,
            figures=figures(told, f"{SANCTIONS.path}?from={period.first}&to={period.last}{of_it}"),
            days=by_day(told, period),
            categories=by_facet(told, CATEGORY, period, of_it),
            durations=by_facet(told, DURATION, period, of_it),
            **period.told,
        )

    return [site.route(PATH, listed), site.route(f"{PATH}/{{domain}}", one)]


def page_of(request: Request, rows: int, size: int) -> int:
    """The page that an address names; Problem for one that isn't there."""
    last = max(1, -(-rows // size))
    text = request.query_params.get("page", "1")
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII) or not 1 <= int(text) <= last:
        raise bad(f"page: expected 1 to {last}")
    return int(text)


def figures(data: Data, counted: str) -> list[Figure]:
    """A platform's key figures, each against the period before, if it decided anything then; and
    the list of its decisions."""
    now, before = only(data, "now"), only(data, "before")
    length, answer = "medianDurationSeconds", "medianSecondsToDecision"
    machines = automated(data)
    found = [
        figure("Decisions", now["sanctionCount"], before["sanctionCount"], number, counted),
        figure("Median length", now[length], before[length], span),
        figure("Decided by machines alone", *machines, percent, f"{counted}&automation=FULLY"),
        figure("Appeals", now["appealCount"], before["appealCount"], number),
        figure("Appeals decided", now["decidedCount"], before["decidedCount"], number),
        figure("Overturned on appeal", now["overturnRate"], before["overturnRate"], percent),
        figure("Median time to an answer", now[answer], before[answer], span),
        figure("Answers overdue", now["overdueAppealCount"], before["overdueAppealCount"], number),
    ]
    return found if before["sanctionCount"] else [replace(one, compared="") for one in found]


def side_by_side(data: Data, sort: str) -> list[dict[str, Any]]:
    """A row for each platform, sorted by a column; those that decided nothing come last."""
    figures = {row["keys"][0]: row for row in data["statistics"]["rows"]}
    machines: dict[str, int] = {}
    for row in data["automations"]["rows"]:
        if row["keys"][1] == "FULLY":
            machines[row["keys"][0]] = row["sanctionCount"]
    rows = []
    names = {one["domain"]: one["name"] for one in data["platforms"]["nodes"]}
    for domain in dict.fromkeys((*names, *figures)):
        told = figures.get(domain, {})
        decisions = told.get("sanctionCount", 0)
        rows.append(
            {
                "domain": domain,
                "name": names.get(domain, domain),
                "decisions": decisions,
                "length": told.get("medianDurationSeconds"),
                "automated": machines.get(domain, 0) / decisions if decisions else None,
                "appeals": told.get("appealCount", 0),
                "decided": told.get("decidedCount", 0),
                "overturned": told.get("overturnRate"),
                "answered": told.get("medianSecondsToDecision"),
                "overdue": told.get("overdueAppealCount", 0),
                "echoes": told.get("echoCount", 0) / decisions if decisions else None,
                "late": told.get("overdueReceiptCount", 0),
            }
        )
    rows.sort(key=lambda row: row["name"].casefold())
    if sort != "name":
        rows.sort(key=lambda row: -1 if row[sort] is None else row[sort], reverse=True)
    return rows

"""Categories: what decisions were for."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.periods import Period
from api.explorer.site import AsGraphQL, Site


def category_route(site: Site) -> Route:
    """The page of all categories."""

    async def categories(request: Request) -> Response:
        period = Period.of(request, site.desk.executor.now())
        asked = {"filter": period.between("issued")}
        data = (await site.desk.kept(request, "categories", asked))["statistics"]
        most = max((row["sanctionCount"] for row in data["rows"]), default=0) or 1
        rows = [
            {
                "code": row["keys"][0],
                "decisions": row["sanctionCount"],
                "share": 100 * row["sanctionCount"] / most,
                "length": row["medianDurationSeconds"],
                "appeals": row["appealCount"],
                "decided": row["decidedCount"],
                "overturned": row["overturnRate"],
                "answered": row["medianSecondsToDecision"],
            }
            for row in sorted(data["rows"], key=lambda row: -row["sanctionCount"])
        ]
        return site.page(
            request,
            "categories",
            asked=AsGraphQL("categories", asked),
            is_indexed=not request.query_params,
            rows=rows,
            as_of=data["asOf"],
            **period.told,
        )

    return site.route("/categories", categories)

"""Data to take along: files of each day, and what their columns are."""

from itertools import groupby
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.lists import paged
from api.explorer.site import AsGraphQL, Site
from governance.exporting.columns import ALL

PATH = "/data"
FILES = 120  # on a page


def data_routes(site: Site) -> list[Route]:
    """The pages of files and of their columns."""

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
            newer=newer,
            older=older,
        )

    async def columns(request: Request) -> Response:
        return site.page(request, "columns", datasets=ALL.values())

    return [site.route(PATH, files), site.route(f"{PATH}/columns", columns)]


def by_day(nodes: list[Data]) -> list[dict[str, Any]]:
    """Files by day and dataset, each with its formats."""
    rows = []
    for (day, dataset), files in groupby(nodes, key=lambda node: (node["day"], node["dataset"])):
        listed = list(files)
        rows.append({"day": day, "dataset": dataset, "files": listed, **listed[0]})
    return rows

"""Data to take along: files of each day, and what their columns are."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.lists import paged, turned_at
from api.explorer.site import AsGraphQL, Site
from governance.exporting.columns import ALL
from governance.exporting.grouping import ROWS

PATH = "/data"
FILES = 120  # on a page


def data_routes(site: Site) -> list[Route]:
    """The pages of files and of their columns."""

    async def files(request: Request) -> Response:
        asked = paged(request, size=FILES)
        data = await site.desk.ask(request, "exports", asked)
        found = data["exports"]
        return site.page(
            request,
            "data",
            asked=AsGraphQL("exports", asked),
            feed=f"{PATH}.atom",
            is_indexed=not request.query_params,
            days=by_day(found["nodes"]),
            **turned_at(PATH, found["pageInfo"]),
        )

    async def columns(request: Request) -> Response:
        return site.page(request, "columns", datasets=[*ALL.values(), ROWS])

    return [site.route(PATH, files), site.route(f"{PATH}/columns", columns)]


def by_day(nodes: list[Data]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Each day with its datasets, each of these with its files."""
    return [(day, by_dataset(files)) for day, files in groupby(nodes, key=itemgetter("day"))]


def by_dataset(files: Iterable[Data]) -> list[dict[str, Any]]:
    each = [list(of) for _, of in groupby(files, key=itemgetter("dataset"))]
    return [{**of[0], "files": of} for of in each]

"""Appeals: the list of all of them."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.facets import APPEALS, SORTS, Selection, sort_of
from api.explorer.lists import paged, total_told, turned
from api.explorer.site import AsGraphQL, Site


def appeals_route(site: Site) -> Route:
    """The list at /appeals."""

    async def listed(request: Request) -> Response:
        selection = Selection.of(APPEALS, request.query_params)
        sort, late = sort_of(request.query_params), selection.choosing("overdue", "yes")
        asked = {"filter": selection.filter(), **paged(request, sort)}
        data, overdue = await asyncio.gather(
            site.desk.ask(request, "appeals", asked),
            site.desk.kept(request, "overdue", {"filter": late.filter()}),
        )
        found, platforms = data["appeals"], data["platforms"]["nodes"]
        offered = [(facet, list(selection.offered(facet, platforms))) for facet in APPEALS.facets]
        return site.page(
            request,
            "appeals",
            asked=AsGraphQL("appeals", asked),
            feed=selection.address("/appeals.atom"),
            is_indexed=not request.query_params,
            selection=selection,
            facets=offered,
            sorts=SORTS,
            sort=sort,
            nodes=found["nodes"] if sort == "newest" else found["nodes"][::-1],
            total=found["totalCount"],
            total_told=total_told(found),
            overdue=overdue["appeals"]["totalCount"],
            overdue_address=late.address(),
            **turned(selection, sort, found["pageInfo"]),
        )

    return site.route("/appeals", listed)

"""Appeals: the list of all of them."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.facets import APPEALS, Selection
from api.explorer.lists import paged, total_told, turned
from api.explorer.site import AsGraphQL, Site


def appeals_route(site: Site) -> Route:
    """The list at /appeals."""

    async def listed(request: Request) -> Response:
        selection = Selection.of(APPEALS, request.query_params)
        asked = {"filter": selection.filter(), **paged(request)}
        data = await site.desk.ask(request, "appeals", asked)
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
            nodes=found["nodes"],
            total=found["totalCount"],
            total_told=total_told(found),
            **turned(selection, "newest", found["pageInfo"]),
        )

    return site.route("/appeals", listed)

"""Appeals: the list of all of them."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.courtesy import unhurried
from api.explorer.counts import counts, offered_platforms
from api.explorer.facets import APPEALS, SORTS, Selection, sort_of
from api.explorer.lists import paged, turned
from api.explorer.site import AsGraphQL, Site


def appeals_route(site: Site) -> Route:
    """The list at /appeals."""

    async def listed(request: Request) -> Response:
        selection = Selection.of(APPEALS, request.query_params)
        sort = sort_of(request.query_params)
        asked = {"filter": selection.filter(), **paged(request, sort)}
        data, counted, platforms = await asyncio.gather(
            site.desk.ask(request, "appeals", asked | {"counts": False}),
            counts(site.desk, request, selection),
            offered_platforms(site.desk, request),
        )
        found = data["appeals"]
        turns, nodes = turned(selection, sort, found["pageInfo"]), found["nodes"]
        if not any(turns.values()):  # these are all
            counted = counted.of_all(len(nodes), selection)
        return site.page(
            request,
            "appeals",
            asked=AsGraphQL("appeals", asked),
            feed=selection.address("/appeals.atom"),
            is_indexed=not request.query_params,
            selection=selection,
            facets=await unhurried(counted.offers(selection, platforms)),
            is_estimated=counted.is_estimated,
            is_about=counted.is_about,
            sorts=SORTS,
            sort=sort,
            nodes=nodes if sort == "newest" else nodes[::-1],
            total=counted.total,
            overdue=counted.by_value.get(("overdue", "yes")),
            overdue_address=selection.choosing("overdue", "yes").address(),
            **turns,
        )

    return site.route("/appeals", listed)

"""Sanctions: the list with its facets, and one of them."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.courtesy import unhurried
from api.explorer.counts import counts, offered_platforms
from api.explorer.facets import SANCTIONS, SORTS, Selection, sort_of
from api.explorer.lists import paged, turned
from api.explorer.site import AsGraphQL, Site
from api.explorer.timelines import timeline


def sanction_routes(site: Site) -> list[Route]:
    """What is served under /sanctions."""

    async def listed(request: Request) -> Response:
        selection = Selection.of(SANCTIONS, request.query_params)
        sort = sort_of(request.query_params)
        asked = {"filter": selection.filter(), **paged(request, sort)}
        data, counted, platforms = await asyncio.gather(
            site.desk.ask(request, "sanctions", asked | {"counts": False}),
            counts(site.desk, request, selection),
            offered_platforms(site.desk, request),
        )
        found = data["sanctions"]
        turns, nodes = turned(selection, sort, found["pageInfo"]), found["nodes"]
        if not any(turns.values()):  # these are all
            counted = counted.of_all(len(nodes), selection)
        return site.page(
            request,
            "sanctions",
            asked=AsGraphQL("sanctions", asked),
            feed=selection.address("/sanctions.atom"),
            is_indexed=not request.query_params,
            selection=selection,
            facets=await unhurried(counted.offers(selection, platforms)),
            is_estimated=counted.is_estimated,
            is_about=counted.is_about,
            sorts=SORTS,
            sort=sort,
            nodes=nodes if sort == "newest" else nodes[::-1],
            total=counted.total,
            **turns,
        )

    async def one(request: Request) -> Response:
        asked = {"id": request.path_params["id"]}
        data = await site.found(request, "sanction", asked)
        if data is None or (sanction := data["sanction"]) is None:
            return site.missing(request, "No sanction of this node has this id.")
        return site.page(
            request,
            "sanction",
            asked=AsGraphQL("sanction", asked),
            sanction=sanction,
            log=data["log"],
            timeline=timeline(sanction, data["eventPage"]["nodes"]),
            is_cut=data["eventPage"]["hasNextPage"],
        )

    return [site.route("/sanctions", listed), site.route("/sanctions/{id}", one)]

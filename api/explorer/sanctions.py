"""A sanction: what was decided, and what came of it."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.site import AsGraphQL, Site
from api.explorer.timelines import timeline


def sanction_route(site: Site) -> Route:
    """The page of each, under /sanctions."""

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

    return site.route("/sanctions/{id}", one)

"""Platforms: all of them, and one."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.site import AsGraphQL, Site

PATH = "/platforms"
PAGE = 100


def platform_routes(site: Site) -> list[Route]:
    """What is served under /platforms."""

    async def listed(request: Request) -> Response:
        query = request.query_params
        asked: dict[str, object] = {"first": PAGE}
        if before := query.get("before"):
            asked = {"last": PAGE, "before": before}
        elif after := query.get("after"):
            asked["after"] = after
        found = (await site.desk.ask(request, "platforms", asked))["platforms"]
        info = found["pageInfo"]
        newer = f"{PATH}?before={info['startCursor']}" if info["hasPreviousPage"] else None
        older = f"{PATH}?after={info['endCursor']}" if info["hasNextPage"] else None
        asked_as = AsGraphQL("platforms", asked)
        return site.page(
            request, "platforms", asked=asked_as, nodes=found["nodes"], newer=newer, older=older
        )

    async def one(request: Request) -> Response:
        asked = {"domain": request.path_params["domain"]}
        data = await site.desk.ask(request, "platform", asked)
        if data["platform"] is None:
            return site.missing(request, "No platform of this node has this domain.")
        return site.page(
            request,
            "platform",
            asked=AsGraphQL("platform", asked),
            feed=f"/sanctions.atom?platform={data['platform']['domain']}",
            platform=data["platform"],
            nodes=data["sanctions"]["nodes"],
            appeals=data["appeals"]["nodes"],
        )

    return [site.route(PATH, listed), site.route(f"{PATH}/{{domain}}", one)]

"""Every page of the site."""

import re
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.auth import Members
from api.explorer.appellants import appellant_routes
from api.explorer.categories import category_route
from api.explorer.data import data_routes
from api.explorer.downloads import download_routes
from api.explorer.facets import APPEALS, SANCTIONS, bad
from api.explorer.feeds import feed_routes
from api.explorer.lists import list_route
from api.explorer.overview import overview_route
from api.explorer.passing import Passed
from api.explorer.platforms import platform_routes
from api.explorer.reports import report_routes
from api.explorer.sanctions import sanction_route
from api.explorer.site import AsGraphQL, Site
from api.explorer.staff import staff_routes
from governance.settings import Keys


def personal_routes(site: Site, keys: Keys, members: Members) -> Sequence[Route]:
    """Pages for the sanctioned and for staff, who may change something."""
    return [*appellant_routes(site, keys), *staff_routes(site, keys, members)]


def public_routes(site: Site) -> Sequence[Route]:
    """Pages for everybody, of which there are many; they change nothing."""

    async def policy(request: Request) -> Response:
        data = await site.desk.ask(request, "policy")
        return site.page(request, "policy", asked=AsGraphQL("policy", {}), policy=data["policy"])

    async def log(request: Request) -> Response:
        asked = {"smallerThan": before_of(request)}
        data = await site.desk.ask(request, "log", asked)
        told = {
            "feed": "/log.atom",
            "log": data["log"],
            "peers": data["peers"],
            "is_newest": asked["smallerThan"] is None,
        }
        shown = AsGraphQL("log", asked)
        return site.page(request, "log", asked=shown, is_indexed=not request.query_params, **told)

    async def robots(request: Request) -> Response:
        return PlainTextResponse("User-agent: *\nDisallow: /appeal$\nDisallow: /staff\n")

    return [
        overview_route(site),
        *feed_routes(site),
        *download_routes(site),
        list_route(site, SANCTIONS),
        list_route(site, APPEALS),
        sanction_route(site),
        category_route(site),
        *data_routes(site),
        *report_routes(site),
        *platform_routes(site),
        site.route("/policy", policy),
        site.route("/log", log),
        site.route("/robots.txt", robots),
    ]


def passed(routes: Sequence[Route], path: str, site: Site) -> Sequence[Route]:
    """The same, each page made by the process that listens at the path."""
    return [Route(it.path, Passed(path, it.app, site), methods=it.methods) for it in routes]


def before_of(request: Request) -> int | None:
    """The size that earlier checkpoints of the log are asked for by; Problem for no number."""
    text = request.query_params.get("before")
    if text is not None and not re.fullmatch("[0-9]{1,15}", text, re.ASCII):
        raise bad("before: expected the size of a checkpoint")
    return None if text is None else int(text)

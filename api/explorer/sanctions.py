"""Sanctions: the list with its facets, and one of them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data, Problem
from api.explorer.facets import FACETS, FLAGS, SORTS, Selection, sort_of
from api.explorer.site import AsGraphQL, Site
from api.explorer.telling import meaning
from governance.rules.lifecycle import OPEN
from governance.words import EndReason, Outcome

PATH = "/sanctions"
PAGE = 25


def sanction_routes(site: Site) -> list[Route]:
    """What is served under /sanctions."""

    async def listed(request: Request) -> Response:
        selection, sort = Selection.of(request.query_params), sort_of(request.query_params)
        asked = {"filter": selection.filter(), **paged(request, sort)}
        data = await site.desk.ask(request, "sanctions", asked)
        found, platforms = data["sanctions"], data["platforms"]["nodes"]
        nodes = found["nodes"] if sort == "newest" else found["nodes"][::-1]
        offered = [(facet, list(selection.offered(facet, platforms))) for facet in FACETS]
        return site.page(
            request,
            "sanctions",
            asked=AsGraphQL("sanctions", asked),
            feed=selection.address("/sanctions.atom"),
            is_indexed=not request.query_params,
            selection=selection,
            facets=[(facet, choices) for facet, choices in offered if choices],
            flags=FLAGS,
            sorts=SORTS,
            sort=sort,
            nodes=nodes,
            total=found["totalCount"],
            newer=turned(selection, sort, found["pageInfo"], is_back=True),
            older=turned(selection, sort, found["pageInfo"], is_back=False),
        )

    async def one(request: Request) -> Response:
        asked = {"id": request.path_params["id"]}
        data = await site.desk.ask(request, "sanction", asked)
        sanction = data["sanction"]
        if sanction is None:
            return site.missing(request, "No sanction of this node has this id.")
        return site.page(
            request,
            "sanction",
            asked=AsGraphQL("sanction", asked),
            sanction=sanction,
            log=data["log"],
            timeline=timeline(sanction),
        )

    return [site.route(PATH, listed), site.route(f"{PATH}/{{id}}", one)]


def paged(request: Request, sort: str) -> dict[str, Any]:
    """A page's arguments. Sorted the other way, the list is read from its end."""
    query = request.query_params
    after, before = query.get("after"), query.get("before")
    if after and before:
        raise Problem(400, "That can't be asked", "expected after or before, not both")
    if sort == "oldest":
        after, before = before, after
    if before or (sort == "oldest" and not after):
        return {"last": PAGE} | ({"before": before} if before else {})
    return {"first": PAGE} | ({"after": after} if after else {})


def turned(selection: Selection, sort: str, info: Data, *, is_back: bool) -> str | None:
    """The address of the page before or after, if there is one."""
    more = {} if sort == "newest" else {"sort": sort}
    is_start = is_back is (sort == "newest")
    if not info["hasPreviousPage" if is_start else "hasNextPage"]:
        return None
    cursor = info["startCursor" if is_start else "endCursor"]
    return selection.address(PATH, **more, **{"before" if is_back else "after": cursor or ""})


def timeline(sanction: Data) -> list[tuple[str, str, str]]:
    """What happened to a sanction, and what will: when, what, and how."""
    found = [(sanction["issuedAt"], "Issued", "")]
    if sanction["effectiveAt"] > sanction["issuedAt"]:
        found.append((sanction["effectiveAt"], "Begins", ""))
    if sanction["approvedAt"]:
        found.append((sanction["approvedAt"], "Approved", "by a second moderator"))
    for appeal in sanction["appeals"]["nodes"]:
        found.append((appeal["filedAt"], "Appealed", ""))
        if appeal["outcome"]:
            outcome = meaning(Outcome[appeal["outcome"]])
            found.append((appeal["decidedAt"], "Appeal decided", outcome))
        elif appeal["isOverdue"]:
            found.append((appeal["dueAt"], "An answer was due", "and is overdue"))
        elif appeal["state"] in OPEN:
            found.append((appeal["dueAt"], "An answer is due", ""))
    if sanction["endedAt"]:
        reason = meaning(EndReason[sanction["endReason"]])
        found.append((sanction["endedAt"], "Ended", reason))
    elif sanction["expiresAt"]:
        found.append((sanction["expiresAt"], "Ends", ""))
    return sorted(found, key=lambda one: one[0])

"""Sanctions: the list with its facets, and one of them."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.counts import counts
from api.explorer.facets import SANCTIONS, SORTS, Selection, sort_of
from api.explorer.lists import paged, turned
from api.explorer.site import AsGraphQL, Site
from api.explorer.telling import meaning
from api.schema.facets import MOST_NEWEST
from governance.rules.lifecycle import OPEN
from governance.words import EndReason, Outcome, ReceiptState


def sanction_routes(site: Site) -> list[Route]:
    """What is served under /sanctions."""

    async def listed(request: Request) -> Response:
        selection = Selection.of(SANCTIONS, request.query_params)
        sort = sort_of(request.query_params)
        asked = {"filter": selection.filter(), **paged(request, sort)}
        data, counted = await asyncio.gather(
            site.desk.ask(request, "sanctions", asked | {"counts": False}),
            counts(site.desk, request, selection),
        )
        found, platforms = data["sanctions"], data["platforms"]["nodes"]
        offered = [
            (facet, counted.on(list(selection.offered(facet, platforms))))
            for facet in SANCTIONS.facets
        ]
        return site.page(
            request,
            "sanctions",
            asked=AsGraphQL("sanctions", asked),
            feed=selection.address("/sanctions.atom"),
            is_indexed=not request.query_params,
            selection=selection,
            facets=[(facet, choices) for facet, choices in offered if choices],
            is_estimated=counted.is_estimated,
            exact=MOST_NEWEST,
            sorts=SORTS,
            sort=sort,
            nodes=found["nodes"] if sort == "newest" else found["nodes"][::-1],
            total=counted.total,
            **turned(selection, sort, found["pageInfo"]),
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

    return [site.route("/sanctions", listed), site.route("/sanctions/{id}", one)]


def timeline(sanction: Data) -> list[tuple[str, str, str]]:
    """What happened to a sanction, and what will: when, what, and how."""
    found = [(sanction["issuedAt"], "Issued", "")]
    if sanction["effectiveAt"] > sanction["issuedAt"]:
        found.append((sanction["effectiveAt"], "Begins", ""))
    if sanction["approvedAt"]:
        found.append((sanction["approvedAt"], "Approved", "by a second moderator"))
    for appeal in sanction["appeals"]["nodes"]:
        # An appeal goes on against what takes its decision's place.
        is_older = appeal["filedAt"] < sanction["issuedAt"]
        against = "against the decision that this one replaced" if is_older else ""
        found.append((appeal["filedAt"], "Appealed", against))
        if appeal["outcome"]:
            outcome = meaning(Outcome[appeal["outcome"]])
            found.append((appeal["decidedAt"], "Appeal decided", outcome))
        elif appeal["isOverdue"]:
            found.append((appeal["dueAt"], "An answer was due", "and is overdue"))
        elif appeal["state"] in OPEN:
            found.append((appeal["dueAt"], "An answer is due", ""))
    for receipt in sanction["receipts"]["nodes"]:
        told = f"{receipt['platform']['name']}: {meaning(ReceiptState[receipt['state']])}"
        found.append((receipt["at"], told, ""))
    if sanction["endedAt"]:
        reason = meaning(EndReason[sanction["endReason"]])
        found.append((sanction["endedAt"], "Ended", reason))
    elif sanction["expiresAt"]:
        found.append((sanction["expiresAt"], "Ends", ""))
    return sorted(found, key=lambda one: one[0])

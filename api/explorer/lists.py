"""What lists share: their pages by cursor, both ways, in either order; and those of everything."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.courtesy import unhurried
from api.explorer.asking import Data
from api.explorer.counts import counts, offered_platforms
from api.explorer.facets import SORTS, Selection, Shelf, bad, sort_of
from api.explorer.site import PUBLIC, AsGraphQL, Site, address

PAGE = 25


def list_route(site: Site, shelf: Shelf) -> Route:
    """The list of everything on the shelf, with its facets."""
    name = shelf.path[1:]

    async def listed(request: Request) -> Response:
        if short := without_blanks(request):
            return RedirectResponse(short, status_code=303, headers=PUBLIC)
        selection = Selection.of(shelf, request.query_params)
        sort = sort_of(request.query_params)
        asked = {"filter": selection.filter(), **paged(request, sort)}
        data, counted, platforms = await asyncio.gather(
            site.desk.ask(request, name, asked | {"counts": False}),
            counts(site.desk, request, selection),
            offered_platforms(site.desk, request),
        )
        found = data[name]
        turns, nodes = turned(selection, sort, found["pageInfo"]), found["nodes"]
        if not any(turns.values()):  # these are all
            counted = counted.of_all(len(nodes), selection)
        return site.page(
            request,
            name,
            asked=AsGraphQL(name, asked),
            feed=selection.address(f"{shelf.path}.atom"),
            is_indexed=not request.query_params,
            selection=selection,
            facets=await unhurried(counted.offers(selection, platforms)),
            is_estimated=counted.is_estimated,
            is_about=counted.is_about,
            sorts=SORTS,
            sort=sort,
            nodes=nodes if sort == "newest" else nodes[::-1],
            total=counted.total,
            counts=counted.by_value,
            **turns,
        )

    return site.route(shelf.path, listed)


def without_blanks(request: Request) -> str:
    """The address without the fields of a form that were left empty; empty where none were."""
    given = request.query_params.multi_items()
    kept = [(name, value) for name, value in given if value.strip()]
    return address(request, kept) if len(kept) < len(given) else ""


def paged(request: Request, sort: str = "newest", size: int = PAGE) -> dict[str, Any]:
    """A page's arguments. Sorted the other way, the list is read from its end."""
    query = request.query_params
    after, before = query.get("after"), query.get("before")
    if after and before:
        raise bad("expected after or before, not both")
    if sort == "oldest":
        after, before = before, after
    if before or (sort == "oldest" and not after):
        return {"last": size} | ({"before": before} if before else {})
    return {"first": size} | ({"after": after} if after else {})


def turned(selection: Selection, sort: str, info: Data) -> dict[str, Any]:
    """The addresses of the pages before and after, where there are any."""
    return {"newer": _to(selection, sort, info, True), "older": _to(selection, sort, info, False)}


def turned_at(path: str, info: Data) -> dict[str, Any]:
    """The same of a list in one order that isn't narrowed."""
    newer = f"{path}?before={info['startCursor']}" if info["hasPreviousPage"] else None
    older = f"{path}?after={info['endCursor']}" if info["hasNextPage"] else None
    return {"newer": newer, "older": older}


def _to(selection: Selection, sort: str, info: Data, is_back: bool) -> str | None:
    more = {} if sort == "newest" else {"sort": sort}
    is_start = is_back is (sort == "newest")
    if not info["hasPreviousPage" if is_start else "hasNextPage"]:
        return None
    cursor = info["startCursor" if is_start else "endCursor"]
    return selection.address(**more, **{"before" if is_back else "after": cursor or ""})

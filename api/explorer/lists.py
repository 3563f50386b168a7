"""What lists share: their pages by cursor, both ways, in either order."""

from typing import Any

from starlette.requests import Request

from api.explorer.asking import Data
from api.explorer.facets import Selection, bad

PAGE = 25


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

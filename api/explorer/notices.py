"""What a platform's staff has to hand on, and to correct: by pages, oldest first."""

from starlette.requests import Request

from api.explorer.asking import Data, Desk
from api.explorer.lists import PAGE
from governance.membership import Actor

MOST_LOOKS = 20  # at the feed, each at tens of thousands of places, before one is to go on


async def notices_due(desk: Desk, request: Request, actor: Actor) -> tuple[list[Data], str | None]:
    """Notices for people whose accounts the platform hosts, which nobody has recorded yet; and
    after which place of the feed there may be more."""
    found: list[Data] = []
    after = request.query_params.get("after")
    for _ in range(MOST_LOOKS):
        asked = {"after": after, "first": PAGE - len(found)}
        page = (await desk.ask(request, "notices", asked, actor=actor))["eventPage"]
        found += page["nodes"]
        after = page["endCursor"] if page["hasNextPage"] else None
        if after is None or len(found) == PAGE:
            break
    return found, after


async def receipts_due(
    desk: Desk, request: Request, actor: Actor, domain: str
) -> tuple[list[Data], str | None]:
    """Corrections of the platform's copies that are still due, and before which there are more."""
    asked = {"platform": domain, "last": PAGE, "before": request.query_params.get("before")}
    page = (await desk.ask(request, "receipts", asked, actor=actor))["receipts"]
    found = [receipt for receipt in page["nodes"] if receipt["adoption"]]
    found.sort(key=lambda receipt: str(receipt["dueAt"]))
    info = page["pageInfo"]
    return found, info["startCursor"] if info["hasPreviousPage"] else None

"""Notices that a platform's staff has to hand on to people whose accounts it hosts."""

from starlette.requests import Request

from api.explorer.asking import Data, Desk
from governance.membership import Actor
from governance.words import EventType

MOST_STEPS = 25  # of 200 events


async def due(desk: Desk, request: Request, actor: Actor, domain: str) -> list[Data]:
    """Notices that are due and not yet recorded, oldest first: those of other platforms that this
    one hands on, and what the platform's own sanctions are waiting for elsewhere is left out."""
    found: dict[str, Data] = {}
    after = None
    for _ in range(MOST_STEPS):
        page = (await desk.ask(request, "notices", {"after": after}, actor=actor))["eventPage"]
        for event in page["nodes"]:
            about = event["sanction"]["id"]
            if event["type"] == EventType.NOTICE_RECORDED:
                found.pop(about, None)
            elif event["platform"]["domain"] != domain:
                found[about] = event
        after = page["endCursor"]
        if not page["hasNextPage"]:
            break
    return list(found.values())

"""What a platform's staff has to hand on, and to correct; oldest first, and all of it."""

from starlette.requests import Request

from api.explorer.asking import Data, Desk
from governance.membership import Actor
from governance.words import EventType


async def notices_due(desk: Desk, request: Request, actor: Actor, domain: str) -> list[Data]:
    """Notices for people whose accounts the platform hosts, which nobody has recorded yet."""
    found: dict[str, Data] = {}
    after, is_more = None, True
    while is_more:
        page = (await desk.ask(request, "notices", {"after": after}, actor=actor))["eventPage"]
        for event in page["nodes"]:
            about = event["sanction"]["id"]
            if event["type"] == EventType.NOTICE_RECORDED:
                found.pop(about, None)
            elif event["platform"]["domain"] != domain:
                found[about] = event
        after, is_more = page["endCursor"], page["hasNextPage"]
    return list(found.values())


async def receipts_due(desk: Desk, request: Request, actor: Actor, domain: str) -> list[Data]:
    """Corrections of the platform's copies that are still due."""
    found: list[Data] = []
    before, is_more = None, True
    while is_more:
        asked = {"platform": domain, "before": before}
        page = (await desk.ask(request, "receipts", asked, actor=actor))["receipts"]
        found += [receipt for receipt in page["nodes"] if receipt["adoption"]]
        before, is_more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
    return sorted(found, key=lambda receipt: str(receipt["dueAt"]))

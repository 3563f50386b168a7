"""What a platform's staff has to hand on, and to correct: both from the feed, oldest first."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request

from api.explorer.asking import Data, Desk
from governance.membership import Actor
from governance.words import EventType, ReceiptState

MOST_STEPS = 25  # of 200 events


async def notices_due(desk: Desk, request: Request, actor: Actor, domain: str) -> list[Data]:
    """Notices for people whose accounts the platform hosts, which nobody has recorded yet."""
    found: dict[str, Data] = {}
    async for event in _events(desk, request, actor, "notices", {}):
        about = event["sanction"]["id"]
        if event["type"] == EventType.NOTICE_RECORDED:
            found.pop(about, None)
        elif event["platform"]["domain"] != domain:
            found[about] = event
    return list(found.values())


async def receipts_due(desk: Desk, request: Request, actor: Actor, domain: str) -> list[Data]:
    """Corrections of the platform's copies that are still due."""
    found: dict[str, Data] = {}
    async for event in _events(desk, request, actor, "receipts", {"platform": domain}):
        receipt = event["receipt"]
        if receipt and receipt["state"] == ReceiptState.DUE and receipt["adoption"]:
            found[receipt["id"]] = receipt
    return sorted(found.values(), key=lambda receipt: str(receipt["dueAt"]))


async def _events(
    desk: Desk, request: Request, actor: Actor, name: str, asked: dict[str, Any]
) -> AsyncIterator[Data]:
    after = None
    for _ in range(MOST_STEPS):
        page = (await desk.ask(request, name, {**asked, "after": after}, actor=actor))["eventPage"]
        for event in page["nodes"]:
            yield event
        after = page["endCursor"]
        if not page["hasNextPage"]:
            return

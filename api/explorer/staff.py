"""For staff: a member's own view, by its token, and the moves of an appeal as buttons."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth import Members
from api.courtesy import unhurried
from api.explorer.asking import Data, Problem
from api.explorer.changing import Sent, change, instant, onward, refused, text
from api.explorer.counts import counts
from api.explorer.facets import OWN, SORTS, Selection, sort_of
from api.explorer.lists import paged, turned, without_blanks
from api.explorer.moves import moves_of
from api.explorer.notices import notices_due, receipts_due
from api.explorer.sessions import Session, Sessions
from api.explorer.site import PRIVATE, Site
from api.limiting.counting import address_of
from governance.errors import Unauthenticated
from governance.membership import Actor
from governance.settings import Keys
from governance.words import (
    AppealMove,
    AppealState,
    InadmissibleCode,
    NoticeOutcome,
    Outcome,
    Remedy,
)

PATH = "/staff"
LIFETIME = timedelta(hours=8)
WRONG = "This token is unknown, expired or revoked."
# The parts of the queue, and whom their appeals wait for.
QUEUE = {
    "answer": "To answer",
    "person": "Waiting for the person",
    "outside": "Before an outside body",
}


def staff_routes(site: Site, keys: Keys, members: Members) -> list[Route]:
    """What is served under /staff."""
    sessions = Sessions(keys, PATH, LIFETIME)

    def opened(request: Request) -> Session:
        return sessions.of(request, site.desk.executor.now())

    async def actor_of(request: Request, token: str) -> Actor | None:
        """The member of a token; None if it isn't live. Wrong ones are counted, as everywhere."""
        try:
            return await members.actor(f"Bearer {token}".encode())
        except Unauthenticated:
            if site.desk.executor.limited(address_of(request)) is not None:
                raise Problem(429, "Too many requests", "try again in a minute") from None
            return None

    def answered(
        request: Request, session: Session, template: str, status: int = 200, **told: object
    ) -> Response:
        shown = {"sent": Sent(), **told}
        response = site.page(
            request, template, status=status, headers=PRIVATE, session=session, **shown
        )
        sessions.keep(request, response, session, site.desk.executor.now())
        return response

    def asked_to_enter(request: Request, session: Session, error: str = "") -> Response:
        sent = Sent("login", error, field="token")
        return answered(request, session.left(), "staff_login", 403 if error else 200, sent=sent)

    async def entered(request: Request, session: Session) -> tuple[Actor, Data] | None:
        """The member and its platform, found anew at each request: a revoked token is dead."""
        token = session.held.get("token", "")
        actor = await actor_of(request, token) if token else None
        if actor is None:
            return None
        platform = await site.desk.ask(request, "staff", {"id": actor.platform_id}, actor=actor)
        return actor, platform["node"]

    async def desk(request: Request) -> Response:
        session = opened(request)
        who = await entered(request, session)
        if who is None:
            return asked_to_enter(request, session, WRONG if session.held else "")
        actor, platform = who
        asked = {"platform": platform["domain"]}
        asked |= {part: request.query_params.get(part) for part in QUEUE}
        data = await site.desk.ask(request, "queue", asked, actor=actor)
        queue = [(part, title, data[part]) for part, title in QUEUE.items()]
        told = {"platform": platform, "queue": queue, "nodes": data["sanctions"]["nodes"]}
        return answered(request, session, "staff", **told)

    async def sanctions(request: Request) -> Response:
        session = opened(request)
        who = await entered(request, session)
        if who is None:
            return onward(PATH)
        if short := without_blanks(request):
            return onward(short)
        actor, platform = who
        within = {"platform": str(platform["domain"])}
        selection = replace(Selection.of(OWN, request.query_params), within=within)
        sort = sort_of(request.query_params)
        asked = {"filter": selection.filter(), **paged(request, sort)}
        data, counted = await asyncio.gather(
            site.desk.ask(request, "own_sanctions", asked, actor=actor),
            counts(site.desk, request, selection),
        )
        found = data["sanctions"]
        turns = turned(selection, sort, found["pageInfo"])
        if not any(turns.values()):  # these are all
            counted = counted.of_all(len(found["nodes"]), selection)
        told: dict[str, Any] = {"platform": platform, "selection": selection, **turns}
        told |= {"sorts": SORTS, "sort": sort}
        told["nodes"] = found["nodes"] if sort == "newest" else found["nodes"][::-1]
        told["facets"] = await unhurried(counted.offers(selection))
        told["is_estimated"] = counted.is_estimated
        told |= {"total": counted.total, "is_about": counted.is_about}
        return answered(request, session, "staff_sanctions", **told)

    async def login(request: Request) -> Response:
        session = opened(request)
        form = await sessions.form(request, session)
        token = text(form, "token")
        if not token or await actor_of(request, token) is None:
            return asked_to_enter(request, session, WRONG)
        response = onward(PATH)
        sessions.keep(request, response, Session.begun(token=token), site.desk.executor.now())
        return response

    async def logout(request: Request) -> Response:
        await sessions.form(request, opened(request))
        response = onward(PATH)
        sessions.end(response)
        return response

    async def case(request: Request) -> Response:
        session = opened(request)
        who = await entered(request, session)
        if who is None:
            return onward(PATH)
        return await shown(request, session, who, Sent())

    async def shown(
        request: Request, session: Session, who: tuple[Actor, Data], sent: Sent, status: int = 200
    ) -> Response:
        actor, platform = who
        asked = {"id": request.path_params["id"]}
        appeal = (await site.desk.ask(request, "case", asked, actor=actor))["node"]
        if not appeal:
            return site.missing(request, "No appeal of this node has this id.")
        told = {"appeal": appeal, "sanction": appeal["sanction"], "platform": platform}
        told |= {"moves": moves_of(AppealState[appeal["state"]]), "outcomes": list(Outcome)}
        told |= {"codes": list(InadmissibleCode), "actor": actor}
        return answered(request, session, "staff_case", status, sent=sent, **told)

    async def moved(request: Request) -> Response:
        session = opened(request)
        form = await sessions.form(request, session)
        who = await entered(request, session)
        if who is None:
            return onward(PATH)
        move, appeal_id = text(form, "move"), request.path_params["id"]
        given = {"appealId": appeal_id}
        if move == "DECIDE":
            name = "decide_appeal"
            given |= {"outcome": text(form, "outcome"), "statement": text(form, "message")}
            given["newExpiresAt"] = instant(form, "newExpiresAt")
        elif move == "INVITE":
            name, given["platform"] = "invite_reviewer", text(form, "platform")
        else:
            name, given["message"] = "move_appeal", text(form, "message")
            given["move"] = move if move in AppealMove.__members__ else ""
            given |= {"code": text(form, "code"), "outcome": text(form, "outcome")}
            given["implementedAt"] = instant(form, "implementedAt")
        payload = await change(site.desk, request, name, given, who[0])
        if sent := refused(payload, move, form):
            return await shown(request, session, who, sent, 409)
        return onward(f"{PATH}/appeals/{appeal_id}")

    async def notices(request: Request) -> Response:
        session = opened(request)
        who = await entered(request, session)
        if who is None:
            return onward(PATH)
        return await listed(request, session, who, Sent())

    async def listed(
        request: Request, session: Session, who: tuple[Actor, Data], sent: Sent, status: int = 200
    ) -> Response:
        actor, platform = who
        found, more = await notices_due(site.desk, request, actor)
        told = {"actor": actor, "platform": platform, "notices": found, "more": more, "sent": sent}
        return answered(request, session, "staff_notices", status, **told)

    async def noted(request: Request) -> Response:
        session = opened(request)
        form = await sessions.form(request, session)
        who = await entered(request, session)
        if who is None:
            return onward(PATH)
        outcome = text(form, "outcome")
        given = {"sanctionId": text(form, "sanction")}
        given["outcome"] = outcome if outcome in NoticeOutcome.__members__ else ""
        payload = await change(site.desk, request, "record_notice", given, who[0])
        if sent := refused(payload, given["sanctionId"], form):
            return await listed(request, session, who, sent, 409)
        return onward(f"{PATH}/notices")

    async def receipts(request: Request) -> Response:
        session = opened(request)
        who = await entered(request, session)
        if who is None:
            return onward(PATH)
        return await corrected(request, session, who, Sent())

    async def corrected(
        request: Request, session: Session, who: tuple[Actor, Data], sent: Sent, status: int = 200
    ) -> Response:
        actor, platform = who
        found, more = await receipts_due(site.desk, request, actor, platform["domain"])
        told = {"platform": platform, "receipts": found, "more": more, "sent": sent}
        return answered(request, session, "staff_receipts", status, **told)

    async def remedied(request: Request) -> Response:
        session = opened(request)
        form = await sessions.form(request, session)
        who = await entered(request, session)
        if who is None:
            return onward(PATH)
        remedy = text(form, "remedy")
        given = {"sanctionId": text(form, "sanction")}
        given["remedy"] = remedy if remedy in Remedy.__members__ else ""
        if remedy == Remedy.KEPT_ON_OWN_GROUNDS:
            given["replacementId"] = text(form, "replacement")
        payload = await change(site.desk, request, "record_remedy", given, who[0])
        if sent := refused(payload, given["sanctionId"], form):
            return await corrected(request, session, who, sent, 409)
        return onward(f"{PATH}/receipts")

    return [
        site.route(PATH, desk),
        site.route(f"{PATH}/sanctions", sanctions),
        site.route(f"{PATH}/login", login, "POST"),
        site.route(f"{PATH}/logout", logout, "POST"),
        site.route(f"{PATH}/notices", notices),
        site.route(f"{PATH}/notices/record", noted, "POST"),
        site.route(f"{PATH}/receipts", receipts),
        site.route(f"{PATH}/receipts/remedy", remedied, "POST"),
        site.route(f"{PATH}/appeals/{{id}}", case),
        site.route(f"{PATH}/appeals/{{id}}/move", moved, "POST"),
    ]

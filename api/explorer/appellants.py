"""For the sanctioned: with the appeal secret alone, see what was decided, and appeal."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.changing import Sent, change, onward, refused, text
from api.explorer.sessions import Session, Sessions
from api.explorer.site import PRIVATE, Site
from governance.errors import RefusalCode
from governance.rules.lifecycle import ANSWERED, APPEAL_STEPS, UNDER_WAY
from governance.rules.policy import APPEAL_DUE
from governance.settings import Keys
from governance.words import AppealMove, AppealState, Author

PATH = "/appeal"
LIFETIME = timedelta(minutes=30)
WRONG = "There is no such sanction, or this isn’t its newest secret."

# What each of the person's own steps does, in the person's words.
STEPS = {
    AppealMove.ANSWER: ("Send the answer", "The reviewer asked you something. Your answer goes to "
        "the reviewer, and the clock runs again."),
    AppealMove.WITHDRAW: ("Withdraw the appeal", "The appeal ends, and the sanction stays as it "
        "is. You can’t take this back."),
    AppealMove.ESCALATE: ("Take it to an outside body", "Your platform brings the case before a "
        "dispute settlement body and records here what it says."),
}  # fmt: skip

# Where an appeal stands, where others are told of the appellant.
STANDS = {
    AppealState.AWAITING_APPELLANT: "The reviewer asked you something; the clock is paused",
    AppealState.LAPSED: "You didn’t answer in time",
    AppealState.WITHDRAWN: "You took it back",
}

# Why no appeal can be filed now, in the person's words.
BARRED = {
    RefusalCode.ERASED: "What it rested on has been erased, so nobody could review it any more.",
    RefusalCode.CONFLICT: "It no longer stands, so there is nothing left to appeal against.",
    RefusalCode.APPEAL_OPEN: "An appeal has to be answered before another can be filed.",
    RefusalCode.ESCALATE_INSTEAD: "An appeal was answered already, so no other can be filed.",
    RefusalCode.APPEAL_WINDOW_CLOSED: "The time in which you could appeal is over.",
}
# Where the appeal that bars another isn't on this page.
ELSEWHERE = "It belongs to another decision of the same case, which has a secret of its own."


def appellant_routes(site: Site, keys: Keys) -> list[Route]:
    """What is served under /appeal."""
    sessions = Sessions(keys, PATH, LIFETIME)

    def answered(
        request: Request, session: Session, view: Data | None, sent: Sent, status: int = 200
    ) -> Response:
        template = "appeal" if view else "appeal_open"
        told = {"view": view, **(choices(view) if view else {})}
        response = site.page(
            request,
            template,
            status=status,
            headers=PRIVATE,
            is_indexed=view is None,
            session=session,
            sent=sent,
            **told,
        )
        sessions.keep(request, response, session, site.desk.executor.now())
        return response

    async def view_of(request: Request, sanction_id: str, secret: str) -> Data | None:
        asked = {"sanctionId": sanction_id, "appealSecret": secret}
        found: Data | None = (await site.desk.ask(request, "appellant", asked))["appellantView"]
        return found

    def opened(request: Request) -> Session:
        return sessions.of(request, site.desk.executor.now())

    async def shown(request: Request) -> Response:
        session = opened(request)
        if not session.held:
            return answered(request, session, None, Sent())
        held = session.held
        view = await view_of(request, held["sanction"], held["secret"])
        if view is None:
            return answered(request, session.left(), None, Sent(error=WRONG), 404)
        return answered(request, session, view, Sent())

    async def begun(request: Request) -> Response:
        session = opened(request)
        form = await sessions.form(request, session)
        sanction, secret = text(form, "sanction"), text(form, "secret")
        view = await view_of(request, sanction, secret) if sanction and secret else None
        if view is None:
            sent = Sent("open", WRONG, form, "secret")
            return answered(request, session.left(), None, sent, 404)
        response = onward(PATH)
        held = Session.begun(sanction=sanction, secret=secret, is_new=False)
        sessions.keep(request, response, held, site.desk.executor.now())
        return response

    async def moved(request: Request) -> Response:
        session = opened(request)
        form = await sessions.form(request, session)
        if not session.held:
            return onward(PATH)
        held, move, appeal = session.held, text(form, "move"), text(form, "appeal")
        if move == "FILE":
            given = {"sanctionId": held["sanction"], "grounds": text(form, "message")}
            name, place = "file_appeal", move
        else:
            own = move if move in STEPS else ""
            given = {"appealId": appeal, "move": own, "message": text(form, "message")}
            name, place = "move_appeal", f"{appeal}-{move}"
        payload = await change(site.desk, request, name, {**given, "appealSecret": held["secret"]})
        if sent := refused(payload, place, form):
            view = await view_of(request, held["sanction"], held["secret"])
            return answered(request, session, view, sent, 409)
        following = payload["appealSecret"]
        told = session.holding(
            sanction=held["sanction"],
            secret=following or held["secret"],
            is_new=bool(following) or held["is_new"],
        )
        response = onward(f"{PATH}#{'new-secret' if following else 'appeals'}")
        sessions.keep(request, response, told, site.desk.executor.now())
        return response

    async def closed(request: Request) -> Response:
        await sessions.form(request, opened(request))
        response = onward(PATH)
        sessions.end(response)
        return response

    return [
        site.route(PATH, shown),
        site.route(f"{PATH}/open", begun, "POST"),
        site.route(f"{PATH}/move", moved, "POST"),
        site.route(f"{PATH}/close", closed, "POST"),
    ]


def choices(view: Data) -> Data:
    """The steps that the person can take now, by appeal, their forms, and why none may be filed."""
    steps = {
        appeal["id"]: [
            (move, *STEPS[move])
            for move, step in APPEAL_STEPS.items()
            if step.by is Author.APPELLANT and AppealState[appeal["state"]] in step.origins
        ]
        for appeal in view["appeals"]
    }
    code = view["appealBarred"]
    barred = [BARRED[code]] if code else []
    is_here = any(AppealState[a["state"]] in UNDER_WAY | ANSWERED for a in view["appeals"])
    if code in (RefusalCode.APPEAL_OPEN, RefusalCode.ESCALATE_INSTEAD) and not is_here:
        barred.append(ELSEWHERE)
    places = [f"{appeal}-{move}" for appeal, own in steps.items() for move, *_ in own]
    places += [] if code else ["FILE"]
    told = {"steps": steps, "places": places, "stands": STANDS, "barred": " ".join(barred)}
    return {**told, "due": APPEAL_DUE.total_seconds()}

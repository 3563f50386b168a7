"""What a node serves to those that follow it, beside its log: whom it speaks for, disclosures."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import anyio.to_thread
import orjson
from sqlmodel import col, select
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.auth import Members
from api.bodies import BadRequest, body_of
from api.limiting.counting import counted, counted_member, too_many
from api.limiting.rates import LimitRefused, Rates
from api.tiles import NEWEST
from api.transport import CLOSE
from governance import disclosing
from governance.database import Database
from governance.errors import Unauthenticated
from governance.log.sequencing import Sequencer
from governance.membership import viewer_of
from governance.peers import followed_platforms
from governance.platforms import Platform
from governance.rules.disclosure import Viewer

LARGEST_QUESTION = 64 * 1024  # bytes
PRIVATE = {"Cache-Control": "no-store"}


def peer_routes(
    database: Database,
    sequencer: Sequencer,
    members: Members,
    rates: Rates,
    now: Callable[[], datetime],
) -> list[Route]:
    """`/.well-known/comity` and `/log/disclosures`."""

    async def well_known(request: Request) -> Response:
        """The log of this node and the platforms that decide in it."""
        platforms = await anyio.to_thread.run_sync(_platforms, database)
        signer = sequencer.signer
        log = {"origin": signer.name, "key": str(signer.verifier())}
        told = {"log": log, "node": str(request.base_url).rstrip("/"), "platforms": platforms}
        return _json(told, NEWEST)

    async def disclosures(request: Request) -> Response:
        """What a caller may read of some cases, each field with the key that opens it."""
        try:
            actor = await counted_member(request, members, rates)
            body = await body_of(request, LARGEST_QUESTION)
        except LimitRefused as limit:
            return too_many(limit)
        except BadRequest as bad:
            return PlainTextResponse(f"{bad.message}\n", bad.status, CLOSE)
        except ClientDisconnect:
            return Response(status_code=400)
        except Unauthenticated as refused:
            return PlainTextResponse(f"{refused.message}\n", 401, PRIVATE)
        cases = _cases(body)
        if cases is None:
            most = disclosing.MOST_CASES
            expected = f'expected {{"cases": […]}} with at most {most} ids of sanctions\n'
            return PlainTextResponse(expected, 400, PRIVATE)
        viewer = viewer_of(actor)
        found = await anyio.to_thread.run_sync(_openings, database, viewer, cases, now())
        return _json({"disclosures": found}, PRIVATE)

    return [
        Route("/.well-known/comity", counted(rates, well_known)),
        Route("/log/disclosures", disclosures, methods=["POST"]),
    ]


def _platforms(database: Database) -> list[dict[str, str]]:
    own = select(Platform).where(col(Platform.id).not_in(followed_platforms()))
    with database.reading() as session:
        found = session.exec(own.order_by(col(Platform.domain))).all()
    return [{"domain": platform.domain, "name": platform.name} for platform in found]


def _openings(database: Database, viewer: Viewer, cases: list[str], now: datetime) -> Any:
    with database.reading() as session:
        return disclosing.openings(session, viewer, cases, now=now)


def _cases(body: bytes) -> list[str] | None:
    try:
        cases = orjson.loads(body)["cases"]
    except (ValueError, KeyError, TypeError):
        return None
    if type(cases) is not list or len(cases) > disclosing.MOST_CASES:
        return None
    is_fine = all(type(case) is str and case.isascii() and len(case) <= 64 for case in cases)
    return cases if is_fine and "\0" not in "".join(cases) else None


def _json(told: object, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(told), media_type="application/json", headers=headers)

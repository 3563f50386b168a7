"""Links to the files of selections: signed by the node, for a day, and dead once the files are
made anew, or the project has no role or no token any more. Whoever holds one may fetch the file, as
often and in as many pieces as it takes."""

import hmac
import logging
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread
from sqlmodel import Session, col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from api.downloads import TYPES
from api.limiting.counting import counted
from api.limiting.rates import Rates
from api.observing import logs
from governance import selections
from governance.database import Database
from governance.exporting.names import ENDINGS, MANIFEST
from governance.rules.research import LINK_LASTS
from governance.selections import Selection
from governance.settings import Keys
from governance.words import ExportFormat, SelectionState

_UNTIL = re.compile(r"[0-9]{1,12}", re.ASCII)
_NAMES = {MANIFEST, *(f"rows.{ending}" for ending in ENDINGS.values())}
_HEADERS = {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}
Place = tuple[str, str]  # a selection, and the format of a file or `manifest`


def links(
    session: Session, keys: Keys, places: Collection[Place], now: datetime
) -> dict[Place, str]:
    """The links of files; of a selection without files none is asked for."""
    wanted = {ident for ident, _ in places}
    found = select(Selection).where(col(Selection.id).in_(wanted))
    held = {selection.id: selection for selection in session.exec(found)}
    return {place: _link(keys, held[place[0]], place[1], now) for place in places}


def _link(keys: Keys, selection: Selection, what: str, now: datetime) -> str:
    name = MANIFEST if what == "manifest" else f"rows.{ENDINGS[ExportFormat[what]]}"
    end = min(now + LINK_LASTS, selection.expires_at or now)
    until = str(int(end.timestamp()))
    signature = _signature(keys, selection, name, until)
    return f"/exports/selections/{selection.id}/{name}?until={until}&signature={signature}"


def _signature(keys: Keys, selection: Selection, name: str, until: str) -> str:
    return keys.tag("selection link", selection.id, str(selection.generation), name, until)


def selection_routes(
    database: Database, keys: Keys, rates: Rates, folder: Path, clock: Callable[[], datetime]
) -> list[Route]:
    """What is served under /exports/selections. Whatever is wrong with a link, it is 404."""

    def held(ident: str, now: datetime) -> Selection | None:
        with database.reading() as session:
            return selections.fetchable(session, ident, now=now)

    async def fetch(request: Request) -> Response:
        asked, given = request.path_params, request.query_params
        until, signature = given.get("until", ""), given.get("signature", "")
        now = clock().astimezone(UTC)
        selection = await anyio.to_thread.run_sync(held, asked["ident"], now)
        if selection is None or asked["name"] not in _NAMES or not _UNTIL.fullmatch(until):
            raise HTTPException(404)
        expected = _signature(keys, selection, asked["name"], until)
        is_signed = hmac.compare_digest(expected.encode(), signature.encode())
        is_over = now.timestamp() >= int(until)
        if not is_signed or is_over or selection.state is not SelectionState.READY:
            raise HTTPException(404)
        path = folder / selection.id / str(selection.generation) / asked["name"]
        if not path.is_file():
            raise HTTPException(404)
        if request.method == "GET":
            logs.tell(logging.INFO, "selection fetched", selection=selection.id)
        return FileResponse(
            path, headers=_HEADERS, media_type=TYPES[path.suffix], filename=asked["name"]
        )

    return [Route("/exports/selections/{ident}/{name}", counted(rates, fetch))]

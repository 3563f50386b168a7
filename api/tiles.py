"""The log as files (C2SP tlog-tiles): checkpoint, tiles, entries, for any tool to fetch.

Tiles never change, so anyone may keep them for good; the checkpoint is asked for anew each time.
Whoever has the newest one may have the answer wait for the next (RFC 7240, `Prefer: wait=20`).
"""

import gzip
import re
from hashlib import sha256

import anyio
import sqlalchemy as sa
from sqlmodel import Session, col
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.subscriptions.heads import Head
from api.threads import reading
from governance.database import Database
from governance.entries import LogEntry
from governance.feed import newest_position
from governance.log.continuing import closed_note
from governance.log.errors import LogError
from governance.log.proving import tiles_at
from governance.log.sequencing import Sequencer
from governance.log.tiles import ENTRIES, FULL, Tile, bundle, parse_path
from governance.publishing import newest_published

ANYWHERE = {"Access-Control-Allow-Origin": "*"}
NEWEST = {**ANYWHERE, "Cache-Control": "no-cache"}
FOR_GOOD = {**ANYWHERE, "Cache-Control": "public, max-age=31536000, immutable"}
ABSENT = {**ANYWHERE, "Cache-Control": "no-store"}

MOST_HELD = 200  # answers of a process that wait for news; others don't
LONGEST_WAIT = 30.0  # seconds
LOOK = 1.0  # seconds between looks meanwhile: what witnesses cosign comes later than the feed

# Named (RFC 9110, 12.5.3), and not with a weight of 0.
_GZIP = re.compile(
    r"(?:^|,)[ \t]*gzip[ \t]*(?:;[ \t]*q=(?!0(?:\.0*)?[ \t]*(?:,|$))[^,]*)?(?:,|$)", re.I
)
_WISH = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,3})(?:$|[,;\s])")


def log_routes(database: Database, sequencer: Sequencer, head: Head) -> list[Route]:
    """What is served under /log."""
    notes: dict[str, str | None] = {}  # of the closed log, by the name of the one in its place
    turns = anyio.CapacityLimiter(MOST_HELD)

    async def checkpoint(request: Request) -> Response:
        """The newest published checkpoint (C2SP tlog-checkpoint)."""
        known, wait = request.headers.get("if-none-match", ""), _wait(request)
        signed, tag, place = await reading(database, _newest)
        if tag in known and wait and turns.available_tokens > 0:
            async with turns:
                until = anyio.current_time() + wait
                while tag in known and (left := until - anyio.current_time()) > 0:
                    if head.is_stopping:
                        break
                    await head.waited(place, min(left, LOOK))
                    signed, tag, place = await reading(database, _newest)
        if signed is None:
            return _absent()
        headers = {**NEWEST, "ETag": tag}
        if tag in known:
            return Response(status_code=304, headers=headers)
        return PlainTextResponse(signed, headers=headers)

    async def key(request: Request) -> Response:
        """The verifier key (C2SP signed-note)."""
        return PlainTextResponse(f"{sequencer.signer.verifier()}\n", headers=NEWEST)

    async def closed(request: Request) -> Response:
        """The last checkpoint of the log that this one took the place of, if there was one."""
        if sequencer.origin not in notes:
            notes[sequencer.origin] = await reading(database, closed_note)
        note = notes[sequencer.origin]
        return PlainTextResponse(note, headers=NEWEST) if note else _absent()

    async def tile(request: Request) -> Response:
        """A tile of hashes, or a bundle of entries, compressed where that is welcome."""
        try:
            wanted = parse_path(f"tile/{request.path_params['path']}")
            if wanted.level != ENTRIES:
                hashes = await reading(
                    database, lambda session: tiles_at(session, [wanted])[wanted]
                )
                return Response(hashes, media_type="application/octet-stream", headers=FOR_GOOD)
        except LogError:
            return _absent()
        entries = await reading(database, lambda session: entries_of(session, wanted))
        if len(entries) < wanted.width:
            return _absent()
        return _compressed(request, bundle(entries))

    return [
        Route("/log/checkpoint", checkpoint),
        Route("/log/key", key),
        Route("/log/closed", closed),
        Route("/log/tile/{path:path}", tile),
    ]


def tag_of(checkpoint: bytes) -> str:
    """The entity tag of a checkpoint."""
    return f'"{sha256(checkpoint).hexdigest()}"'


def _newest(session: Session) -> tuple[str | None, str, int]:
    """The newest published checkpoint, its tag, and the feed's end."""
    found, place = newest_published(session), newest_position(session)
    signed = found.signed if found else None
    return signed, tag_of((signed or "").encode()), place


def _wait(request: Request) -> float:
    """How long an answer may wait for news, as is wished (RFC 7240 section 4.3), in seconds."""
    wish = _WISH.search(request.headers.get("prefer", ""))
    return min(float(wish[1]), LONGEST_WAIT) if wish else 0.0


def entries_of(session: Session, tile: Tile) -> list[bytes]:
    """The entries of a bundle that the log has, at most as many as it is wide."""
    start = tile.index * FULL
    found = (
        sa.select(col(LogEntry.data))
        .where(col(LogEntry.index) >= start, col(LogEntry.index) < start + tile.width)
        .order_by(col(LogEntry.index))
    )
    return [data.encode() for data in session.scalars(found)]


def _compressed(request: Request, data: bytes) -> Response:
    headers = {**FOR_GOOD, "Vary": "Accept-Encoding"}
    if _GZIP.search(request.headers.get("accept-encoding", "")):
        data, headers["Content-Encoding"] = gzip.compress(data, 6, mtime=0), "gzip"
    return Response(data, media_type="application/octet-stream", headers=headers)


def _absent() -> Response:
    return PlainTextResponse("Not Found", 404, ABSENT)

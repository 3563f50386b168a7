"""The export folder as files under /exports: ranges, ETags, and nothing that isn't finished."""

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from api.tiles import ANYWHERE

# manifests/2026-03-01.note, parquet/events/day=2026-03-01/events.parquet
_PATH = re.compile(
    r"manifests/[0-9-]{10}(\.explanations)?\.note"
    r"|(csv|ndjson|parquet)/([a-z]+)/day=[0-9-]{10}/\3\.(csv\.gz|ndjson\.gz|parquet)"
)
DAYS = {**ANYWHERE, "Cache-Control": "public, max-age=31536000, immutable"}
RENEWED = {**ANYWHERE, "Cache-Control": "no-cache"}
TYPES = {
    ".note": "text/plain; charset=utf-8",
    ".gz": "application/gzip",
    ".parquet": "application/vnd.apache.parquet",
}


def download_routes(folder: Path | None) -> list[Route]:
    """What is served under /exports; nothing where no folder is set."""
    if folder is None:
        return []
    files = StaticFiles(directory=folder, check_dir=False)

    async def download(request: Request) -> Response:
        path = request.path_params["path"]
        if not _PATH.fullmatch(path):
            raise HTTPException(404)
        response = await files.get_response(path, request.scope)
        response.headers.update(RENEWED if "explanations" in path else DAYS)
        response.headers["Content-Type"] = TYPES[Path(path).suffix]
        return response

    return [Route("/exports/{path:path}", download)]

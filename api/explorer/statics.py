"""Files that pages load, under addresses that change as the files do: browsers may keep them."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
KEPT = "public, max-age=31536000, immutable"


@cache
def static(name: str) -> str:
    """The address of a file."""
    return f"/static/{name}?{sha256((FOLDER / name).read_bytes()).hexdigest()[:12]}"


class Statics(StaticFiles):
    """The files: whoever asks for one as it is now may keep it for ever, all others ask again."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        asked = f"/static/{path}?{scope['query_string'].decode('latin-1')}"
        is_there = response.status_code in (200, 304)  # both say the same (RFC 9110 15.4.5)
        is_kept = is_there and asked == static(path)
        response.headers["Cache-Control"] = KEPT if is_kept else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

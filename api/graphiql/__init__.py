"""GraphiQL at /graphiql: the vendored build, a page that starts it, and examples as tabs.

Everything comes from the node itself, and its policy lets no other host and no inline script in.
"""

from pathlib import Path
from secrets import token_urlsafe

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
PAGE = (HERE / "index.html").read_text(encoding="utf-8")

# Fonts and cursors lie in GraphiQL's style sheet as data. Its editors and menus set styles by
# script, which no policy minds; opening a menu adds a style element, which takes the nonce.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
    "img-src data:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


async def page(request: Request) -> Response:
    """The page, with a nonce of its own."""
    nonce = token_urlsafe(16)
    headers = {
        "Content-Security-Policy": POLICY.format(nonce=nonce),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(PAGE.replace("{nonce}", nonce), headers=headers)


GRAPHIQL = [
    Route("/graphiql", page),
    Mount("/graphiql/page", StaticFiles(directory=HERE / "page")),
    Mount("/graphiql/vendor", StaticFiles(directory=HERE / "vendor")),
]

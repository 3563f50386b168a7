"""What every page has in common: the shell around it, its headers, and how problems look."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.courtesy import unhurried
from api.errors import is_unreachable
from api.explorer.asking import Data, Desk, Problem, document
from api.explorer.statics import static
from api.explorer.telling import FILTERS, moment
from api.observing import logs
from api.observing.notes import current

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PUBLIC = {**HEADERS, "Cache-Control": "no-cache"}
PRIVATE = {**HEADERS, "Cache-Control": "no-store"}

AWAY = Problem(503, "Not now", "the node can’t reach its database: try again later")

View = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class AsGraphQL:
    """What a page asked, for whoever wants to ask on."""

    name: str
    variables: Mapping[str, Any]

    @property
    def graphiql(self) -> str:
        """The address of GraphiQL with the document in it; what comes after # stays there."""
        return f"/graphiql#{self._query(2)}"

    @property
    def json(self) -> str:
        """The address that answers it, without any script."""
        return f"/graphql?{self._query(0)}"

    def _query(self, indent: int) -> str:
        asked = {"query": document(self.name)}
        if self.variables:
            option = orjson.OPT_INDENT_2 if indent else 0
            asked["variables"] = orjson.dumps(dict(self.variables), option=option).decode()
        return urlencode(asked)


@cache
def templates() -> "Environment":
    """Of all pages, made when the first is asked for."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    made.globals["static"] = static
    return made


def compile_all() -> None:
    """Has every template ready: to compile one takes as long as some hundred answers."""
    for name in templates().list_templates():
        templates().get_template(name)


class Page(HTMLResponse):
    """A page that is made when it is sent, a little at a time: others are answered between."""

    def __init__(self, parts: Iterator[str], status: int, headers: Mapping[str, str]) -> None:
        super().__init__(None, status, headers)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body = "".join(await unhurried(self._parts)).encode()
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def _mended(request: Request, problem: Problem) -> str:
    """The address without what can't be asked; empty where it isn't the address that is wrong."""
    given = request.query_params.multi_items()
    if problem.status != HTTPStatus.BAD_REQUEST or not given or request.method != "GET":
        return ""
    names = {name for name, _ in given}
    wrong = names & {*problem.names} or names & {"after", "before"} or names
    return address(request, [(name, value) for name, value in given if name not in wrong])


def address(request: Request, query: Sequence[tuple[str, str]]) -> str:
    """That of the same page with another query."""
    return f"{request.url.path}?{urlencode(query)}" if query else request.url.path


class Site:
    """The pages' shell."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] = PUBLIC,
        **told: Any,
    ) -> Response:
        """A template as a page."""
        now = self.desk.executor.now()
        shell: dict[str, Any] = {
            "path": request.url.path,
            "base": str(request.base_url),
            "today": moment(now),
        }
        shell |= {"asked": None, "feed": None, "is_indexed": status == 200}
        parts = templates().get_template(f"{template}.html").generate(shell | told)
        return Page(parts, status, headers)

    async def rendered(self, template: str, told: Mapping[str, Any]) -> str:
        """A template that is no page."""
        return "".join(await unhurried(templates().get_template(template).generate(told)))

    def route(self, path: str, view: View, method: str = "GET") -> Route:
        """A route whose problems are pages, too. Whoever comes to where a form is sent, such as by
        loading a refused one again, is led to the form's page."""

        async def answered(request: Request) -> Response:
            form = request.url.path.rpartition("/")[0] if method == "POST" else ""
            if form and request.method != "POST":
                return RedirectResponse(form, status_code=303, headers=PRIVATE)
            try:
                return await view(request)
            except Problem as problem:
                return self.problem(request, problem, form)
            except Exception as error:
                if not is_unreachable(error):
                    raise
                logs.unexpected(error)
                current().errors["UNAVAILABLE"] += 1
                return self.problem(request, AWAY, form)

        return Route(path, answered, methods=("GET", method))

    def problem(self, request: Request, problem: Problem, form: str = "") -> Response:
        """What went wrong and where to go on, such as to the page of the form that was sent."""
        headers = {**PRIVATE, **(problem.headers or {})}
        word = HTTPStatus(problem.status).phrase
        told = {"problem": problem, "word": word, "form": form}
        told["same"] = _mended(request, problem)
        return self.page(request, "problem", status=problem.status, headers=headers, **told)

    async def found(self, request: Request, name: str, asked: Mapping[str, Any]) -> Data | None:
        """The data about what an address names; None where no such thing could be named so."""
        try:
            return await self.desk.ask(request, name, asked)
        except Problem as problem:
            if problem.status != HTTPStatus.BAD_REQUEST:
                raise
            return None

    async def absent(self, request: Request, _: Exception) -> Response:
        """What stands at an address where nothing is."""
        return self.missing(request, "No page of this node has this address.")

    async def unmoved(self, request: Request, error: Exception) -> Response:
        """What whoever sends something is told where nothing is taken."""
        told: Mapping[str, str] = getattr(error, "headers", None) or {"Allow": "GET"}
        allowed = ", ".join(sorted(told["Allow"].split(", ")))  # Starlette has them in a set
        message = f"expected {allowed} at this address, got {request.method}"
        found = Problem(405, "Nothing is taken here", message, {**told, "Allow": allowed})
        return self.problem(request, found)

    def missing(self, request: Request, message: str) -> Response:
        return self.problem(request, Problem(404, "Nothing here", message))

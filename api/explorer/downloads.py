"""Downloads: exactly one selection, streamed page by page, and figures as a table."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.courtesy import unhurried
from api.explorer.asking import Data
from api.explorer.facets import APPEALS, SANCTIONS, Selection, Shelf, bad
from api.explorer.site import PUBLIC, Site
from api.schema.statistics import IN_FACETS_ALONE, MOST_DIMENSIONS, StatisticsDimension

STEP = 500  # sanctions that are asked for at once
FIGURES = (
    "sanctionCount",
    "appealCount",
    "overturnedCount",
    "reducedCount",
    "overturnRate",
    "medianSecondsToDecision",
    "medianDurationSeconds",
    "overdueAppealCount",
    "decidedCount",
    "echoCount",
    "overdueReceiptCount",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would compute

CSV, NDJSON = "text/csv; charset=utf-8", "application/x-ndjson"

Line = Callable[[Data], bytes]
Column = tuple[str, Callable[[Mapping[str, Any]], Any]]


def download_routes(site: Site) -> list[Route]:
    """Downloads of sanctions and appeals, and of figures."""

    def of(shelf: Shelf, ending: str, media: str, line: Line, head: bytes = b"") -> Route:
        address = f"{shelf.path}.{ending}"

        async def download(request: Request) -> Response:
            selection = Selection.of(shelf, request.query_params)
            first = await page(request, selection, None)  # a problem comes before anything is sent

            async def body() -> AsyncIterator[bytes]:
                yield head
                found = first
                while True:
                    yield b"".join(await unhurried(map(line, found["nodes"])))
                    if not found["pageInfo"]["hasNextPage"]:
                        return
                    found = await page(request, selection, found["pageInfo"]["endCursor"])

            named = f'attachment; filename="{address[1:]}"'
            headers = {**PUBLIC, "Content-Disposition": named}
            return StreamingResponse(body(), headers=headers, media_type=media)

        return site.route(address, download)

    def table(shelf: Shelf, columns: Sequence[Column]) -> Route:
        def line(node: Data) -> bytes:
            return as_csv([told(node) for _, told in columns])

        return of(shelf, "csv", CSV, line, as_csv([name for name, _ in columns]))

    async def page(request: Request, selection: Selection, after: str | None) -> Data:
        asked = {"filter": selection.filter(), "first": STEP, "after": after}
        name = selection.shelf.path[1:]
        data = await site.desk.ask(request, f"download_{name}", asked, goes_on=after is not None)
        return dict(data[name])

    async def statistics(request: Request) -> Response:
        selection = Selection.of(SANCTIONS, request.query_params, "by")
        by = request.query_params.getlist("by")
        known = [one for one in StatisticsDimension if one not in IN_FACETS_ALONE]
        if len(by) > MOST_DIMENSIONS or not set(by) <= set(known) or len(set(by)) < len(by):
            expected = ", ".join(known)
            raise bad(f"by: expected up to {MOST_DIMENSIONS} of {expected}")
        asked = {"by": by, "filter": selection.filter()}
        rows = (await site.desk.ask(request, "statistics", asked))["statistics"]["rows"]
        table = [[*row["keys"], *(row[name] for name in FIGURES)] for row in rows]
        headers = {**PUBLIC, "Content-Disposition": 'attachment; filename="statistics.csv"'}
        head = [*(one.lower() for one in by), *FIGURES]
        body = b"".join(await unhurried(map(as_csv, [head, *table])))
        return Response(body, headers=headers, media_type=CSV)

    return [
        table(SANCTIONS, OF_SANCTIONS),
        table(APPEALS, OF_APPEALS),
        *(of(shelf, "ndjson", NDJSON, _json_line) for shelf in (SANCTIONS, APPEALS)),
        site.route("/statistics.csv", statistics),
    ]


def _json_line(node: Data) -> bytes:
    return orjson.dumps(node, option=orjson.OPT_APPEND_NEWLINE)


def as_csv(row: Sequence[Any]) -> bytes:
    """A row as RFC 4180 has it. Text that a spreadsheet would compute gets an apostrophe."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow([_cell(value) for value in row])
    return line.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _of(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda node: node[name]


OF_APPEALS: list[Column] = [
    ("id", _of("id")),
    ("sanctionId", lambda node: node["sanction"]["id"]),
    ("platform", lambda node: node["sanction"]["platform"]["domain"]),
    ("measure", lambda node: node["sanction"]["measure"]),
    ("category", lambda node: node["sanction"]["category"]),
    *(
        (name, _of(name))
        for name in (
            "state",
            "outcome",
            "filedAt",
            "dueAt",
            "decidedAt",
            "isOverdue",
            "inadmissibleCode",
            "outsideOutcome",
            "implementedAt",
        )
    ),
]
OF_SANCTIONS: list[Column] = [
    ("id", _of("id")),
    ("platform", lambda node: node["platform"]["domain"]),
    *(
        (name, _of(name))
        for name in (
            "subjectKind",
            "server",
            "measure",
            "permanentBasis",
            "ground",
            "groundReference",
            "category",
            "keywords",
            "effect",
            "validity",
            "endReason",
            "issuedAt",
            "effectiveAt",
            "expiresAt",
            "endedAt",
            "isAutomatedDetection",
            "automation",
            "source",
            "contentType",
            "contentLanguage",
            "territorialScope",
            "isBinding",
            "isIndependent",
            "policyConflicts",
            "explanation",
        )
    ),
]

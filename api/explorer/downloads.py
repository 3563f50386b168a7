"""Downloads: exactly one selection, streamed page by page, and figures as a table."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.explorer.asking import Data
from api.explorer.facets import SANCTIONS, Selection, bad
from api.explorer.site import PUBLIC, Site
from api.schema.statistics import MOST_DIMENSIONS, StatisticsDimension

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

Line = Callable[[Data], bytes]


def download_routes(site: Site) -> list[Route]:
    """Downloads of sanctions, and of figures."""

    def of(line: Line, media: str, name: str, head: bytes = b"") -> Any:
        async def download(request: Request) -> Response:
            selection = Selection.of(SANCTIONS, request.query_params)
            first = await page(request, selection, None)  # a problem comes before anything is sent

            async def body() -> AsyncIterator[bytes]:
                yield head
                found = first
                while True:
                    yield b"".join(map(line, found["nodes"]))
                    if not found["pageInfo"]["hasNextPage"]:
                        return
                    found = await page(request, selection, found["pageInfo"]["endCursor"])

            headers = {**PUBLIC, "Content-Disposition": f'attachment; filename="{name}"'}
            return StreamingResponse(body(), headers=headers, media_type=media)

        return download

    async def page(request: Request, selection: Selection, after: str | None) -> Data:
        asked = {"filter": selection.filter(), "first": STEP, "after": after}
        data = await site.desk.ask(request, "download", asked, goes_on=after is not None)
        return dict(data["sanctions"])

    async def statistics(request: Request) -> Response:
        selection = Selection.of(SANCTIONS, request.query_params, "by")
        by = request.query_params.getlist("by")
        known = StatisticsDimension.__members__
        if len(by) > MOST_DIMENSIONS or not set(by) <= set(known) or len(set(by)) < len(by):
            expected = ", ".join(StatisticsDimension)
            raise bad(f"by: expected up to {MOST_DIMENSIONS} of {expected}")
        asked = {"by": by, "filter": selection.filter()}
        rows = (await site.desk.ask(request, "statistics", asked))["statistics"]["rows"]
        table = [[*row["keys"], *(row[name] for name in FIGURES)] for row in rows]
        headers = {**PUBLIC, "Content-Disposition": 'attachment; filename="statistics.csv"'}
        head = [*(one.lower() for one in by), *FIGURES]
        body = b"".join(map(as_csv, [head, *table]))
        return Response(body, headers=headers, media_type="text/csv; charset=utf-8")

    columns = as_csv([name for name, _ in COLUMNS])
    csv_type, ndjson_type = "text/csv; charset=utf-8", "application/x-ndjson"
    return [
        site.route("/sanctions.csv", of(_csv_line, csv_type, "sanctions.csv", columns)),
        site.route("/sanctions.ndjson", of(_json_line, ndjson_type, "sanctions.ndjson")),
        site.route("/statistics.csv", statistics),
    ]


def _json_line(node: Data) -> bytes:
    return orjson.dumps(node, option=orjson.OPT_APPEND_NEWLINE)


def _csv_line(node: Data) -> bytes:
    return as_csv([column(node) for _, column in COLUMNS])


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


COLUMNS: list[tuple[str, Callable[[Mapping[str, Any]], Any]]] = [
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

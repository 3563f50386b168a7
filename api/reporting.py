"""`comity report …`, and its parts as CSV under /reports."""

from pathlib import Path
from typing import Annotated

import anyio
import anyio.to_thread
import typer
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.console import fail, now, opened, say
from api.limiting.counting import counted
from api.limiting.rates import Rates
from api.schema.reports import instant
from api.schema.subjects import domain_of
from api.tiles import NEWEST
from governance import reporting
from governance.database import Database
from governance.errors import Refused
from governance.exporting.templates import Part
from governance.periods import Period
from governance.reporting import Reported
from governance.retention import Clock

app = typer.Typer(help="Transparency reports in the EU's harmonised templates.")
LARGEST_FILE = 10_000_000  # bytes
MOST_AT_ONCE = 2  # parts that one process makes for the public
PARTS = {part.value for part in Part}

Domain = Annotated[str, typer.Argument(help="Domain of the platform.")]
Days = Annotated[str, typer.Argument(help="Both days included: 2026-01-01/2026-06-30.")]


@app.command()
def show(
    domain: Domain,
    days: Days,
    part: Annotated[Part, typer.Option(help="Which part of the template.")] = Part.APPEALS,
) -> None:
    """Print a part as CSV: the newest version, or a draft of what the records hold now."""
    period = Period.of_days(days)
    with opened() as database, database.reading() as session:
        found = reporting.report(session, domain_of(domain), period, part, now=now())
    if found is None:
        fail(f"no platform {domain} on this node")
    print(found.text, end="")
    say(f"version {found.version}" if found.version else "a draft: not published yet")


@app.command()
def publish(domain: Domain, days: Days) -> None:
    """Publish what the records hold now, as the next version. It is never rewritten."""
    with opened() as database, database.writing() as session:
        made = reporting.publish(session, domain_of(domain), Period.of_days(days), now=now())
        version = made.version
    say(f"published version {version} of {domain}, {days}")


@app.command()
def figures(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A part, as CSV.")],
) -> None:
    """Add what is counted elsewhere: a part in the template's shape, Service being the domain."""
    if file.stat().st_size > LARGEST_FILE:
        fail(f"{file}: expected at most {LARGEST_FILE:,} bytes")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        fail(f"{file}: expected CSV in UTF-8")
    with opened() as database, database.writing() as session:
        domain, period, count = reporting.add_figures(session, text, now=now())
    say(f"{count:,} figures added for {domain}, {period}")


def report_routes(database: Database, rates: Rates, clock: Clock) -> list[Route]:
    """What is served under /reports: the newest version of each part, or a draft."""

    def found(domain: str, part: Part, start: str | None, end: str | None) -> Reported | None:
        period = Period(instant(start, "from"), instant(end, "to"))
        with database.reading() as session:
            return reporting.report(session, domain_of(domain), period, part, now=clock())

    turns = anyio.CapacityLimiter(MOST_AT_ONCE)

    async def part(request: Request) -> Response:
        given, asked = request.query_params, request.path_params
        if asked["part"] not in PARTS:
            return PlainTextResponse("Not Found", 404)
        period = given.get("from"), given.get("to")
        try:
            told = await anyio.to_thread.run_sync(
                found, asked["domain"], Part(asked["part"]), *period, limiter=turns
            )
        except Refused as refused:
            body = {"code": refused.code, "message": refused.message, "path": refused.path}
            return JSONResponse(body, 400)
        if told is None:
            return PlainTextResponse("Not Found", 404)
        name = f"{asked['domain']}_{asked['part']}.csv"
        headers = {**NEWEST, "Content-Disposition": f'inline; filename="{name}"'}
        return Response(told.text, media_type="text/csv", headers=headers)

    return [Route("/reports/{domain}/{part}.csv", counted(rates, part))]

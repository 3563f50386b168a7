"""`comity export …`, and the same in the server by itself, once a day is over."""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.from_thread
import anyio.to_thread
import typer
from typer.core import TyperGroup

from api.console import fail, harmless, interruptible, now, opened, progress, say
from api.observing import logs
from governance.database import Database
from governance.errors import BadSetting
from governance.exporting.places import STAYS, ExportFailed, Folder, place_of
from governance.log.errors import LogError
from governance.log.sequencing import Sequencer
from governance.log.signers import parse_verifier
from governance.settings import read_settings

EVERY = timedelta(minutes=15)
AT_FIRST = timedelta(minutes=2)  # after the start
UNCHANGED = "not everything was checked, and nothing was changed"


class _Group(TyperGroup):
    """Takes `comity export FOLDER` for `comity export run FOLDER`."""

    default = "run"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [self.default, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(help="Daily files of the log: CSV, NDJSON, Parquet.", cls=_Group)


@app.command()
def run(
    where: Annotated[str, typer.Argument(help="A folder, or an address that fsspec knows.")],
    since: Annotated[str, typer.Option(help="The first day, such as 2026-03-01.")] = "",
) -> None:
    """Export every day that is over and isn't there yet; `comity export FOLDER` for short."""
    from governance.exporting.days import export
    from governance.exporting.files import register

    first = _day(since) if since else None
    settings = read_settings()
    try:
        place = place_of(where)
        with (
            interruptible(lambda: STAYS),
            opened(settings) as database,
            progress("days") as told,
        ):
            done = export(
                database, settings.sequencer(), place, now=now(), since=first, progress=told
            )
            if isinstance(place, Folder) and _is_own(place, settings.export_folder):
                register(database, place)
    except ExportFailed as error:
        fail(str(error))
    say(
        f"{done.days:,} days with {done.rows:,} rows exported; the explanations of {done.again:,} "
        "made again"
    )


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="What to check.")],
    key: Annotated[
        list[str] | None,
        typer.Option(help="Verifier key of the log, from whom you trust; repeatable."),
    ] = None,
) -> None:
    """Check signatures, hashes, and that every row is what the log says."""
    from governance.exporting.verifying import verify as verified

    try:
        trusted = [parse_verifier(one.strip()) for one in key or ()]
    except LogError:
        fail("--key: it isn't a verifier key")
    if not trusted:
        say("without --key, nothing shows whose export this is")
    with interruptible(lambda: UNCHANGED), progress(folder.name) as told:
        found = verified(folder, trusted, told)
    if found.faults:
        fail(*found.faults)
    rows = f"{found.days:,} days, {found.rows:,} rows in each format"
    print(harmless(f"{found.origin}: {rows}, up to entry {found.entries:,}"))


@app.command()
def dsa_statements(
    domain: Annotated[str, typer.Argument(help="Domain of the platform.")],
    file: Annotated[Path, typer.Argument(help="The file to make; it must not be there yet.")],
    since: Annotated[str, typer.Option(help="First day of issue, such as 2026-03-01.")] = "",
    until: Annotated[str, typer.Option(help="Last day of issue, included.")] = "",
    dump: Annotated[
        bool, typer.Option("--dump", help="The CSV of the daily dumps, not the API's.")
    ] = False,
) -> None:
    """Statements of reasons for the EU's database: a request of its API a line, or its dump."""
    from governance.exporting import dsa_statements as dsa

    first, last = (_day(text) if text else None for text in (since, until))
    if first and last and last < first:
        fail("--until: expected a day that isn't before --since")
    with opened() as database:
        with database.reading() as session:
            platform = dsa.platform_of(session, domain)
        if platform is None:
            fail(f"no platform {domain} on this node")
        found = dsa.statements(database, platform, since=first, until=last)
        ready, refused = dsa.write(found, platform.name, file, is_dump=dump)
    for sanction_id, problems in refused:
        print(f"{sanction_id}: {'; '.join(problems)}")
    say(f"{ready:,} statements in {file}, {len(refused):,} not ready")
    if refused and not ready:
        raise typer.Exit(1)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"expected a day such as 2026-03-01, got {text!r}")


def _is_own(place: Folder, own: Path | None) -> bool:
    return own is not None and place.path.resolve() == own.resolve()


def own_folder(path: Path) -> Folder:
    """The folder that the server exports to and serves; BadSetting where it can't be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"COMITY_EXPORT_FOLDER: {path}: {error.strerror}") from None
    return Folder(path)


async def exporting(
    database: Database, log: Sequencer, place: Folder, clock: Callable[[], datetime]
) -> None:
    """Runs for ever beside a server. Of several workers one exports, the others pass."""
    pause = AT_FIRST
    while True:
        await anyio.sleep(pause.total_seconds())
        pause = EVERY
        try:
            told = await anyio.to_thread.run_sync(_run, database, log, place, clock)
        except ExportFailed as error:
            logs.tell(logging.WARNING, "export", stopped=str(error))
            continue
        except Exception as error:
            logs.unexpected(error, "the export failed; it is tried again")
            continue
        if any(told.values()):
            logs.tell(logging.INFO, "export", **told)


def _run(
    database: Database, log: Sequencer, place: Folder, clock: Callable[[], datetime]
) -> dict[str, Any]:
    from governance.exporting.days import export
    from governance.exporting.files import register

    def told(done: int, total: int) -> None:
        anyio.from_thread.check_cancelled()  # whether the server stops meanwhile

    done = export(database, log, place, now=clock().astimezone(UTC), progress=told)
    register(database, place)
    return {"days": done.days, "rows": done.rows, "again": done.again}

"""`comity retention run`, and the same in the server by itself."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

import anyio
import anyio.from_thread
import anyio.to_thread
import typer

from api.console import now, opened, progress, say
from api.observing import logs
from governance import retention
from governance.database import Database

EVERY = timedelta(hours=1)
AT_FIRST = timedelta(minutes=1)  # after the start, so that it doesn't delay the first answers

IN_THE_WAY = {
    "sqlite": "others use the write-ahead log, which may hold what was erased: run this again",
    "postgresql": "the database's statistics may hold what was erased: run this as the owner of it "
    "and of its tables",
}

app = typer.Typer(help="Erasing what is not kept any longer.")


@app.callback()
def _group() -> None:
    """Keeps `run` a command of its own while it is the only one."""


@app.command()
def run(
    rewrite: Annotated[
        bool,
        typer.Option(
            "--rewrite", help="Write PostgreSQL's tables anew, which locks each meanwhile."
        ),
    ] = False,
) -> None:
    """Erase private disclosures a year after the end, and what waited for an appeal."""
    with opened() as database, progress("retention") as told:
        done = retention.run(database, clock=now, progress=told, rewrite=rewrite)
    say(f"{done.erased:,} erased, {done.waiting:,} wait for an appeal")
    if not done.is_settled:
        say(IN_THE_WAY[database.dialect])


async def retaining(database: Database, clock: Callable[[], datetime]) -> None:
    """Runs for ever beside a server. Several workers may: each run finds what is left."""
    pause = AT_FIRST
    while True:
        await anyio.sleep(pause.total_seconds())
        pause = EVERY
        try:
            done = await anyio.to_thread.run_sync(_run, database, clock)
        except Exception as error:
            logs.unexpected(error, "retention failed; it is tried again in an hour")
            continue
        told = {"erased": done.erased, "waiting": done.waiting, "isSettled": done.is_settled}
        logs.tell(logging.INFO, "retention", **told)


def _run(database: Database, clock: Callable[[], datetime]) -> retention.Retained:
    # Between two batches the thread asks whether the server stops meanwhile.
    return retention.run(
        database, clock=clock, progress=lambda done, total: anyio.from_thread.check_cancelled()
    )

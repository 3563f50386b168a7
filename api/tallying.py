"""Counting the days that are over, beside a server: see `governance.tallying`."""

from collections.abc import Callable
from datetime import datetime, timedelta

import anyio
import anyio.from_thread
import anyio.to_thread

from api.leading import leading
from api.observing import logs
from governance.database import Database
from governance.tallying import tally

EVERY = timedelta(minutes=1)
AT_FIRST = timedelta(seconds=20)  # after the start, so that it doesn't delay the first answers


async def tallying(database: Database, clock: Callable[[], datetime]) -> None:
    """Runs for ever beside a server; of several workers, one at a time."""
    pause = AT_FIRST
    while True:
        await anyio.sleep(pause.total_seconds())
        pause = EVERY
        try:
            await anyio.to_thread.run_sync(_tally, database, clock)
        except Exception as error:
            logs.unexpected(error, "tallying failed; it is tried again in a minute")


def _tally(database: Database, clock: Callable[[], datetime]) -> None:
    with leading(database, "tallying") as leads:
        if leads:
            tally(database, now=clock(), between=anyio.from_thread.check_cancelled)

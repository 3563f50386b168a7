"""Records accounts' turns beside the process that delivers, so that their ends are told in time."""

from collections.abc import Callable
from datetime import datetime, timedelta

import anyio
import anyio.to_thread

from api.observing import logs
from governance import turns
from governance.database import Database

EVERY = timedelta(seconds=1)  # between looks; what is told a second late names its instant


async def turning(database: Database, now: Callable[[], datetime]) -> None:
    """Runs for ever."""
    while True:
        try:
            await anyio.to_thread.run_sync(_record, database, now)
        except Exception as error:
            logs.unexpected(error, "accounts' turns weren't recorded; they are tried again")
        await anyio.sleep(EVERY.total_seconds())


def _record(database: Database, now: Callable[[], datetime]) -> None:
    """Records what turned up to now."""
    with database.reading() as session:
        is_left = turns.is_due(session, now())
    while is_left:
        with database.writing() as session:
            is_left = turns.record(session, now())

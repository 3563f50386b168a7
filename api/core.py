"""What every process has that answers requests."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import anyio

from api.auth import Members
from api.execution import Executor
from api.explorer.asking import Desk
from api.explorer.site import Site
from api.observing.statements import Watched, watch
from api.reads.stores import store
from governance.database import Database
from governance.settings import Settings


class Core:
    """The database, who may ask it, and where pages ask."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self.keys, self.sequencer = settings.keys(), settings.sequencer()
        self.database = Database(settings.database_url, self.sequencer)
        watch(self.database.engine)
        kept = store(settings.database_url, settings.connections, settings.statement_seconds)
        self.reads = Watched(kept)
        self.executor = Executor(settings, self.database, self.reads, self.keys, now)
        self.members = Members(self.database, self.reads, now)
        self.desk = Desk(self.executor)
        self.site = Site(self.desk)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[anyio.abc.TaskGroup]:
        """Around all that is answered; with whatever goes on meanwhile, which ends with it."""
        await self.reads.open()
        await self.executor.quotas.write()
        try:
            async with anyio.create_task_group() as keeping:
                keeping.start_soon(self.executor.quotas.keep)
                yield keeping
                keeping.cancel_scope.cancel()  # and waits for their threads
        finally:
            await self.executor.quotas.write()
            await self.reads.close()
            await self.members.close()
            self.database.close()

"""What every process has that answers questions."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

from api.execution import Executor
from api.explorer.asking import Desk
from api.explorer.site import Site
from api.observing.statements import Watched, watch
from api.reads.stores import store
from governance.database import Database
from governance.settings import Settings


class Core:
    """The database, who asks it, and the pages that are made of what it says."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self.keys, self.sequencer = settings.keys(), settings.sequencer()
        self.database = Database(settings.database_url, self.sequencer)
        watch(self.database.engine)
        kept = store(settings.database_url, settings.connections, settings.statement_seconds)
        self.reads = Watched(kept)
        self.executor = Executor(settings, self.database, self.reads, self.keys, now)
        self.desk = Desk(self.executor)
        self.site = Site(self.desk)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Around all that is answered."""
        await self.reads.open()
        try:
            yield
        finally:
            await self.reads.close()
            self.database.close()

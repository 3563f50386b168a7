"""Daily quotas of lookups, per platform: counted in memory, written down every few seconds.

A process that is killed forgets at most what it counted since; several processes may together
exceed a quota by as much.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime

import anyio
import anyio.to_thread

from api.limiting.rates import Budget, LimitRefused
from api.observing import logs
from governance.database import Database
from governance.lookups import add_lookups, lookups_of
from governance.migrations import is_current

DAY = 86_400  # seconds
EVERY = 5.0  # seconds between two times of writing down

Key = tuple[str, date]


class Quotas:
    """How many subjects platforms asked about today, as far as this process knows."""

    def __init__(self, database: Database, most: int, now: Callable[[], datetime]) -> None:
        self._database, self._most, self._now = database, most, now
        self._is_ready = False  # to be asked: looking must not make a file
        self._written: dict[Key, int] = {}
        self._writing: dict[Key, int] = {}
        self._pending: dict[Key, int] = defaultdict(int)

    def take(self, platform_id: str, count: int, now: datetime) -> Budget:
        """Counts lookups that are about to be answered; refuses what exceeds the quota."""
        key = platform_id, now.date()
        used = self._written.get(key, 0) + self._writing.get(key, 0) + self._pending.get(key, 0)
        resets = DAY - (now.hour * 3_600 + now.minute * 60 + now.second)
        budget = Budget("lookups", self._most, DAY, max(0, self._most - used - count), resets)
        if used + count > self._most:
            raise LimitRefused(
                f"your platform's {self._most:,} lookups of the day (UTC) are used up",
                "QUOTA_EXCEEDED",
                budget,
            )
        self._pending[key] += count
        return budget

    def give_back(self, platform_id: str, count: int, now: datetime) -> None:
        """Forgets lookups that are about to be counted once more."""
        self._pending[platform_id, now.date()] -= count

    async def keep(self) -> None:
        """Writes down for ever; cancelled at the end."""
        while True:
            await anyio.sleep(EVERY)
            await self.write()

    async def write(self) -> None:
        """Writes down what was counted, and learns what other processes did."""
        with anyio.CancelScope(shield=True):  # what is written is never counted twice
            self._writing, self._pending = self._pending, defaultdict(int)
            try:
                today = self._now().date()
                self._written = await anyio.to_thread.run_sync(self._write, self._writing, today)
                self._writing = {}
            except Exception as error:
                logs.unexpected(error, "lookups weren't written down; they are tried again")
                for key, count in self._writing.items():
                    self._pending[key] += count
                self._writing = {}

    def _write(self, counts: dict[Key, int], today: date) -> dict[Key, int]:
        self._is_ready = self._is_ready or is_current(self._database)
        if not self._is_ready:
            return {}
        if counts:
            with self._database.writing() as session:
                add_lookups(session, counts)
        with self._database.reading() as session:
            return {(platform, today): n for platform, n in lookups_of(session, today).items()}

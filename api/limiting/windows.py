"""Counters in this process's memory, each of a window of time that begins with the first count."""

import time

SWEPT_EVERY = 60.0  # seconds


class Windows:
    """Counts per key, each until its window ends; what is over goes once a minute."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, float]] = {}
        self._swept = time.time()

    def counted(self, key: str, length: float) -> tuple[int, float]:
        """Counts; what is counted by then, and for how many seconds yet."""
        now = time.time()
        if now - self._swept > SWEPT_EVERY:
            self._swept = now
            self._held = {k: held for k, held in self._held.items() if held[1] > now}
        count, ends = self._held.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + length
        self._held[key] = count + 1, ends
        return count + 1, ends - now

    def take_back(self, key: str) -> None:
        """Forgets one, if its window is still open."""
        count, ends = self._held.get(key, (0, 0.0))
        if count and ends > time.time():
            self._held[key] = count - 1, ends

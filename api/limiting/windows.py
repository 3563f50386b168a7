"""Counts per key, each until its window ends, in this process's memory."""

import time

SWEPT_EVERY = 60.0  # seconds


class Windows:
    """How often each key was counted lately. What is over goes once a minute."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, float]] = {}
        self._swept = time.time()

    def counted(self, key: str, seconds: float) -> tuple[int, float]:
        """Counts once more; what is counted by then, and for how many seconds yet."""
        now = time.time()
        if now - self._swept > SWEPT_EVERY:
            self._swept = now
            self._held = {k: held for k, held in self._held.items() if held[1] > now}
        count, ends = self._held.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + seconds
        self._held[key] = count + 1, ends
        return count + 1, ends - now

    def take_back(self, key: str) -> None:
        """Forgets one, if its window is still open."""
        count, ends = self._held.get(key, (0, 0.0))
        if count and ends > time.time():
            self._held[key] = count - 1, ends

"""The counters of `limits`, in this process's memory.

Its own MemoryStorage starts a thread for nearly every request that comes alone, and looks
through all keys each time; here what is over goes once a minute. Only so many keys are kept: more
callers than that, from whatever addresses, take no more memory.
"""

import time

from limits.storage import Storage

SWEPT_EVERY = 60.0  # seconds
MOST_KEYS = 50_000  # some 10 MB


class Windows(Storage):
    """Counts per key, each until its window ends, whatever somebody sets the clock to."""

    STORAGE_SCHEME = ["comity-windows"]  # noqa: RUF012 as the base class has it

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[str, tuple[int, float]] = {}
        self._swept = time.monotonic()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        count, _ = self.counted(key, expiry, amount)
        return count

    def counted(self, key: str, expiry: float, amount: int = 1) -> tuple[int, float]:
        """Counts; what is counted by then, and for how many seconds yet."""
        now = time.monotonic()
        if now - self._swept > SWEPT_EVERY or len(self._held) >= MOST_KEYS:
            self._sweep(now)
        count, ends = self._held.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + expiry
        self._held[key] = count + amount, ends
        return count + amount, ends - now

    def _sweep(self, now: float) -> None:
        """Forgets what is over and, where that isn't enough, half of the rest: what ends first, so
        that wrong secrets of an hour stay longer than requests of a minute."""
        self._swept = now
        held = {key: window for key, window in self._held.items() if window[1] > now}
        if len(held) >= MOST_KEYS:
            by_end = sorted(held, key=lambda key: held[key][1])
            held = {key: held[key] for key in by_end[len(held) // 2 :]}
        self._held = held

    def take_back(self, key: str) -> None:
        """Forgets one, if its window is still open."""
        count, ends = self.window(key)
        if count > 1:
            self._held[key] = count - 1, ends
        else:
            self._held.pop(key, None)

    def get(self, key: str) -> int:
        count, ends = self._held.get(key, (0, 0.0))
        return count if ends > time.monotonic() else 0

    def get_expiry(self, key: str) -> float:
        return self._held.get(key, (0, time.monotonic()))[1]

    def window(self, key: str) -> tuple[int, float]:
        """The count of a key and when its window ends."""
        now = time.monotonic()
        held = self._held.get(key, (0, now))
        return held if held[1] > now else (0, now)

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        count = len(self._held)
        self._held.clear()
        return count

    def clear(self, key: str) -> None:
        self._held.pop(key, None)

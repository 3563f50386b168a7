"""How many connections and subscriptions one caller may have open at once, in each process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Full(Exception):
    """The caller has as many open as it may. The message is safe to show."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.message = f"expected at most {most:,} open sockets and subscriptions together"


class Seats:
    """Counts what is open by caller: a token, or an address without one."""

    def __init__(self, *, members: int, public: int) -> None:
        self._members, self._public = members, public
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, caller: str, *, is_member: bool) -> Iterator[None]:
        """One seat for as long as this lasts; Full beyond the limit."""
        most = self._members if is_member else self._public
        if self._taken[caller] >= most:
            raise Full(most)
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]

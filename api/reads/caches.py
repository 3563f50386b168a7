"""What is kept for the next who ask the same."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """A cache bounded by number and by weight; what was unused longest goes first."""

    def __init__(
        self, most: int, heaviest: int = 0, weight: Callable[[Value], int] = lambda _: 0
    ) -> None:
        self._most, self._heaviest, self._weight = most, heaviest, weight
        self._held_weight = 0
        self._held: OrderedDict[Hashable, Value] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def get(
        self,
        key: Hashable,
        make: Callable[[], Value],
        may_be_kept: Callable[[Value], bool] = lambda _: True,
    ) -> Value:
        if key in self._held:
            self.hits += 1
            self._held.move_to_end(key)
            return self._held[key]
        self.misses += 1
        made = make()
        if not may_be_kept(made):
            return made
        self._held[key] = made
        self._held_weight += self._weight(made)
        while len(self._held) > self._most or self._held_weight > self._heaviest:
            _, dropped = self._held.popitem(last=False)
            self._held_weight -= self._weight(dropped)
        return made

    def __contains__(self, key: Hashable) -> bool:
        return key in self._held

    def known(self, key: Hashable) -> Value | None:
        """What is kept, if it is."""
        found = self._held.get(key)
        if found is not None:
            self.hits += 1
            self._held.move_to_end(key)
        return found

    def __len__(self) -> int:
        return len(self._held)

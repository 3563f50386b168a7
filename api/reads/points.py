"""Point lookups of PostgreSQL that arrive together share one statement.

Two of a kind run at once; what arrives meanwhile waits for the next of them to end and then runs
as one statement over all their values. So nobody waits on an idle node, and no timer runs. What a
shared statement is refused for, each lookup finds out alone: one bad value fails no other.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

LANES = 2
MOST = 200  # lookups in one statement
_PLACE = re.compile(r"\$(\d+)")

Values = Sequence[Any]
Alone = Callable[[str, Values], Awaitable[Any]]
Together = Callable[[str, Sequence[Values]], Awaitable[Sequence[Any]]]


class Unshared(Exception):
    """The statement can't be asked for many values at once."""


class Points:
    """The lookups of a process, by statement."""

    def __init__(self, alone: Alone, together: Together) -> None:
        self._alone, self._together = alone, together
        self._kinds: dict[str, _Kind] = {}  # that run now
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, sql: str, values: Values) -> Any:
        """What the statement finds for these values."""
        kind = self._kinds.get(sql)
        if kind is None:
            kind = self._kinds[sql] = _Kind()
        if kind.running == LANES:
            found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            kind.waiting.append((values, found))
            return await found
        kind.running += 1
        try:
            return await self._alone(sql, values)
        finally:
            self._go_on(sql, kind)

    def _go_on(self, sql: str, kind: "_Kind") -> None:
        """The lane that came free takes what waits, or ends."""
        asked = [kind.waiting.popleft() for _ in range(min(MOST, len(kind.waiting)))]
        if asked:
            task = asyncio.get_running_loop().create_task(self._run(sql, kind, asked))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        kind.running -= 1
        if not kind.running:
            del self._kinds[sql]

    async def _run(self, sql: str, kind: "_Kind", asked: Sequence["_Asked"]) -> None:
        try:
            if len(asked) > 1:
                with contextlib.suppress(Exception):  # each is told its own, below
                    answers = await self._together(sql, [values for values, _ in asked])
                    for (_, found), answer in zip(asked, answers, strict=True):
                        if not found.done():  # or whoever asked is gone
                            found.set_result(answer)
            left = [(values, found) for values, found in asked if not found.done()]
            await asyncio.gather(*(self._find(sql, *one) for one in left))
        finally:
            self._go_on(sql, kind)

    async def _find(self, sql: str, values: Values, found: "asyncio.Future[Any]") -> None:
        try:
            answer = await self._alone(sql, values)
        except Exception as error:
            if not found.done():
                found.set_exception(error)
        else:
            if not found.done():
                found.set_result(answer)


_Asked = tuple[Values, "asyncio.Future[Any]"]


class _Kind:
    """The lookups of one statement: how many run, and which wait."""

    def __init__(self) -> None:
        self.running = 0
        self.waiting: deque[_Asked] = deque()


def shared(sql: str, kinds: Sequence[asyncpg.Type]) -> str:
    """The statement for many values at once, each parameter an array of its kind; a row each, in
    order. Arrays of arrays can't be taken apart: those statements aren't shared."""
    if any(kind.kind == "array" for kind in kinds):
        return ""
    names = ", ".join(f"p{place}" for place in range(1, len(kinds) + 1))
    arrays = ", ".join(f"${place}::{kind.name}[]" for place, kind in enumerate(kinds, 1))
    one = _PLACE.sub(r"asked.p\1", sql)
    return (
        f"SELECT ({one}) FROM unnest({arrays}) WITH ORDINALITY AS asked({names}, place) "
        "ORDER BY asked.place"
    )

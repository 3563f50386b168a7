"""Asks the executor as whoever looks at a page, and tells what it can't answer as a problem."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
from starlette.requests import Request as Asked

from api.asking import Request
from api.execution import Executor
from api.limiting.counting import address_of
from governance.membership import Actor

QUERIES = Path(__file__).parent / "queries"

KEPT_SECONDS = 60
STALE = 10  # times as long an answer is shown while the next is on its way
MOST_KEPT = 200  # answers of one document, so that selections leave room for figures
# Questions of one address, and of all, that may wait; beyond, whoever asks is told to come back.
MOST_OF_ONE, MOST_WAITING = 25, 200
# Of those that are answered at once: what is left of the processors is for partners.
AT_ONCE = max(1, (os.cpu_count() or 1) // 2)

Data = dict[str, Any]
Key = tuple[str, bytes]

# What a page says of an error's code; all others are our bugs.
_STATUS = {
    "INVALID_INPUT": (400, "That can’t be asked"),
    "BAD_DOCUMENT": (400, "That can’t be asked"),
    "LIMIT_EXCEEDED": (400, "That is too much at once"),
    "UNAUTHENTICATED": (401, "That takes a login"),
    "FORBIDDEN": (403, "That isn’t yours to see"),
    "RATE_LIMITED": (429, "Too many requests"),
    "BUSY": (503, "Busy"),
    "TIMEOUT": (503, "That takes too long"),
    "UNAVAILABLE": (503, "Not now"),
}
_BUG = 500, "Something went wrong"
# Cursors are what visitors know as pages.
_CURSOR = ": expected a cursor of "
_NO_PAGE = "no page of this list has this address: it was cut off, or is another list’s"


@dataclass(frozen=True, slots=True)
class Problem(Exception):
    """A page that can't be shown: a status, a headline, what was expected, where that is told at
    length, and which parts of the address were wrong, where that is known."""

    status: int
    title: str
    message: str
    headers: Mapping[str, str] | None = None
    choices: str = ""
    names: Sequence[str] = ()


@cache
def document(name: str) -> str:
    """The text of one of the site's documents."""
    return (QUERIES / f"{name}.graphql").read_text(encoding="utf-8")


@dataclass(slots=True)
class Kept:
    """An answer that is kept for a while, or is on its way; and the next, once it is asked for."""

    asked_at: float
    answer: asyncio.Task[Data]
    next: asyncio.Task[Data] | None = None


class Desk:
    """Where pages ask."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._kept: dict[Key, Kept] = {}
        self._turns, self._waiting = asyncio.Semaphore(AT_ONCE), Counter[str]()

    async def kept(
        self, request: Asked, name: str, variables: Mapping[str, Any], seconds: int = KEPT_SECONDS
    ) -> Data:
        """Public figures, read from a great many records: kept for some seconds, and for ten times
        as long shown while they are read anew, so that nobody waits for figures that many look at.
        Whoever asks for the first meanwhile waits for the same answer."""
        key, now = (name, orjson.dumps(variables)), monotonic()

        def begun() -> asyncio.Task[Data]:
            return asyncio.create_task(self.ask(request, name, variables))

        held = self._kept.get(key)
        if held is None or now > held.asked_at + STALE * seconds:
            if self._is_full(name):
                self._drop(now)
            held = Kept(now, begun())
            if not self._is_full(name):
                self._kept[key] = held
                held.answer.add_done_callback(lambda done: self._forget(key, done))
        elif now > held.asked_at + seconds and held.next is None and held.answer.done():
            held.next = begun()
            held.next.add_done_callback(lambda done: self._renew(key, now, done))
        return await asyncio.shield(held.answer)

    def _is_full(self, name: str) -> bool:
        return sum(one == name for one, _ in self._kept) >= MOST_KEPT

    def _drop(self, now: float) -> None:
        """Makes room: what nobody may be shown any longer goes."""
        oldest = now - STALE * KEPT_SECONDS
        self._kept = {key: kept for key, kept in self._kept.items() if kept.asked_at > oldest}

    def _forget(self, key: Key, done: asyncio.Task[Data]) -> None:
        """What failed is asked again."""
        if done.cancelled() or done.exception() is not None:
            self._kept.pop(key, None)

    def _renew(self, key: Key, asked_at: float, done: asyncio.Task[Data]) -> None:
        """The newer answer takes the place of the older, which stays where it failed."""
        if key not in self._kept:
            return
        if done.cancelled() or done.exception() is not None:
            self._kept[key].next = None
        else:
            self._kept[key] = Kept(asked_at, done)

    def forget(self) -> None:
        """Asks anew for whatever is asked next."""
        self._kept.clear()

    async def ask(
        self,
        request: Asked,
        name: str,
        variables: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = None,
        changes: bool = False,
        goes_on: bool = False,
    ) -> Data:
        """The data of one of the site's documents; Problem where there is none. What goes on with a
        download waits however many do."""
        address = address_of(request)
        asked = Request(document(name), variables or {}, None, actor, address, not changes)
        async with contextlib.nullcontext() if actor or changes else self._turn(address, goes_on):
            answer = await self.executor.answer(asked)
        told: Data = orjson.loads(answer.body)
        if errors := told.get("errors"):
            raise _problem(errors[0], answer.fields)
        data: Data = told["data"]
        return data

    @contextlib.asynccontextmanager
    async def _turn(self, address: str, goes_on: bool) -> AsyncIterator[None]:
        """Around a visitor's question; Problem where too many wait."""
        waiting = self._waiting
        is_full = waiting[address] >= MOST_OF_ONE or waiting.total() >= MOST_WAITING
        if is_full and not goes_on:
            raise Problem(503, "Busy", "too many ask at once: try again", {"Retry-After": "5"})
        waiting[address] += 1
        try:
            async with self._turns:
                yield
        finally:
            waiting[address] -= 1
            if not waiting[address]:
                del waiting[address]


def _problem(error: Data, fields: Sequence[tuple[bytes, bytes]]) -> Problem:
    status, title = _STATUS.get(error.get("extensions", {}).get("code"), _BUG)
    waits = [value.decode() for name, value in fields if name == b"retry-after"]
    told = {"Retry-After": waits[0]} if waits else None
    message = _NO_PAGE if _CURSOR in error["message"] else error["message"]
    return Problem(status, title, message, told)

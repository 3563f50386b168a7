"""Runs plans: tells limits of the database as errors, puts in what no statement can make."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import anyio.to_thread

from api.asking import refusal
from api.filling import Filler
from api.reads.plans import Plan, Planner
from api.reads.stores import Store, TooDeep, TooLong, Values
from api.schema.build import methods


class Reader:
    """The plans of a process and the store they run in."""

    def __init__(self, store: Store, filler: Filler) -> None:
        self.planner = Planner(methods(), store.dialect)
        self.store = store
        self.seal = f"{secrets.token_hex(16)}:"
        self._filler = filler
        self._sealed = re.compile(rf"{self.seal}(\w+)\.([\w.]+);")

    async def run(self, plan: Plan, values: Values) -> str:
        """The JSON that a plan answers."""
        with _limits():
            found = await self.store.one(
                plan.sql, values, is_point=plan.is_point, is_lookup=plan.is_lookup
            )
        json = str(found)
        return await self._filled(json) if plan.is_sealed else json

    async def _filled(self, json: str) -> str:
        places = set(self._sealed.findall(json))
        if not places:
            return json
        found = await anyio.to_thread.run_sync(self._filler.fill, places)
        return self._sealed.sub(lambda place: found[place[1], place[2]], json)

    async def check(self, plan: Plan, values: Values) -> None:
        """Refuses what the database couldn't read, without running it."""
        with _limits():
            await self.store.check(plan.sql, values)


@contextmanager
def _limits() -> Iterator[None]:
    try:
        yield
    except TooDeep:
        message = "expected fewer levels of objects within objects"
        raise refusal(message, "LIMIT_EXCEEDED") from None
    except TooLong:
        raise refusal("this takes too long to find out: ask for less at once", "TIMEOUT") from None

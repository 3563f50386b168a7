"""Runs plans: tells limits of the database as errors, puts appeal secrets in their places."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from api.asking import refusal
from api.reads.plans import Plan, Planner
from api.reads.stores import Store, TooDeep, TooLong, Values
from api.schema.build import methods
from governance.appellants import appeal_secret
from governance.settings import Keys


class Reader:
    """The plans of a process and the store they run in."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self.planner = Planner(methods(), store.dialect)
        self.store = store
        self.seal = f"{secrets.token_hex(16)}:"
        self._keys = keys
        self._sealed = re.compile(rf"{self.seal}(\w+);")

    async def run(self, plan: Plan, values: Values) -> str:
        """The JSON that a plan answers."""
        with _limits():
            json = str(await self.store.one(plan.sql, values, is_point=plan.is_point))
        if not plan.is_sealed:
            return json
        return self._sealed.sub(lambda found: appeal_secret(self._keys, found[1], 0), json)

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

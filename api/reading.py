"""Runs plans: tells limits of the database as errors, puts in what no statement can make."""

import re
import secrets

import anyio.to_thread
from graphql import GraphQLError

from api.asking import refusal
from api.courtesy import Aside
from api.filling import Filler
from api.proofs import Proof, Prover
from api.reads.plans import Plan, Planner
from api.reads.stores import LONGEST_KEPT, Store, TooDeep, TooLong, Values
from api.schema.build import methods


class Reader:
    """The plans of a process and the store they run in."""

    def __init__(self, store: Store, filler: Filler, aside: Aside) -> None:
        self.planner = Planner(methods(), store.dialect, aside)
        self.store = store
        self._prover = Prover(store.dialect)
        self.seal = f"{secrets.token_hex(16)}:"
        self._filler = filler
        self._sealed = re.compile(rf"{self.seal}(\w+)\.([\w.]+);")

    async def run(self, plan: Plan, values: Values) -> str:
        """The JSON that a plan answers."""
        return str(await self.proven(plan, values, None))

    async def proven(self, plan: Plan, values: Values, proof: Proof | None) -> str | None:
        """The same, if the proof holds; who shows none needs none."""
        sql, values = self._asked(plan, values, proof)
        try:
            found: str | None = await self.store.one(
                sql, values, is_point=plan.is_point, is_lookup=plan.is_lookup
            )
        except TooDeep:
            raise _too_deep() from None
        except TooLong:
            raise _too_long() from None
        return await self._filled(found) if plan.is_sealed and found else found

    def may_at_once(self, plan: Plan) -> bool:
        """Whether the next is worth a try, to know before values are made: many take long."""
        return plan.is_point and not plan.is_sealed

    def at_once(self, plan: Plan, values: Values, proof: Proof | None) -> str | None:
        """The same without waiting; TooLong where that won't do."""
        sql, values = self._asked(plan, values, proof)
        if len(sql) > LONGEST_KEPT:
            raise TooLong
        found: str | None = self.store.at_once(sql, values)
        return found

    def _asked(self, plan: Plan, values: Values, proof: Proof | None) -> tuple[str, Values]:
        return (plan.sql, values) if proof is None else self._prover.around(plan.sql, values, proof)

    async def _filled(self, json: str) -> str:
        places = set(self._sealed.findall(json))
        if not places:
            return json
        found = await anyio.to_thread.run_sync(self._filler.fill, places)
        return self._sealed.sub(lambda place: found[place[1], place[2]], json)

    async def check(self, plan: Plan, values: Values) -> None:
        """Refuses what the database couldn't read, without running it."""
        try:
            await self.store.check(plan.sql, values)
        except TooDeep:
            raise _too_deep() from None
        except TooLong:
            raise _too_long() from None


def _too_deep() -> GraphQLError:
    return refusal("expected fewer levels of objects within objects", "LIMIT_EXCEEDED")


def _too_long() -> GraphQLError:
    return refusal("this takes too long to find out: ask for less at once", "TIMEOUT")

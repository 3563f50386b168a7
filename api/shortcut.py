"""The way that most requests take: a query of one field whose document and plan are kept.

The statement that answers confirms who asks as well (`api.proofs`). Whatever is not plainly that,
or goes wrong, the other way answers (`api.execution`), as if nothing had been tried.
"""

from dataclasses import dataclass, field
from datetime import datetime

from graphql import GraphQLError

from api.asking import Answer, Request
from api.errors import is_unreachable
from api.execution import Executor, cut_short, is_cut_short
from api.limiting.rates import Budget, fields
from api.observing.notes import current
from api.proofs import Proof
from api.reads.plans import Plan
from api.reads.stores import Values
from api.reads.values import Env
from governance.errors import Refused
from governance.membership import viewer_of


@dataclass(slots=True)
class _Asked:
    """A question, what it costs, and the budgets that it was counted in."""

    request: Request
    env: Env
    key: str
    plan: Plan
    values: Values
    is_required: bool
    cost: int
    budgets: list[Budget] = field(default_factory=list)


class Shortcut:
    """Answers what it can. It gives no answer to what takes the other way, or where the proof
    doesn't hold. Members are asked for with a proof."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self._reader = executor, executor.reader
        self._rates, self._quotas = executor.rates, executor.quotas

    async def answer(self, request: Request, proof: Proof | None, now: datetime) -> Answer | None:
        asked = self._asked(request, now)
        if asked is None:
            return None
        try:
            self._count(asked)
            json = await self._reader.proven(asked.plan, asked.values, proof)
        except Exception as error:
            if is_unreachable(error):
                raise
            # What nests too deep may do so for the proof around it alone.
            if is_cut_short(error, {"TIMEOUT"}):
                return self._told(asked, cut_short(error))
            self._uncount(asked)
            return None
        return self._answered(asked, json)

    def at_once(self, request: Request, proof: Proof | None, now: datetime) -> Answer | None:
        """The same without waiting for anything."""
        asked = self._asked(request, now, is_at_once=True)
        if asked is None:
            return None
        try:
            self._count(asked)
            json = self._reader.at_once(asked.plan, asked.values, proof)
        except Exception:  # it is met again, and told, where there is time
            self._uncount(asked)
            return None
        return self._answered(asked, json)

    def _asked(self, request: Request, now: datetime, *, is_at_once: bool = False) -> _Asked | None:
        executor = self._executor
        parsed = executor.documents.known(request.query, request.operation_name)
        if parsed is None or parsed.read is None:
            return None
        variables = executor.variables(parsed, request)
        if isinstance(variables, list) or (cost := parsed.cost(variables)) > executor.most_cost:
            return None
        viewer = viewer_of(request.actor)
        env = Env(variables, now, viewer, executor.lookup, self._reader.seal)
        root = self._reader.planner.known(parsed.read, env)
        if root is None or root.plan is None:
            return None
        if is_at_once and not self._reader.may_at_once(root.plan):
            return None
        try:
            values = root.plan.values(env)
        except (GraphQLError, Refused):
            return None
        if env.problems:
            return None
        current().operation(parsed.told)
        return _Asked(request, env, root.key, root.plan, values, root.is_required, cost)

    def _answered(self, asked: _Asked, json: str | None) -> Answer | None:
        if json is None or (json == "null" and asked.is_required):
            self._uncount(asked)
            return None
        return self._told(asked, f'{{"data":{{"{asked.key}":{json}}}'.encode())

    def _told(self, asked: _Asked, body: bytes) -> Answer:
        cost = asked.cost, self._executor.most_cost
        told = b',"extensions":{"cost":{"requested":%d,"limit":%d}}}' % cost
        return Answer(body + told, 200, fields(asked.budgets))

    def _count(self, asked: _Asked) -> None:
        """Counts a request and its lookups; LimitRefused beyond a limit."""
        request, env = asked.request, asked.env
        is_member = request.actor is not None
        asked.budgets.append(self._rates.request(request.caller, is_member=is_member))
        if env.lookups and request.actor is not None:
            taken = self._quotas.take(request.actor.platform_id, env.lookups, env.now)
            asked.budgets.append(taken)

    def _uncount(self, asked: _Asked) -> None:
        """Takes back what was counted, which the other way counts itself."""
        request, env = asked.request, asked.env
        if asked.budgets:
            self._rates.take_back(request.caller, is_member=request.actor is not None)
        if len(asked.budgets) > 1 and request.actor is not None:
            self._quotas.give_back(request.actor.platform_id, env.lookups, env.now)

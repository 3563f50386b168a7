"""The way that most requests take: a query of one field whose document and plan are kept.

The statement that answers confirms who asks as well (`api.proofs`). Whatever is not plainly that,
or goes wrong, the other way answers (`api.execution`), as if nothing had been tried.
"""

from datetime import datetime

from graphql import GraphQLError

from api.asking import Answer, Request
from api.errors import is_unreachable
from api.execution import Executor, cut_short, is_cut_short
from api.limiting.rates import Budget, fields
from api.observing.notes import current
from api.proofs import Proof
from api.reads.values import Env
from governance.errors import Refused
from governance.membership import viewer_of


class Shortcut:
    """Answers what it can at once."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self._reader = executor, executor.reader
        self._rates, self._quotas = executor.rates, executor.quotas

    async def answer(self, request: Request, proof: Proof | None, now: datetime) -> Answer | None:
        """The answer; None where it takes the other way, or the proof doesn't hold. Members are
        asked for with a proof."""
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
        try:
            values = root.plan.values(env)
        except (GraphQLError, Refused):
            return None
        if env.problems:
            return None
        current().operation(parsed.told)
        budgets: list[Budget] = []
        try:
            self._count(env, request, budgets)
            json = await self._reader.proven(root.plan, values, proof)
        except Exception as error:
            if is_unreachable(error):
                raise
            # What nests too deep may do so for the proof around it alone.
            if not is_cut_short(error, {"TIMEOUT"}):
                self._uncount(env, request, budgets)
                return None
            body = cut_short(error)
        else:
            if json is None or (json == "null" and root.is_required):
                self._uncount(env, request, budgets)
                return None
            body = f'{{"data":{{"{root.key}":{json}}}'.encode()
        told = b',"extensions":{"cost":{"requested":%d,"limit":%d}}}' % (cost, executor.most_cost)
        return Answer(body + told, 200, fields(budgets))

    def _count(self, env: Env, request: Request, budgets: list[Budget]) -> None:
        """Counts a request and its lookups; LimitRefused beyond a limit."""
        is_member = request.actor is not None
        budgets.append(self._rates.request(request.caller, is_member=is_member))
        if env.lookups and request.actor is not None:
            budgets.append(self._quotas.take(request.actor.platform_id, env.lookups, env.now))

    def _uncount(self, env: Env, request: Request, budgets: list[Budget]) -> None:
        """Takes back what was counted, which the other way counts itself."""
        if budgets:
            self._rates.take_back(request.caller, is_member=request.actor is not None)
        if len(budgets) > 1 and request.actor is not None:
            self._quotas.give_back(request.actor.platform_id, env.lookups, env.now)

"""Answers GraphQL operations: compiled reads straight out, all else through graphql-core over
the same compiled selections."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeGuard

import anyio
import anyio.to_thread
import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    execute,
)
from graphql.execution.values import get_variable_values

from api import batches
from api.asking import Answer, Context, Request, refusal
from api.changing import Changes
from api.courtesy import Aside
from api.documents import Documents, Parsed
from api.errors import identified, is_unreachable, located, public
from api.filling import Filler
from api.limiting.quotas import Quotas
from api.limiting.rates import Budget, LimitRefused, Rates, fields, refused_fields
from api.observing import logs
from api.observing.notes import current
from api.outward import Outside
from api.prepared import prepared
from api.reading import Reader
from api.reads.plans import SECRET_FIELD, Plan
from api.reads.stores import Store, Values
from api.reads.values import Env
from api.schema.computing import Asked
from api.trusting import trusted
from api.variables import excess_of
from governance.database import Database
from governance.errors import Refused
from governance.settings import Keys, Settings

Info = GraphQLResolveInfo[Any]
MOST_COMPUTING = 2  # at once, in a process


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An operation that may be executed, and what its answer tells in `extensions`."""

    document: DocumentNode
    operation: OperationDefinitionNode
    context: Context
    told: Mapping[str, Any]
    batch: batches.Batch | None = None

    @property
    def is_subscription(self) -> bool:
        return self.operation.operation is OperationType.SUBSCRIPTION


class Executor:
    """Everything a process needs to answer; one a process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: Store,
        keys: Keys,
        now: Callable[[], datetime] = clock,
    ) -> None:
        self.schema = prepared()
        self.trusted = trusted(settings)
        self.documents = Documents(self.schema, settings, self.trusted.texts)
        self._aside = Aside()
        self.reader = Reader(store, Filler(database, keys, now), self._aside)
        self.now = now
        self._database, self._computing = database, anyio.CapacityLimiter(MOST_COMPUTING)
        self.rates = Rates(
            members=settings.requests_of_member,
            public=settings.requests_of_public,
            guesses=settings.wrong_secrets_of_caller,
        )
        self.quotas = Quotas(database, settings.lookups_of_platform, now)
        self.changes = Changes(
            database, self.reader, keys, now, self.rates, self.quotas, Outside(settings)
        )
        self.most_cost = settings.max_cost
        self.lookup = keys.derived("lookup")

    async def answer(self, request: Request) -> Answer:
        """The answer to one request. Never raises for what the caller sent."""
        accepted = await self.accepted(request)
        return accepted if isinstance(accepted, Answer) else await self.executed(accepted)

    def limited(self, address: str) -> Answer | None:
        """Counts what was no request, such as a wrong token; an answer if that is too much."""
        try:
            self.rates.request(address, is_member=False)
        except LimitRefused as limit:
            return _limited(limit)
        return None

    async def accepted(self, request: Request) -> Accepted | Answer:
        """Counts the request and finds its operation; an answer instead where there is none to
        execute: 400, or 405 for a mutation by GET."""
        try:
            rate = self.rates.request(request.caller, is_member=request.actor is not None)
        except LimitRefused as limit:
            return _limited(limit)
        budgets = [rate]
        with current().span("parse"):
            parsed = await self._parsed(request)
        if parsed.errors:
            return _refused(parsed.errors, request, budgets)
        operation, document, read = parsed.operation, parsed.document, parsed.read
        assert operation is not None
        assert document is not None
        assert read is not None
        current().operation(parsed.told)
        is_change = operation.operation is OperationType.MUTATION
        if request.is_read_only and is_change:
            # GraphQL over HTTP, 6.2.1: GET must not be used for mutations.
            wrong = refusal("GET answers queries alone: expected POST", "BAD_REQUEST")
            return _refused([wrong], request, budgets, status=405)
        batch = await batches.requested(operation, request) if is_change else None
        variables = request.variables if batch else self.variables(parsed, request)
        if isinstance(variables, list):
            return _refused(variables, request, budgets)
        cost = parsed.cost(variables)
        told = {"cost": {"requested": cost, "limit": self.most_cost}}
        if cost > self.most_cost:
            message = f"expected a cost of at most {self.most_cost:,}; this asks for {cost:,}"
            over = refusal(message, "LIMIT_EXCEEDED")
            return _refused([over], request, budgets, told)
        seal = self.reader.seal
        context = Context(self, read, request, self.now(), variables, self.lookup, seal, budgets)
        return Accepted(document, operation, context, told, batch)

    async def _parsed(self, request: Request) -> Parsed:
        asked, made = (request.query, request.operation_name), None
        if not self.documents.is_quick(*asked):
            made = await self._aside.made(partial(self.documents.made, *asked))
        return self.documents.parsed(*asked, made)

    async def executed(self, accepted: Accepted) -> Answer:
        """The answer to a query or a mutation."""
        operation, context, told = accepted.operation, accepted.context, accepted.told
        if accepted.is_subscription:
            wrong = refusal("a subscription takes WebSocket or text/event-stream", "BAD_REQUEST")
            return _refused([wrong], context.request, context.budgets)
        if accepted.batch is not None:
            issued = await batches.issued(accepted.batch, context, self.changes)
            return Answer(self._told(issued, told), 200, fields(context.budgets))
        body = None
        if operation.operation is OperationType.QUERY:
            fast = await self._compiled(operation, context)
            if fast is not None:
                body = fast + b',"extensions":' + orjson.dumps(told) + b"}"
        if body is None:
            body = await self._interpreted(accepted.document, context, told)
        return Answer(body, 200, fields(context.budgets))

    def variables(self, parsed: Parsed, request: Request) -> dict[str, Any] | list[GraphQLError]:
        """The variables as GraphQL coerces them, or what is wrong with them."""
        given = request.variables
        plain = parsed.plain.coerced(given) if parsed.plain else None
        if plain is not None:
            return plain
        excess = excess_of(given)
        if excess is not None:
            return [refusal(excess, "LIMIT_EXCEEDED")]
        assert parsed.operation is not None
        definitions = parsed.operation.variable_definitions or ()
        coerced = get_variable_values(self.schema, definitions, dict(given), max_errors=20)
        return coerced if isinstance(coerced, list) else coerced.coerced

    async def _compiled(self, operation: OperationDefinitionNode, context: Context) -> bytes | None:
        """The answer of a query of compiled fields, up to its last brace; None where something is
        to be told. Raises what keeps the database from being asked."""
        env = context.env()
        try:
            with current().span("plan"):
                planner, selections = self.reader.planner, operation.selection_set
                program = await planner.program(context.operation, selections, env)
            if program.second_path:
                return _second(program.second_path)
            values = [root.plan.values(env) if root.plan else () for root in program.roots]
            if env.problems:
                return _second("problem")
            self._count_lookups(env, context)
            parts = []
            for root, bound in zip(program.roots, values, strict=True):
                json = '"Query"'
                if root.plan is not None:
                    json = await self._run(root.name, root.plan, bound, context)
                if json == "null" and root.is_required:
                    return _second("null")
                parts.append(f'"{root.key}":{json}')
        except GraphQLError as error:
            return cut_short(error) if is_cut_short(error) else _second("refused")
        # The other path meets it again, and tells it with its place.
        except (Refused, LimitRefused):
            return _second("refused")
        except Exception as error:
            if is_unreachable(error):
                raise
            logs.unexpected(error, "unexpected on the first path")
            return _second("unexpected")
        return ('{"data":{' + ",".join(parts) + "}").encode()

    async def _interpreted(
        self, document: DocumentNode, context: Context, told: Mapping[str, Any]
    ) -> bytes:
        result = execute(
            self.schema,
            document,
            context_value=context,
            variable_values=dict(context.request.variables),
            operation_name=context.request.operation_name,
        )
        if not isinstance(result, ExecutionResult):
            result = await result
        return self._told(result, told)

    def _told(self, result: ExecutionResult, told: Mapping[str, Any]) -> bytes:
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            if result.data is None:
                _raise_unreachable(result.errors)
            body["errors"] = [public(error) for error in result.errors]
            told = {**told, **identified()}
        return orjson.dumps(body | {"extensions": told})

    async def query(self, info: Info) -> Any:
        """A root field of a query, for graphql-core."""
        context: Context = info.context
        env = context.env()
        try:
            plan, values = await self._planned(info.field_nodes, context, env)
            self._count_lookups(env, context)
            name = info.field_nodes[0].name.value
            value = orjson.loads(await self._run(name, plan, values, context))
        except Refused as refused:
            raise located(refused) from None
        except LimitRefused as limit:
            context.budgets.append(limit.budget)
            raise refusal(limit.message, limit.code) from None
        for place, problem in env.problems:
            value[place] = located(problem)
        return value

    async def computed(
        self, compute: Callable[..., Any], info: Info, given: Mapping[str, Any]
    ) -> Any:
        """A field that Python computes, in a thread, a few at a time."""
        context: Context = info.context

        def work() -> Any:
            with self._database.reading() as session:
                return compute(Asked(session, context.now), **given)

        try:
            return await anyio.to_thread.run_sync(work, limiter=self._computing)
        except Refused as refused:
            raise located(refused) from None

    async def _planned(
        self, nodes: Sequence[FieldNode], context: Context, env: Env
    ) -> tuple[Plan, Values]:
        with current().span("plan"):
            plan = await self.reader.planner.root(context.operation, nodes, env)
        return plan, plan.values(env)

    async def _run(self, name: str, plan: Plan, values: Values, context: Context) -> str:
        if name != SECRET_FIELD:
            return await self.reader.run(plan, values)
        with self.rates.guessing(context.request.caller) as guess:
            json = await self.reader.run(plan, values)
            guess.was_wrong = json == "null"
        return json

    def _count_lookups(self, env: Env, context: Context) -> None:
        if env.lookups and context.actor is not None:
            taken = self.quotas.take(context.actor.platform_id, env.lookups, env.now)
            context.budgets.append(taken)


def is_cut_short(
    error: Exception, codes: Collection[str] = ("TIMEOUT", "LIMIT_EXCEEDED")
) -> TypeGuard[GraphQLError]:
    """Whether the database stopped, which another way to ask it would only find out once more."""
    told = error.extensions if isinstance(error, GraphQLError) else None
    return (told or {}).get("code") in codes


def cut_short(error: GraphQLError) -> bytes:
    """What is answered then, up to its last brace."""
    return b'{"data":null,"errors":' + orjson.dumps([public(error)])


def _second(reason: str) -> bytes | None:
    """No answer; notes why graphql-core has to give it, in one of a few words."""
    current().second_path = reason
    return None


def _raise_unreachable(errors: Sequence[GraphQLError]) -> None:
    """Where there is nothing to answer since the database is away, the whole request says so."""
    for error in errors:
        if error.original_error is not None and is_unreachable(error.original_error):
            raise error.original_error


def _refused(
    errors: Sequence[GraphQLError],
    request: Request,
    budgets: list[Budget],
    told: Mapping[str, Any] | None = None,
    *,
    status: int = 400,
) -> Answer:
    """An answer without data. Suggestions are for those who show a credential."""
    shown = [public(error, suggests=request.actor is not None) for error in errors]
    told = {**(told or {}), **identified()}
    body = orjson.dumps({"errors": shown} | ({"extensions": told} if told else {}))
    return Answer(body, status, fields(budgets))


def _limited(limit: LimitRefused) -> Answer:
    error = public(refusal(limit.message, limit.code))
    body = orjson.dumps({"errors": [error], "extensions": identified()})
    return Answer(body, 429, refused_fields(limit))

"""Answers GraphQL operations: compiled reads straight out, all else through graphql-core over
the same compiled selections."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import anyio.to_thread
import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    OperationType,
    execute,
)
from graphql.execution.values import get_variable_values

from api.documents import Documents
from api.errors import is_unreachable, located, public
from api.observing import logs
from api.observing.notes import INTROSPECTION, current
from api.reads.compiler import TYPE_KEY
from api.reads.plans import Operation, Plan, Planner
from api.reads.selections import Document, fields
from api.reads.stores import Store, TooDeep, Values
from api.reads.values import Env
from api.schema.build import changes, methods, schema
from api.schema.changes import Act, Change, Changed
from api.schema.mutations import issued
from api.schema.nodes import Refusal
from api.schema.payloads import ROW
from governance import issuing, judging
from governance.appellants import appeal_secret
from governance.database import Database
from governance.errors import Busy, Forbidden, Refused, Unauthenticated
from governance.fields import print_instant, validated
from governance.membership import Actor, viewer_of
from governance.rules.disclosure import Viewer, ViewerKind
from governance.settings import Keys, Settings

Info = GraphQLResolveInfo[Any]
APPELLANT = Viewer(ViewerKind.APPELLANT)
MOST_WRITERS = 8  # threads; they take turns, so more would only wait


@dataclass(frozen=True, slots=True)
class Request:
    """One GraphQL request and who makes it."""

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    actor: Actor | None = None
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, and the status it has where the media type tells by it."""

    body: bytes
    status: int = 200


@dataclass(slots=True)
class Context:
    """What resolvers share within one request."""

    executor: "Executor"
    operation: Operation
    actor: Actor | None
    now: datetime
    variables: Mapping[str, Any]
    holds_secret: bool = False  # an appellant, after a change by the appeal secret

    def env(self, keys: Keys) -> Env:
        viewer = APPELLANT if self.holds_secret else viewer_of(self.actor)
        return Env(self.variables, self.now, viewer, keys.derived("lookup"), self.executor.seal)


def clock() -> datetime:
    return datetime.now(UTC)


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
        self.schema = _prepared()
        self.documents = Documents(self.schema, settings)
        self.planner = Planner(methods(), store.dialect)
        self.store = store
        self.now = now
        self._database = database
        self._keys = keys
        self.seal = f"{secrets.token_hex(16)}:"
        self._writers = anyio.CapacityLimiter(MOST_WRITERS)

    async def answer(self, request: Request) -> Answer:
        """The body of one request. Never raises for what the caller sent."""
        note = current()
        try:
            with note.span("parse"):
                parsed = self.documents.parsed(request.query, request.operation_name)
        except GraphQLError as error:
            return _refused([error])
        if parsed.errors:
            return _refused(parsed.errors)
        operation, document = parsed.operation, parsed.document
        assert operation is not None
        assert document is not None
        note.operation(operation, document)
        if request.is_read_only and operation.operation is not OperationType.QUERY:
            # GraphQL over HTTP, 6.2.1: GET must not be used for mutations.
            message = "GET answers queries alone: expected POST"
            return _refused([GraphQLError(message, extensions={"code": "BAD_REQUEST"})], 405)
        coerced = get_variable_values(
            self.schema,
            operation.variable_definitions or (),
            dict(request.variables),
            max_errors=20,
        )
        if isinstance(coerced, list):
            return _refused(coerced)
        context = Context(
            self,
            Operation(parsed.key, Document.of(self.schema, document)),
            request.actor,
            self.now(),
            coerced.coerced,
        )
        if operation.operation is OperationType.QUERY:
            fast = await self._compiled(operation, context)
            if fast is not None:
                return Answer(fast)
        return Answer(await self._interpreted(document, request, context))

    async def _compiled(self, operation: OperationDefinitionNode, context: Context) -> bytes | None:
        """The answer of a query of compiled fields; None where something is to be told. Raises
        what keeps the database from being asked."""
        env = context.env(self._keys)
        roots = fields(
            context.operation.document, "Query", [operation.selection_set], context.variables
        )
        names = {nodes[0].name.value for nodes in roots.values()}
        if names & INTROSPECTION:
            return _second("introspection")
        if names & changes().keys():
            return _second("preview")
        body = bytearray(b'{"data":{')
        try:
            reads = {key: self._planned(nodes, context, env) for key, nodes in roots.items()}
            if env.problems:
                return _second("problem")
            for key, read in reads.items():
                json = '"Query"' if read is None else await self._run(*read)
                if json == "null" and _is_required(self.schema, roots[key]):
                    return _second("null")
                body += f'"{key}":{json},'.encode()
        # The other path meets it again, and tells it with its place.
        except (Refused, GraphQLError):
            return _second("refused")
        except Exception as error:
            if is_unreachable(error):
                raise
            logs.unexpected(error, "unexpected on the first path")
            return _second("unexpected")
        if body[-1:] == b",":
            del body[-1]
        return bytes(body + b"}}")

    async def _interpreted(
        self, document: DocumentNode, request: Request, context: Context
    ) -> bytes:
        result = execute(
            self.schema,
            document,
            context_value=context,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
        )
        if not isinstance(result, ExecutionResult):
            result = await result
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            if result.data is None:
                _raise_unreachable(result.errors)
            body["errors"] = [public(error) for error in result.errors]
        return orjson.dumps(body)

    def _planned(
        self, nodes: Sequence[FieldNode], context: Context, env: Env, *, typed: bool = False
    ) -> tuple[Plan, Values] | None:
        """A root field's plan with its values; None for __typename."""
        if nodes[0].name.value == "__typename":
            return None
        with current().span("plan"):
            plan = self.planner.root(context.operation, nodes, env, typed=typed)
        return plan, plan.values(env)

    async def _run(self, plan: Plan, values: Values) -> str:
        with _too_deep():
            json = str(await self.store.one(plan.sql, values, is_point=plan.is_point))
        return self._unsealed(json) if plan.is_sealed else json

    def _unsealed(self, json: str) -> str:
        """The answer with the appeal secrets in their places."""

        def secret(sealed: re.Match[str]) -> str:
            return appeal_secret(self._keys, sealed[1], 0)

        return re.sub(rf"{self.seal}(\w+);", secret, json)

    async def query(self, info: Info) -> Any:
        """A root field of a query, for graphql-core."""
        context: Context = info.context
        env = context.env(self._keys)
        try:
            read = self._planned(info.field_nodes, context, env, typed=True)
            assert read is not None
            value = orjson.loads(await self._run(*read))
        except Refused as refused:
            raise located(refused) from None
        for place, problem in env.problems:
            value[place] = located(problem)
        return value

    async def change(self, change: Change, info: Info, raw: Mapping[str, Any]) -> Any:
        """A mutation, for graphql-core: the use case, then its payload read after the commit."""
        context: Context = info.context
        try:
            await self._check_payload(change, info)
        except Refused as refused:
            raise located(refused) from None
        try:
            with current().span("write"):
                done = await anyio.to_thread.run_sync(
                    self._changed, change, context.actor, raw, limiter=self._writers
                )
        except Unauthenticated as refused:
            raise located(refused) from None
        except Busy:
            message = "too many others are writing: nothing was changed, send it again"
            raise GraphQLError(message, extensions={"code": "BUSY"}) from None
        except Refused as refused:
            if change.refused is None:
                return _refusal(refused)
            done = change.refused(refused)
        # What was committed may be newer than the request's beginning.
        context.now = max(context.now, self.now())
        context.holds_secret = context.actor is None and _takes_secret(raw)
        if isinstance(done, list):
            return await self._batch(change, done, info)
        if not isinstance(done, Changed):
            return done
        [payload] = await self._payloads(change, [done], info.field_nodes, info)
        return payload

    def _changed(self, change: Change, actor: Actor | None, raw: Mapping[str, Any]) -> Any:
        """Draft, transaction, use case: in a worker thread."""
        if "sanctions" in change.draft.model_fields:
            return self._issued(change, actor, raw["sanctions"])
        if actor is None and not _takes_secret(raw):
            raise Unauthenticated("this takes a member's credential")
        draft = validated(change.draft, raw)
        using = self._database.reading if change.refused else self._database.writing
        with using() as session:
            return change.use(Act(session, self._keys, actor, self.now()), draft)

    def _issued(
        self, change: Change, actor: Actor | None, raws: Sequence[Mapping[str, Any]]
    ) -> list[Changed | Refused]:
        """Each item checked on its own, then all in one transaction."""
        if actor is None:
            raise Unauthenticated("this takes a member's credential")
        if len(raws) > issuing.MOST_IN_BATCH:
            raise GraphQLError(
                f"expected at most {issuing.MOST_IN_BATCH:,} sanctions, got {len(raws):,}",
                extensions={"code": "LIMIT_EXCEEDED"},
            )
        [item] = change.draft.model_fields["sanctions"].annotation.__args__
        requests: list[judging.Request | Refused] = []
        for raw in raws:
            try:
                requests.append(judging.Request(validated(item, raw)))
            except Refused as refused:
                requests.append(refused)
        try:
            with self._database.writing() as session:
                found = change.use(Act(session, self._keys, actor, self.now()), requests)
        except Forbidden as forbidden:
            found = [forbidden] * len(raws)
        return [one if isinstance(one, Refused) else issued(one) for one in found]

    async def _batch(
        self, change: Change, done: Sequence[Changed | Refused], info: Info
    ) -> dict[str, Any]:
        """The payload of a batch, keyed by alias like everything that is read."""
        context: Context = info.context
        sets = [node.selection_set for node in info.field_nodes if node.selection_set]
        refused = sum(isinstance(one, Refused) for one in done)
        payload: dict[str, Any] = {TYPE_KEY: "SanctionsIssued"}
        selected = fields(context.operation.document, "SanctionsIssued", sets, context.variables)
        for key, nodes in selected.items():
            if nodes[0].name.value == "issuedCount":
                payload[key] = len(done) - refused
            elif nodes[0].name.value == "refusedCount":
                payload[key] = refused
            elif nodes[0].name.value == "results":
                rows = [one for one in done if isinstance(one, Changed)]
                read = iter(await self._payloads(change, rows, nodes, info, key))
                payload[key] = [
                    _refusal(one, "sanctions", place) if isinstance(one, Refused) else next(read)
                    for place, one in enumerate(done)
                ]
        return payload

    async def _check_payload(self, change: Change, info: Info) -> None:
        """Refuses a payload that can't be read, before anything is written: after the commit
        it would look as if the change had failed."""
        if change.payload.__name__ not in _read_payloads():
            return
        context: Context = info.context
        selected = {"": list(info.field_nodes)}
        if "sanctions" in change.draft.model_fields:
            sets = [node.selection_set for node in info.field_nodes if node.selection_set]
            every = fields(context.operation.document, "SanctionsIssued", sets, context.variables)
            selected = {k: n for k, n in every.items() if n[0].name.value == "results"}
        for key, nodes in selected.items():
            plan, values = self._payload(change, [], nodes, info, key)
            with _too_deep():
                await self.store.check(plan.sql, values)

    async def _payloads(
        self,
        change: Change,
        rows: Sequence[Changed],
        nodes: Sequence[FieldNode],
        info: Info,
        key: str = "",
    ) -> list[Any]:
        """The objects of the payload, in one statement, through the payload's own selection."""
        return list(orjson.loads(await self._run(*self._payload(change, rows, nodes, info, key))))

    def _payload(
        self,
        change: Change,
        rows: Sequence[Changed],
        nodes: Sequence[FieldNode],
        info: Info,
        key: str,
    ) -> tuple[Plan, Values]:
        context: Context = info.context
        env = context.env(self._keys)
        env.rows = [[row.id, row.secret] for row in rows]
        env.given = rows[0].given if len(rows) == 1 else {}
        path = tuple(info.path.as_list()), key
        name = change.payload.__name__
        plan = self.planner.payload(context.operation, path, name, ROW, nodes, env)
        return plan, plan.values(env)


@contextmanager
def _too_deep() -> Iterator[None]:
    try:
        yield
    except TooDeep:
        raise GraphQLError(
            "expected fewer levels of objects within objects",
            extensions={"code": "LIMIT_EXCEEDED"},
        ) from None


def _second(reason: str) -> bytes | None:
    """No answer; notes why graphql-core has to give it, in one of a few words."""
    current().second_path = reason
    return None


def _raise_unreachable(errors: Sequence[GraphQLError]) -> None:
    """Where there is nothing to answer since the database is away, the whole request says so."""
    for error in errors:
        if error.original_error is not None and is_unreachable(error.original_error):
            raise error.original_error


@cache
def _read_payloads() -> frozenset[str]:
    """Payloads that are read from the database; the others Python makes."""
    return frozenset(owner for (owner, _), method in methods().items() if callable(method))


@cache
def _prepared() -> GraphQLSchema:
    """The schema with compiled reads in the place of its resolvers. They find their executor in
    the context, so executors may share it."""
    prepared = schema()
    for kind in prepared.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            kind.resolve_type = _type_of
        elif isinstance(kind, GraphQLEnumType | GraphQLScalarType):
            if kind.name not in ("Int", "Float", "Boolean"):
                kind.coerce_output_value = _as_it_is  # type: ignore[method-assign]
        elif isinstance(kind, GraphQLObjectType):
            kind.is_type_of = None
            for name, definition in kind.fields.items():
                if kind.name in ("Query", "Mutation") and name in changes():
                    definition.resolve = _changing(changes()[name])
                elif kind.name == "Query":
                    definition.resolve = _queried
                else:
                    definition.resolve = _held
    return prepared


def _queried(_source: None, info: Info, **_arguments: Any) -> Any:
    return info.context.executor.query(info)


def _changing(change: Change) -> Any:
    def resolve(_source: None, info: Info, input: Mapping[str, Any]) -> Any:  # noqa: A002
        return info.context.executor.change(change, info, input)

    return resolve


def _refusal(refused: Refused, *place: str | int) -> Refusal:
    """The refusal, its path counted from the mutation's arguments."""
    current().refusals[refused.code.value] += 1
    path = [str(part) for part in ("input", *place, *refused.path)] if refused.path else None
    return Refusal(code=refused.code, message=refused.message, path=path)


def _takes_secret(raw: Mapping[str, Any]) -> bool:
    return raw.get("appealSecret") is not None


def _is_required(schema: Any, nodes: Sequence[FieldNode]) -> bool:
    return str(schema.query_type.fields[nodes[0].name.value].type).endswith("!")


def _refused(errors: Sequence[GraphQLError], status: int = 400) -> Answer:
    return Answer(orjson.dumps({"errors": [public(error) for error in errors]}), status)


def _held(source: Any, info: Info, **_arguments: Any) -> Any:
    """What was read, by response key; or what Python made, by name."""
    if isinstance(source, dict):
        return source[info.path.key]
    return getattr(source, _snake(info.field_name))


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def _type_of(source: Any, *_: Any) -> str:
    return str(source[TYPE_KEY]) if isinstance(source, dict) else type(source).__name__


def _as_it_is(value: Any) -> Any:
    """Compiled answers are printed in the database already."""
    if isinstance(value, datetime):
        return print_instant(value)
    return value if isinstance(value, str | int) else str(value)

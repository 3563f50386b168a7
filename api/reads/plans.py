"""Plans: one SQL statement for each root field, kept by document, viewer and shape."""

import gc
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from graphql import FieldNode, GraphQLNonNull, SelectionSetNode

from api.courtesy import Aside
from api.reads.caches import Kept
from api.reads.compiler import Compiler, Methods
from api.reads.dialects import Dialect
from api.reads.fields import Read
from api.reads.pieces import SEAL, compiled, kept_pieces, processed, processor
from api.reads.selections import Document, fields
from api.reads.stores import Values
from api.reads.texts import Text, bracketed
from api.reads.values import Env, Getter, shape

KEPT_SQL = 20_000_000  # characters

SECRET_FIELD = "appellantView"  # takes an appeal secret, and answers null where it is wrong

# Root fields that no plan answers alone, and why.
SECOND_PATH = {
    "__schema": "introspection",
    "__type": "introspection",
    "previewSanction": "preview",
    "transparencyReport": "report",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement and where its values come from, in order; and arguments that are checked
    though nothing selected needs them."""

    sql: str
    constants: Sequence[Any]  # the values in order, without those that are got
    getters: tuple[tuple[int, Getter], ...]  # and where they stand
    checks: tuple[Getter, ...]
    is_point: bool  # whether it reads a page at most
    is_lookup: bool  # and no page either
    is_sealed: bool = False  # whether something is to be put in

    def values(self, env: Env) -> Values:
        """The bound values of one execution; raises what an argument is refused for."""
        for check in self.checks:
            check(env)
        values = [*self.constants]
        for place, get in self.getters:
            values[place] = get(env)
        return values


@dataclass(frozen=True, slots=True)
class Operation:
    """A parsed document's selections under a key that caches may use; without one, none does."""

    key: Hashable | None
    document: Document


@dataclass(frozen=True, slots=True)
class Root:
    """A root field: its response key and name, its plan unless it is __typename."""

    key: str
    name: str
    plan: Plan | None
    is_required: bool


@dataclass(frozen=True, slots=True)
class Program:
    """What answers a query straight from plans; or why graphql-core has to."""

    roots: Sequence[Root] = ()
    second_path: str = ""


def _sql_length(kept: Program | Plan) -> int:
    if isinstance(kept, Plan):
        return len(kept.sql)
    return sum(len(root.plan.sql) for root in kept.roots if root.plan)


Made = TypeVar("Made", Program, Plan)


class Planner:
    """Makes plans, in a thread, and keeps the newest of them."""

    def __init__(self, methods: Methods, dialect: Dialect, aside: Aside, most: int = 1_000) -> None:
        self._methods, self._dialect, self._aside = methods, dialect, aside
        self.plans: Kept[Program | Plan] = Kept(most, KEPT_SQL, _sql_length)
        self.pieces = kept_pieces()

    def known(self, operation: Operation, env: Env) -> Root | None:
        """The one root field of a query whose plan is kept; None of any other."""
        program = self.plans.known(_key(operation, env))
        if not isinstance(program, Program) or program.second_path or len(program.roots) != 1:
            return None
        root = program.roots[0]
        return None if root.name == SECRET_FIELD else root

    async def program(
        self, operation: Operation, selections: SelectionSetNode, env: Env
    ) -> Program:
        """The plans of a whole query."""

        def make() -> Program:
            roots = fields(operation.document, "Query", [selections], env.variables)
            names = {nodes[0].name.value for nodes in roots.values()}
            if reason := next((SECOND_PATH[n] for n in names & SECOND_PATH.keys()), ""):
                return Program(second_path=reason)
            return Program([self._rooted(operation, k, nodes, env) for k, nodes in roots.items()])

        return await self._kept(operation, _key(operation, env), make)

    async def root(self, operation: Operation, nodes: Sequence[FieldNode], env: Env) -> Plan:
        """The plan of a root field of a query, for graphql-core."""
        response_key = nodes[0].alias.value if nodes[0].alias else nodes[0].name.value

        def make() -> Plan:
            return self._root(operation, "Query", nodes, env, typed=True)

        return await self._kept(operation, _key(operation, env, response_key), make)

    async def following(self, operation: Operation, nodes: Sequence[FieldNode], env: Env) -> Plan:
        """The plan of a subscription's one root field: see `api.reads.followings`."""

        def make() -> Plan:
            return self._root(operation, "Subscription", nodes, env, typed=False)

        return await self._kept(operation, _key(operation, env), make)

    async def payload(
        self,
        operation: Operation,
        path: Hashable,
        type_name: str,
        columns: Sequence[str],
        nodes: Sequence[FieldNode],
        env: Env,
        *,
        typed: bool = True,
    ) -> Plan:
        """The plan that reads the objects of a mutation's payload, after its commit; `typed` for
        graphql-core to complete."""

        def expression(compiler: Compiler, read: Read) -> Text:
            rows = read.rows(lambda env: env.rows, *columns)
            json = compiler.objects(type_name, nodes, rows.c, read)
            items = sa.select(json.label("item"), rows.c.ord).order_by(rows.c.ord).subquery()
            joined = read.dialect.joined(items.c.item, items.c.ord)
            return bracketed(sa.select(joined).select_from(items).scalar_subquery())

        def make() -> Plan:
            return self._made(operation, env, typed, expression)

        return await self._kept(operation, _key(operation, env, path, type_name, typed), make)

    async def _kept(self, operation: Operation, key: Hashable, make: Callable[[], Made]) -> Made:
        """What is kept, or made now, which takes as long as hundreds of answers."""
        found = self.plans.known(key)
        if found is None:
            made = await self._aside.made(make)
            if operation.key is None:
                return made
            found = self.plans.get(key, lambda: made)
        return found  # type: ignore[return-value]  # of the kind that its key is for

    def _rooted(self, operation: Operation, key: str, nodes: Sequence[FieldNode], env: Env) -> Root:
        name = nodes[0].name.value
        if name == "__typename":
            return Root(key, name, None, is_required=True)
        query = operation.document.schema.query_type
        assert query is not None
        is_required = isinstance(query.fields[name].type, GraphQLNonNull)
        plan = self._root(operation, "Query", nodes, env, typed=False)
        return Root(key, name, plan, is_required)

    def _root(
        self,
        operation: Operation,
        type_name: str,
        nodes: Sequence[FieldNode],
        env: Env,
        *,
        typed: bool,
    ) -> Plan:
        return self._made(operation, env, typed, lambda c, read: c.root(type_name, nodes, read))

    def _made(
        self,
        operation: Operation,
        env: Env,
        typed: bool,
        expression: Callable[[Compiler, Read], Text],
    ) -> Plan:
        """What is left over refers to itself, thousands of objects a plan, and is cleared away at
        once: the collector would let them pile up, and then have everybody wait for 20 to 50 ms."""
        binds: dict[str, Getter] = {}
        read = Read(self._dialect, env.viewer.kind, binds, self.pieces)
        document, key = operation.document, operation.key
        compiler = Compiler(document, env.variables, self._methods, typed, key)
        statement = sa.select(expression(compiler, read))
        made = planned(statement, binds, self._dialect)
        del statement, read, compiler
        gc.collect(1)
        return made


def _key(operation: Operation, env: Env, *part: Hashable) -> Hashable:
    return operation.key, env.viewer.kind, shape(env.variables), *part


# Signs of a statement that reads more than one page of rows, or one.
_MANY = ("count(*)", "json_each(")
_PAGE = re.compile(r"LIMIT (?!-1|ALL)")


def planned(statement: sa.Select[Any], binds: Mapping[str, Getter], dialect: Dialect) -> Plan:
    """The plan of a statement whose parameters are found by name."""
    found = compiled(statement, dialect)
    sql, names = dialect.numbered_in(found.string)
    constants: list[Any] = []
    getters: list[tuple[int, Getter]] = []
    for place, name in enumerate(names):
        parameter = found.binds.get(name)  # none of a piece's
        process = processor(parameter.type, dialect) if parameter is not None else None
        constant = None
        if name in binds:
            getters.append((place, processed(binds[name], process)))
        else:
            constant = found.params[name]
        constants.append(process(constant) if process else constant)
    checks = tuple(get for name, get in binds.items() if name not in names)
    is_point = not any(sign in sql for sign in _MANY)
    is_lookup = is_point and not _PAGE.search(sql)
    return Plan(sql, constants, tuple(getters), checks, is_point, is_lookup, SEAL in names)

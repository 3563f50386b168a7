"""The schema with compiled reads in the place of its resolvers."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
)

from api.reads.compiler import TYPE_KEY, python_name
from api.schema.build import changes, computations, schema
from api.schema.changes import Change
from governance.fields import print_instant

Info = GraphQLResolveInfo[Any]


@cache
def prepared() -> GraphQLSchema:
    """The one schema of a process. Resolvers find their executor in the context, so executors
    may share it."""
    found = schema()
    for kind in found.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            kind.resolve_type = _type_of
        elif isinstance(kind, GraphQLEnumType | GraphQLScalarType):
            if kind.name not in ("Int", "Float", "Boolean"):
                kind.coerce_output_value = _as_it_is  # type: ignore[method-assign]
        elif isinstance(kind, GraphQLObjectType):
            _prepare(kind)
    return found


def _prepare(kind: GraphQLObjectType) -> None:
    kind.is_type_of = None
    for name, definition in kind.fields.items():
        if kind.name in ("Query", "Mutation") and name in changes():
            definition.resolve = _changing(changes()[name])
        elif kind.name == "Query" and name in computations():
            definition.resolve = _computing(computations()[name])
        elif kind.name == "Query":
            definition.resolve = _queried
        else:
            definition.resolve = _held


def _queried(_source: None, info: Info, **_arguments: Any) -> Any:
    return info.context.executor.query(info)


def _computing(compute: Any) -> Any:
    async def resolve(_source: None, info: Info, **given: Any) -> Any:
        named = {python_name(name): value for name, value in given.items()}
        return await info.context.executor.computed(compute, info, named)

    return resolve


def _changing(change: Change) -> Any:
    def resolve(_source: None, info: Info, input: Mapping[str, Any]) -> Any:  # noqa: A002
        return info.context.executor.changes.change(change, info, input)

    return resolve


def _held(source: Any, info: Info, **_arguments: Any) -> Any:
    """What was read, by response key; or what Python made, by name."""
    if isinstance(source, dict):
        return source[info.path.key]
    return getattr(source, python_name(info.field_name))


def _type_of(source: Any, *_: Any) -> str:
    return str(source[TYPE_KEY]) if isinstance(source, dict) else type(source).__name__


def _as_it_is(value: Any) -> Any:
    """Compiled answers are printed in the database already."""
    if isinstance(value, datetime):
        return print_instant(value)
    return value if isinstance(value, str | int) else str(value)

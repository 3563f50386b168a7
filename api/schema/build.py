"""The schema, and what compiled reads and the executor need to know of it."""

from collections.abc import Callable
from functools import cache
from typing import Any

import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    lexicographic_sort_schema,
    print_schema,
)
from strawberry.schema.config import StrawberryConfig

from api.schema.changes import Change
from api.schema.mutations import Mutation
from api.schema.queries import Query
from api.schema.scalars import SCALARS
from api.schema.subscriptions import Subscription


@cache
def strawberry_schema() -> strawberry.Schema:
    """The one declaration of the schema."""
    config = StrawberryConfig(scalar_map=SCALARS)
    schema = strawberry.Schema(Query, Mutation, Subscription, config=config)
    for kind in schema._schema.type_map.values():
        _plain_defaults(kind)
    return schema


def schema() -> GraphQLSchema:
    """The same as graphql-core's schema, which parses, validates and executes."""
    return strawberry_schema()._schema


def sdl() -> str:
    """The schema as `schema.graphql` holds it, sorted."""
    return print_schema(lexicographic_sort_schema(schema())) + "\n"


@cache
def methods() -> dict[tuple[str, str], Callable[..., Any] | str]:
    """By type and field: the column of the same name, or the method that gives the SQL."""
    found: dict[tuple[str, str], Callable[..., Any] | str] = {}
    for owner, field, name in _fields():
        found[owner, name] = field.metadata.get("sql", field.python_name)
    return found


@cache
def changes() -> dict[str, Change]:
    """By mutation: how it is done."""
    return {
        name: field.metadata["change"]
        for owner, field, name in _fields()
        if "change" in field.metadata
    }


@cache
def computations() -> dict[str, Callable[..., Any]]:
    """By field of Query: what Python computes."""
    return {
        name: field.metadata["computed"]
        for owner, field, name in _fields()
        if "computed" in field.metadata
    }


def _fields() -> list[tuple[str, Any, str]]:
    declared = strawberry_schema()
    found = []
    for kind in schema().type_map.values():
        definition = declared.get_type_by_name(kind.name)
        if isinstance(kind, GraphQLObjectType) and hasattr(definition, "fields"):
            for field in definition.fields:  # type: ignore[union-attr]
                name = declared.config.name_converter.from_field(field)
                found.append((kind.name, field, name))
    return found


def _plain_defaults(kind: object) -> None:
    """A default of null says nothing that "optional" doesn't: leave it out of the schema."""
    if isinstance(kind, GraphQLInputObjectType):
        for field in kind.fields.values():
            if field.default_value is None:
                field.default_value = Undefined
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for output in kind.fields.values():
            for argument in output.args.values():
                if argument.default_value is None:
                    argument.default_value = Undefined

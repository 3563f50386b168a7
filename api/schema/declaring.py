"""How fields of the schema are declared whose resolvers are never run: what answers them stands in
their metadata, where `api.schema.build` finds it."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import sqlalchemy as sa
import strawberry
import strawberry.pydantic

from api.reads.nodes import Node

Method = Callable[..., Node | sa.ColumnElement[Any]]


def declared(
    of: Callable[..., Any],
    kind: object,
    description: str,
    arguments: Iterable[inspect.Parameter] = (),
    **metadata: object,
) -> Any:
    """A field of a GraphQL type with these arguments, named and placed as the function is."""

    def unused(self: object) -> None:
        raise AssertionError("what is in the metadata answers it")

    given = [*arguments]
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    unused.__signature__ = inspect.Signature([this, *given])  # type: ignore[attr-defined]
    unused.__annotations__ = {one.name: one.annotation for one in given}
    unused.__name__, unused.__module__ = of.__name__, of.__module__
    return strawberry.pydantic.field(
        unused, graphql_type=kind, description=description, metadata=metadata
    )


def parameter(name: str, kind: object) -> inspect.Parameter:
    """An argument of such a field; left out it is null, where it may be."""
    default = inspect.Parameter.empty if _is_required(kind) else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)


def sql(kind: object, description: str, **arguments: object) -> Callable[[Method], Any]:
    """Declares a field that comes from SQL. `arguments` are its GraphQL arguments: a type, or
    `argument(type, description)`. The method gets the row, the Read, and each argument."""
    given = [parameter(name, annotation) for name, annotation in arguments.items()]
    return lambda method: declared(method, kind, description, given, sql=method)


def argument(kind: Any, description: str) -> Any:
    return Annotated[kind, strawberry.argument(description=description)]


def _is_required(annotation: Any) -> bool:
    kind = getattr(annotation, "__origin__", annotation)
    return type(None) not in getattr(kind, "__args__", ())

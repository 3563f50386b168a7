"""Variables, coerced by functions that are made once for a document.

What is right comes out as graphql-core has it (`coerce_input_value`), which looks at every field of
every input each time; what isn't plainly right is left to it, and to its words.

Every scalar of the schema whose values are texts takes any text; arguments are checked later.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    is_required_input_field,
    type_from_ast,
)
from graphql.utilities.coerce_input_value import coerce_default_value

MOST_ITEMS = 2_000  # of a list; fields that take a thousand say so themselves
MOST_VALUES = 60_000  # of all that is within the variables
TEXTS = frozenset({"URI", "String", "ID", "DateTime", "Cursor"})
_ABSENT = object()
_HOLDERS = frozenset({list, dict})

Coerce = Callable[[Any], Any]


def excess_of(given: Mapping[str, Any]) -> str | None:
    """What is too much of the variables, as JSON has them, if anything: to coerce many values
    takes everybody's time, so they are counted first."""
    count = 0
    within: list[Any] = [given]
    while within:
        value = within.pop()
        is_list = type(value) is list
        if is_list and len(value) > MOST_ITEMS:
            return f"expected at most {MOST_ITEMS:,} items in a list, got {len(value):,}"
        count += len(value)
        inner = value if is_list else value.values()
        within += [item for item in inner if type(item) in _HOLDERS]
        if count > MOST_VALUES:
            return f"expected at most {MOST_VALUES:,} values in the variables"
    return None


class Unplain(Exception):
    """A value that is not plainly what was declared."""


class Plain:
    """An operation's variables by name: how each is coerced, and whether it may be left out."""

    def __init__(self, known: Mapping[str, tuple[Coerce, bool]]) -> None:
        self._known = known

    def coerced(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The variables; None where they aren't plainly what was declared."""
        found: dict[str, Any] = {}
        try:
            for name, (coerce, may_be_absent) in self._known.items():
                value = given.get(name, _ABSENT)
                if value is not _ABSENT:
                    found[name] = coerce(value)
                elif not may_be_absent:
                    return None
        except Unplain:
            return None
        return found


class Coercers:
    """What coerces values of a schema's types, made as they are needed."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._inputs: dict[str, Coerce] = {}

    def of(self, operation: OperationDefinitionNode) -> Plain:
        """For the variables of a valid operation."""
        known: dict[str, tuple[Coerce, bool]] = {}
        for definition in operation.variable_definitions or ():
            kind: Any = type_from_ast(self._schema, definition.type)
            may_be_absent = definition.default_value is None and not isinstance(
                kind, GraphQLNonNull
            )
            coerce = self._coercer(kind, is_whole=True)
            known[definition.variable.name.value] = coerce, may_be_absent
        return Plain(known)

    def _coercer(self, kind: GraphQLInputType, *, is_whole: bool = False) -> Coerce:
        """For values of the type; of a whole variable, or of what is within one."""
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, is_whole=is_whole)
        present = self._present(kind, is_whole=is_whole)
        return lambda value: None if value is None else present(value)

    def _present(self, kind: GraphQLInputType, *, is_whole: bool) -> Coerce:
        """For values that are not null."""
        if isinstance(kind, GraphQLList):
            item = self._coercer(kind.of_type)
            return _listed(item, MOST_VALUES if is_whole and item is _text else MOST_ITEMS)
        if isinstance(kind, GraphQLInputObjectType):
            return self._inputs.get(kind.name) or self._object(kind)
        assert isinstance(kind, GraphQLScalarType | GraphQLEnumType)
        return _text if kind.name in TEXTS else _leaf(kind)

    def _object(self, kind: GraphQLInputObjectType) -> Coerce:
        fields: dict[str, tuple[str, Coerce]] = {}
        required = {name for name, field in kind.fields.items() if is_required_input_field(field)}
        defaults = {
            name: field
            for name, field in kind.fields.items()
            if coerce_default_value(field) is not Undefined
        }

        def coerce(value: Any) -> Any:
            if type(value) is not dict or kind.is_one_of or not required <= value.keys():
                raise Unplain
            found = {}
            for name, item in value.items():
                if name not in fields:
                    raise Unplain
                known, inner = fields[name]
                found[known] = inner(item)
            for name, field in defaults.items():
                if name not in value:
                    found[field.out_name or name] = coerce_default_value(field)
            return kind.out_type(found)

        self._inputs[kind.name] = coerce  # before its fields, which may hold it again
        for name, field in kind.fields.items():
            fields[name] = field.out_name or name, self._coercer(field.type)
        return coerce


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Unplain
    return value


def _leaf(kind: GraphQLScalarType | GraphQLEnumType) -> Coerce:
    def coerce(value: Any) -> Any:
        try:
            found = kind.coerce_input_value(value)
        except Exception:
            raise Unplain from None
        if found is Undefined:
            raise Unplain
        return found

    return coerce


def _listed(item: Coerce, most: int) -> Coerce:
    def coerce(value: Any) -> list[Any]:
        if type(value) is not list or len(value) > most:
            raise Unplain
        return [item(one) for one in value]

    return coerce

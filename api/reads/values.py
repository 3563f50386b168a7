"""Arguments whose values are known only when a plan runs.

A plan is made once for a shape of arguments: which are there, which are null, how booleans
stand. Everything else is `Late` and becomes a bound parameter.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graphql import (
    BooleanValueNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputType,
    GraphQLNonNull,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    value_from_ast,
)

from governance.errors import Refused
from governance.identifiers import SubjectKind
from governance.rules.disclosure import Viewer
from governance.words import (
    DurationBucket,
    Effect,
    EndReason,
    EventType,
    Ground,
    Source,
    Validity,
)


@dataclass(slots=True)
class Env:
    """What one execution brings: variables, the one `now`, who asks, rows from Python."""

    variables: Mapping[str, Any]
    now: datetime
    viewer: Viewer
    lookup: bytes = b""  # the key of subjects' keyed hashes
    seal: str = ""  # marks where something is put in; random, so that nobody can write it
    rows: Sequence[Sequence[str | None]] = ()
    given: Mapping[str, list[list[str | None]]] = field(default_factory=dict)  # more rows, by name
    problems: list[tuple[int, Refused]] = field(default_factory=list)
    lookups: int = 0  # how many subjects a partner asks about
    found: dict[Hashable, Any] = field(default_factory=dict)  # what several values share


Getter = Callable[[Env], Any]


@dataclass(frozen=True, slots=True)
class Variable:
    """Gets a variable: whoever gets the same is alike."""

    name: str

    def __call__(self, env: Env) -> Any:
        return env.variables[self.name]


@dataclass(frozen=True, slots=True)
class Item:
    """Gets what is within a value."""

    of: Getter
    key: str

    def __call__(self, env: Env) -> Any:
        return self.of(env)[self.key]


@dataclass(frozen=True, slots=True)
class Late:
    """A value that is there, but mostly known only when the plan runs."""

    get: Getter
    is_single: bool = False  # a list of one item
    constant: Any = None  # what the document itself says
    is_unusual: bool = False  # a list of words, of which none is the usual one


class Structural:
    """Mixed into an enum whose values decide what a statement looks like, not which rows it finds:
    each combination of them has a plan of its own, and finds them as `constant`."""


STRUCTURAL = (Structural, EventType)
# Words of the records that have an index of their own, asked for alone.
RARE = {
    *(DurationBucket.NONE, DurationBucket.OPEN_ENDED, DurationBucket.OVER_180_DAYS),
    *(Effect.IN_FORCE, Effect.PENDING),
    SubjectKind.SERVER,
}
WITH_RARE = tuple(type(word) for word in RARE)
# And those of which all others have one.
USUAL = {
    EndReason.EXPIRED,
    Ground.INCOMPATIBLE_CONTENT,
    Source.OWN_INITIATIVE,
    Validity.STANDING,
}
WITH_USUAL = tuple(type(word) for word in USUAL)

# None, a boolean, an input object's fields, or a value that comes late.
Argument = None | bool | Late | dict[str, Any]


def shape(value: object) -> object:
    """What a plan may depend on: hashable, and equal for values that share a plan."""
    if type(value) is str:  # most are, and looking for the others takes longer
        return "late"
    if value is None or isinstance(value, bool):
        return value
    if type(value) is dict or isinstance(value, Mapping):
        return tuple([(key, shape(item)) for key, item in sorted(value.items())])
    if _is_structural(value):
        return tuple(value) if isinstance(value, list) else value
    return _is_unusual(value), _is_single(value)


def _is_single(value: object) -> bool:
    """Lists of one item have plans of their own: only an equality reads an index in order."""
    return isinstance(value, list) and len(value) == 1


def _is_unusual(value: object) -> bool:
    if not isinstance(value, list) or not value or not isinstance(value[0], WITH_USUAL):
        return False
    return USUAL.isdisjoint(value)


def _is_structural(value: object) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    is_rare = isinstance(first, WITH_RARE) and first in RARE and _is_single(value)
    return is_rare or isinstance(first, STRUCTURAL)


def known_words(given: Argument) -> list[Any]:
    """The words of an argument that has a plan for each of them; none of any other."""
    return list(given.constant or ()) if isinstance(given, Late) else []


def key_of(parts: Mapping[str, Argument]) -> Hashable | None:
    """A key that parts of a filter share which make the same of a statement; None of those that a
    document says itself: no other has them."""
    for value in parts.values():
        if isinstance(value, dict):
            return None
        get = value.get if isinstance(value, Late) else Variable("")
        while isinstance(get, Item):
            get = get.of
        if not isinstance(get, Variable):
            return None
    return tuple(parts.items())


def parts_of(given: Argument) -> dict[str, Argument]:
    """The fields of an input object that are given and not null."""
    fields = given if isinstance(given, dict) else {}
    return {name: value for name, value in fields.items() if value is not None}


def arguments(
    definition: GraphQLField, nodes: Mapping[str, ValueNode], variables: Mapping[str, Any]
) -> dict[str, Argument]:
    """Every argument of a field by its Python name; absent ones as None."""
    found: dict[str, Argument] = {}
    for name, argument in definition.args.items():
        found[name] = _argument(argument, nodes.get(name), variables)
    return found


def _argument(
    argument: GraphQLArgument, node: ValueNode | None, variables: Mapping[str, Any]
) -> Argument:
    if node is None or (isinstance(node, VariableNode) and node.name.value not in variables):
        default = argument.default_value
        return None if default is Undefined else _known(default, lambda _: default)
    return _late(argument.type, node, variables)


def _late(kind: GraphQLInputType, node: ValueNode, variables: Mapping[str, Any]) -> Argument:
    if isinstance(node, VariableNode):
        name = node.name.value
        return _known(variables.get(name), Variable(name))
    if isinstance(node, NullValueNode):
        return None
    if isinstance(node, BooleanValueNode):
        return node.value
    named = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(node, ObjectValueNode) and hasattr(named, "fields"):
        fields = named.fields
        return {
            child.name.value: _late(fields[child.name.value].type, child.value, variables)
            for child in node.fields or ()
            if not (
                isinstance(child.value, VariableNode) and child.value.name.value not in variables
            )
        }
    if isinstance(node, ListValueNode):
        listed: Any = [*node.values]
        if isinstance(get_named_type(kind), GraphQLEnumType):
            listed = value_from_ast(node, named, dict(variables))
        return _late_of(listed, lambda env: value_from_ast(node, named, dict(env.variables)))
    constant = value_from_ast(node, named)
    return Late(lambda _: constant, constant=constant)


def _known(value: object, get: Getter) -> Argument:
    """A value of this shape, read again from each execution's variables."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {key: _known(item, Item(get, key)) for key, item in value.items()}
    return _late_of(value, get)


def _late_of(value: object, get: Getter) -> Late:
    said = None
    if _is_structural(value):
        said = tuple(value) if isinstance(value, list) else value
    return Late(get, _is_single(value), said, _is_unusual(value))

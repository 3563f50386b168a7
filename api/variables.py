"""Variables that are texts, as most are: given as they have to be, they need no coercion.

Every scalar of the schema whose values are texts takes any text; arguments are checked later.
"""

from collections.abc import Mapping
from typing import Any

from graphql import (
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    TypeNode,
)

MOST_ITEMS = 2_000  # of a list; fields that take a thousand say so themselves
MOST_VALUES = 60_000  # of all that is within the variables
TEXTS = frozenset({"URI", "String", "ID", "DateTime", "Cursor"})
_ABSENT = object()


def excess_of(given: Mapping[str, Any]) -> str | None:
    """What is too much of the variables, if anything: to coerce many values takes everybody's
    time, so they are counted first."""
    count = 0
    within: list[object] = [given]
    while within:
        value = within.pop()
        if isinstance(value, list) and len(value) > MOST_ITEMS:
            return f"expected at most {MOST_ITEMS:,} items in a list, got {len(value):,}"
        if isinstance(value, list | Mapping):
            count += len(value)
            inner = value if isinstance(value, list) else value.values()
            within += [item for item in inner if isinstance(item, list | dict)]
        if count > MOST_VALUES:
            return f"expected at most {MOST_VALUES:,} values in the variables"
    return None


class Texts:
    """An operation's variables, by name: whether each is a list, and whether it has to be."""

    def __init__(self, known: Mapping[str, tuple[bool, bool]]) -> None:
        self._known = known

    def coerced(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The variables; None where they aren't plainly what was declared."""
        found: dict[str, Any] = {}
        for name, (is_list, is_required) in self._known.items():
            value = given.get(name, _ABSENT)
            if value is _ABSENT and not is_required:
                continue
            if is_list:
                if type(value) is not list or not all(type(item) is str for item in value):
                    return None
            elif type(value) is not str:
                return None
            found[name] = value
        return found


def texts_of(operation: OperationDefinitionNode) -> Texts | None:
    """None where a variable is of another type, or has a default."""
    known: dict[str, tuple[bool, bool]] = {}
    for definition in operation.variable_definitions or ():
        is_required, kind = _unwrapped(definition.type)
        is_list = isinstance(kind, ListTypeNode)
        if isinstance(kind, ListTypeNode):
            _, kind = _unwrapped(kind.type)
        is_text = isinstance(kind, NamedTypeNode) and kind.name.value in TEXTS
        if not is_text or definition.default_value is not None:
            return None
        known[definition.variable.name.value] = is_list, is_required
    return Texts(known)


def _unwrapped(kind: TypeNode) -> tuple[bool, TypeNode]:
    if isinstance(kind, NonNullTypeNode):
        return True, kind.type
    return False, kind

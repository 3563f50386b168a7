"""What a document may cost, known before it is executed: an upper bound on the objects answered.

An object costs 1 and what is below it. A page costs 1 and that as often as it is long; a list of
subjects, ids or decisions that as often as it has items, any other list as if it had UNSIZED;
but figures, which every record that fits is read for, as if there were FIGURES.
Fragments are spelled out; conditions are taken as met.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
)

from api.reads.selections import Document
from api.reads.sizes import DEFAULT_PAGE, LONGEST_PAGE

UNSIZED = 10
FIGURES = 1_000
SIZES = ("first", "last")
PARTS = {"nodes": 1, "edges": 0, "node": 1, "results": 1, "pageInfo": 0}  # of a page or batch
COUNTED = ("rows", "facets", "appealFacets")  # lists of figures
ITEMS = ("subjects", "ids", "sanctions")  # arguments, or fields of `input`, that are lists

Variables = Mapping[str, Any]
Cost = Callable[[Variables], int]


def cost_of(document: Document, operation: OperationDefinitionNode) -> Cost:
    """The cost of an operation as a function of its variables."""
    costs = _Costs(document)
    constant, parts = costs.below(operation.operation.value.title(), operation.selection_set)
    if not parts:
        return lambda _: constant
    return lambda variables: constant + sum(part(variables) for part in parts)


class _Costs:
    def __init__(self, document: Document) -> None:
        self._document = document

    def below(self, type_name: str, selections: SelectionSetNode) -> tuple[int, list[Cost]]:
        """What a selection costs: a constant, and parts that variables decide."""
        constant, parts = 0, []
        for node in selections.selections:
            if isinstance(node, FieldNode):
                found = self._field(type_name, node)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition.name.value if node.type_condition else type_name
                found = self.below(condition, node.selection_set)
            else:
                fragment: FragmentDefinitionNode = self._document.fragments[node.name.value]  # type: ignore[attr-defined]
                found = self.below(fragment.type_condition.name.value, fragment.selection_set)
            constant += found[0]
            parts += found[1]
        return constant, parts

    def _field(self, type_name: str, node: FieldNode) -> tuple[int, list[Cost]]:
        parent = self._document.schema.type_map[type_name]
        name = node.name.value
        if name.startswith("__") or not isinstance(
            parent, GraphQLObjectType | GraphQLInterfaceType
        ):
            return 0, []
        definition = parent.fields[name]
        kind = get_named_type(definition.type)
        if is_leaf_type(kind) or node.selection_set is None:
            return 0, []
        constant, parts = self.below(kind.name, node.selection_set)
        if name in PARTS and not definition.args:  # their number is that of what is around them
            return constant + PARTS[name], parts
        if "first" in definition.args:
            constant, parts = _times(_page(node), constant, parts)
            return constant + 1, parts
        return _times(_items(definition, node), constant + 1, parts)


def _times(size: int | Cost, constant: int, parts: Sequence[Cost]) -> tuple[int, list[Cost]]:
    if isinstance(size, int) and not parts:
        return size * constant, []
    count: Cost = size if callable(size) else lambda _: size
    return 0, [lambda values: count(values) * (constant + sum(part(values) for part in parts))]


def _page(node: FieldNode) -> int | Cost:
    """How long a page is at most: what is given and isn't null."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    sizes = [_number(given[name]) for name in SIZES if name in given]
    late = [size for size in sizes if callable(size)]
    if not late:
        return next((size for size in sizes if isinstance(size, int)), DEFAULT_PAGE)

    def sized(values: Variables) -> int:
        found = (size(values) if callable(size) else size for size in sizes)
        return next((size for size in found if size is not None), DEFAULT_PAGE)

    return sized


def _items(definition: GraphQLField, node: FieldNode) -> int | Cost:
    """How many objects a field answers at most that is no page."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    wrapped = given.get("input")
    if isinstance(wrapped, ObjectValueNode):
        given |= {field.name.value: field.value for field in wrapped.fields or ()}
    if isinstance(wrapped, VariableNode):
        outer = wrapped.name.value
        return lambda values: _longest(values.get(outer) or {})
    for name in ITEMS:
        if name in given:
            return _length(given[name])
    if node.name.value in COUNTED:
        return FIGURES
    return UNSIZED if _is_list(definition.type) else 1


def _number(value: ValueNode) -> int | Callable[[Variables], int | None] | None:
    if isinstance(value, IntValueNode):
        return _paged(int(value.value))
    if isinstance(value, VariableNode):
        name = value.name.value

        def sized(values: Variables) -> int | None:
            found = values.get(name)
            return None if found is None else _paged(int(found))

        return sized
    return None


def _paged(size: int) -> int:
    """A size that is allowed; any other is refused later, by its own name."""
    return min(max(0, size), LONGEST_PAGE)


def _length(value: ValueNode) -> int | Cost:
    if isinstance(value, ListValueNode):
        return len(value.values or ())
    if isinstance(value, VariableNode):
        name = value.name.value
        return lambda values: _count(values.get(name))
    return 1


def _longest(given: Mapping[str, Any]) -> int:
    return max((_count(given[name]) for name in ITEMS if name in given), default=1)


def _count(value: object) -> int:
    """The length of a list; anything else stands for one, as GraphQL's coercion has it."""
    return len(value) if isinstance(value, list | tuple) else 1


def _is_list(kind: GraphQLOutputType) -> bool:
    return is_list_type(kind.of_type if isinstance(kind, GraphQLNonNull) else kind)

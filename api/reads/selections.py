"""The fields an operation selects from a type, fragments and conditions resolved."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    Node,
    SelectionSetNode,
    VariableNode,
)


@dataclass(frozen=True, slots=True)
class Document:
    """What selections are read against."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    @classmethod
    def of(cls, schema: GraphQLSchema, document: DocumentNode) -> "Document":
        named = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        return cls(schema, named)


def fields(
    document: Document,
    type_name: str,
    sets: Iterable[SelectionSetNode],
    variables: Mapping[str, Any],
) -> dict[str, list[FieldNode]]:
    """Field nodes by response key, in the order the specification gives (6.3.2)."""
    found: dict[str, list[FieldNode]] = {}
    visited: set[str] = set()

    def collect(selections: SelectionSetNode) -> None:
        for node in selections.selections:
            if not _is_included(node.directives or (), variables):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                found.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or _applies(
                    document.schema, node.type_condition.name.value, type_name
                ):
                    collect(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                fragment = document.fragments[node.name.value]
                if _applies(document.schema, fragment.type_condition.name.value, type_name):
                    collect(fragment.selection_set)

    for selection_set in sets:
        collect(selection_set)
    return found


def below(
    document: Document,
    type_name: str,
    nodes: Iterable[FieldNode],
    variables: Mapping[str, Any],
) -> dict[str, list[FieldNode]]:
    """The fields that nodes of one response key select together."""
    sets = [node.selection_set for node in nodes if node.selection_set]
    return fields(document, type_name, sets, variables)


def variables_in(
    document: Document, nodes: Iterable[FieldNode], but_in: Collection[str]
) -> set[str]:
    """The variables that fields and whatever they may select depend on, but in these arguments of
    the fields themselves."""
    found: set[str] = set()
    within: list[Node] = [*document.fragments.values()]
    for node in nodes:
        within += (a for a in node.arguments or () if a.name.value not in but_in)
        within += node.directives or ()
        within += [node.selection_set] if node.selection_set else []
    while within:
        node_within = within.pop()
        if isinstance(node_within, VariableNode):
            found.add(node_within.name.value)
        for key in node_within.keys:
            value = getattr(node_within, key)
            each = value if isinstance(value, tuple | list) else [value]
            within += [one for one in each if isinstance(one, Node)]
    return found


def _applies(schema: GraphQLSchema, condition: str, type_name: str) -> bool:
    if condition == type_name:
        return True
    abstract, concrete = schema.type_map[condition], schema.type_map[type_name]
    return (
        isinstance(abstract, GraphQLInterfaceType | GraphQLUnionType)
        and isinstance(concrete, GraphQLObjectType)
        and schema.is_sub_type(abstract, concrete)
    )


def _is_included(directives: Iterable[DirectiveNode], variables: Mapping[str, Any]) -> bool:
    for directive in directives:
        name = directive.name.value
        if name in ("skip", "include"):
            node = (directive.arguments or ())[0].value
            value = (
                variables.get(node.name.value)
                if isinstance(node, VariableNode)
                else getattr(node, "value", False)
            )
            if value is None:
                raise GraphQLError(f"expected @{name}(if:) to be true or false, got null")
            if bool(value) is (name == "skip"):
                return False
    return True

"""Batches of decisions, taken from JSON and answered without graphql-core.

It looks at each value of a thousand inputs twice, and at each of a thousand results; a compiled
validator needs a tenth of that time. What isn't plainly as declared is left to graphql-core, which
says what is wrong with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import anyio.to_thread
from graphql import (
    ExecutionResult,
    FieldNode,
    OperationDefinitionNode,
    Undefined,
    located_error,
    print_ast,
)
from graphql.pyutils import Path
from graphql.utilities import coerce_input_value
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from api.asking import Context
from api.asking import Request as Asking
from api.changing import Changes
from api.prepared import prepared
from api.reads.selections import below
from api.schema.build import changes as declared
from api.schema.inputs import IssueSanctionInput, IssueSanctionsInput
from api.schema.nodes import Refusal
from api.starting import keeping
from api.variables import MOST_ITEMS, excess_of
from governance.errors import Refused
from governance.fields import may_hold_nul, validated
from governance.issuing import MOST_IN_BATCH
from governance.requesting import Request

FIELD, RESULT = "issueSanctions", "SanctionsIssued"
_BOOLEAN = "isAutomatedDetection"  # a validator takes more for true than GraphQL does
# What is left out, since a list that is read takes a tenth of the time of a default's deep copy.
_EMPTY: Mapping[str, Any] = {
    to_camel(name): []
    for name, field in IssueSanctionInput.model_fields.items()
    if field.default == []
}


class Batch(NamedTuple):
    """The field that issues a batch, and what it asks for."""

    node: FieldNode
    requests: Sequence[Request | Refused | Mapping[str, Any]]


class Asked(NamedTuple):
    """What a change needs to know of the field that asks for it, as a resolver is told it."""

    context: Context
    field_nodes: list[FieldNode]
    path: Path


async def requested(operation: OperationDefinitionNode, asking: Asking) -> Batch | None:
    """The batch that a mutation issues, if that is all it does and the batch its one variable;
    None where graphql-core has to look at it."""
    node, items = _field(operation), _items(operation, asking.variables)
    if node is None or items is None or asking.actor is None:
        return None
    if len(items) > MOST_IN_BATCH:
        return Batch(node, items)  # refused for their number: nobody looks at them
    with keeping(len(items)):
        requests = await anyio.to_thread.run_sync(requests_of, items)
    return None if requests is None else Batch(node, requests)


async def issued(batch: Batch, context: Context, changes: Changes) -> ExecutionResult:
    """What came of a batch, or the error that graphql-core would make of what was raised."""
    key = batch.node.alias.value if batch.node.alias else FIELD
    asked = Asked(context, [batch.node], Path(None, key, "Mutation"))
    context.is_straight = True
    try:
        with keeping(len(batch.requests)):
            payload = await changes.change(declared()[FIELD], asked, {"sanctions": batch.requests})
    except Exception as error:
        return ExecutionResult(None, [located_error(error, [batch.node], asked.path.as_list())])
    return ExecutionResult({key: _completed(payload, batch.node, context)}, None)


def _field(operation: OperationDefinitionNode) -> FieldNode | None:
    [node, *others] = operation.selection_set.selections
    is_it = isinstance(node, FieldNode) and node.name.value == FIELD and not node.directives
    return node if is_it and not others else None  # type: ignore[return-value]


def _items(
    operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> list[Mapping[str, Any]] | None:
    """The decisions in the one variable, which is the whole input: it was validated to be."""
    definitions = operation.variable_definitions or ()
    if len(definitions) != 1 or definitions[0].default_value is not None:
        return None
    if print_ast(definitions[0].type) != f"{IssueSanctionsInput.__name__}!":
        return None
    wrapped = given.get(definitions[0].variable.name.value)
    items = wrapped.get("sanctions") if type(wrapped) is dict and len(wrapped) == 1 else None
    return items if type(items) is list and 0 < len(items) <= MOST_ITEMS else None


def requests_of(items: Sequence[Mapping[str, Any]]) -> list[Request | Refused] | None:
    """The decisions, or why each isn't one; None where one isn't of the declared form at all, or
    there is too much in them."""
    if excess_of({"sanctions": items}):
        return None
    if not all(type(item) is dict and type(item.get(_BOOLEAN)) is bool for item in items):
        return None
    if may_hold_nul(items):
        return None
    found: list[Request | Refused] = []
    for item in items:
        try:
            found.append(
                Request(IssueSanctionInput.model_validate({**_EMPTY, **item}, by_name=False))
            )
        except ValidationError:
            raw = coerce_input_value(item, prepared().type_map[IssueSanctionInput.__name__])  # type: ignore[arg-type]
            if raw is Undefined:
                return None
            found.append(_refused(raw))
    return found


def _refused(raw: Mapping[str, Any]) -> Request | Refused:
    try:
        return Request(validated(IssueSanctionInput, raw))
    except Refused as refused:
        return refused


def _completed(payload: Mapping[str, Any], node: FieldNode, context: Context) -> dict[str, Any]:
    """The payload as it is answered: what Python made is selected from, what was read is whole."""
    document, variables = context.operation.document, context.variables
    answer: dict[str, Any] = {}
    for key, nodes in below(document, RESULT, [node], variables).items():
        answer[key] = RESULT if nodes[0].name.value == "__typename" else payload[key]
        if nodes[0].name.value == "results":
            shown = below(document, Refusal.__name__, nodes, variables)
            answer[key] = [
                _refusal(one, shown) if isinstance(one, Refusal) else one for one in payload[key]
            ]
    return answer


def _refusal(refusal: Refusal, selected: Mapping[str, Sequence[FieldNode]]) -> dict[str, Any]:
    names = {key: nodes[0].name.value for key, nodes in selected.items()}
    return {
        key: Refusal.__name__ if name == "__typename" else getattr(refusal, name)
        for key, name in names.items()
    }

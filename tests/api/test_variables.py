"""Variables come out as graphql-core has them, or are left to it."""

import contextlib
from typing import Any

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    Undefined,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values
from hypothesis import given, settings
from hypothesis import strategies as st

from api.prepared import prepared
from api.variables import Coercers

SCHEMA = prepared()
INPUTS = sorted(
    name
    for name, kind in SCHEMA.type_map.items()
    if isinstance(kind, GraphQLInputObjectType) and not name.startswith("__")
)
COERCERS = Coercers(SCHEMA)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, 2**40, "", "x", "SPAM", "ACCOUNT_SUSPENDED", [], ["x"], [None], {}]
)


def right(kind: Any) -> list[Any]:
    """Values that a scalar or an enum takes."""
    candidates = [*(getattr(kind, "values", None) or ()), "x", "2026-01-31", True, 7, 1.5]
    found = []
    for value in candidates:
        with contextlib.suppress(Exception):
            if kind.coerce_input_value(value) is not Undefined:
                found.append(value)
    return found


def values(kind: Any, odd: st.SearchStrategy[Any], depth: int = 3) -> st.SearchStrategy[Any]:
    """What the type wants, and odd things among it."""
    if isinstance(kind, GraphQLNonNull):
        return values(kind.of_type, odd, depth) | odd
    if isinstance(kind, GraphQLList):
        item = values(kind.of_type, odd, depth)
        return st.lists(item, max_size=3) | odd
    if isinstance(kind, GraphQLInputObjectType):
        if not depth:
            return st.just({})
        fields = {name: values(field.type, odd, depth - 1) for name, field in kind.fields.items()}
        required = {
            name: value
            for name, value in fields.items()
            if isinstance(kind.fields[name].type, GraphQLNonNull)
        }
        others = {name: value for name, value in fields.items() if name not in required}
        whole = st.fixed_dictionaries(required, optional=others)
        return whole | odd | odd.map(lambda value: {"unheardOf": value})
    return st.sampled_from(right(kind)) | odd


@pytest.mark.parametrize("name", INPUTS)
def test_what_is_coerced_here_is_what_graphql_makes_of_it(name: str) -> None:
    # No field takes every input, so the document isn't valid; its variables are read all the same.
    operation = get_operation_ast(parse(f"query ($a: {name}!, $b: [{name}!]) {{ __typename }}"))
    assert operation is not None
    coerced, found, kind = COERCERS.of(operation), [], SCHEMA.type_map[name]

    @settings(max_examples=60)
    @given(
        st.fixed_dictionaries({"a": values(kind, st.nothing())})
        | st.fixed_dictionaries({"a": values(kind, ODD)}, optional={"b": ODD})
    )
    def holds(given_variables: dict[str, Any]) -> None:
        ours = coerced.coerced(given_variables)
        definitions = operation.variable_definitions or ()
        theirs = get_variable_values(SCHEMA, definitions, given_variables)
        found.append(ours)
        if ours is not None:
            assert not isinstance(theirs, list)
            assert ours == theirs.coerced

    holds()
    assert any(one is not None for one in found)


@pytest.mark.parametrize(
    ("declared", "given_variables", "expected"),
    [
        ("$s: URI!", {"s": "acct:a@b.example"}, {"s": "acct:a@b.example"}),
        ("$s: URI!", {"s": 1}, None),
        ("$s: URI!", {"s": None}, None),
        ("$s: URI!", {}, None),
        ("$s: URI", {}, {}),
        ("$s: URI", {"s": None}, {"s": None}),
        ('$s: URI = "x"', {}, None),
        ('$s: URI = "x"', {"s": "y"}, {"s": "y"}),
        ("$s: [URI!]!", {"s": "x"}, None),
        ("$s: [URI!]!", {"s": ["x"] * 2_001}, {"s": ["x"] * 2_001}),
        ("$s: [Measure!]", {"s": ["SPAM_"]}, None),
        ("$f: SanctionFilter", {"f": {"languages": ["x"] * 2_001}}, None),
        ("$f: SanctionFilter", {"f": {"languages": ["x"]}}, {"f": {"languages": ["x"]}}),
        ("$n: Int", {"n": 2**31}, None),
        ("$n: Int", {"n": 7}, {"n": 7}),
    ],
)
def test_left_to_graphql_is_what_is_not_plain(
    declared: str, given_variables: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    document = parse(f"query ({declared}) {{ __typename }}")
    assert not [e for e in validate(SCHEMA, document) if "never used" not in e.message]
    operation = get_operation_ast(document)
    assert operation is not None
    assert COERCERS.of(operation).coerced(given_variables) == expected

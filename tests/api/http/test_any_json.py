"""Whatever JSON comes in an argument, the answer is a typed one and never a fault of ours."""

from typing import Any

import orjson
import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type, is_composite_type
from hypothesis import given
from hypothesis import strategies as st

from api.schema.build import schema
from tests.api.http.outside import ACCOUNT, Node
from tests.builders import Team, examples

pytestmark = pytest.mark.property

OURS = {"BAD_DOCUMENT", "BAD_REQUEST", "INVALID_INPUT", "LIMIT_EXCEEDED", "UNAUTHENTICATED"}
INTERESTING = [
    *("", " ", "\x00", "null", "-1", "NaN", "' OR 1=1 --", "%s", "{}", "\u202e", "x" * 6_000),
    *("2026-03-05T12:00:00Z", "2026-03-05", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
    *("0001-01-01T00:00:00+14:00", "mod.example", "\U0001f600.example", "acct:@@", "urn:uuid:"),
    *(ACCOUNT, "https://spam.example", "https://elsewhere.example/@alice"),
    *("san_aaaaaaaaaaaaaaaaaaaaaaaaaa", "apl_aaaaaaaaaaaaaaaaaaaaaaaaaa"),
    *("Sanction~2026-03-01T12:00:00.000000Z~san_a", "WARNING", "SPAM", "OTHER", "OWN", "DE"),
    *("de-AT", "ADMIT", "REDUCED", "ACCOUNT", "CONTENT_REMOVED", "SERVER_SUSPENDED"),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(INTERESTING)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=10) | st.sampled_from(["rule", "url"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
MUTATIONS = {
    name: get_named_type(field.args["input"].type)
    for name, field in schema().mutation_type.fields.items()  # type: ignore[union-attr]
}


def fields_of(kind: object) -> list[str]:
    assert isinstance(kind, GraphQLInputObjectType)
    return sorted(kind.fields)


def told(node: Node, query: str, variables: object, team: Team) -> dict[str, Any]:
    """The answer, which is of the kind that callers are promised."""
    headers = node.headers(team.bot)
    body = orjson.dumps({"query": query, "variables": variables})
    response = node.client.post(
        "/graphql", content=body, headers={**headers, "Content-Type": "application/json"}
    )
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
    assert codes <= OURS, answer
    return answer


@st.composite
def changes(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    """Some fields with whatever, some more that nobody knows."""
    touched = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
    changed = {name: draw(JSON) for name in touched}
    if draw(st.integers(0, 9)) == 0:
        changed[draw(st.text(max_size=8))] = draw(JSON)
    return changed


def valid(node: Node, name: str, ids: dict[str, str]) -> dict[str, Any]:
    """An input that would do."""
    if "anction" in name and name.startswith(("issue", "record")):
        body = node.body()
        return {"sanctions": [body]} if name == "issueSanctions" else body
    return {
        "sanctionId": ids["sanction"],
        "appealId": ids["appeal"],
        "subject": "acct:nobody@elsewhere.example",
        "reason": "Because",
        "grounds": "Because",
        "statement": "Because",
        "move": "ASK",
        "message": "Who?",
        "code": "TEST",
        "outcome": "REDUCED",
        "newExpiresAt": "2026-03-04T12:00:00Z",
        "expiresAt": "2026-03-04T12:00:00Z",
        "platform": "mod.example",
    }


@pytest.mark.parametrize("name", MUTATIONS)
def test_any_json_in_a_mutation_is_answered_or_refused(node: Node, team: Team, name: str) -> None:
    sanction = node.issue(team.issuer)["sanction"]
    ids = {"sanction": sanction["id"], "appeal": node.under_review(team, sanction)}
    kind = MUTATIONS[name]
    names = fields_of(kind)
    query = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ __typename }} }}"
    item_names = fields_of(MUTATIONS["issueSanction"])

    @examples(12)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        given_input = {k: v for k, v in valid(node, name, ids).items() if k in names}
        if name == "issueSanctions" and data.draw(st.booleans()):
            given_input["sanctions"].append({**node.body(), **data.draw(changes(item_names))})
        else:
            given_input.update(data.draw(changes(names)))
        told(node, query, {"input": given_input}, team)

    holds()


QUERIES = {
    name: field
    for name, field in schema().query_type.fields.items()  # type: ignore[union-attr]
    if field.args
}


@pytest.mark.parametrize("name", QUERIES)
def test_any_json_in_a_query_is_answered_or_refused(node: Node, team: Team, name: str) -> None:
    node.under_review(team, node.issue(team.issuer)["sanction"])
    field = QUERIES[name]
    variables = ", ".join(f"${arg}: {definition.type}" for arg, definition in field.args.items())
    given_args = ", ".join(f"{arg}: ${arg}" for arg in field.args)
    kind = get_named_type(field.type)
    assert is_composite_type(kind)
    is_list = isinstance(kind, GraphQLObjectType) and "totalCount" in kind.fields
    selection = "totalCount nodes { __typename }" if is_list else "__typename"
    query = f"query({variables}) {{ {name}({given_args}) {{ {selection} }} }}"
    nested = {
        arg: fields_of(get_named_type(definition.type))
        for arg, definition in field.args.items()
        if isinstance(get_named_type(definition.type), GraphQLInputObjectType)
    }

    @examples(25)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        asked: dict[str, Any] = {}
        for arg in field.args:
            if arg in nested:
                asked[arg] = data.draw(st.none() | changes(nested[arg]))
            elif data.draw(st.booleans()):
                asked[arg] = data.draw(SCALARS | JSON)
            elif str(field.args[arg].type).endswith("!"):
                asked[arg] = data.draw(st.sampled_from(INTERESTING))
        told(node, query, asked, team)

    holds()


@examples(50)
@given(body=JSON | st.binary(max_size=40))
def test_any_body_is_answered(lite: Node, body: Any) -> None:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    response = lite.client.post(
        "/graphql", content=content, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}

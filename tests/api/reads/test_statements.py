"""One statement for each root field, whatever is nested below it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.execution import Executor
from governance.requesting import draft as drafted
from governance.words import AppealMove
from tests.api.worlds import ACCOUNT, SERVER, Asking, Cast, Interpreting, asking
from tests.builders import DAY, NOW, World, draft

SANCTION = """
  id subject reason effect platform { name } policyReference { rule } supersedes { id }
  appeals(first: 5) {
    totalCount pageInfo { hasNextPage endCursor }
    edges { cursor node { state messages { text } sanction { id platform { domain } } } }
  }
"""
PARTS = f"\nfragment Parts on Sanction {{ {SANCTION} }}"
ROOTS = {
    "sanctions": f"sanctions(first: 30) {{ totalCount nodes {{ {SANCTION} }} }}",
    "sanction": f'sanction(id: "%s") {{ {SANCTION} }}',
    "appeals": f"appeals {{ edges {{ node {{ sanction {{ {SANCTION} }} }} }} }}",
    "platforms": "platforms { totalCount nodes { id name } }",
    "platform": 'platform(domain: "a.example") { id }',
    "policy": "policy { version ladderSeconds }",
    "node": f'node(id: "%s") {{ __typename id ... on Sanction {{ {SANCTION} }} }}',
    "nodes": f'nodes(ids: ["%s", "san_none", "%s"]) {{ id ... on Sanction {{ {SANCTION} }} }}',
    "status": f'suspensionStatus(subject: "{ACCOUNT}") {{ until sanctions {{ {SANCTION} }} }}',
    "past": f"""suspensionStatus(subject: "{ACCOUNT}", at: "2026-02-28T13:00:00Z") {{
        isSuspended sanctions {{ {SANCTION} }} }}""",
    "statuses": f'suspensionStatuses(subjects: ["{ACCOUNT}", "{SERVER}"]) {{ sanctions {{ id }} }}',
    "log": "log { size }",
}


@pytest.fixture(params=[Executor, Interpreting])
async def path(request: pytest.FixtureRequest, still_url: str) -> AsyncIterator[Asking]:
    """Yield an executor that takes one path or the other."""
    async with asking(still_url, kind=request.param) as found:
        yield found


async def counted(ask: Asking, query: str, cast: Cast, **variables: Any) -> int:
    before = ask.statements
    await ask.data(query, variables, cast.b.reader)
    return ask.statements - before


@pytest.mark.parametrize("root", ROOTS)
async def test_one_statement_answers_a_root_field(path: Asking, cast: Cast, root: str) -> None:
    query = ROOTS[root].replace("%s", cast.appealable)
    assert await counted(path, f"{{ {query} }}", cast) == 1


async def test_each_root_field_takes_one_statement(path: Asking, cast: Cast) -> None:
    roots = " ".join(f"r{n}: {query}" for n, query in enumerate(ROOTS.values()))
    query = f"{{ __typename {roots.replace('%s', cast.appealable)} }}"
    assert await counted(path, query, cast) == len(ROOTS)


async def test_the_same_root_field_under_two_aliases_takes_two(path: Asking, cast: Cast) -> None:
    query = "{ a: platforms(first: 1) { nodes { id } } b: platforms(last: 1) { nodes { id } } }"
    assert await counted(path, query, cast) == 2


async def test_a_thousand_statuses_take_one_statement(path: Asking, cast: Cast) -> None:
    subjects = [ACCOUNT, SERVER, *(f"acct:u{n}@b.example" for n in range(998))]
    query = """query($subjects: [URI!]!) {
      suspensionStatuses(subjects: $subjects) { isSuspended sanctions { platform { name } } } }"""
    assert await counted(path, query, cast, subjects=subjects) == 1


async def test_a_thousand_nodes_take_one_statement(path: Asking, cast: Cast) -> None:
    ids = [cast.appealable, *(f"apl_{n}" for n in range(999))]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Sanction { effect } } }"
    assert await counted(path, query, cast, ids=ids) == 1


async def test_what_is_told_with_an_error_is_not_read_twice(ask: Asking, cast: Cast) -> None:
    query = f'{{ suspensionStatuses(subjects: ["nonsense", "{SERVER}"]) {{ isSuspended }} }}'
    before = ask.statements
    answer = await ask.answer(query, {}, cast.b.reader)
    assert answer["data"]["suspensionStatuses"] == [None, {"isSuspended": True}]
    assert answer["errors"][0]["path"] == ["suspensionStatuses", 0]
    assert ask.statements - before == 1


@pytest.mark.parametrize("field", ["sanction(id: $x) { id }", "node(id: $x) { id }"])
async def test_a_malformed_argument_costs_no_statement(ask: Asking, field: str) -> None:
    query = f"query($x: ID!) {{ platforms {{ nodes {{ id }} }} {field} }}"
    before = ask.statements
    assert await ask.codes(query, {"x": "nonsense"}) == ["INVALID_INPUT"]
    assert ask.statements - before == 1


async def test_an_issued_sanction_is_read_by_one_statement(change: Asking, cast: Cast) -> None:
    mutation = (
        """mutation($input: IssueSanctionInput!) { issueSanction(input: $input) {
      __typename ... on SanctionIssued { appealSecret sanction { ...Parts } } } }"""
        + PARTS
    )
    before = change.statements
    data = await change.data(mutation, {"input": body()}, cast.a.issuer)
    assert data["issueSanction"]["__typename"] == "SanctionIssued"
    assert data["issueSanction"]["sanction"]["effect"] == "IN_FORCE"
    assert change.statements - before == 1


async def test_a_batch_is_read_by_one_statement(change: Asking, cast: Cast) -> None:
    mutation = """mutation($input: IssueSanctionsInput!) { issueSanctions(input: $input) {
      issuedCount refusedCount results {
        ... on Refusal { code path } ... on SanctionIssued { sanction { ...Parts } } } } }"""
    sanctions = [body(expiresAt="soon") if n % 3 == 0 else body() for n in range(30)]
    before = change.statements
    data = await change.data(mutation + PARTS, {"input": {"sanctions": sanctions}}, cast.a.issuer)
    results = data["issueSanctions"]["results"]
    assert [r.get("code") for r in results[:4]] == ["INVALID_INPUT", None, None, "INVALID_INPUT"]
    subjects = [r["sanction"]["subject"] for r in results if "sanction" in r]
    assert subjects == [s["subject"] for s in sanctions if s["expiresAt"] != "soon"]
    assert change.statements - before == 1


async def test_a_payload_of_nothing_but_its_type_name_is_an_object(
    change: Asking, cast: Cast
) -> None:
    mutation = """mutation($input: IssueSanctionInput!) {
      a: issueSanction(input: $input) { __typename }
      b: issueSanction(input: $input) { ... on Refusal { code } }
    }"""
    data = await change.data(mutation, {"input": body()}, cast.a.issuer)
    assert data == {"a": {"__typename": "SanctionIssued"}, "b": {}}


async def test_a_deferred_erasure_says_until_when(
    change: Asking, cast: Cast, rich_url: str
) -> None:
    """Python's own instants are printed like those from the database."""
    with World(rich_url) as world:
        about = "acct:deferred@a.example"
        sanction = world.issue(cast.a.issuer, NOW - DAY, subject=about)
        appeal = world.file(cast.a.admin, sanction, NOW - DAY).appeal_id
        world.move(cast.a.reviewer, appeal, AppealMove.ADMIT, NOW - DAY)
    mutation = """mutation($input: EraseSubjectInput!) { eraseSubject(input: $input) {
      ... on SubjectErased { erasedCount deferredCount deferredUntil } } }"""
    wish = {"subject": about, "reason": "asked"}
    data = await change.data(mutation, {"input": wish}, cast.a.admin)
    assert data["eraseSubject"] == {
        "erasedCount": 0,
        "deferredCount": 1,
        "deferredUntil": "2026-03-14T12:00:00.000000Z",
    }


def body(**changes: Any) -> dict[str, Any]:
    """An IssueSanctionInput."""
    return {**drafted(draft()).model_dump(mode="json", by_alias=True, exclude_none=True), **changes}

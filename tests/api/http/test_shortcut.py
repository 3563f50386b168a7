"""Who asks is confirmed by the statement that answers: nothing that was known of a token outlives
what the database says of it."""

from datetime import datetime
from typing import Any

import pytest
from sqlmodel import Session, select

from governance.membership import revoke_token
from governance.platforms import Member, Token
from governance.settings import token_hash
from governance.words import Role
from tests.api.http.outside import ACCOUNT, Node
from tests.builders import HOUR, Team
from tests.waiting import until_so

STATUS = "query ($s: URI!) { suspensionStatus(subject: $s) { isSuspended until } }"
LIST = "query ($f: SanctionFilter) { sanctions(filter: $f, first: 3) { nodes { id subject } } }"
ASKED: list[tuple[str, dict[str, Any]]] = [
    (STATUS, {"s": ACCOUNT}),
    (LIST, {"f": {"measures": ["ACCOUNT_SUSPENDED"]}}),
]


def statements(node: Node, query: str, variables: Any, by: str) -> int:
    """How many statements an answer takes."""
    reads = node.client.app.state.executor.reader.store  # type: ignore[attr-defined]
    before: int = reads.statements
    node.data(query, variables, by)
    return int(reads.statements) - before


def held(session: Session, token: str) -> Token:
    return session.exec(select(Token).where(Token.hash == token_hash(token))).one()


@pytest.mark.parametrize(("query", "variables"), ASKED)
def test_one_statement_asks_who_and_what(
    node: Node, team: Team, query: str, variables: Any
) -> None:
    node.issue(team.issuer, subject=ACCOUNT)
    token = node.token(team.reader)
    first = node.data(query, variables, token)
    assert statements(node, query, variables, token) == 1
    assert node.data(query, variables, token) == first
    # One more is another document to this process: who asks is asked first, or its plan is made.
    assert statements(node, query + " ", variables, token) == 2


@pytest.mark.parametrize(("query", "variables"), ASKED)
def test_a_token_that_is_revoked_is_dead_at_once(
    node: Node, team: Team, query: str, variables: Any
) -> None:
    token = node.token(team.reader)

    def last_use() -> datetime | None:
        with node.world.database.reading() as session:
            return held(session, token).last_used_at

    for _ in range(2):
        node.data(query, variables, token)
    until_so(last_use)  # which is noted beside the answers
    with node.world.database.writing() as session:
        revoke_token(session, held(session, token).id, now=node.clock.now)
    node.clock.forward(HOUR)
    for _ in range(2):
        assert node.post(query, variables, token).status_code == 401
    assert last_use() == node.clock.now - HOUR


def test_what_nests_deep_is_answered_the_second_time_as_the_first(node: Node, team: Team) -> None:
    """The proof around a statement takes some of the depth that SQLite reads."""
    ident = node.issue(team.issuer)["sanction"]["id"]
    told = set()
    for depth in range(1, 9):
        below = "supersedes { " * depth + "id" + " }" * depth
        query = f"query ($i: ID!) {{ sanction(id: $i) {{ id {below} }} }}"
        first, second = (node.post(query, {"i": ident}, team.reader).json() for _ in range(2))
        assert first.get("data") == second.get("data")
        codes = [[e["extensions"]["code"] for e in a.get("errors", ())] for a in (first, second)]
        assert codes[0] == codes[1]
        told.add(str(codes[0]))
    assert "[]" in told


def test_a_token_ends_on_the_microsecond_all_the_same(node: Node, team: Team) -> None:
    token = node.token(team.reader, lifetime=HOUR)
    for _ in range(2):
        node.data(STATUS, {"s": ACCOUNT}, token)
    node.clock.forward(HOUR)
    assert node.post(STATUS, {"s": ACCOUNT}, token).status_code == 401


def test_roles_count_as_they_are_now(node: Node, team: Team) -> None:
    token = node.token(team.reader)
    issued = node.issue(team.issuer, subject=ACCOUNT)["sanction"]["id"]
    query, variables = ASKED[1]
    for _ in range(2):
        assert node.data(query, variables, token)["sanctions"]["nodes"] == [
            {"id": issued, "subject": ACCOUNT}
        ]
        assert node.data(STATUS, {"s": ACCOUNT}, token)
    with node.world.database.writing() as session:
        session.get_one(Member, team.reader.member_id).roles = [Role.RESEARCHER]
    for _ in range(2):
        assert node.data(query, variables, token)["sanctions"]["nodes"] == [
            {"id": issued, "subject": None}
        ]
        [error] = node.answer(STATUS, {"s": ACCOUNT}, token)["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
    with node.world.database.writing() as session:
        session.get_one(Member, team.reader.member_id).roles = [Role.READER]
    assert node.data(STATUS, {"s": ACCOUNT}, token)


def test_a_request_counts_once_whichever_way_it_takes(node: Node, team: Team) -> None:
    token = node.token(team.reader)

    def left() -> tuple[str, str]:
        told = node.post(STATUS, {"s": ACCOUNT}, token).headers["RateLimit"].split(", ")
        requests, lookups = (one.split(";")[1] for one in told)
        return requests, lookups

    requests, lookups = (int(one.removeprefix("r=")) for one in left())
    for count in (1, 2):
        assert left() == (f"r={requests - count}", f"r={lookups - count}")
    with node.world.database.writing() as session:
        # What was known of the member holds no longer: counted, taken back, and counted again.
        session.get_one(Member, team.reader.member_id).roles = [Role.ISSUER]
    assert left() == (f"r={requests - 3}", f"r={lookups - 3}")


def test_what_is_refused_or_null_is_told_by_the_other_way(node: Node, team: Team) -> None:
    one = "query ($s: URI!) { suspensionStatus(subject: $s) { subject } }"
    for by in (team.reader, None):
        answers = [node.post(one, {"s": "https://a.example"}, by).json() for _ in range(2)]
        assert answers[0] == answers[1]
        wrong = [node.post(one, {"s": "no uri"}, by) for _ in range(2)]
        [error] = wrong[1].json()["errors"]
        assert error["path"] == ["suspensionStatus"]
        assert error["extensions"]["code"] == "INVALID_INPUT"
    none = "query ($i: ID!) { sanction(id: $i) { id } }"
    assert [node.data(none, {"i": "san_none"}, team.reader) for _ in range(2)] == [
        {"sanction": None}
    ] * 2

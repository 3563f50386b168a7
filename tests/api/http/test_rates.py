"""Limits of rate, quota and cost: told beforehand, refused with a code, nobody else's budget."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.limiting.counting import network_of
from governance.settings import Settings
from tests.api.http.outside import ACCOUNT, Node, issue_input
from tests.builders import DAY, Team

POLICY = "{ policy { version } }"
VIEW = """query ($i: ID!, $s: String!) {
  appellantView(sanctionId: $i, appealSecret: $s) { reason } }"""
STATUS = "query ($s: URI!) { suspensionStatus(subject: $s) { isSuspended } }"
STATUSES = "query ($s: [URI!]!) { suspensionStatuses(subjects: $s) { isSuspended } }"


@pytest.fixture
def tight(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node with little room."""
    limits = {"requests_of_member": 5, "requests_of_public": 3, "lookups_of_platform": 10}
    with Node(database_url, tmp_path / "comity.key", **limits) as node:
        yield node


def code(node: Node, query: str, variables: Any = None, by: Any = None) -> str | None:
    answer = node.post(query, variables, by).json()
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


def test_each_caller_has_a_rate_of_its_own(tight: Node) -> None:
    team = tight.world.team()
    told = [tight.post(POLICY) for _ in range(4)]
    assert [response.status_code for response in told] == [200, 200, 200, 429]
    assert told[0].headers["ratelimit-policy"] == '"requests";q=3;w=60'
    assert told[0].headers["ratelimit"].startswith('"requests";r=2;t=')
    assert told[3].headers["ratelimit"].startswith('"requests";r=0;t=')
    assert 0 < int(told[3].headers["retry-after"]) <= 61
    assert told[3].json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    for member in (team.reader, team.issuer):
        assert [code(tight, POLICY, None, member) for _ in range(6)] == [None] * 5 + [
            "RATE_LIMITED"
        ]


def test_a_platforms_lookups_of_a_day_are_counted_and_end(tight: Node) -> None:
    team, other = tight.world.team(), tight.world.team()
    three = {"s": [ACCOUNT, "acct:b@x.example", "https://servers-are-public.example"]}
    first = tight.post(STATUS, {"s": ACCOUNT}, team.reader)
    assert '"lookups";r=9;t=43200' in first.headers["ratelimit"]  # it is noon (UTC)
    assert '"lookups";q=10;w=86400' in first.headers["ratelimit-policy"]
    for by in (team.reader, team.issuer, team.reader, team.issuer):
        assert code(tight, STATUSES, three, by) is None
    assert code(tight, STATUSES, three, team.admin) == "QUOTA_EXCEEDED"
    assert code(tight, STATUS, {"s": ACCOUNT}, team.admin) is None  # one was left
    assert code(tight, STATUS, {"s": ACCOUNT}, team.admin) == "QUOTA_EXCEEDED"
    assert code(tight, STATUS, {"s": "https://a.example"}, team.admin) is None
    assert code(tight, STATUS, {"s": ACCOUNT}, other.reader) is None
    filtered = "query ($s: URI!) { sanctions(filter: {subject: $s}) { totalCount } }"
    assert code(tight, filtered, {"s": ACCOUNT}, team.reviewer) == "QUOTA_EXCEEDED"
    tight.clock.forward(DAY / 2)
    assert code(tight, STATUS, {"s": ACCOUNT}, team.reviewer) is None


FILTERED = [
    "sanctions(filter: {subject: $s}) { totalCount nodes { id } }",
    "statistics(groupBy: [MEASURE], filter: {subject: $s}) { rows { sanctionCount overturnRate } }",
    "facets(by: [MEASURE, EFFECT], filter: {subject: $s}) { number }",
]


@pytest.mark.parametrize("asked", [*FILTERED, " ".join(FILTERED)])
def test_a_filter_by_subject_is_one_lookup_and_of_a_server_none(tight: Node, asked: str) -> None:
    team = tight.world.team()
    answer = tight.post(f"query ($s: URI!) {{ {asked} }}", {"s": ACCOUNT}, team.reader)
    assert '"lookups";r=9;' in answer.headers["ratelimit"]
    server = {"s": "https://servers-are-public.example"}
    answer = tight.post(f"query ($s: URI!) {{ {asked} }}", server, team.reader)
    assert "lookups" not in answer.headers["ratelimit"]


def test_lookups_outlive_the_process(database_url: str, tmp_path: Path) -> None:
    with Node(database_url, tmp_path / "comity.key", lookups_of_platform=2) as node:
        team = node.world.team()
        assert code(node, STATUS, {"s": ACCOUNT}, team.reader) is None
    with Node(database_url, tmp_path / "comity.key", lookups_of_platform=2) as node:
        assert node.records()["lookups"] == [f"('{team.platform.id}', '2026-03-01', 1)"]


def test_secrets_are_not_guessed_at_speed(lite: Node, team: Team) -> None:
    issued = lite.issue(team.issuer)
    ident, secret = issued["sanction"]["id"], issued["appealSecret"]
    for number in range(Settings().wrong_secrets_of_caller // 2):
        assert lite.data(VIEW, {"i": ident, "s": f"guess-{number}"}) == {"appellantView": None}
        wrong = {"sanctionId": ident, "grounds": "x", "appealSecret": f"guess-{number}"}
        assert lite.do("FileAppeal", **wrong)["code"] == "NOT_FOUND"
    assert code(lite, VIEW, {"i": ident, "s": "one-more"}) == "RATE_LIMITED"
    assert code(lite, VIEW, {"i": ident, "s": secret}) == "RATE_LIMITED"  # else it would tell
    filing = "mutation ($i: FileAppealInput!) { fileAppeal(input: $i) { __typename } }"
    right = {"sanctionId": ident, "grounds": "x", "appealSecret": secret}
    before = lite.records()
    assert code(lite, filing, {"i": right}) == "RATE_LIMITED"
    assert lite.records() == before
    assert code(lite, POLICY) is None
    assert code(lite, VIEW, {"i": ident, "s": secret}, team.reader) is None  # another caller


def test_guesses_that_come_together_are_counted_each(node: Node, team: Team) -> None:
    issued = node.issue(team.issuer)
    ident, secret = issued["sanction"]["id"], issued["appealSecret"]
    views = [f's{n}: appellantView(sanctionId: "{ident}", appealSecret: "{n}") {{ reason }}'
             for n in range(Settings().wrong_secrets_of_caller + 5)]  # fmt: skip
    # What is refused sends the document to graphql-core, which asks for all fields at once.
    wrong = 'suspensionStatus(subject: "?") { until }'
    told = node.answer("{ " + " ".join([wrong, *views]) + " }")
    codes = [error["extensions"]["code"] for error in told["errors"]]
    assert "RATE_LIMITED" in codes
    assert code(node, VIEW, {"i": ident, "s": secret}) == "RATE_LIMITED"


def test_right_secrets_cost_nothing(lite: Node, team: Team) -> None:
    issued = lite.issue(team.issuer)
    ident, secret = issued["sanction"]["id"], issued["appealSecret"]
    for _ in range(Settings().wrong_secrets_of_caller + 1):
        assert code(lite, VIEW, {"i": ident, "s": secret}) is None
    mine = {"sanctionId": ident, "grounds": "", "appealSecret": secret}
    for _ in range(Settings().wrong_secrets_of_caller + 1):
        assert lite.do("FileAppeal", **mine)["code"] == "INVALID_INPUT"


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        (POLICY, {}, 1),
        ("{ __schema { types { name } } }", {}, 0),
        (STATUS, {"s": "https://a.example"}, 1),
        (STATUSES, {"s": ["https://a.example"] * 7}, 7),
        ("{ sanctions { nodes { id } } }", {}, 51),
        ("{ sanctions(first: null, last: 1000) { nodes { id } } }", {}, 1_001),
        (
            "query ($f: Int, $l: Int) { sanctions(first: $f, last: $l) { nodes { id } } }",
            {"l": 9},
            10,
        ),
        ("{ sanctions(first: 3) { nodes { id platform { name } } } }", {}, 7),
        ("query ($n: Int) { sanctions(last: $n) { edges { node { id } } } }", {"n": 4}, 5),
        ("{ sanctions(first: 2) { totalCount nodes { appeals { nodes { id } } } } }", {}, 105),
        ('{ nodes(ids: ["san_a", "san_b"]) { id } }', {}, 2),
        ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["san_a"] * 9}, 9),
        ("{ eventPage(first: 5) { nodes { cursor } } }", {}, 6),
    ],
)
def test_a_cost_is_told(lite: Node, query: str, variables: dict[str, Any], cost: int) -> None:
    told = lite.post(query, variables).json()["extensions"]
    assert told == {"cost": {"requested": cost, "limit": 100_000}}


def test_a_batch_costs_as_many_as_it_has(lite: Node, team: Team) -> None:
    query = """mutation ($i: IssueSanctionsInput!) { issueSanctions(input: $i) {
      results { ... on SanctionIssued { sanction { id } } } } }"""
    bodies = [issue_input(lite.clock.now) for _ in range(3)]
    told = lite.post(query, {"i": {"sanctions": bodies}}, team.issuer).json()["extensions"]
    assert told["cost"]["requested"] == 9


def test_what_costs_too_much_is_refused_before_it_is_asked(sqlite_url: str, tmp_path: Path) -> None:
    with Node(sqlite_url, tmp_path / "comity.key", max_cost=100) as node:
        assert code(node, "{ sanctions(first: 99) { nodes { id } } }") is None
        over = node.post("{ sanctions(first: 100) { nodes { id } } }").json()
        assert over["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert over["extensions"]["cost"] == {"requested": 101, "limit": 100}
        assert "data" not in over


def test_suggestions_are_for_members(lite: Node, team: Team) -> None:
    public = lite.answer("{ sanction { id } polcy { version } }")["errors"]
    assert "Did you mean" not in str(public)
    assert "Did you mean" in str(lite.answer("{ polcy { version } }", None, team.reader)["errors"])


def test_directives_are_counted(lite: Node) -> None:
    many = "{ policy { " + " ".join(f"a{n}: version @include(if: true)" for n in range(51)) + " } }"
    assert code(lite, many) == "LIMIT_EXCEEDED"


def test_lookups_are_known_from_the_start_on(database_url: str, tmp_path: Path) -> None:
    with Node(database_url, tmp_path / "comity.key", lookups_of_platform=2) as node:
        team = node.world.team()
        assert code(node, STATUSES, {"s": [ACCOUNT, "acct:b@x.example"]}, team.reader) is None
    with Node(database_url, tmp_path / "comity.key", lookups_of_platform=2) as node:
        assert code(node, STATUS, {"s": ACCOUNT}, team.reader) == "QUOTA_EXCEEDED"


def test_a_preview_counts_every_name_it_looks_under(tight: Node) -> None:
    team = tight.world.team()
    preview = "query ($i: IssueSanctionInput!) { previewSanction(input: $i) { isAccepted } }"
    names = {"aliases": [f"acct:x{n}@x.example" for n in range(5)]}
    told = tight.post(preview, {"i": issue_input(tight.clock.now, **names)}, team.issuer)
    assert '"lookups";r=4;' in told.headers["ratelimit"]
    assert code(tight, preview, {"i": issue_input(tight.clock.now, **names)}, team.issuer) == (
        "QUOTA_EXCEEDED"
    )


def test_wrong_tokens_are_counted_against_the_address(tight: Node) -> None:
    told = [tight.post(POLICY, None, f"cty_wrong{n}").status_code for n in range(5)]
    assert told == [401, 401, 401, 429, 429]


def test_an_ipv6_customer_is_one_caller() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("testclient") == "testclient"


def test_a_document_that_is_not_kept_may_be_less(lite: Node) -> None:
    many = " ".join(f"a{n}: version" for n in range(60)) + " version" * 200
    assert code(lite, f"{{ policy {{ {many} }} }}") is None
    text = 'p: platform(domain: "a.example") { id }'
    assert code(lite, f"{{ policy {{ {many} }} {text} }}") == "LIMIT_EXCEEDED"


def test_whoever_wants_cosignatures_has_the_rate_of_an_address(tight: Node) -> None:
    asked = [tight.client.post("/log/add-checkpoint", content=b"") for _ in range(4)]
    assert [response.status_code for response in asked] == [400, 400, 400, 429]
    assert 0 < int(asked[3].headers["retry-after"]) <= 61
    assert asked[3].headers["ratelimit"].startswith('"requests";r=0;t=')
    assert code(tight, POLICY) == "RATE_LIMITED"

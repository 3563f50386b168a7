"""What goes express is answered as it would be by the other way; all else takes that."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from opentelemetry.sdk.trace import TracerProvider
from starlette.testclient import TestClient

from api.app import create_app
from api.express import EXPRESS, Answered, Express
from api.observing.traces import Traces
from api.reads.plans import Plan
from api.reads.stores import TooLong
from governance.membership import Actor, revoke_token
from governance.platforms import Member
from governance.words import Role
from tests.api.http.conftest import Lines
from tests.api.http.outside import ACCOUNT, Node
from tests.api.http.test_metrics import TOKEN, Figures, figures
from tests.api.http.test_shortcut import ASKED, LIST, STATUS, held
from tests.builders import HOUR, Team

STATUSES = "query($s: [URI!]!) { suspensionStatuses(subjects: $s) { isSuspended } }"
SERVER = "https://spam.example"
HOST = "testclient"
GRAPHQL = "application/graphql-response+json"
CONTENT = ("content-type", "application/json")
STATED = ":status"
Found = tuple[dict[str, str], Any]


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node whose figures can be asked for with a token, on each engine."""
    with Node(database_url, tmp_path / "comity.key", metrics_token=TOKEN) as node:
        yield node


def body_of(query: str, variables: Any = None, **more: Any) -> bytes:
    return orjson.dumps({"query": query, "variables": variables, **more})


def sent(node: Node, body: bytes, by: Actor | str | None = None, **headers: str) -> Found | None:
    """The header and body of what goes express, if it does."""
    fields = dict([CONTENT]) | node.headers(by) | headers
    given = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    head = b"".join(b"%b: %b\r\n" % field for field in given) + b"%d" % len(body)
    express: Express = node.client.app_state[EXPRESS]
    express.learn(head, given, len(body))
    recalled = express.recalled(head)
    if recalled is None:
        return None

    async def asked() -> Answered | None:
        if express.is_at_once:
            return express.answer(recalled, body, HOST)
        return await express.waited(recalled, body, HOST)

    assert node.client.portal is not None
    answer = node.client.portal.call(asked)
    if answer is None:
        return None
    status, told, content = answer
    found = {STATED: str(status)} | {name.decode(): value.decode() for name, value in told}
    assert int(found["content-length"]) == len(content)
    return found, orjson.loads(content)


def other(node: Node, body: bytes, by: Actor | str | None = None, **headers: str) -> Found:
    """The same of the other way."""
    fields = dict([CONTENT], Accept="*/*") | node.headers(by) | headers
    response = node.client.post("/graphql", content=body, headers=fields)
    return {STATED: str(response.status_code), **response.headers}, response.json()


def known(node: Node, body: bytes, by: Actor | str | None = None, **headers: str) -> Found:
    """The same once all is kept that an answer needs."""
    other(node, body, by, **headers)
    found = other(node, body, by, **headers)
    assert found[0][STATED] == "200"
    return found


def left(found: Found) -> list[int]:
    """What is left of the budgets that a header tells."""
    told = found[0]["ratelimit"].split(", ")
    return [int(one.split(";")[1].removeprefix("r=")) for one in told]


@pytest.mark.parametrize("accept", ["", "application/json", GRAPHQL])
@pytest.mark.parametrize(("query", "variables"), ASKED)
def test_both_ways_answer_the_same(
    node: Node, team: Team, query: str, variables: Any, accept: str
) -> None:
    node.issue(team.issuer, subject=ACCOUNT)
    named = {"Accept": accept} if accept else {}
    body = body_of(query, variables)
    first = known(node, body, team.reader, **named)
    found = sent(node, body, team.reader, **named)
    assert found is not None
    assert left(found) == [one - 1 for one in left(first)]
    again = other(node, body, team.reader, **named)
    assert left(again) == [one - 2 for one in left(first)]
    assert list(found[0]) == list(again[0])
    for name in found[0].keys() - {"ratelimit", "x-request-id"}:
        assert found[0][name] == again[0][name]
    assert found[1] == again[1]


def test_the_public_is_answered_at_once_too(node: Node, team: Team) -> None:
    body = body_of(STATUS, {"s": SERVER})
    first = other(node, body)
    found = sent(node, body)
    assert found is not None
    assert found[1] == first[1]
    assert left(found) == [left(first)[0] - 1]


def test_the_public_behind_a_proxy_has_budgets_of_its_own(node: Node, team: Team) -> None:
    body, forwarded = body_of(STATUS, {"s": SERVER}), {"X-Forwarded-For": "192.0.2.1"}
    other(node, body)
    assert sent(node, body)
    assert sent(node, body, **forwarded) is None
    known(node, body, team.reader)
    assert sent(node, body, team.reader, **forwarded)


def test_what_is_answered_at_once_is_counted_and_logged(
    node: Node, team: Team, lines: Lines
) -> None:
    body = body_of(STATUS, {"s": ACCOUNT})
    known(node, body, team.reader)
    before, lines_before = figures(node), len(lines.of("request"))

    def grown(*sample: str) -> float:
        return figures(node)[sample] - before[sample]

    found = sent(node, body, team.reader)
    assert found is not None
    assert grown("comity_requests_total", "query suspensionStatus", "ok") == 1
    assert grown("comity_request_seconds_count", "query suspensionStatus") == 1
    assert grown("comity_statements_total") == 1
    told = lines.of("request")[lines_before:]
    [line] = [one for one in told if one.pop("requestId") == found[0]["x-request-id"]]
    line.pop("time"), line.pop("durationMs")
    assert line == {
        "level": "info",
        "event": "request",
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "statements": 1,
        "operationType": "query",
        "operation": "suspensionStatus",
        "operationName": None,
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        body_of(STATUS),
        body_of(STATUS, {"s": 1}),
        body_of(STATUS, {"s": "no uri"}),
        body_of(STATUS, {"s": ACCOUNT}, operationName="Other"),
        body_of(STATUS, {"s": ACCOUNT}, extensions={"persistedQuery": {}}),
        body_of("{ suspensionStatus(subject: "),
        body_of(f'{{ suspensionStatus(subject: "{ACCOUNT}") {{ subject }} }}'),
        body_of("{ __typename }"),
        body_of("{ __schema { queryType { name } } }"),
        body_of("{ policy { version } checkpoint { size } }"),
        body_of("subscription { events { position } }"),
        body_of('mutation { recordNotice(input: {sanction: "san_a"}) { __typename } }'),
    ],
)
def test_nothing_else_is_answered_or_counted(node: Node, team: Team, body: bytes) -> None:
    question = body_of(STATUS, {"s": ACCOUNT})
    first = known(node, question, team.reader)
    for _ in range(2):
        node.client.post("/graphql", content=body, headers=dict([CONTENT]))
    before = figures(node)
    assert sent(node, body, team.reader) is None
    assert sent(node, body) is None
    assert _requests(figures(node)) == _requests(before)
    assert left(other(node, question, team.reader)) == [one - 1 for one in left(first)]


def _requests(found: Figures) -> dict[tuple[str, ...], float]:
    """What was counted of GraphQL."""
    return {
        sample: value
        for sample, value in found.items()
        if sample[0] == "comity_requests_total" and "/metrics" not in sample
    }


def test_a_head_that_says_otherwise_takes_the_other_way(node: Node, team: Team) -> None:
    body = body_of(STATUS, {"s": ACCOUNT})
    known(node, body, team.reader)
    assert sent(node, body, team.reader)
    for name, value in (
        ("content-type", "text/plain"),
        ("content-type", "application/json; charset=latin-1"),
        ("accept", "text/event-stream"),
        ("accept", "image/png"),
        ("Authorization", "Basic abc"),
        ("Authorization", "Bearer unknown"),
        ("X-Request-Id", "mine"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ):
        assert sent(node, body, team.reader, **{name: value}) is None


def test_a_body_beyond_the_limit_takes_the_other_way(
    node: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = body_of(STATUS, {"s": SERVER})
    other(node, body)
    assert sent(node, body)
    monkeypatch.setattr(node.client.app_state[EXPRESS], "_most_bytes", len(body))
    assert sent(node, body)
    assert sent(node, body + b" ") is None


@pytest.mark.parametrize(("query", "variables"), ASKED)
def test_who_asks_is_confirmed_each_time(
    node: Node, team: Team, query: str, variables: Any
) -> None:
    body, token = body_of(query, variables), node.token(team.reader)
    known(node, body, token)
    assert sent(node, body, token)
    with node.world.database.writing() as session:
        session.get_one(Member, team.reader.member_id).roles = [Role.RESEARCHER]
    assert sent(node, body, token) is None
    with node.world.database.writing() as session:
        session.get_one(Member, team.reader.member_id).roles = [Role.READER]
        revoke_token(session, held(session, token).id, now=node.clock.now)
    node.clock.forward(HOUR)
    assert sent(node, body, token) is None


def test_beyond_a_limit_nothing_is_answered_at_once(node: Node, team: Team) -> None:
    body = body_of(STATUS, {"s": ACCOUNT})
    first = known(node, body, team.reader)
    executor = node.client.app.state.executor  # type: ignore[attr-defined]
    executor.quotas._most -= left(first)[1] - 1
    assert sent(node, body, team.reader)
    assert sent(node, body, team.reader) is None
    [error] = other(node, body, team.reader)[1]["errors"]
    assert error["extensions"]["code"] == "QUOTA_EXCEEDED"


def test_a_fault_is_met_the_other_way(
    node: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = body_of(STATUS, {"s": ACCOUNT})
    first = known(node, body, team.reader)
    executor = node.client.app.state.executor  # type: ignore[attr-defined]

    def failing(*_: Any) -> None:
        raise RecursionError

    asking = "at_once" if node.client.app_state[EXPRESS].is_at_once else "one"
    for place in (executor, "variables"), (executor.reader.store, asking):
        with monkeypatch.context() as patch:
            patch.setattr(*place, failing)
            assert sent(node, body, team.reader) is None
    assert left(other(node, body, team.reader)) == [one - 1 for one in left(first)]


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL])
@pytest.mark.parametrize(
    ("error", "status", "code"), [(TimeoutError, 503, "UNAVAILABLE"), (TooLong, 200, "TIMEOUT")]
)
def test_what_the_database_does_not_answer_is_waited_for_once(
    postgresql_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    accept: str,
    error: type[Exception],
    status: int,
    code: str,
) -> None:
    tried: list[str] = []

    async def away(sql: str, values: Any, **_: Any) -> Any:
        tried.append(sql)
        raise error

    with Node(postgresql_url, tmp_path / "comity.key", metrics_token=TOKEN) as node:
        reader = node.world.team().reader
        body = body_of(STATUS, {"s": ACCOUNT})
        first = known(node, body, reader)
        with monkeypatch.context() as patch:
            executor = node.client.app.state.executor  # type: ignore[attr-defined]
            patch.setattr(executor.reader.store, "one", away)
            found = sent(node, body, reader, Accept=accept)
            assert len(tried) == 1
            again = other(node, body, reader, Accept=accept)
        counted = figures(node)
        assert counted["comity_errors_total", code] == 2
        assert left(other(node, body, reader)) == [one - 3 for one in left(first)]
    assert found is not None
    for answer in found, again:
        assert answer[0].pop(STATED) == str(status)
        [told] = answer[1]["errors"]
        assert told["extensions"].pop("code") == code
        named = told["extensions"].pop("requestId", None)
        assert named in (None, answer[0]["x-request-id"])
        answer[0].pop("x-request-id"), answer[0].pop("ratelimit", None)
    assert found == again


def test_of_what_is_not_answered_at_once_no_values_are_made(
    lite: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = body_of(STATUSES, {"s": [ACCOUNT] * 2})
    known(lite, body, team.reader)
    made: list[Plan] = []
    monkeypatch.setattr(Plan, "values", lambda plan, env: made.append(plan))
    assert sent(lite, body, team.reader) is None
    assert not made


def test_what_takes_long_is_asked_in_a_thread_next(
    lite: Node, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = body_of(LIST, {"f": {}})
    first = known(lite, body, team.reader)
    store = lite.client.app.state.executor.reader.store._store  # type: ignore[attr-defined]
    tried: list[str] = []

    def late(sql: str, values: Any, seconds: float) -> Any:
        tried.append(sql)
        raise TooLong

    with monkeypatch.context() as patch:
        patch.setattr(store._here, "one", late)
        assert sent(lite, body, team.reader) is None
        again = other(lite, body, team.reader)
        assert len(tried) == 1
        assert again[1] == first[1]
        other(lite, body, team.reader)
        assert len(tried) == 2
    assert sent(lite, body, team.reader)


def test_traced_requests_have_spans_of_all_that_is_done(node: Node) -> None:
    assert EXPRESS in node.client.app_state
    app = create_app(node.settings, spans=Traces(TracerProvider()))
    with TestClient(app) as client:
        assert EXPRESS not in client.app_state

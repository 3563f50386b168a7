"""Server-Sent Events: graphql-sse's distinct connections mode, and what EventSource makes of it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import orjson
import pytest

from tests.api.http.outside import issue_input
from tests.api.subscriptions.living import EVENTS, Live
from tests.builders import Team

SSE = {"Accept": "text/event-stream"}


class Stream:
    """Events of one answer, as they come."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def event(self) -> dict[str, str]:
        """The fields of the next event; comments aren't any."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line and fields:
                return fields
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
        return fields

    def next(self) -> dict[str, Any]:
        event = self.event()
        assert event["event"] == "next", event
        data: dict[str, Any] = orjson.loads(event["data"])
        return data

    def is_complete(self) -> bool:
        return self.event() == {"event": "complete", "data": ""} and self.event() == {}


@contextmanager
def streaming(node: Live, body: dict[str, Any], **headers: str) -> Iterator[Stream]:
    with node.client.stream("POST", "/graphql", json=body, headers=SSE | headers) as answer:
        yield Stream(answer)


def test_events_come_as_they_are_committed_each_with_its_cursor(node: Live, team: Team) -> None:
    node.issue(team.issuer)
    with streaming(node, {"query": EVENTS}) as stream:
        assert stream.answer.status_code == 200
        assert stream.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        event = stream.event()
        told = orjson.loads(event["data"])["data"]["events"]
        assert (event["event"], event["id"]) == ("next", told["cursor"])
        node.issue(team.issuer)
        assert stream.event()["id"] > event["id"]


def test_a_last_event_id_goes_on_where_an_event_source_was(node: Live, team: Team) -> None:
    for _ in range(3):
        node.issue(team.issuer)
    query = "subscription { events { cursor } }"
    with streaming(node, {"query": query}) as stream:
        seen = [stream.event()["id"] for _ in range(3)]
    with node.client.stream(
        "GET", "/graphql", params={"query": query}, headers=SSE | {"Last-Event-ID": seen[0]}
    ) as answer:
        stream = Stream(answer)
        assert [stream.event()["id"] for _ in range(2)] == seen[1:]
    with streaming(node, {"query": query}, **{"Last-Event-ID": "nonsense"}) as stream:
        assert stream.next()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
        assert stream.is_complete()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "SYNTAX_ERROR"),
        ("subscription { nothing }", "BAD_DOCUMENT"),
        ("subscription { events { cursor } ... { e: events { cursor } } }", "BAD_DOCUMENT"),
        ("subscription { events @skip(if: true) { cursor } }", "BAD_DOCUMENT"),
    ],
)
def test_what_cannot_be_followed_is_told_in_the_stream(node: Live, query: str, code: str) -> None:
    with streaming(node, {"query": query}) as stream:
        assert stream.answer.status_code == 200
        assert stream.next()["errors"][0]["extensions"]["code"] == code
        assert stream.is_complete()


def test_queries_and_mutations_are_answered_by_events_too(node: Live, team: Team) -> None:
    with streaming(node, {"query": "{ eventPage { endCursor } }"}) as stream:
        assert stream.next()["data"] == {"eventPage": {"endCursor": None}}
        assert stream.is_complete()
    body = {
        "query": "mutation($i: IssueSanctionInput!) { issueSanction(input: $i) { __typename } }",
        "variables": {"i": node.body()},
    }
    with streaming(node, body, **node.headers(team.issuer)) as stream:
        assert stream.next()["data"] == {"issueSanction": {"__typename": "SanctionIssued"}}
        assert stream.is_complete()
    assert len(node.records()["sanctions"]) == 1


def test_plans_of_payloads_and_of_subscriptions_are_made_in_a_thread(
    node: Live, team: Team, planners: Counter[str]
) -> None:
    issue = """mutation Apart($input: IssueSanctionInput!) { issueSanction(input: $input) {
      ... on SanctionIssued { sanction { id measure platform { domain } } } } }"""
    node.data(issue, {"input": issue_input(node.clock.now)}, team.issuer)
    with streaming(node, {"query": EVENTS.replace("Events(", "Apart(")}) as stream:
        assert stream.event()["event"] == "next"
    assert planners == {"plans_0": 2}


def test_who_cannot_take_events_is_told_so(node: Live) -> None:
    answer = node.post(EVENTS)
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    answer = node.post(EVENTS, accept="application/graphql-response+json")
    assert answer.status_code == 400
    answer = node.post(EVENTS, by="cty_nobody", accept="text/event-stream")
    assert answer.status_code == 401
    answer = node.post(EVENTS, accept="image/png")
    assert answer.status_code == 406


def test_a_stop_ends_the_stream_without_completing_it(node: Live, team: Team) -> None:
    node.issue(team.issuer)
    with streaming(node, {"query": EVENTS}) as stream:
        assert stream.next()["data"]
        node.server.should_exit = True
        assert stream.event() == {}

"""Several processes on one database: what any of them commits is told by all, in one order, and
after a kill it goes on where it was."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from tests.api.http.outside import OPERATIONS, Node, issue_input
from tests.api.serving import ASKING, plain_client, serving
from tests.api.subscriptions.living import Live, Subscriber, following, socket
from tests.builders import NOW

CURSORS = "subscription($after: Cursor) { events(after: $after) { cursor } }"
PAGE = "{ eventPage(first: 1000) { nodes { cursor } } }"
WRITERS, EACH = 2, 15  # of each node


def issue(address: str, headers: dict[str, str], count: int, now: datetime | None = None) -> None:
    with plain_client(base_url=address, headers=headers, timeout=60) as client:
        for _ in range(count):
            variables = {"input": issue_input(now or datetime.now(UTC))}
            body = {"query": OPERATIONS, "operationName": "IssueSanction", "variables": variables}
            answer = client.post("/graphql", json=body).json()
            assert answer["data"]["issueSanction"]["__typename"] == "SanctionIssued", answer


def page(address: str) -> list[str]:
    answer = ASKING.post(f"{address}/graphql", json={"query": PAGE}, timeout=60).json()
    return [event["cursor"] for event in answer["data"]["eventPage"]["nodes"]]


def cursors(subscriber: Subscriber, count: int) -> list[str]:
    return [event["cursor"] for event in subscriber.take(count)]


@contextmanager
def followed(address: str, after: str | None = None) -> Iterator[Subscriber]:
    with socket(address.removeprefix("http://")) as subscriber:
        subscriber.init()
        subscriber.subscribe(query=CURSORS, after=after)
        yield subscriber


def test_two_nodes_tell_the_same_while_both_are_written_to(
    node: Live, database_url: str, tmp_path: Path
) -> None:
    team, count = node.world.team("mod.example"), 2 * WRITERS * EACH
    headers = node.headers(team.issuer)
    with Live(database_url, tmp_path / "comity.key") as other, ExitStack() as kept:
        nodes = [node, other]
        first = [kept.enter_context(following(one, query=CURSORS)) for one in nodes]
        with ThreadPoolExecutor(2 * WRITERS) as writers:
            addresses = [f"http://{one.address}" for one in nodes]
            work = [writers.submit(issue, a, headers, EACH, NOW) for a in addresses * WRITERS]
            late = [kept.enter_context(following(one, query=CURSORS)) for one in nodes]
            told = [cursors(subscriber, count) for subscriber in [*first, *late]]
            for one in work:
                one.result()
        assert told == [page(addresses[0])] * 4


def test_after_a_kill_a_cursor_goes_on_where_it_was(database_url: str, tmp_path: Path) -> None:
    node = Node(database_url, tmp_path / "comity.key")
    headers = node.headers(node.world.team("mod.example").issuer)
    settings = {"database_url": database_url, "key_file": node.settings.key_file}
    seen: list[str] = []
    with ThreadPoolExecutor(1) as writing:
        with serving(**settings) as served, followed(served.address) as subscriber:
            written = writing.submit(issue, served.address, headers, 200)
            seen += cursors(subscriber, 10)
            served.process.kill()
            with pytest.raises(ConnectionClosed):
                seen += iter(lambda: subscriber.next()["cursor"], None)
        with pytest.raises(httpx2.TransportError):
            written.result()
    with serving(**settings) as served, followed(served.address, seen[-1]) as subscriber:
        issue(served.address, headers, 3)
        whole = page(served.address)
        seen += cursors(subscriber, len(whole) - len(seen))
        assert seen == whole
        assert subscriber.is_quiet()
    node.world.database.close()


def test_workers_tell_the_same_and_say_goodbye(database_url: str, tmp_path: Path) -> None:
    node = Node(database_url, tmp_path / "comity.key")
    headers = node.headers(node.world.team("mod.example").issuer)
    settings = {"database_url": database_url, "key_file": node.settings.key_file}
    with serving("--workers", "2", **settings) as served, ExitStack() as kept:
        all_of_them = [kept.enter_context(followed(served.address)) for _ in range(6)]
        issue(served.address, headers, 5)
        whole = page(served.address)
        assert [cursors(one, 5) for one in all_of_them] == [whole] * 6
        served.process.terminate()
        goodbyes = [one.closed() for one in all_of_them]
        assert goodbyes == [(1001, "the node is being stopped")] * 6
        assert served.ended() == 0
    node.world.database.close()

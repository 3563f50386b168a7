"""`kill -9` while batches are posted: what was answered is there, nothing is by halves."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from tests.api.http.outside import OPERATIONS, Node, issue_input
from tests.api.serving import plain_client, serving
from tests.governance.test_logging import check_tree

WRITERS, SIZE, ENOUGH = 3, 40, 9  # threads, sanctions a batch, answers before the kill
LIST = """query($after: String) { sanctions(first: 1000, after: $after) {
  nodes { id issuerReference subject effect } pageInfo { hasNextPage endCursor } } }"""


@dataclass(slots=True)
class Sent:
    """A batch that was posted, and the ids it was answered with, if it was."""

    bodies: list[dict[str, Any]]
    ids: list[str] | None = None


def test_after_a_kill_all_that_was_answered_is_there_and_no_batch_by_halves(
    database_url: str, tmp_path: Path
) -> None:
    key_file = tmp_path / "comity.key"
    node = Node(database_url, key_file)
    team = node.world.team("mod.example")
    headers = node.headers(team.issuer)
    settings = {"database_url": database_url, "key_file": key_file}
    sent: list[Sent] = []
    is_killed = threading.Event()

    with serving(**settings) as first:

        def write() -> None:
            with plain_client(headers=headers, timeout=60) as client:
                while not is_killed.is_set():
                    sent.append(
                        batch := Sent([issue_input(datetime.now(UTC)) for _ in range(SIZE)])
                    )
                    try:
                        batch.ids = _post(client, first.address, batch)
                    except httpx2.TransportError:
                        return

        with ThreadPoolExecutor(WRITERS) as writers:
            running = [writers.submit(write) for _ in range(WRITERS)]
            while sum(batch.ids is not None for batch in sent) < ENOUGH:
                assert not any(one.done() for one in running), [one.exception() for one in running]
                time.sleep(0.01)
            first.process.kill()
            is_killed.set()
        for one in running:
            one.result()

    answered = [batch for batch in sent if batch.ids is not None]
    unanswered = [batch for batch in sent if batch.ids is None]
    with serving(**settings) as second, plain_client(headers=headers, timeout=60) as client:
        held = _listed(client, second.address)
        for batch in answered:
            assert [held[body["issuerReference"]]["id"] for body in batch.bodies] == batch.ids
        for batch in unanswered:
            there = [body["issuerReference"] in held for body in batch.bodies]
            assert all(there) or not any(there)
        whole = sum(batch.bodies[0]["issuerReference"] in held for batch in sent)
        assert len(held) == whole * SIZE
        _assert_rows(node, len(held))
        check_tree(node.world)

        for batch in sent:  # who got no answer asks again; who got one may
            again = _post(client, second.address, batch)
            assert batch.ids in (None, again)
        held = _listed(client, second.address)
        assert len(held) == len(sent) * SIZE
        assert {one["effect"] for one in held.values()} == {"IN_FORCE"}
    _assert_rows(node, len(sent) * SIZE)
    node.world.database.close()


def _post(client: httpx2.Client, address: str, batch: Sent) -> list[str]:
    request = {
        "query": OPERATIONS,
        "operationName": "IssueSanctions",
        "variables": {"input": {"sanctions": batch.bodies}},
    }
    answer = client.post(f"{address}/graphql", json=request).json()
    results = answer["data"]["issueSanctions"]["results"]
    return [result["sanction"]["id"] for result in results]


def _listed(client: httpx2.Client, address: str) -> dict[str, dict[str, Any]]:
    """Every sanction by its reference, over all pages; none twice."""
    found: dict[str, dict[str, Any]] = {}
    after, more = None, True
    while more:
        request = {"query": LIST, "variables": {"after": after}}
        page = client.post(f"{address}/graphql", json=request).json()["data"]["sanctions"]
        for one in page["nodes"]:
            assert one["subject"] is not None
            assert one["issuerReference"] not in found
            found[one["issuerReference"]] = one
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    return found


def _assert_rows(node: Node, number: int) -> None:
    """Each sanction with all that belongs to it, and its one event."""
    rows = node.records()
    for table in ("sanctions", "disclosures", "subject_keys", "events"):
        assert len(rows[table]) == number, table

"""Clients of others follow the feed: npm graphql-ws and graphql-sse, and the guide's gql."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.api.subscriptions.living import Live
from tests.conformance.conftest import HERE, node
from tests.test_feed_guide import block
from tests.tools import library


@pytest.fixture
def living(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Yield the address of a node with six events, and a reader's token."""
    with Live(sqlite_url, tmp_path / "comity.key") as live:
        team = live.world.team("mod.example")
        for _ in range(6):
            live.world.issue(team.issuer)
        yield f"http://{live.address}", live.token(team.reader)


def test_graphql_ws_and_graphql_sse_follow_and_resume(living: tuple[str, str]) -> None:
    for line in node(HERE / "follow.mjs", *living).splitlines():
        told = orjson.loads(line)
        assert told["rest"] == told["first"][2:], told["name"]
        assert all(event["subject"] for event in told["first"])


def test_the_guides_client_with_gql_follows_and_resumes(living: tuple[str, str]) -> None:
    library("gql")
    address, token = living

    def lines(count: int, **more: str) -> list[str]:
        environment = os.environ | {"NODE": address, "TOKEN": token} | more
        command = [sys.executable, "-c", block("python")]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as client:
            assert client.stdout is not None
            told = [client.stdout.readline() for _ in range(count)]
            client.kill()
        return told

    whole = lines(6)
    assert lines(4, AFTER=whole[1].split("'")[3]) == whole[2:]

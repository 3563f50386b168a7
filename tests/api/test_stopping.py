"""A stop that is asked for: what is under way is answered and on disk, nothing new is begun."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from api.serving import Workers, configured
from tests.api.http.outside import OPERATIONS, Node, issue_input
from tests.api.serving import PATIENCE, Served, children, serving, spawning
from tests.forking import begun as begun_process

SIZE = 200  # sanctions of the batch


@pytest.fixture
def node(database_url: str, tmp_path: Path) -> Iterator[Node]:
    """Yield a node's database and key; it is served by the test."""
    node = Node(database_url, tmp_path / "comity.key")
    yield node
    node.world.database.close()


def request(node: Node) -> tuple[bytes, bytes]:
    """Head and body of a batch mutation whose sender waits to be told to go on."""
    team = node.world.team("mod.example")
    variables = {"input": {"sanctions": [issue_input(datetime.now(UTC)) for _ in range(SIZE)]}}
    body = orjson.dumps(
        {"query": OPERATIONS, "operationName": "IssueSanctions", "variables": variables}
    )
    head = {
        "Host": "mod.example",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Expect": "100-continue",
        **node.headers(team.issuer),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST /graphql HTTP/1.1\r\n{lines}\r\n".encode(), body


@contextmanager
def begun(served: Served, head: bytes) -> Iterator[socket.socket]:
    """A connection whose request the node has begun to answer."""
    with closing(connect(served)) as connection:
        connection.sendall(head)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield connection


def connect(served: Served) -> socket.socket:
    address = urlsplit(served.address)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=PATIENCE)


def await_refusal(served: Served, *, is_alive: bool = True) -> None:
    """Returns once new connections are refused, while the node still runs."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert served.process.is_alive() is is_alive
        try:
            connect(served).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass  # it came just as the last of those who listened left
        time.sleep(0.02)
    raise AssertionError("new connections are taken after the stop was asked for")


def answer(connection: socket.socket) -> bytes:
    """All that comes until the node closes the connection."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_under_way_is_answered_and_on_disk(
    node: Node, database_url: str, workers: str
) -> None:
    head, body = request(node)
    settings = {"database_url": database_url, "key_file": node.settings.key_file}
    with (
        serving("--workers", workers, **settings) as served,
        begun(served, head) as connection,
    ):
        served.process.terminate()
        await_refusal(served)
        connection.sendall(body)
        told, _, sent = answer(connection).partition(b"\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in told.lower()
        results = orjson.loads(sent)["data"]["issueSanctions"]["results"]
        assert [result["__typename"] for result in results] == ["SanctionIssued"] * SIZE
        assert served.ended() == 0
    assert len(node.records()["sanctions"]) == SIZE


def test_workers_stop_as_well_once_their_supervisor_was_killed(
    node: Node, database_url: str
) -> None:
    head, body = request(node)
    settings = {"database_url": database_url, "key_file": node.settings.key_file}
    with serving("--workers", "2", **settings) as served, begun(served, head) as connection:
        served.process.kill()
        served.ended()
        await_refusal(served, is_alive=False)
        connection.sendall(body)
        assert answer(connection).count(b"SanctionIssued") == SIZE
    assert len(node.records()["sanctions"]) == SIZE


@pytest.mark.parametrize("workers", ["1", "2"])
def test_who_waits_for_the_writers_turn_still_gets_it(
    node: Node, database_url: str, workers: str
) -> None:
    head, body = request(node)
    settings = {"database_url": database_url, "key_file": node.settings.key_file}
    with (
        serving("--workers", workers, **settings) as served,
        begun(served, head) as connection,
    ):
        with node.world.database.writing():
            connection.sendall(body)
            served.process.terminate()
            await_refusal(served)
        assert answer(connection).count(b"SanctionIssued") == SIZE
        assert served.ended() == 0
    assert len(node.records()["sanctions"]) == SIZE


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_request_that_never_ends_holds_nobody_up(
    node: Node, database_url: str, workers: str
) -> None:
    head, body = request(node)
    settings = {"database_url": database_url, "key_file": node.settings.key_file}
    with (
        serving("--workers", workers, "--grace", "1", **settings) as served,
        begun(served, head) as connection,
    ):
        connection.sendall(body[: len(body) // 2])
        served.process.terminate()
        assert served.ended() == 0
    assert node.records()["sanctions"] == []


def test_an_idle_connection_holds_nobody_up(node: Node, database_url: str) -> None:
    settings = {"database_url": database_url, "key_file": node.settings.key_file}
    with serving(**settings) as served, closing(connect(served)) as connection:
        connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: mod.example\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        served.process.terminate()
        assert served.ended() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_that_end_while_they_are_asked_how_they_are_hold_nobody_up(
    node: Node, database_url: str
) -> None:
    """As those do which have not started when all are stopped at once."""
    settings = {"database_url": database_url, "key_file": node.settings.key_file}
    with spawning("--workers", "2", **settings) as served:
        workers = children(served.process.pid or 0, "spawn_main")
        assert len(workers) == 2
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(1)  # asked twice a second, they don't answer
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        served.process.terminate()
        served.process.join(PATIENCE / 2)  # of what workers get to answer
        assert served.process.exitcode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_supervisor_hears_that_it_is_to_stop_while_its_workers_say_nothing(
    node: Node, database_url: str
) -> None:
    """As those that have not started say nothing."""
    settings = {"database_url": database_url, "key_file": node.settings.key_file}
    with spawning("--workers", "2", **settings) as served:
        workers = children(served.process.pid or 0, "spawn_main")
        assert len(workers) == 2
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(1)  # asked twice a second, they don't answer
        served.process.terminate()
        until = time.monotonic() + PATIENCE / 2  # of what workers get to answer
        while not all(map(are_told_to_stop, workers)):
            assert time.monotonic() < until
            time.sleep(0.05)
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        assert served.ended() == 0


def are_told_to_stop(pid: int) -> bool:
    """Whether a process that stands still has the signal before it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return bool(int(status["ShdPnd"], 16) >> (signal.SIGTERM - 1) & 1)


async def nothing(*_: object) -> None:
    """An application that starts at once."""


def supervise() -> None:
    """A worker that is to say each second that it is well."""
    config = configured(nothing, port=0, workers=1, lifespan="off", timeout_worker_healthcheck=1)
    sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))  # workers take it over
    Workers(config, sockets=[config.bind_socket()]).run()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_that_says_nothing_for_too_long_is_replaced() -> None:
    with begun_process(supervise) as supervisor:
        until = time.monotonic() + PATIENCE

        def workers() -> list[int]:
            assert time.monotonic() < until
            time.sleep(0.05)
            return children(supervisor.pid or 0, "spawn_main")

        while not (first := workers()):
            pass
        os.kill(first[0], signal.SIGSTOP)
        while not (second := workers()) or second == first:
            pass
        supervisor.terminate()
        supervisor.join(PATIENCE)
        assert supervisor.exitcode == 0

"""The process that makes pages: partners don't wait for it, and nobody misses it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import orjson
import pytest

from api.apart import NICE, pages_apart
from governance.settings import read_settings
from tests.api.http.outside import Node
from tests.api.serving import (
    ASKING,
    PATIENCE,
    ROOT,
    Served,
    children,
    command,
    environment,
    free_port,
    plain_client,
    serving,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
ENDED = "the process that makes pages ended"
PAGE, QUERY = "/policy", "/graphql?query={policy{version}}"


@contextmanager
def served(database_url: str, folder: Path, *options: str) -> Iterator[tuple[Served, int]]:
    """A node and the process that makes its pages, once that listens."""
    key_file = folder / "comity.key"
    Node(database_url, key_file).world.database.close()
    with serving(*options, database_url=database_url, key_file=key_file, pages="apart") as node:
        yield node, maker_of(node.process.pid or 0)


def maker_of(node: int, but: int = 0) -> int:
    """The one among a node's processes that gives way, once it listens."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for pid in children(node):
            if pid != but and niceness(pid) >= NICE and is_listening(pid):
                return pid
        time.sleep(0.05)
    raise AssertionError("nobody makes pages")


def niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def is_listening(pid: int) -> bool:
    return socket_of(pid) is not None


def socket_of(pid: int) -> Path | None:
    """The one of its sockets that waits for connections in the file system."""
    own = set[str]()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        own.add(file.readlink().name if file.is_symlink() else "")
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    waiting = {row[6]: Path(row[7]) for row in rows if len(row) > 7 and "comity-pages-" in row[7]}
    return next((at for number, at in waiting.items() if f"socket:[{number}]" in own), None)


def is_gone(pid: int) -> bool:
    """Whether a process ends; one that nobody waits for has no command any longer."""
    command, until = Path(f"/proc/{pid}/cmdline"), time.monotonic() + PATIENCE
    while command.exists() and command.read_text() and time.monotonic() < until:
        time.sleep(0.05)
    return time.monotonic() < until


def test_partners_are_answered_while_no_page_is(database_url: str, tmp_path: Path) -> None:
    with served(database_url, tmp_path) as (node, maker), plain_client(base_url=node.address) as us:
        assert us.get(PAGE).status_code == 200
        os.kill(maker, signal.SIGSTOP)
        with pytest.raises(httpx2.ReadTimeout):
            us.get(PAGE, timeout=0.5)
        assert us.get(QUERY).json()["data"] == {"policy": {"version": 1}}
        os.kill(maker, signal.SIGCONT)
        assert us.get(PAGE).status_code == 200


def test_one_that_is_killed_is_replaced(sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path) as (node, maker), plain_client(base_url=node.address) as us:
        os.kill(maker, signal.SIGKILL)
        assert us.get(PAGE).status_code in (200, 503)  # which it may have been asked
        assert us.get(PAGE, timeout=PATIENCE).status_code == 200
        assert maker_of(node.process.pid or 0, but=maker) != maker
        assert us.get(PAGE).status_code == 200
        assert ENDED in node.said.read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stop_waits_for_pages(sqlite_url: str, tmp_path: Path, workers: str) -> None:
    with served(sqlite_url, tmp_path, "--workers", workers) as (node, maker):
        for number in (signal.SIGINT, signal.SIGTERM):  # as a terminal and systemd do
            os.kill(maker, number)
        with plain_client() as us:
            assert us.get(node.address + PAGE).status_code == 200
        node.process.terminate()
        assert node.ended() == 0
        assert is_gone(maker)
        assert not node.said.read_text()


def test_it_ends_with_a_node_that_is_killed(sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path) as (node, maker):
        path = socket_of(maker)
        os.kill(node.process.pid or 0, signal.SIGKILL)
        assert is_gone(maker)
        assert path is not None
        assert not path.parent.exists()


def test_why_one_ended_is_told_in_our_words(sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path) as (node, maker), plain_client(base_url=node.address) as us:
        (tmp_path / "comity.key").unlink()
        os.kill(maker, signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while "pages can't be made" not in node.said.read_text() and time.monotonic() < until:
            time.sleep(0.05)
        said = [orjson.loads(line) for line in node.said.read_text().splitlines()]
        assert {ENDED, "pages can't be made"} <= {line["event"] for line in said}
        assert us.get(PAGE).status_code == 200


def test_whoever_stops_all_at_once_is_told_nothing(sqlite_url: str, tmp_path: Path) -> None:
    key_file, port = tmp_path / "comity.key", str(free_port())
    Node(sqlite_url, key_file).world.database.close()
    settings = environment(database_url=sqlite_url, key_file=key_file, log_level="warning")
    serve = command("serve", "--port", port)
    with subprocess.Popen(
        serve, cwd=ROOT, env=settings, start_new_session=True, stderr=subprocess.PIPE
    ) as node:
        maker = maker_of(node.pid)
        assert ASKING.get(f"http://127.0.0.1:{port}{PAGE}").status_code == 200
        os.killpg(node.pid, signal.SIGINT)  # as a terminal does
        _, said = node.communicate(timeout=PATIENCE)
        assert not said
        assert node.returncode == 0
        assert is_gone(maker)


def test_no_file_of_the_folder_it_is_started_in_is_run(sqlite_url: str, tmp_path: Path) -> None:
    key_file, port = tmp_path / "comity.key", str(free_port())
    Node(sqlite_url, key_file).world.database.close()
    comity, folder = tmp_path / "bin" / "comity", tmp_path / "folder"
    for file, code in (
        (comity, "from api.__main__ import main\nif __name__ == '__main__':\n    main()"),
        (folder / "signal.py", "raise SystemExit('run')"),
    ):
        file.parent.mkdir()
        file.write_text(code)
    settings = environment(database_url=sqlite_url, key_file=key_file, log_level="warning")
    with subprocess.Popen(
        [sys.executable, comity, "serve", "--workers", "2", "--port", port],
        cwd=folder,
        env=settings | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    ) as node:
        try:
            maker_of(node.pid)
            assert len(children(node.pid, "spawn_main")) == 3
        finally:
            node.terminate()
        assert not node.communicate(timeout=PATIENCE)[1]


def test_pages_are_made_inside_where_no_socket_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with pages_apart(read_settings({})) as path:
        assert path is None
    assert [record.msg for record in caplog.records] == ["pages are made by the node"]
    assert not list(folder.iterdir())


def test_one_that_has_not_begun_keeps_nobody(sqlite_url: str, tmp_path: Path) -> None:
    key_file = tmp_path / "comity.key"
    Node(sqlite_url, key_file).world.database.close()
    with serving(database_url=sqlite_url, key_file=key_file, pages="apart") as node:
        node.process.terminate()
        assert node.ended() == 0
        assert not node.said.read_text()

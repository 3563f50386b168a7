"""The node as a process of its own, as an operator starts it."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import httpx2
from uvicorn import _subprocess

from api.__main__ import main
from governance import demo
from governance.demonstration.cases import HOME
from tests.forking import FORKS, begun, share_forks

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds for a server to start


def plain_client(**options: Any) -> httpx2.Client:
    """What asks a node over plain HTTP, and so reads no root certificates: those take longer than
    most requests."""
    return httpx2.Client(verify=False, **options)


ASKING = plain_client(limits=httpx2.Limits(max_keepalive_connections=0))  # each time anew


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers."""

    process: ForkServerProcess
    address: str
    said: Path  # what it writes to standard error

    def ended(self) -> int | None:
        """Its exit code, once it has ended."""
        self.process.join(PATIENCE)
        return self.process.exitcode


@dataclass(frozen=True, slots=True)
class Demo:
    """A node with the demonstration world."""

    address: str
    token: str = field(repr=False)  # of a member who reads, issues and reviews


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with no other settings of Comity than these."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COMITY_")}
    return kept | {f"COMITY_{k.upper()}": str(v) for k, v in settings.items()}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "api", *arguments]


def children(pid: int, command: str = "") -> list[int]:
    """The processes that one has started, with these words in their command (Linux)."""
    found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    pids = [int(child) for each in found for child in each]
    return [pid for pid in pids if command in Path(f"/proc/{pid}/cmdline").read_text()]


def free_port() -> int:
    """One that nobody listens on, from below those that connections of others get (Linux)."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def serving(*options: str, **settings: object) -> AbstractContextManager[Served]:
    """Serves until the end, or until it is killed; its workers are forked."""
    return _served(options, settings, does_spawn=False)


def spawning(*options: str, **settings: object) -> AbstractContextManager[Served]:
    """The same with workers that are spawned, as an operator's node does: each takes seven times
    as long to start."""
    return _served(options, settings, does_spawn=True)


@contextmanager
def _served(
    options: Sequence[str], settings: Mapping[str, object], *, does_spawn: bool
) -> Iterator[Served]:
    port = free_port()
    # A process for pages would take as long to start as most tests.
    variables = environment(**{"log_level": "warning", "pages": "inside", **settings})
    address = f"http://127.0.0.1:{port}"
    with NamedTemporaryFile() as file:
        said = Path(file.name)
        words = ["--port", str(port), *options]
        with begun(_serve, words, variables, said, does_spawn=does_spawn) as process:
            _await_ready(process, address, said)
            yield Served(process, address, said)
            process.terminate()
            process.join(PATIENCE)


def _serve(
    options: Sequence[str], variables: Mapping[str, str], said: Path, *, does_spawn: bool
) -> None:
    """`comity serve`, but for the start of Python."""
    _become(variables, said)
    if not does_spawn:
        share_forks()
        _subprocess.spawn = _Workers(said)  # type: ignore[assignment]
    sys.stdin = os.fdopen(0)  # workers take it over
    sys.argv = ["comity", "serve", *options]
    main()


def _become(variables: Mapping[str, str], said: Path) -> None:
    """A process as an operator starts it."""
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(variables)
    for descriptor, path in enumerate((os.devnull, os.devnull, str(said))):
        os.dup2(os.open(path, os.O_RDWR | os.O_APPEND), descriptor)


@dataclass(frozen=True, slots=True)
class _Workers:
    """How uvicorn starts workers: as it does, but for the start of Python. They are no children of
    their supervisor's."""

    said: Path

    def Process(  # named as in multiprocessing
        self, target: Callable[..., None], kwargs: Mapping[str, Any]
    ) -> ForkServerProcess:
        given = (dict(os.environ), self.said, partial(target, **kwargs))
        return FORKS.Process(target=_work, args=given)


def _work(variables: Mapping[str, str], said: Path, target: Callable[[], None]) -> None:
    _become(variables, said)
    target()


@contextmanager
def demonstrating(where: Path) -> Iterator[Demo]:
    """Serves a demonstration node out of a directory."""
    settings = {
        "database_url": f"sqlite:///{where / 'comity.db'}",
        "key_file": where / "comity.key",
        "pages": "apart",
    }
    with serving("--demo", **settings) as node:
        create = command("token", "create", HOME, demo.MEMBER)
        token = subprocess.check_output(create, cwd=ROOT, env=environment(**settings), text=True)
        yield Demo(node.address, token.strip())


def _await_ready(process: ForkServerProcess, address: str, said: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.is_alive(), said.read_text()
        try:
            if ASKING.get(f"{address}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{address} isn't ready after {PATIENCE:g} seconds")

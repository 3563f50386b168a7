"""The node as a process of its own, as an operator starts it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from governance import demo
from governance.demonstration.cases import HOME

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

    process: subprocess.Popen[str]
    address: str


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


@contextmanager
def serving(*options: str, **settings: object) -> Iterator[Served]:
    """Serves until the end, or until it is killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        command("serve", "--port", str(port), *options),
        cwd=ROOT,
        env=environment(**{"log_level": "warning"} | settings),  # nobody empties the pipe
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _await_ready(process, address)
        yield Served(process, address)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@contextmanager
def demonstrating(where: Path) -> Iterator[Demo]:
    """Serves a demonstration node out of a directory."""
    settings = {
        "database_url": f"sqlite:///{where / 'comity.db'}",
        "key_file": where / "comity.key",
    }
    with serving("--demo", **settings) as node:
        create = command("token", "create", HOME, demo.MEMBER)
        token = subprocess.check_output(create, cwd=ROOT, env=environment(**settings), text=True)
        yield Demo(node.address, token.strip())


def _await_ready(process: subprocess.Popen[str], address: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()[1]
        try:
            if ASKING.get(f"{address}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{address} isn't ready after {PATIENCE:g} seconds")

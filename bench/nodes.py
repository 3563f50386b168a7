"""Servers that are measured, each a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from governance.settings import Settings

NODE = "api.serving:application"


@contextlib.contextmanager
def serving(app: str, settings: Settings) -> Iterator[tuple[int, int]]:
    """A server of one process on the first processor: its port and its process id. A node is
    served as it always is, anything else by uvicorn as it comes."""
    port = free_port()
    command = f"-m bench.served {port}"
    if app != NODE:
        command = f"-m uvicorn {app} --factory --port {port} --log-level warning --no-access-log"
    first = {min(os.sched_getaffinity(os.getppid()))}
    process = subprocess.Popen(
        [sys.executable, *command.split()],
        env=environment(settings),
        preexec_fn=lambda: os.sched_setaffinity(0, first),  # noqa: PLW1509
    )
    try:
        listening(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listening(port: int, seconds: float = 60) -> None:
    """Returns once somebody listens on a port, or the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)


def environment(settings: Settings) -> dict[str, str]:
    """What tells a process to be of the node with these settings."""
    return os.environ | {
        "COMITY_DATABASE_URL": settings.database_url,
        "COMITY_KEY_FILE": str(settings.key_file),
    }


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> int:
    """The most memory that a process held at once, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def held_by(pid: int) -> int:
    """The memory that a process holds now, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

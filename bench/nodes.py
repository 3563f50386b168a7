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
QUIET = {"COMITY_LOG_LEVEL": "warning", "COMITY_LOG_FORMAT": "text"}


@contextlib.contextmanager
def serving(app: str, settings: Settings) -> Iterator[tuple[int, int]]:
    """A server of one process on the first processor: its port and its process id. A node is
    served as it always is, but tells warnings alone; anything else by uvicorn as it comes."""
    port = free_port()
    command = f"-m bench.served {port}"
    if app != NODE:
        command = f"-m uvicorn {app} --factory --port {port} --log-level warning --no-access-log"
    first = {min(os.sched_getaffinity(os.getppid()))}
    process = subprocess.Popen(
        [sys.executable, *command.split()],
        env=environment(settings) | QUIET,
        preexec_fn=lambda: os.sched_setaffinity(0, first),  # noqa: PLW1509
    )
    try:
        listening(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def processes(settings: Settings, workers: int) -> Iterator[tuple[int, int]]:
    """A node of so many processes on whatever processors there are: its port, and the process id
    of the first."""
    port = free_port()
    command = [sys.executable, "-m", "api", "serve", "--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(command, env=environment(settings), stderr=subprocess.DEVNULL)
    try:
        listening(port)
        time.sleep(5 if workers > 1 else 1)  # they listen before each of them takes requests
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


def cpu_of(pid: int, *, with_ended: bool = False) -> float:
    """Seconds of processor time that a process has used, and with those that it started and that
    ended since."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if with_ended else 13])) / os.sysconf("SC_CLK_TCK")


def family_of(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family_of(int(child)))]


def cpu_of_all(pid: int) -> float:
    """The same of a process and all that descend from it, those that ended among them."""
    return sum(cpu_of(each, with_ended=True) for each in family_of(pid))


def peak_of(pid: int) -> int:
    """The most memory that a process held at once, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = (int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
    return next(told, 0)  # one that ended and wasn't waited for has none


def held_by(pid: int) -> int:
    """The memory that a process holds now, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

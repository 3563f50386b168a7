"""Pages are made in a process of their own, which runs when nothing else wants the processor: who
asks the API doesn't wait for them, however many are looked at."""

import asyncio
import contextlib
import logging
import logging.config
import os
import signal
import socket
import sys
from collections.abc import Iterator
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import monotonic

import uvloop

from api.app import create_pages
from api.explorer.asking import MOST_WAITING
from api.explorer.passing import passing
from api.observing.logs import configuration, tell, unexpected
from api.starting import settling, share_memory
from governance.settings import Settings, read_settings

NICE, NICEST = 10, 19
PATIENCE = 5.0  # seconds that it has to end
MOMENT = 0.1  # between two times that it is ended by force
# Seconds until one that ended is replaced: twice as long each time, unless it served for long.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
SPAWNING = get_context("spawn")


@contextlib.contextmanager
def pages_apart(settings: Settings) -> Iterator[str | None]:
    """Has a process make pages, and another where that ends; yields the socket it listens on. None
    where it shall not or can't be: whoever is asked for pages makes them."""
    # No other process adds to the spans of a request.
    if settings.pages != "apart" or settings.tracing != "off":
        yield None
        return
    with contextlib.ExitStack() as held:
        try:
            folder = held.enter_context(TemporaryDirectory(prefix="comity-pages-"))
            path = str(Path(folder) / "socket")
            _expect_place(path)
        except OSError as error:
            unexpected(error, "pages are made by the node")
            yield None
            return
        keeping = _Keeping(path)
        held.callback(keeping.end)
        keeping.start()
        yield path


def _expect_place(path: str) -> None:
    """OSError where no socket can be: most systems take paths of some hundred bytes alone."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
    Path(path).unlink()


class _Keeping(Thread):
    """Starts the process, and another after it, until the end."""

    def __init__(self, path: str) -> None:
        super().__init__(name="pages", daemon=True)
        self.path = path
        # A pipe that tells nothing but its end, which comes with that of this process, too.
        self._hearing, self._telling = SPAWNING.Pipe(duplex=False)
        self._process: SpawnProcess | None = None
        self._is_over = Event()

    def run(self) -> None:
        pause = FIRST_PAUSE
        while not self._is_over.is_set():
            begun = monotonic()
            try:
                # Inherited: what stops all processes at once, as a terminal and systemd do, leaves
                # it be until the node has answered what is under way. To start the tracker would
                # undo it.
                resource_tracker.ensure_running()
                signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
                process = SPAWNING.Process(target=_make, args=(self.path, self._hearing))
                process.start()
                self._process = process
                process.join()
            except OSError as error:
                unexpected(error)
            if self._is_over.is_set():
                return
            Path(self.path).unlink(missing_ok=True)
            tell(logging.ERROR, "the process that makes pages ended")
            pause = FIRST_PAUSE if monotonic() > begun + LONGEST_PAUSE else pause
            self._is_over.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def end(self) -> None:
        """Ends the process; by force where it doesn't end, or has not begun to listen."""
        self._is_over.set()
        self._telling.close()
        if Path(self.path).exists():
            self.join(PATIENCE)
        while self.is_alive():  # it may be starting one just now
            if self._process is not None:
                self._process.kill()
            self.join(MOMENT)
        self._hearing.close()


def _make(path: str, hearing: Connection) -> None:
    """What the process does until its node's end."""
    with contextlib.suppress(OSError):
        os.nice(NICE)  # and no more: until it has started, the node makes pages itself
    logging.config.dictConfig(configuration(read_settings()))
    share_memory()
    try:
        uvloop.run(_serve(path, hearing))
    except Exception as error:
        unexpected(error, "pages can't be made")
        sys.exit(1)
    rmtree(Path(path).parent, ignore_errors=True)  # a node that was killed doesn't


def _give_way() -> None:
    """From now on it runs when nothing else does (Linux), or as little as may be: even at the
    lowest priority it has a seventieth of a busy core, in pieces of some milliseconds each."""
    with contextlib.suppress(OSError):  # what the node runs in may not let it
        os.nice(NICEST)
        if sys.platform == "linux":
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


async def _serve(path: str, hearing: Connection) -> None:
    with settling():
        app = create_pages()
    is_over = asyncio.Event()
    asyncio.get_running_loop().add_reader(hearing.fileno(), is_over.set)
    async with (
        app.router.lifespan_context(app),
        await asyncio.start_unix_server(passing(app), path, backlog=MOST_WAITING),
    ):
        _give_way()
        await is_over.wait()

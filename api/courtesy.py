"""Whatever takes long gives way to what is answered at once: in threads of a lower priority, or a
little at a time."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TypeVar

# Of threads; the loop's is 0. Who makes plans goes before who reads, having the interpreter, which
# the loop may be waiting for.
READING, PLANNING = 10, 5
AT_A_TIME = 0.0005  # seconds that work on the loop may keep others waiting

Part = TypeVar("Part")
Made = TypeVar("Made")


def patient(threads: int, name: str, nice: int) -> ThreadPoolExecutor:
    """Threads that run after the loop's, with what that answers at once."""
    return ThreadPoolExecutor(threads, name, initializer=_give_way, initargs=(nice,))


def _give_way(nice: int) -> None:
    """Where a thread has a priority of its own (Linux)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # what the node runs in may not let it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


class Aside:
    """A thread that gives way, for what takes as long to make as hundreds of answers: one at a
    time."""

    def __init__(self) -> None:
        self._thread = patient(1, "plans", PLANNING)

    async def made(self, make: Callable[[], Made]) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._thread, make)


async def unhurried(parts: Iterable[Part]) -> list[Part]:
    """The parts, each made as it comes; others are answered between."""
    made, until = list[Part](), monotonic() + AT_A_TIME
    for part in parts:
        made.append(part)
        if monotonic() > until:
            await asyncio.sleep(0)
            until = monotonic() + AT_A_TIME
    return made

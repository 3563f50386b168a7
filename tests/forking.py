"""Acts in processes of their own, which may be killed. They are forked off a process that has
imported everything and done nothing else, so that each begins at once."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import count
from multiprocessing import forkserver, get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from operator import attrgetter
from typing import Any, NoReturn, ParamSpec, TypeVar

from api.cli import PARTS

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 60  # seconds
FORKS = get_context("forkserver")
PARTS_OF = {part.partition(":")[0] for part in PARTS.values()}
COMMON = ["api.cli", "api.serving", *PARTS_OF, "hypothesis", "pytest", "tests.api.serving"]
FORKS.set_forkserver_preload(COMMON)


@contextmanager
def begun(
    act: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> Iterator[ForkServerProcess]:
    """The process of an act, killed at the end if it still runs."""
    process = FORKS.Process(target=act, args=args, kwargs=kwargs)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join(PATIENCE)


def share_forks() -> None:
    """Has this process, which was forked, fork others off what it was forked off."""
    # Or it would start another, as that one is none of its own.
    forkserver._forkserver.ensure_running = (  # type: ignore[method-assign]
        resource_tracker.ensure_running
    )


def is_killed(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Whether the process of an act ends with being killed."""
    with begun(act, *args, **kwargs) as process:
        process.join(PATIENCE)
        return process.exitcode == -signal.SIGKILL


def answer(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What an act comes to in its process."""
    heard, telling = FORKS.Pipe(duplex=False)
    with begun(_tell, telling, act, *args, **kwargs):
        telling.close()
        told: T = heard.recv()
        return told


def _tell(telling: Connection, act: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    telling.send(act(*args, **kwargs))


def die() -> NoReturn:
    """Kills this process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it was killed")


def die_at(when: str, where: str, time: int = 1) -> None:
    """Has this process killed before or after a function is called for the so many'th time."""
    module, _, path = where.partition(":")
    owners, _, name = path.rpartition(".")
    owner = import_module(module)
    owner = attrgetter(owners)(owner) if owners else owner
    original, times = getattr(owner, name), count(1)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if next(times) < time:
            return original(*args, **kwargs)
        if when == "after":
            original(*args, **kwargs)
        die()

    setattr(owner, name, deadly)

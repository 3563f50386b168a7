"""Starting fast: what a process makes at its start is there to stay, so nothing of it is looked
through for garbage, neither while it is made nor ever after. Nor is what a batch keeps."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

# Objects. What a batch makes is mostly over before it is looked at; but of requests that are
# refused, few objects may hold a body of a megabyte each until then.
YOUNG = 5_000
OF_A_DECISION = 50  # from when it is read until it is answered
MANY = 100_000  # of imports: 5,000 rows make some 350,000, and keep them until they are written

M_ARENA_MAX = -8  # glibc, malloc.h

_adding = Lock()


@contextmanager
def settling(young: int = YOUNG) -> Iterator[None]:
    """Around imports and whatever else is made once a process."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(young)
        gc.enable()


def share_memory() -> None:
    """Has all threads take memory from one heap. glibc gives each its own, and what one frees no
    other uses: a node that took 220 MB had 400 after 40 minutes."""
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


@contextmanager
def keeping(decisions: int) -> Iterator[None]:
    """Around decisions that are under way: what they keep isn't looked through again and again,
    which takes a sixth of their time, and what others leave is found as early as without them."""
    _add(decisions * OF_A_DECISION)
    try:
        yield
    finally:
        _add(-decisions * OF_A_DECISION)


def _add(objects: int) -> None:
    with _adding:
        gc.set_threshold(gc.get_threshold()[0] + objects)

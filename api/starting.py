"""Starting fast: what a process makes at its start is there to stay, so nothing of it is looked
through for garbage, neither while it is made nor ever after."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Objects. What a batch makes is mostly over before it is looked at; but of requests that are
# refused, few objects may hold a body of a megabyte each until then.
YOUNG = 5_000
MANY = 100_000  # of imports: 5,000 rows make some 350,000, and keep them until they are written

M_ARENA_MAX = -8  # glibc, malloc.h


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

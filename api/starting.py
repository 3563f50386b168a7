"""Starting fast: what a process makes at its start is there to stay, so nothing of it is looked
through for garbage, neither while it is made nor ever after."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects. What a batch makes is mostly over before it is looked at; but of requests that are
# refused, few objects may hold a body of a megabyte each until then.
YOUNG = 5_000


@contextmanager
def settling() -> Iterator[None]:
    """Around imports and whatever else is made once a process."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(YOUNG)
        gc.enable()

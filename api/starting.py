"""Starting fast: what a process makes at its start is there to stay, so nothing of it is looked
through for garbage, neither while it is made nor ever after."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects. What a batch makes is mostly over before it is looked at; but of requests that are
# refused, few objects may hold a body of a megabyte each until then.
YOUNG = 5_000
MANY = 100_000  # of imports: 5,000 rows make some 350,000, and keep them until they are written


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

"""Several processes that import one file together, in the file's order.

Each reads all of it and prepares every other batch while another's is taken in. A baton goes round:
whoever has it takes its batch in, and hands it on. So the outcome is that of one process, and
whoever stops, stops the others at their next batch.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from itertools import chain, pairwise, zip_longest
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext

from governance.errors import Conflict
from governance.importing.runs import RowRefused, Summary

STOPPED = "another process of this import was stopped: import the same file again to go on"


class Alone:
    """The baton of the only runner."""

    def has(self, _batch: int) -> bool:
        return True

    def turn(self, _batch: int) -> AbstractContextManager[None]:
        return nullcontext()


ALONE = Alone()


class Stopped(Conflict):
    """Another runner didn't hand on the baton."""


class Baton:
    """Of one runner: which batches are its own, and when their turn is."""

    def __init__(self, place: int, runners: int, before: Connection, after: Connection) -> None:
        self._place, self._runners = place, runners
        self._before, self._after = before, after

    def has(self, batch: int) -> bool:
        """Whether a batch, counted from 0, is this runner's."""
        return batch % self._runners == self._place

    @contextmanager
    def turn(self, batch: int) -> Iterator[None]:
        """The turn of an own batch. Stopped if whoever comes before was."""
        if batch:
            try:
                self._before.recv_bytes()
            except (EOFError, OSError):
                raise Stopped(STOPPED) from None
        yield
        with suppress(OSError):  # who comes after may have been stopped, or have no batch left
            self._after.send_bytes(b"next")

    def close(self) -> None:
        self._before.close()
        self._after.close()


Work = Callable[[Baton], Summary]
_SPAWNING = multiprocessing.get_context("spawn")


def relayed(
    mine: Work, theirs: Work, *, runners: int = 2, context: BaseContext = _SPAWNING
) -> Summary:
    """What all runners did together. `mine` is run here and `theirs`, which is pickled, in each
    other process; raises what `mine` raises, else what the first of the others did."""
    with ExitStack() as held:
        ring = [context.Pipe(duplex=False) for _ in range(runners)]  # to each from who is before it
        batons = [
            Baton(place, runners, ring[place][0], ring[(place + 1) % runners][1])
            for place in range(runners)
        ]
        results = []
        for baton in batons[1:]:
            result, told = context.Pipe(duplex=False)
            process = context.Process(  # type: ignore[attr-defined]
                target=_run, args=(theirs, baton, told), daemon=True
            )
            with _deaf():
                process.start()
            held.callback(process.join)
            # Before it is waited for: whoever hears nothing more, and isn't heard, stops.
            held.callback(result.close)
            held.callback(batons[0].close)
            baton.close()
            told.close()
            results.append(result)
        try:
            summaries = [mine(batons[0])]
        except Stopped as error:
            batons[0].close()
            raise _reason(results) or error from None
        summaries += [_result(result) for result in results]
    return _together(summaries)


@contextmanager
def _deaf() -> Iterator[None]:
    """Whoever is started here hears no Ctrl+C, which all processes of a terminal get, from its
    first moment on: it stops when the first one does."""
    resource_tracker.ensure_running()  # to start it would undo this
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(work: Work, baton: Baton, told: Connection) -> None:
    """A runner in a process of its own."""
    try:
        found: Summary | Exception = work(baton)
    except Exception as error:
        found = error
    baton.close()
    with suppress(OSError):  # nobody is left to be told
        told.send(found)


def _result(result: Connection) -> Summary:
    try:
        found: Summary | Exception = result.recv()
    except (EOFError, OSError):
        raise Stopped(STOPPED) from None
    if isinstance(found, Exception):
        raise found
    return found


def _reason(results: Sequence[Connection]) -> Exception | None:
    """Why another runner stopped, as far as it could tell."""
    for result in results:
        with suppress(EOFError, OSError):
            found = result.recv()
            if isinstance(found, Exception) and not isinstance(found, Stopped):
                return found
    return None


def _together(summaries: Sequence[Summary]) -> Summary:
    """All counts, and refused rows in the file's order."""
    whole = Summary()
    for name in ("read", "issued", "recorded", "unchanged", "lifted", "superseded"):
        setattr(whole, name, sum(getattr(summary, name) for summary in summaries))
    parts = [_by_batch(summary) for summary in summaries]
    whole.refused = [
        row for turn in zip_longest(*parts, fillvalue=[]) for part in turn for row in part
    ]
    return whole


def _by_batch(summary: Summary) -> list[list[RowRefused]]:
    bounds = chain([0], summary.ends)
    return [summary.refused[start:end] for start, end in pairwise(bounds)]

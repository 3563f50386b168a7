"""Figures for Prometheus. Labels come from the schema, the routes and our codes, so there are
only so many of them, whatever callers send."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from tempfile import TemporaryDirectory
from typing import Any

import prometheus_client as prometheus
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from api.observing.notes import Note
from api.reads.caches import Kept

# Where workers share their figures; prometheus-client reads it when it is imported.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
FAULTS = frozenset({"INTERNAL", "UNAVAILABLE"})


GROWTHS_EVERY = 100  # requests


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "comity_requests", "Requests answered", ["operation", "outcome"], registry=registry
        )
        self._seconds = Histogram(
            "comity_request_seconds",
            "How long answers took",
            ["operation"],
            buckets=SECONDS,
            registry=registry,
        )
        self._refusals = Counter("comity_refusals", "Refused changes", ["code"], registry=registry)
        self._errors = Counter(
            "comity_errors", "Errors at the top of answers", ["code"], registry=registry
        )
        statements = Counter(
            "comity_statements", "SQL statements run for requests", registry=registry
        )
        self._second = Counter(
            "comity_second_path",
            "Queries that were not answered straight from their plans",
            ["reason"],
            registry=registry,
        )
        self._lookups = Counter(
            "comity_cache_lookups", "Looks into a cache", ["cache", "result"], registry=registry
        )
        self._statements = 0
        self._growths = [_Growth(statements, lambda: self._statements)]
        self._known: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self._added = 0

    def watch(self, cache: str, kept: Callable[[], Kept[Any]]) -> None:
        """Counts a cache's hits and misses from now on."""
        hits, misses = (self._lookups.labels(cache, result) for result in ("hit", "miss"))
        self._growths.append(_Growth(hits, lambda: kept().hits))
        self._growths.append(_Growth(misses, lambda: kept().misses))

    def add(self, note: Note, operation: str, outcome: str, seconds: float) -> None:
        """Counts a request that was answered."""
        how = operation, outcome
        if how not in self._known:
            self._known[how] = self._requests.labels(*how), self._seconds.labels(operation)
        requests, durations = self._known[how]
        requests.inc()
        durations.observe(seconds)
        self._statements += note.statements
        for code, count in note.refusals.items():
            self._refusals.labels(code).inc(count)
        for code, count in note.errors.items():
            self._errors.labels(code).inc(count)
        if note.second_path:
            self._second.labels(note.second_path).inc()
        self._added += 1
        if self._added % GROWTHS_EVERY == 0:
            self._note_growths()

    def _note_growths(self) -> None:
        for growth in self._growths:
            growth.note()

    def printed(self) -> bytes:
        """The figures of all workers in Prometheus' text format."""
        self._note_growths()
        registry = self.registry
        if SHARED in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return prometheus.generate_latest(registry)


class _Growth:
    """Adds to a counter what a number has grown by."""

    def __init__(self, counter: Counter, read: Callable[[], int]) -> None:
        self._counter = counter
        self._read = read
        self._seen = read()

    def note(self) -> None:
        found = self._read()
        if found > self._seen:
            self._counter.inc(found - self._seen)
        self._seen = found


def outcome(note: Note) -> str:
    """How a request ended, in one word: ok, refused, error (the caller's) or fault (ours)."""
    if note.status >= 500 or not FAULTS.isdisjoint(note.errors):
        return "fault"
    if note.errors or note.status >= 400:
        return "error"
    return "refused" if note.refusals else "ok"


def release() -> str:
    """This version of Comity."""
    return version("comity")


@contextmanager
def shared(workers: int) -> Iterator[None]:
    """Has several workers share their figures in a folder, which goes with them."""
    if workers == 1 or SHARED in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="comity-metrics-") as folder:
        os.environ[SHARED] = folder
        try:
            yield
        finally:
            del os.environ[SHARED]

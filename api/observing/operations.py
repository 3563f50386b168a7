"""Operations that share a connection, told like requests of their own."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from time import perf_counter

from api.observing import logs
from api.observing.metrics import Metrics, outcome
from api.observing.middleware import SOCKET, level_of, line_of, operation_of
from api.observing.notes import Note, noting
from api.observing.traces import Traces


class Operations:
    """What counts and logs operations on sockets."""

    def __init__(self, metrics: Metrics, traces: Traces | None, path: str) -> None:
        self._metrics, self._traces, self._path = metrics, traces, path

    @contextmanager
    def observed(self, request_id: str) -> Iterator[Note]:
        """Around one operation; of a subscription the time counts that it lasted."""
        begun = perf_counter()
        note = Note(request_id, self._traces)
        with noting(note):
            try:
                with self._traces.request({}, note) if self._traces else nullcontext():
                    yield note
            finally:
                seconds = perf_counter() - begun
                how = outcome(note)
                self._metrics.add(note, operation_of(note, self._path), how, seconds)
                line = line_of(note, SOCKET, self._path, seconds)
                logs.tell(level_of(how, self._path), "request", **line)

"""Figures of who follows the feed."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge

from api.observing.metrics import Metrics


class Followed:
    """Counts sockets, subscriptions, events told, and connections that were dropped."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self._sockets = Gauge(
            "comity_sockets", "Open WebSockets", registry=registry, multiprocess_mode="livesum"
        )
        self._subscriptions = Gauge(
            "comity_subscriptions",
            "Open subscriptions",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._delivered = Counter(
            "comity_events_delivered", "Events told to subscribers", registry=registry
        )
        self._dropped = Counter(
            "comity_connections_dropped",
            "Connections whose client didn't read or answer",
            registry=registry,
        )

    @contextmanager
    def socket(self) -> Iterator[None]:
        with self._sockets.track_inprogress():
            yield

    @contextmanager
    def subscription(self) -> Iterator[None]:
        with self._subscriptions.track_inprogress():
            yield

    def delivered(self, count: int) -> None:
        self._delivered.inc(count)

    def dropped(self) -> None:
        self._dropped.inc()

"""What the database says of the node's state, read when it is asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import anyio
import anyio.to_thread
import prometheus_client as prometheus
import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlmodel import col

from api.observing.metrics import release
from governance.appeals import Appeal
from governance.database import Database
from governance.events import Event
from governance.receivers import Backlog, backlogs, dead_letters
from governance.rules.lifecycle import AWAITING_ANSWER

PATIENCE = 5.0  # seconds that a question about the state may take
Found = TypeVar("Found")


class Probes:
    """Questions about the state of the node. They have a connection and a thread of their own,
    so that they never stand in the queue of writers or readers."""

    def __init__(self, url: str) -> None:
        # An answer that nobody waits for any longer closes its connection by itself.
        self._database = Database(url, longest_wait=PATIENCE, keeps_connections=False)
        self._one = anyio.CapacityLimiter(1)

    async def ask(self, question: Callable[[Database], Found]) -> Found | None:
        """The answer; None if the database gave none in time."""
        with anyio.move_on_after(PATIENCE):
            try:
                return await anyio.to_thread.run_sync(
                    question, self._database, limiter=self._one, abandon_on_cancel=True
                )
            except Exception:
                return None
        return None

    def close(self) -> None:
        self._database.close()


@dataclass(frozen=True, slots=True)
class State:
    """The end of the feed, how many appeals wait for an answer that was due, and how receivers
    stand."""

    position: int
    newest_at: datetime | None
    overdue: int
    backlogs: Sequence[Backlog]
    dead_letters: int


def read_state(database: Database, now: datetime) -> State:
    """One statement for the feed, one for the appeals, through an index each; two for receivers,
    who are few."""
    newest = sa.select(col(Event.position), col(Event.recorded_at)).order_by(
        col(Event.position).desc()
    )
    overdue = sa.select(sa.func.count()).where(
        col(Appeal.state).in_(AWAITING_ANSWER), col(Appeal.due_at) <= now
    )
    with database.reading() as session:
        last = session.execute(newest.limit(1)).first()
        count = session.execute(overdue).scalar_one()
        told, dead = backlogs(session), dead_letters(session)
    return State(last[0] if last else 0, last[1] if last else None, count, told, dead)


def printed(state: State | None, now: datetime) -> bytes:
    """The state in Prometheus' text format; without one, that the database doesn't answer."""
    registry = CollectorRegistry()
    registry.register(_Gauges(state, now))
    return prometheus.generate_latest(registry)


class _Gauges(Collector):
    def __init__(self, state: State | None, now: datetime) -> None:
        self._state, self._now = state, now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        info = GaugeMetricFamily("comity_build_info", "This version", labels=["version"])
        info.add_metric([release()], 1)
        yield info
        state = self._state
        yield GaugeMetricFamily(
            "comity_database_up", "Whether the database answers", 0 if state is None else 1
        )
        if state is None:
            return
        yield GaugeMetricFamily("comity_feed_position", "Newest event", state.position)
        yield GaugeMetricFamily(
            "comity_appeals_overdue", "Appeals whose answer is due and missing", state.overdue
        )
        yield from _of_receivers(state)
        if state.newest_at is not None:
            age = (self._now - state.newest_at).total_seconds()
            yield GaugeMetricFamily(
                "comity_feed_age_seconds", "Time since the newest event was recorded", age
            )


def _of_receivers(state: State) -> Iterator[GaugeMetricFamily]:
    labels = ["delivery", "status"]
    figures = (
        ("comity_receivers", "Receivers of webhooks and tokens", "count"),
        ("comity_receivers_failing", "Receivers whose last attempt failed", "failing"),
        ("comity_receivers_behind", "Places of the feed that one isn't done with", "behind"),
    )
    for name, what, figure in figures:
        gauge = GaugeMetricFamily(name, what, labels=labels)
        for one in state.backlogs:
            words = [one.delivery.value.lower(), one.status.value.lower()]
            gauge.add_metric(words, getattr(one, figure))
        yield gauge
    yield GaugeMetricFamily("comity_dead_letters", "Events that weren't taken", state.dead_letters)

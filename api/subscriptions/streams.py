"""Subscribers alike: the same statement with the same values. What one of them has read is there
for the others at the same place, encoded."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic

import orjson
from websockets.frames import Frame, Opcode

from api.errors import is_unreachable
from api.reads.followings import between
from api.reads.plans import Plan
from api.reads.stretches import PREFIX
from api.reads.values import Env
from api.subscriptions.heads import Head

MOST = 200  # events of one statement
AT_FIRST = 20
WINDOW = 20_000  # places that one statement looks at, however few of them fit
MOST_AT_ONCE = 65_536  # bytes that are sent without waiting for the client
KEPT_SECONDS = 5.0  # that others may be behind
KEPT_BYTES = 1_000_000
PAUSE = 1.0  # seconds until a database that was away is asked again

Run = Callable[[Plan, Env], Awaitable[str]]


class Message:
    """One event as it is told: a GraphQL answer in JSON, and what is made of it on its way."""

    __slots__ = ("_event", "_framed", "json", "place")

    def __init__(self, place: int, json: bytes) -> None:
        self.place, self.json = place, json
        self._event: bytes | None = None
        self._framed: tuple[bytes, bytes] | None = None

    @property
    def event(self) -> bytes:
        """As an event of SSE."""
        if self._event is None:
            self._event = b"id: %b%d\nevent: next\ndata: %b\n\n" % (
                PREFIX.encode(),
                self.place,
                self.json,
            )
        return self._event

    def framed(self, before: bytes) -> bytes:
        """As a frame of text that begins with an operation's envelope (RFC 6455, 5.2). Most
        clients number their operations alike."""
        if self._framed is None or self._framed[0] != before:
            frame = Frame(Opcode.TEXT, before + self.json + b"}").serialize(mask=False)
            self._framed = before, frame
        return self._framed[1]


@dataclass(frozen=True, slots=True)
class Batch:
    """All that is to be told after one place and up to another."""

    start: int
    end: int
    messages: Sequence[Message]
    read_at: float  # of a clock that only goes forwards

    @property
    def size(self) -> int:
        return sum(len(message.json) for message in self.messages)

    def after(self, place: int) -> "Batch":
        if place == self.start:
            return self
        later = [message for message in self.messages if message.place > place]
        return replace(self, start=place, messages=later)


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in as few pieces as may be sent without waiting in between."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) > MOST_AT_ONCE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


class Stream:
    """What some subscribers share. Up to `most` events are read at once, by what runs a plan."""

    def __init__(self, plan: Plan, env: Env, key: str, most: int, head: Head, run: Run) -> None:
        self._plan, self._env, self._limit = plan, env, most
        self._most = min(AT_FIRST, most)  # which follows from how long what is read turns out
        self._before = b'{"data":{%b:' % orjson.dumps(key)
        self._head, self._run = head, run
        self._recent: deque[Batch] = deque()
        self._reading: dict[int, asyncio.Task[Batch]] = {}
        self.followers = 0

    async def after(self, place: int) -> Batch:
        """What comes next after a place, once something does; it may be nothing of interest."""
        await self._head.beyond(place)
        return self._known(place) or await self._shared(place)

    def forget(self, now: float) -> None:
        """Drops what is older than it may be told."""
        while self._recent and now - self._recent[0].read_at > KEPT_SECONDS:
            self._recent.popleft()

    def close(self) -> None:
        """Nobody waits for what is being read any longer."""
        for task in self._reading.values():
            task.cancel()

    def _known(self, place: int) -> Batch | None:
        self.forget(monotonic())
        for batch in reversed(self._recent):
            if batch.start <= place < batch.end:
                return batch.after(place)
        return None

    async def _shared(self, place: int) -> Batch:
        """The batch after a place, which is read once for all who are there."""
        if place not in self._reading:
            # Not within the request of whoever happens to come first.
            made = asyncio.create_task(self._batch(place), context=contextvars.Context())
            self._reading[place] = made
            made.add_done_callback(lambda _: self._reading.pop(place))
        return await asyncio.shield(self._reading[place])

    async def _batch(self, place: int) -> Batch:
        while True:
            try:
                batch = await self._read(place)
            except Exception as error:
                if not is_unreachable(error):
                    raise
                await asyncio.sleep(PAUSE)
            else:
                self._keep(batch)
                return batch

    async def _read(self, place: int) -> Batch:
        last, most = min(self._head.position, place + WINDOW), self._most
        found = await self._run(self._plan, between(self._env, place, last, most))
        messages = [
            Message(number, self._before + orjson.dumps(event) + b"}}")
            for number, event in orjson.loads(found)
        ]
        end = messages[-1].place if len(messages) == most else last
        self._most = max(1, min(2 * most, most * KEPT_BYTES // (2 * len(found)), self._limit))
        return Batch(place, end, messages, monotonic())

    def _keep(self, batch: Batch) -> None:
        """Remembers what is newest, without gaps."""
        recent = self._recent
        if recent and batch.start != recent[-1].end:
            if batch.end <= recent[-1].end:
                return
            recent.clear()
        recent.append(batch)
        size = sum(one.size for one in recent)
        while size > KEPT_BYTES:
            size -= recent.popleft().size

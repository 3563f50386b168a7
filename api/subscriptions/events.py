"""GraphQL over Server-Sent Events, in the distinct connections mode of graphql-sse's PROTOCOL.md.

Each event has the feed's cursor as its `id`, so that a browser's EventSource, which sends the last
one it saw as `Last-Event-ID`, goes on where it was.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

import orjson
from graphql import GraphQLError
from starlette.types import Receive, Send

from api.asking import Answer, refusal
from api.errors import code_of, masked, public
from api.execution import Accepted, Executor
from api.observing import logs
from api.observing.feeds import Followed
from api.observing.notes import current
from api.subscriptions.feeds import Feed
from api.subscriptions.heads import ENDED, Stopping
from api.subscriptions.streams import gathered

HEARTBEAT = 15.0  # seconds between signs of life, so that proxies keep the connection
SIGN = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would gather what is sent
]

Out = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EventStream:
    """The answer to one request as a stream of events, after the cursor `last_seen` if there is
    one. What is in `kept` lasts as long as the stream."""

    executor: Executor
    feed: Feed
    followed: Followed
    outcome: Accepted | Answer
    last_seen: str | None
    receive: Receive
    kept: ExitStack

    async def send(self, send: Send) -> None:
        """Until the client goes, the token ends, or the node stops."""

        async def out(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        ended = asyncio.Event()
        with self.kept:
            if isinstance(self.outcome, Accepted):
                actor = self.outcome.context.actor
                self.kept.enter_context(self.feed.head.watching(actor, ended.set))
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await _first(self._tell(out), self._gone(), _beat(out), ended.wait())
            if ended.is_set():
                await out(_failed(refusal(ENDED, "UNAUTHENTICATED")) + _COMPLETE)
            await send({"type": "http.response.body", "body": b""})

    async def _gone(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def _tell(self, out: Out) -> None:
        try:
            last = await self._answered(out)
        except Stopping:
            return  # it isn't complete: whoever reads on does so elsewhere
        except GraphQLError as error:
            last = _failed(error)
        except Exception as error:
            logs.unexpected(error)
            current().errors[code_of(error)] += 1
            last = _next(orjson.dumps({"errors": [masked(code_of(error))]}))
        await out(last + _COMPLETE)

    async def _answered(self, out: Out) -> bytes:
        """The last event but the one that says so; a subscription has none."""
        outcome = self.outcome
        if isinstance(outcome, Accepted):
            if outcome.is_subscription:
                await self._follow(outcome, out)
            outcome = await self.executor.executed(outcome)
        return _next(outcome.body)

    async def _follow(self, accepted: Accepted, out: Out) -> None:
        """Tells of events until the task is cancelled, or following fails."""
        following = self.feed.following(accepted, self.last_seen)
        async with following as follower:
            with self.followed.subscription():
                await out(SIGN)  # so that the client knows that it is heard
                while True:
                    batch = await follower.next()
                    for data in gathered(message.event for message in batch.messages):
                        await out(data)
                    self.followed.delivered(len(batch.messages))


async def _first(*ways: Awaitable[object]) -> None:
    """Returns once one of them has; the others are cancelled."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _beat(out: Out) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        await out(SIGN)


def _next(answer: bytes) -> bytes:
    return b"event: next\ndata: %b\n\n" % answer


def _failed(error: GraphQLError) -> bytes:
    return _next(orjson.dumps({"errors": [public(error)]}))

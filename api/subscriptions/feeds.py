"""Who follows the feed, from where, and how far they are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

import anyio
from graphql import FieldNode

from api.asking import refusal
from api.errors import located
from api.execution import Accepted, Executor
from api.reads.followings import between
from api.reads.plans import Plan
from api.reads.selections import fields
from api.reads.stores import Store
from api.reads.stretches import place_of
from api.reads.values import Env, Late, arguments
from api.subscriptions.heads import Head
from api.subscriptions.streams import MOST, Batch, Stream
from api.subscriptions.wakes import Wakes
from governance.errors import Refused

SWEPT_EVERY = 1.0  # seconds
READERS = 3  # statements at once of all who follow; others want to read too
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Follower:
    """One subscription, and the place it has got to."""

    def __init__(self, stream: Stream, place: int) -> None:
        self._stream, self.place = stream, place

    async def next(self) -> Batch:
        """What is to be told next, at least one event; Stopping when the node is stopped."""
        while True:
            batch = await self._stream.after(self.place)
            self.place = batch.end
            if batch.messages:
                return batch


class Feed:
    """The feed as a process follows it."""

    def __init__(
        self, executor: Executor, store: Store, wakes: Wakes, now: Callable[[], datetime]
    ) -> None:
        self._executor, self._wakes, self._now = executor, wakes, now
        self.head = Head(store, wakes, now)
        self._gate = asyncio.Semaphore(READERS)
        self.streams: dict[Hashable, Stream] = {}
        self.reads = 0
        self.is_stopping = False
        self.endings: set[Callable[[], None]] = set()  # what else is to be told of the stop

    @asynccontextmanager
    async def following(
        self, accepted: Accepted, last_seen: str | None = None
    ) -> AsyncIterator[Follower]:
        """Follows the feed after the cursor that the operation or else `last_seen` names.
        GraphQLError with its code where an argument can't be."""
        try:
            key, stream, place = await self._found(accepted, last_seen)
        except Refused as refused:
            raise located(refused) from None
        stream.followers += 1
        try:
            with self.head.used():
                yield Follower(stream, place)
        finally:
            stream.followers -= 1
            if not stream.followers:
                self.streams.pop(key).close()

    async def keep(self) -> None:
        """Looks after the feed for as long as the node is served."""
        async with anyio.create_task_group() as keeping:
            keeping.start_soon(self.head.keep)
            while True:
                await asyncio.sleep(SWEPT_EVERY)
                for stream in self.streams.values():
                    stream.forget(monotonic())

    async def close(self) -> None:
        await self._wakes.close()

    def stop(self) -> None:
        """Ends every subscription; each may be resumed elsewhere."""
        if self.is_stopping:
            return
        self.is_stopping = True
        self.head.stop()
        for end in list(self.endings):
            end()

    async def _run(self, plan: Plan, env: Env) -> str:
        """Reads what is there now; few at once."""
        async with self._gate:
            self.reads += 1
            values = plan.values(replace(env, now=self._now()))
            return await self._executor.reader.run(plan, values)

    async def _found(
        self, accepted: Accepted, last_seen: str | None
    ) -> tuple[Hashable, Stream, int]:
        context = accepted.context
        env, planner = context.env(), self._executor.reader.planner
        response_key, nodes = _root(accepted)
        plan = await planner.following(context.operation, nodes, env)
        # What the statement and its values don't say has no influence on what it answers.
        values = plan.values(between(replace(env, now=_NEVER), 0, 0, 0))
        key = response_key, plan.sql, repr(values)
        if key not in self.streams:
            cost = accepted.told["cost"]
            most = max(1, min(MOST, cost["limit"] // max(1, cost["requested"])))
            self.streams[key] = Stream(plan, env, response_key, most, self.head, self._run)
        return key, self.streams[key], _place(accepted, nodes[0], env, last_seen)


def _root(accepted: Accepted) -> tuple[str, list[FieldNode]]:
    """The one root field of a subscription, and its response key."""
    context = accepted.context
    selections = [accepted.operation.selection_set]
    found = fields(context.operation.document, "Subscription", selections, context.variables)
    if len(found) != 1:
        raise refusal("expected a subscription to select one field", "BAD_DOCUMENT")
    return next(iter(found.items()))


def _place(accepted: Accepted, node: FieldNode, env: Env, last_seen: str | None) -> int:
    definition = accepted.context.operation.document.schema.subscription_type
    assert definition is not None
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    after = arguments(definition.fields[node.name.value], given, env.variables)["after"]
    if last_seen is not None:
        after = Late(lambda _: last_seen)
    return int(place_of(after)(env))

"""Changes: the use case in a transaction, then its payload read after the commit."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import cache, partial
from typing import Any

import anyio
import anyio.to_thread
import orjson
from graphql import FieldNode, GraphQLResolveInfo

from api.asking import Context, refusal
from api.errors import located
from api.limiting.quotas import Quotas
from api.limiting.rates import LimitRefused, Rates
from api.observing import logs
from api.observing.notes import current
from api.outward import Outside
from api.reading import Reader
from api.reads.compiler import TYPE_KEY
from api.reads.plans import Plan
from api.reads.selections import below
from api.reads.stores import Values
from api.schema.build import methods
from api.schema.changes import Act, Change, Changed
from api.schema.mutations import issued
from api.schema.nodes import Refusal
from api.schema.payloads import ROW
from governance import issuing, preparing, requesting
from governance.database import Database
from governance.errors import (
    Busy,
    Forbidden,
    NotFound,
    Refused,
    RolledBack,
    Unauthenticated,
)
from governance.fields import validated
from governance.membership import Actor
from governance.platforms import Platform
from governance.rules.permissions import OPERATIONS, Operation
from governance.settings import Keys

Info = GraphQLResolveInfo[Any] | Any  # or what knows as much of the field
MOST_WRITERS = 8  # threads; they take turns, so more would only wait
TOGETHER = 100  # decisions that are prepared between two looks at who writes
MOST_LOOKERS = 4  # threads of use cases that only read


class Changes:
    """What runs the use cases of a process."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        keys: Keys,
        now: Callable[[], datetime],
        rates: Rates,
        quotas: Quotas,
        outside: Outside,
    ) -> None:
        self._database, self._reader, self._keys, self._now = database, reader, keys, now
        self._rates, self._quotas, self._outside = rates, quotas, outside
        self._writers = anyio.CapacityLimiter(MOST_WRITERS)
        self._lookers = anyio.CapacityLimiter(MOST_LOOKERS)

    async def change(self, change: Change, info: Info, raw: Mapping[str, Any]) -> Any:
        """A field that runs a use case, for graphql-core."""
        context: Context = info.context
        try:
            context.holds_secret = context.actor is None and _takes_secret(raw)
            await self._check_payload(change, info)
            self._count(change, context, raw)
            done = await self._done(change, context, raw)
        except Busy:
            message = "too many others are writing: nothing was changed, send it again"
            raise refusal(message, "BUSY") from None
        except RolledBack as error:
            logs.unexpected(error, "the log can't be continued: `comity doctor`")
            message = "this node can't log decisions until its operator sees to it"
            raise refusal(message, "UNAVAILABLE") from None
        except LimitRefused as limit:
            context.budgets.append(limit.budget)
            raise refusal(limit.message, limit.code) from None
        except Unauthenticated as refused:
            raise located(refused) from None
        if isinstance(done, Refused):
            if change.refused is None:
                return _refusal(done)
            done = change.refused(done)
        # What was committed may be newer than the request's beginning.
        context.now = max(context.now, self._now())
        if isinstance(done, list):
            return await self._batch(change, done, info)
        if not isinstance(done, Changed):
            return done
        [payload] = await self._payloads(change, [done], info.field_nodes, info)
        return payload

    def _count(self, change: Change, context: Context, raw: Mapping[str, Any]) -> None:
        """What only looks shows what is known under each of a subject's names: as many lookups."""
        actor = context.actor
        may = OPERATIONS[Operation.PREVIEW].roles
        if change.refused is not None and actor is not None and actor.roles.intersection(may):
            names = 1 + len(raw.get("aliases") or ())
            context.budgets.append(self._quotas.take(actor.platform_id, names, context.now))

    async def _done(self, change: Change, context: Context, raw: Mapping[str, Any]) -> Any:
        """What the use case answers; its refusal as a value."""
        if _is_batch(change):
            _check_number(context.actor, raw["sanctions"])
        work = partial(self._changed, change, context.actor, raw)
        caller = context.request.caller
        with self._rates.guessing(caller) if _takes_secret(raw) else nullcontext() as guess:
            with current().span("write"):
                limiter = self._lookers if change.refused else self._writers
                done = await anyio.to_thread.run_sync(work, limiter=limiter)
            if isinstance(done, Unauthenticated):
                raise done
            if guess is not None:
                guess.was_wrong = isinstance(done, NotFound)
            return done

    def _changed(self, change: Change, actor: Actor | None, raw: Mapping[str, Any]) -> Any:
        """What comes of it, in a worker thread. What is raised out of one is held, with all that
        was asked, until it is found as garbage; a refusal returned is not."""
        try:
            return self._used(change, actor, raw)
        except Refused as refused:
            return refused

    def _used(self, change: Change, actor: Actor | None, raw: Mapping[str, Any]) -> Any:
        """Draft, transaction, use case."""
        if _is_batch(change):
            return self._issued(change, actor, raw["sanctions"])
        if actor is None and not _takes_secret(raw):
            raise Unauthenticated("this takes a member's credential")
        draft = validated(change.draft, raw)
        if change.prepare is not None and actor is not None and self._database.log is not None:
            draft = change.prepare(self._outside, self._database.log.origin, actor, draft)
        using = self._database.reading if change.refused else self._database.writing
        with using() as session:
            return change.use(Act(session, self._keys, actor, self._now()), draft)

    def _issued(
        self,
        change: Change,
        actor: Actor | None,
        raws: Sequence[Mapping[str, Any] | requesting.Request | Refused],
    ) -> list[Changed | Refused]:
        """Each item checked on its own unless it was before, then all in one transaction."""
        assert actor is not None
        [item] = change.draft.model_fields["sanctions"].annotation.__args__
        requests: list[requesting.Request | Refused] = []
        for raw in raws:
            if isinstance(raw, requesting.Request | Refused):
                requests.append(raw)
                continue
            try:
                requests.append(requesting.Request(validated(item, raw)))
            except Refused as refused:
                requests.append(refused)
        with self._database.reading() as session:
            domain = session.get_one(Platform, actor.platform_id).domain
        now, prepared = self._now(), list[preparing.Prepared | Refused]()
        for start in range(0, len(requests), TOGETHER):
            self._database.give_way()
            part = requests[start : start + TOGETHER]
            prepared += preparing.prepare(self._keys, actor, domain, part, now)
        try:
            with self._database.writing() as session:
                found = change.use(Act(session, self._keys, actor, self._now()), prepared)
        except Forbidden as forbidden:
            found = [forbidden] * len(raws)
        return [one if isinstance(one, Refused) else issued(one) for one in found]

    async def _batch(
        self, change: Change, done: Sequence[Changed | Refused], info: Info
    ) -> dict[str, Any]:
        """The payload of a batch, keyed by alias like everything that is read."""
        refused = sum(isinstance(one, Refused) for one in done)
        payload: dict[str, Any] = {TYPE_KEY: "SanctionsIssued"}
        for key, nodes in _of_batch(info).items():
            if nodes[0].name.value == "issuedCount":
                payload[key] = len(done) - refused
            elif nodes[0].name.value == "refusedCount":
                payload[key] = refused
            elif nodes[0].name.value == "results":
                rows = [one for one in done if isinstance(one, Changed)]
                read = iter(await self._payloads(change, rows, nodes, info, key))
                payload[key] = [
                    _refusal(one, "sanctions", place) if isinstance(one, Refused) else next(read)
                    for place, one in enumerate(done)
                ]
        return payload

    async def _check_payload(self, change: Change, info: Info) -> None:
        """Refuses a payload that can't be read, before anything is written: after the commit
        it would look as if the change had failed."""
        if change.payload.__name__ not in _read_payloads():
            return
        selected = {"": list(info.field_nodes)}
        if _is_batch(change):
            selected = {k: n for k, n in _of_batch(info).items() if n[0].name.value == "results"}
        try:
            for key, nodes in selected.items():
                await self._reader.check(*await self._payload(change, [], nodes, info, key))
        except Refused as refused:
            raise located(refused) from None

    async def _payloads(
        self,
        change: Change,
        rows: Sequence[Changed],
        nodes: Sequence[FieldNode],
        info: Info,
        key: str = "",
    ) -> list[Any]:
        """The objects of the payload, in one statement, through the payload's own selection."""
        plan, values = await self._payload(change, rows, nodes, info, key)
        return list(orjson.loads(await self._reader.run(plan, values)))

    async def _payload(
        self,
        change: Change,
        rows: Sequence[Changed],
        nodes: Sequence[FieldNode],
        info: Info,
        key: str,
    ) -> tuple[Plan, Values]:
        context: Context = info.context
        env = context.env()
        env.rows = [[row.id, row.secret] for row in rows]
        env.given = rows[0].given if len(rows) == 1 else {}
        path = tuple(info.path.as_list()), key
        name = change.payload.__name__
        plan = await self._reader.planner.payload(
            context.operation, path, name, ROW, nodes, env, typed=not context.is_straight
        )
        return plan, plan.values(env)


def _of_batch(info: Info) -> dict[str, list[FieldNode]]:
    """What is selected of a batch, by response key."""
    context: Context = info.context
    document = context.operation.document
    return below(document, "SanctionsIssued", info.field_nodes, context.variables)


@cache
def _read_payloads() -> frozenset[str]:
    """Payloads that are read from the database; the others Python makes."""
    return frozenset(owner for (owner, _), method in methods().items() if callable(method))


def _refusal(refused: Refused, *place: str | int) -> Refusal:
    """The refusal, its path counted from the mutation's arguments."""
    current().refusals[refused.code.value] += 1
    path = [str(part) for part in ("input", *place, *refused.path)] if refused.path else None
    return Refusal(code=refused.code, message=refused.message, path=path)


def _is_batch(change: Change) -> bool:
    return "sanctions" in change.draft.model_fields


def _check_number(actor: Actor | None, raws: Sequence[Any]) -> None:
    """Refuses what nobody may issue at once, before it takes a thread."""
    if actor is None:
        raise Unauthenticated("this takes a member's credential")
    most = issuing.MOST_IN_BATCH
    if len(raws) > most:
        message = f"expected at most {most:,} sanctions, got {len(raws):,}"
        raise refusal(message, "LIMIT_EXCEEDED")


def _takes_secret(raw: Mapping[str, Any]) -> bool:
    return raw.get("appealSecret") is not None

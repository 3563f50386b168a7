"""The newest place in the feed, and whose tokens have ended by then: one statement after a commit
for all who follow.

Nobody is told of what lies beyond this place. So who lost their token, or a role, is told nothing
that was committed later.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache

import orjson
import sqlalchemy as sa

from api.observing import logs
from api.reads.dialects import Dialect
from api.reads.fields import Read, rows_of
from api.reads.plans import Plan, planned
from api.reads.stores import Store
from api.reads.texts import bracketed, concatenated, literal
from api.reads.values import Env, Getter
from api.subscriptions.wakes import Wakes
from governance.events import Event
from governance.membership import Actor
from governance.platforms import Member, Token
from governance.rules.disclosure import PUBLIC
from governance.words import Role

POLL = 1.0  # seconds between two looks, though nothing was told
PACE = 0.02  # seconds in which commits are gathered


ENDED = "the token has ended, or its member's roles have changed"


class Stopping(Exception):
    """The node is being stopped."""


class Watch:
    """A token that somebody follows with, and the roles that it had then."""

    def __init__(self) -> None:
        self.text: str | None = None  # the roles, as the database last told them
        self.holders: dict[Callable[[], None], frozenset[Role]] = {}

    def see(self, roles: list[str] | None) -> None:
        """Takes in the roles of now; None where the token has ended."""
        held = None if roles is None else frozenset(Role[role] for role in roles)
        self.text = orjson.dumps(roles).decode()
        for end, before in list(self.holders.items()):
            if before != held:
                end()


class Head:
    """Looks while somebody follows; otherwise asks the database nothing."""

    def __init__(self, store: Store, wakes: Wakes, now: Callable[[], datetime]) -> None:
        self._store, self._wakes, self._now = store, wakes, now
        self._plan = _plan(store.dialect)
        self.position = 0
        self._moved = asyncio.Event()
        self._wanted = asyncio.Event()
        self._followers = 0
        self._watches: dict[str, Watch] = {}
        self._is_well = True
        self.is_stopping = False

    @contextmanager
    def used(self) -> Iterator[None]:
        """Around following."""
        self._followers += 1
        self._wanted.set()
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._wanted.clear()

    @contextmanager
    def watching(self, actor: Actor | None, end: Callable[[], None]) -> Iterator[None]:
        """Around following with a token; `end` is called once it has ended."""
        if actor is None:
            yield
            return
        watch = self._watches.setdefault(actor.token_id, Watch())
        watch.holders[end] = actor.roles
        watch.text = None  # the roles may be others since they were read
        try:
            with self.used():
                yield
        finally:
            del watch.holders[end]
            if not watch.holders and self._watches.get(actor.token_id) is watch:
                del self._watches[actor.token_id]

    async def beyond(self, place: int) -> None:
        """Returns once the feed goes on after a place; Stopping when the node is stopped."""
        while not self.is_stopping:
            if self.position > place:
                return
            await self._moved.wait()
        raise Stopping

    async def waited(self, place: int, seconds: float) -> None:
        """Returns once the feed goes on after a place, or the node is stopped; after so many
        seconds at the latest."""
        with contextlib.suppress(TimeoutError, Stopping), self.used():
            async with asyncio.timeout(seconds):
                await self.beyond(place)

    async def keep(self) -> None:
        """Looks whenever something was committed."""
        while True:
            await self._wanted.wait()
            await self._look()
            await asyncio.sleep(PACE)
            await self._wakes.wait(POLL)

    def stop(self) -> None:
        self.is_stopping = True
        self._tell()

    async def _look(self) -> None:
        tokens = [[token, watch.text] for token, watch in self._watches.items()]
        values = self._plan.values(Env({"tokens": tokens}, self._now(), PUBLIC))
        try:
            found = await self._store.one(self._plan.sql, values, is_point=True)
        except Exception as error:  # the database may be back in a moment
            if self._is_well:
                logs.unexpected(error, "the feed can't be looked at; it is tried again")
            self._is_well = False
            return
        self._is_well = True
        position, told = orjson.loads(found)
        for token, roles in told:
            if token in self._watches:
                self._watches[token].see(roles)
        if position != self.position:
            self.position = position
            self._tell()

    def _tell(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


@cache
def _plan(dialect: Dialect) -> Plan:
    """`[position, [[token, roles], …]]`, of the given tokens those whose roles are others than
    were given; null where a token isn't live, the twin of `governance.membership.is_live`."""
    binds: dict[str, Getter] = {}
    read = Read(dialect, PUBLIC.kind, binds)
    event, token, member = rows_of(Event), rows_of(Token), rows_of(Member)
    given = read.rows(lambda env: env.variables["tokens"], "id", "roles")
    live = sa.and_(
        token.c.revoked_at.is_(None),
        sa.or_(token.c.expires_at.is_(None), token.c.expires_at > read.now),
    )
    holder = sa.join(token, member, member.c.id == token.c.member_id)
    held = sa.outerjoin(given, holder, given.c.id == token.c.id)
    roles = sa.func.coalesce(sa.case((live, sa.cast(member.c.roles, sa.Text()))), literal("null"))
    told = (
        sa.select(given.c.id, roles.label("roles"))
        .select_from(held)
        .where(roles != sa.func.coalesce(given.c.roles, literal("")))
        .subquery()
    )
    pair = concatenated(['["', told.c.id, '",', told.c.roles, "]"])
    ended = sa.select(bracketed(dialect.joined(pair, told.c.id))).select_from(told)
    newest = sa.select(sa.func.coalesce(sa.func.max(event.c.position), sa.literal_column("0")))
    position = sa.cast(newest.scalar_subquery(), sa.Text())
    whole = concatenated(["[", position, ",", ended.scalar_subquery(), "]"])
    return planned(sa.select(whole), binds, dialect)

"""Bearer tokens (RFC 6750): who makes a request. Asked of the database each time, so that a
revoked token is dead at once."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError

from governance.database import Database
from governance.errors import Unauthenticated
from governance.membership import LAST_USE_GRAIN, Actor, authenticate, record_use

LONGEST_TOKEN = 200
log = logging.getLogger("comity")


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of the Authorization header; None without the header."""
    header = headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token.strip()) <= LONGEST_TOKEN:
        raise Unauthenticated("expected `Authorization: Bearer <token>`")
    return token.strip()


class Members:
    """Finds members by their tokens, and notes the tokens' last use now and then."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._noted: dict[str, datetime] = {}
        self._noting: set[asyncio.Future[None]] = set()

    async def actor(self, headers: Mapping[str, str]) -> Actor | None:
        """The member of the bearer token; None without one, Unauthenticated if it isn't live."""
        token = bearer(headers)
        if token is None:
            return None
        now = self._now()
        if self._database.dialect == "sqlite":
            actor = _actor_of(self._database, token, now)
        else:
            actor = await anyio.to_thread.run_sync(_actor_of, self._database, token, now)
        self._note(actor, now)
        return actor

    def _note(self, actor: Actor, now: datetime) -> None:
        """Beside the request: asking never waits for a writer's turn."""
        noted = self._noted.get(actor.token_id)
        if noted is None or not timedelta() <= now - noted < LAST_USE_GRAIN:
            self._noted[actor.token_id] = now
            loop = asyncio.get_running_loop()
            noting = loop.run_in_executor(None, _note_use, self._database, actor, now)
            self._noting.add(noting)
            noting.add_done_callback(self._noting.discard)

    async def close(self) -> None:
        """Waits for notes under way; after that the database may be closed."""
        if self._noting:
            await asyncio.wait(self._noting)


def _actor_of(database: Database, token: str, now: datetime) -> Actor:
    """The member that holds the token; Unauthenticated where it isn't live."""
    with database.reading() as session:
        return authenticate(session, token, now=now)


def _note_use(database: Database, actor: Actor, now: datetime) -> None:
    try:
        with database.writing() as session:
            record_use(session, actor.token_id, now=now)
    except SQLAlchemyError as error:
        log.warning("a token's last use wasn't noted: %s", type(error).__name__)

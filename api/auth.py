"""Bearer tokens (RFC 6750): who makes a request. Asked of the database each time, so that a
revoked token is dead at once."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

import orjson
from sqlalchemy.exc import SQLAlchemyError

from api.observing.logs import tell
from api.proofs import Proof, holder
from api.reads.stores import Store
from api.reads.values import Env
from governance.database import Database
from governance.errors import Busy, Unauthenticated
from governance.fields import parse_instant
from governance.membership import LAST_USE_GRAIN, Actor, dead_token, is_live, record_use
from governance.rules.disclosure import PUBLIC
from governance.settings import token_hash
from governance.words import MemberKind, Role

LONGEST_TOKEN = 200
MOST_RECALLED = 10_000  # tokens


def bearer(header: bytes | None) -> str | None:
    """The token of an Authorization header; None without the header."""
    if header is None:
        return None
    scheme, _, token = header.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token.strip()) <= LONGEST_TOKEN:
        raise Unauthenticated("expected `Authorization: Bearer <token>`")
    return token.strip()


@dataclass(frozen=True, slots=True)
class _Found:
    """The holder of a token, and when that expires and was revoked."""

    proof: Proof
    expires_at: datetime | None
    revoked_at: datetime | None


class Members:
    """Finds members by their tokens, and notes the tokens' last use now and then."""

    def __init__(self, database: Database, store: Store, now: Callable[[], datetime]) -> None:
        self._database = database
        self._store = store
        self._holder = holder(store.dialect)
        self._now = now
        self._recalled: dict[bytes | None, _Found] = {}  # by the hash of the header that was shown
        self._noted: dict[str, datetime] = {}
        self._noting: set[asyncio.Future[None]] = set()

    async def actor(self, authorization: bytes | None) -> Actor | None:
        """The member of the bearer token; None without one, Unauthenticated if it isn't live."""
        token = bearer(authorization)
        if authorization is None or token is None:
            return None
        now = self._now()
        found = await self._held_by(token, now)
        if len(self._recalled) == MOST_RECALLED:
            self._recalled.clear()
        self._recalled[key_of(authorization)] = found
        self._note(found.proof.actor, now)
        return found.proof.actor

    def recalled(self, key: bytes | None, now: datetime) -> Proof | None:
        """Who held the token of a header with this key when it was asked about last, for the
        database to confirm; None where that isn't known, or no longer counts."""
        found = None if key is None else self._recalled.get(key)
        if found is None or not is_live(found.expires_at, found.revoked_at, now):
            return None
        self._note(found.proof.actor, now)
        return found.proof

    async def _held_by(self, token: str, now: datetime) -> _Found:
        """The same as `governance.membership.authenticate`, as a compiled read."""
        digest = token_hash(token)
        values = self._holder.values(Env({"hash": digest}, now, PUBLIC))
        row = await self._store.one(self._holder.sql, values, is_point=True, is_lookup=True)
        if row is None:
            raise dead_token()
        found = _read(row, digest)
        if not is_live(found.expires_at, found.revoked_at, now):
            raise dead_token()
        return found

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


def key_of(authorization: bytes | None) -> bytes | None:
    """What is kept of a header: nothing that opens anything."""
    return None if authorization is None else sha256(authorization).digest()


@lru_cache(1_024)
def _read(row: str, digest: str) -> "_Found":
    """What the row of a token tells."""
    token_id, member_id, platform_id, kind, roles, expires_at, revoked_at = orjson.loads(row)
    held = frozenset(Role[role] for role in roles)
    actor = Actor(member_id, platform_id, MemberKind[kind], held, token_id)
    return _Found(Proof(actor, digest, row), _instant(expires_at), _instant(revoked_at))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _note_use(database: Database, actor: Actor, now: datetime) -> None:
    try:
        with database.writing() as session:
            record_use(session, actor.token_id, now=now)
    except (Busy, SQLAlchemyError) as error:
        tell(logging.WARNING, "a token's last use wasn't noted", error=type(error).__name__)

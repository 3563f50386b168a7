"""The limit: a bare ASGI application with hand-written SQL, access control and the same driver."""

import os
import sqlite3
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
from sqlalchemy.engine import make_url

from api.reads.stores import CACHE
from bench.limit_batches import LimitBatches
from bench.questions import LIST_LIMIT, STATUS_LIMIT, STATUSES_LIMIT, TOKEN
from governance.fields import print_instant
from governance.identifiers import SubjectKind, lookup_key, parse_subject
from governance.rules.policy import PARTNER_RETENTION
from governance.settings import read_settings, token_hash


async def _as_it_is(_: object) -> None:
    """A connection that only reads has nothing to be reset."""


class Limit:
    """POST /graphql with the bench's own questions, told apart by their variables."""

    def __init__(self) -> None:
        settings = read_settings(os.environ)
        self._secret = settings.keys().derived("lookup")
        self._url = make_url(settings.database_url)
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        self._sqlite: sqlite3.Connection | None = None
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._batches: LimitBatches | None = None
        self._answers = {"s": self._status, "f": self._list, "input": self._issue}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        variables = orjson.loads(body)["variables"]
        token = dict(scope["headers"])[b"authorization"].removeprefix(b"Bearer ").decode()
        now = datetime.now(UTC)
        platform = await self._one(
            TOKEN.sqlite if self._is_sqlite else TOKEN.postgresql,
            token_hash(token),
            self._instant(now),
        )
        if platform is None:
            raise PermissionError
        answer = await self._answers[next(iter(variables))](variables, platform, now)
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"application/json; charset=utf-8")],
            }
        )
        await send({"type": "http.response.body", "body": answer.encode()})

    async def _status(self, variables: Any, platform: str, now: datetime) -> Any:
        if isinstance(variables["s"], list):
            return await self._statuses(variables["s"], platform, now)
        uri = parse_subject(variables["s"]).uri
        return await self._one(
            STATUS_LIMIT.sqlite if self._is_sqlite else STATUS_LIMIT.postgresql,
            lookup_key(self._secret, SubjectKind.ACCOUNT, uri),
            self._instant(now),
            platform,
            self._instant(now - PARTNER_RETENTION),
            uri,
        )

    async def _statuses(self, subjects: list[str], platform: str, now: datetime) -> Any:
        uris = [parse_subject(subject).uri for subject in subjects]
        keys = [lookup_key(self._secret, SubjectKind.ACCOUNT, uri) for uri in uris]
        return await self._one(STATUSES_LIMIT, keys, now, platform, now - PARTNER_RETENTION, uris)

    async def _list(self, variables: Any, platform: str, now: datetime) -> Any:
        sql = LIST_LIMIT.sqlite if self._is_sqlite else LIST_LIMIT.postgresql
        return await self._one(sql, variables["f"]["measures"][0])

    async def _issue(self, variables: Any, platform: str, now: datetime) -> Any:
        assert self._batches is not None  # on PostgreSQL alone
        return await self._batches.issue(variables["input"]["sanctions"], platform, now)

    def _instant(self, value: datetime) -> Any:
        return print_instant(value) if self._is_sqlite else value

    async def _one(self, sql: str, *values: Any) -> Any:
        if self._sqlite is not None:
            row = self._sqlite.execute(sql, values).fetchone()
            return row and row[0]
        assert self._pool is not None
        return await self._pool.fetchval(sql, *values)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        if self._is_sqlite:
            self._sqlite = sqlite3.connect(str(self._url.database), isolation_level=None)
            self._sqlite.execute(f"PRAGMA cache_size=-{CACHE}")
        else:
            self._pool = await asyncpg.create_pool(
                self._url.render_as_string(hide_password=False),
                min_size=1,
                max_size=8,
                reset=_as_it_is,  # as the node does, which saves a round trip
                server_settings={"jit": "off"},
            )
            self._batches = LimitBatches(self._pool, self._secret)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


def create_app() -> Limit:
    return Limit()

"""Counts and traces statements on their way to the database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from api.observing.notes import current
from api.reads.stores import Store, Values


class Watched:
    """A store whose statements are noted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.dialect, self.answers_at_once = store.dialect, store.answers_at_once
        self.statements = 0

    async def one(
        self, sql: str, values: Values, *, is_point: bool, is_lookup: bool = False
    ) -> Any:
        note = current()
        note.statements += 1
        self.statements += 1
        asked = self._store.one(sql, values, is_point=is_point, is_lookup=is_lookup)
        if note.spans is None:
            return await asked
        with note.span("statement"):
            return await asked

    def at_once(self, sql: str, values: Values) -> Any:
        current().statements += 1
        self.statements += 1
        return self._store.at_once(sql, values)

    async def check(self, sql: str, values: Values) -> None:
        await self._store.check(sql, values)

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()


def watch(engine: Engine) -> None:
    """Notes the statements of use cases, which run in a request's worker thread."""
    sa.event.listen(engine, "before_cursor_execute", _noted)


def _noted(*_: Any) -> None:
    current().statements += 1

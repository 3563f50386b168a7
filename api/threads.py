"""The database as it is asked and changed from the loop: in a thread, one transaction each."""

from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread
from sqlmodel import Session

from governance.database import Database

Found = TypeVar("Found")


async def reading(database: Database, question: Callable[[Session], Found]) -> Found:
    """What a question finds."""

    def ask() -> Found:
        with database.reading() as session:
            return question(session)

    return await anyio.to_thread.run_sync(ask)


async def writing(database: Database, change: Callable[[Session], Found]) -> Found:
    """What a change answers, once it is committed."""

    def write() -> Found:
        with database.writing() as session:
            return change(session)

    return await anyio.to_thread.run_sync(write)

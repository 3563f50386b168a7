"""One process of all that share a database does what must not be done twice at a time."""

import fcntl
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa

from governance.database import Database


def jittered(pause: timedelta) -> float:
    """The seconds of a pause, some more or less, so that processes don't keep in step."""
    return pause.total_seconds() * random.uniform(0.8, 1.2)


@contextmanager
def leading(database: Database, what: str) -> Iterator[bool]:
    """Whether this process is the one; it is let go with the process at the latest."""
    if database.dialect == "sqlite":
        path = f"{database.engine.url.database}.{what}"
        with open(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True
        return
    number = int.from_bytes(what.encode()[:7], "big")
    with database.engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        leads = bool(alone.scalar(sa.select(sa.func.pg_try_advisory_lock(number))))
        try:
            yield leads
        finally:
            if leads:
                alone.scalar(sa.select(sa.func.pg_advisory_unlock(number)))

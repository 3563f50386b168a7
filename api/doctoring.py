"""What `comity doctor` looks at: settings, keys, database, migrations, receivers, clock."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from api.witnessed import require_newest
from governance import receivers
from governance.database import Database
from governance.entries import LogCheckpoint
from governance.errors import BadSetting, RolledBack
from governance.events import Event
from governance.migrations import advice, is_current
from governance.publishing import newest_published
from governance.settings import Settings, is_open, unknown_settings
from governance.subjects import are_found

MOST_FAILURES = 5  # in a row, of a receiver: two to three minutes
LONGEST_LAG = timedelta(minutes=5)  # that publication may take
OTHER_KEY = "isn't the key of this database, whose accounts it can't find: bring the old one back"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is fine, and what to do where it isn't."""

    subject: str
    is_fine: bool
    message: str


def findings(settings: Settings) -> list[Finding]:
    return [*_settings(), *_key_files(settings), *_database(settings)]


def _settings() -> Iterator[Finding]:
    unknown = unknown_settings()
    message = f"nothing reads {', '.join(unknown)}: misspelt?" if unknown else "all are known"
    yield Finding("settings", not unknown, message)


def _key_files(settings: Settings) -> Iterator[Finding]:
    """A file that is there must hold its keys, and be its owner's alone."""
    tokens = settings.token_keys()
    yield _key_file("keys", settings.key_file, settings.keys)
    yield _key_file("log key", settings.log_key_path, settings.sequencer)
    if settings.witness_key_path.exists():
        yield _key_file("witness key", settings.witness_key_path, settings.cosigner)
    if tokens:
        yield _key_file("token keys", tokens.path, tokens.published)


def _key_file(subject: str, file: Path, read: Callable[[], object]) -> Finding:
    try:
        read()
    except BadSetting as error:
        return Finding(subject, False, str(error))
    if is_open(file):
        return Finding(subject, False, f"others can read {file}: chmod 600 it")
    return Finding(subject, True, f"{file} is readable by its owner alone")


def _database(settings: Settings) -> Iterator[Finding]:
    database = Database(settings.database_url)
    try:
        if unwritable := _unwritable(database):
            yield Finding("database", False, unwritable)
            return
        current = is_current(database)
        yield Finding("database", True, f"{database.dialect} answers")
        told = "at this version's tables" if current else advice(database)
        yield Finding("migrations", current, told)
        if current:
            yield from _own_key(database, settings)
            yield from _log(database, settings)
            if settings.witnesses:
                yield _publication(database)
            yield from _receivers(database)
            yield _clock(database)
    except (SQLAlchemyError, OSError) as error:
        message = f"doesn't answer ({type(error).__name__}): check COMITY_DATABASE_URL"
        yield Finding("database", False, message)
    finally:
        database.close()


def _unwritable(database: Database) -> str | None:
    """What keeps this user from writing there, if anything does."""
    if database.dialect == "sqlite":
        file = Path(database.engine.url.database or "")
        files = [found for end in ("", "-wal", "-shm") if (found := Path(f"{file}{end}")).exists()]
        for path in (file.parent, *files):
            if not os.access(path, os.W_OK):
                told = "can't be written by this user: check its owner, its mode, its disk"
                return f"{path} {told} and COMITY_DATABASE_URL"
        return None
    with database.engine.connect() as connection:
        is_read_only = connection.scalar(sa.text("SHOW transaction_read_only")) == "on"
    told = "a standby, or default_transaction_read_only is set"
    return f"{database.dialect} lets nobody write: {told}" if is_read_only else None


def _own_key(database: Database, settings: Settings) -> Iterator[Finding]:
    """The key must be the one that the records were made with."""
    with suppress(BadSetting), database.reading() as session:
        if not are_found(session, settings.keys()):
            yield Finding("keys", False, f"{settings.key_file} {OTHER_KEY}")


def _log(database: Database, settings: Settings) -> Iterator[Finding]:
    """The log must go on where this node stopped signing."""
    with suppress(BadSetting):
        sequencer = settings.sequencer()
        signed = sequencer.guard.newest()
        try:
            with database.reading() as session:
                head = sequencer.recalled(session, signed)
            require_newest(database, settings)
            told = f"{head.size:,} entries of {head.origin}, as this node signed them"
            yield Finding("log", True, told)
        except RolledBack as error:
            yield Finding("log", False, str(error))


def _publication(database: Database) -> Finding:
    """What was signed must be cosigned and published soon."""
    with database.reading() as session:
        published = newest_published(session)
        size = published.size if published else 0
        waits = sa.select(sa.func.min(col(LogCheckpoint.logged_at)))
        since = session.scalar(waits.where(col(LogCheckpoint.size) > size))
    if since is not None and since < datetime.now(UTC) - LONGEST_LAG:
        told = f"{size:,} entries are published; more wait since {since:%Y-%m-%d %H:%M}Z"
        return Finding("publication", False, f"{told}: the log tells which witness is missing")
    return Finding("publication", True, f"{size:,} entries are published")


def _receivers(database: Database) -> Iterator[Finding]:
    """Whoever is to be told must take it; nothing is said where nobody is."""
    with database.reading() as session:
        known, dead = receivers.listed(session), receivers.dead_letters(session)
    if not known:
        return
    late = [one.id for one in known if one.attempts >= MOST_FAILURES]
    if late:
        told = f"{', '.join(late)} took nothing for a while: `comity push list` says why"
    elif dead:
        told = f"{dead:,} events weren't taken: `comity push dead`, then `comity push replay`"
    else:
        told = f"{len(known):,}, and nothing that wasn't taken"
    yield Finding("receivers", not late and not dead, told)


def _clock(database: Database) -> Finding:
    """The newest thing recorded must not lie in the future."""
    with database.reading() as session:
        newest = session.execute(sa.select(sa.func.max(col(Event.recorded_at)))).scalar()
    if newest is not None and newest > datetime.now(UTC):
        return Finding(
            "clock", False, f"behind the newest event ({newest:%Y-%m-%d %H:%M}Z): set it"
        )
    return Finding("clock", True, "not behind what was recorded")

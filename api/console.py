"""What commands share: the terminal, an opened database, progress, time spans."""

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from governance import migrations
from governance.database import Database
from governance.settings import Settings, read_settings

if TYPE_CHECKING:  # a server that starts has nothing to say here
    from rich.console import Console


@cache
def _console() -> "Console":
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True, highlight=False)


def say(text: str, *, markup: bool = False) -> None:
    """Tells people, on the error stream; as it is, unless it is said to have marks of style."""
    _console().print(text, markup=markup)


@contextlib.contextmanager
def opened(settings: Settings | None = None) -> Iterator[Database]:
    settings = settings or read_settings()
    database = Database(settings.database_url, settings.sequencer())
    try:
        if not migrations.is_current(database):
            fail(migrations.advice(database))
        yield database
    finally:
        database.close()


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on the terminal's error stream; silent where there is no terminal."""
    from rich.progress import Progress

    shown = _console()
    with Progress(console=shown, transient=True, disable=not shown.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextlib.contextmanager
def interruptible(told: Callable[[], str]) -> Iterator[None]:
    """Around what Ctrl+C may end: says what that leaves, once it has ended."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"interrupted: {told()}")
        raise


def span(text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,5})([dhm])", text)
    if match is None:
        fail(f"expected a number and d, h or m, such as 90d; got {text!r}")
    unit = {"d": "days", "h": "hours", "m": "minutes"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def now() -> datetime:
    return datetime.now(UTC)


def harmless(text: str) -> str:
    """A text that may be somebody else's, on a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def fail(*messages: str) -> NoReturn:
    """Ends the command with these, a line each."""
    for message in messages:
        print(f"comity: {harmless(message)}", file=sys.stderr)
    raise SystemExit(1)

"""`comity import …`: real files of other systems, with a report of every refused row."""

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from api.console import interruptible, now, opened, progress, say, span
from api.starting import MANY, settling
from governance.database import Database
from governance.importing.block_events import import_block_events
from governance.importing.discourse_users import import_discourse_users
from governance.importing.dsa_statements import conclude, import_dsa_statements
from governance.importing.lemmy_blocks import import_lemmy_blocks
from governance.importing.mastodon_blocks import TERM, import_mastodon_blocks
from governance.importing.relays import Baton, relayed
from governance.importing.runs import Summary
from governance.settings import Keys, read_settings

app = typer.Typer(help="Import decisions from files of other systems.")

SHOWN_ROWS = 1_000
AGAIN = "import the same file again to go on"
LARGE = 16 << 20  # bytes of a file that two processes import sooner than one, once they run

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file to import.")]
Comments = Annotated[
    bool, typer.Option("--publish-comments", help="Publish the file's free text as explanations.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would happen and change nothing.")
]


@app.command()
def mastodon_blocks(
    file: File,
    platform: Annotated[str, typer.Option(help="Domain of the platform whose list it is.")],
    term: Annotated[str, typer.Option(help="How long each block holds, such as 90d.")] = "",
    publish_comments: Comments = False,
    dry_run: DryRun = False,
) -> None:
    """A server's domain blocks, as Mastodon exports them."""
    length: timedelta = span(term) if term else TERM
    _import(
        import_mastodon_blocks,
        file,
        platform=platform,
        term=length,
        publish_comments=publish_comments,
        dry_run=dry_run,
    )


@app.command()
def lemmy_blocks(
    file: File,
    platform: Annotated[str, typer.Option(help="Domain of the platform that blocked.")],
    dry_run: DryRun = False,
) -> None:
    """Block and Undo activities of a platform, as Lemmy federates them."""
    _import(import_lemmy_blocks, file, platform=platform, dry_run=dry_run)


@app.command()
def discourse_users(
    file: File,
    platform: Annotated[str, typer.Option(help="Domain of the site whose users they are.")],
    dry_run: DryRun = False,
) -> None:
    """Who is suspended or silenced until when, as Discourse exports its users."""
    _import(import_discourse_users, file, platform=platform, dry_run=dry_run)


@app.command()
def block_events(file: File, publish_comments: Comments = False, dry_run: DryRun = False) -> None:
    """Dated changes of many servers' block lists, replayed as records that don't bind."""
    _import(import_block_events, file, publish_comments=publish_comments, dry_run=dry_run)


@app.command()
def dsa_statements(file: File, publish_comments: Comments = False, dry_run: DryRun = False) -> None:
    """Statements of reasons, as the EU's DSA Transparency Database dumps them."""
    if dry_run or file.stat().st_size < LARGE or os.cpu_count() == 1:
        _import(import_dsa_statements, file, publish_comments=publish_comments, dry_run=dry_run)
    else:
        _import(_together, file, publish_comments=publish_comments)


def _together(database: Database, keys: Keys, file: Path, **options: Any) -> Summary:
    """Statements as a second process imports them as well."""
    mine = partial(import_dsa_statements, database, keys, file, **options)
    theirs = partial(_second, file, publish_comments=options["publish_comments"])
    return conclude(relayed(lambda baton: mine(baton=baton), theirs))


def _second(file: Path, baton: Baton, *, publish_comments: bool) -> Summary:
    with settling(MANY):
        settings = read_settings()
    with opened(settings) as database:
        return import_dsa_statements(
            database,
            settings.keys(),
            file,
            now=now(),
            clock=now,
            publish_comments=publish_comments,
            baton=baton,
        )


def _import(importer: Callable[..., Summary], file: Path, **options: Any) -> None:
    with settling(MANY):
        settings = read_settings()
    reached = 0  # percent

    def told(done: int, total: int) -> None:
        nonlocal reached
        reached = 100 * done // max(total, 1)
        shown(done, total)

    def left() -> str:
        if options.get("dry_run"):
            return "nothing was changed"
        part = f", some {reached} percent of the file" if reached else ""
        return f"what was taken in stays{part}; {AGAIN}"

    with interruptible(left), opened(settings) as database, progress(file.name) as shown:
        summary = importer(
            database, settings.keys(), file, now=now(), clock=now, progress=told, **options
        )
    for row in summary.refused[:SHOWN_ROWS]:
        print(row)
    if len(summary.refused) > SHOWN_ROWS:
        print(f"… and {len(summary.refused) - SHOWN_ROWS:,} more refused rows")
    would = "would be " if summary.is_dry_run else ""
    say(
        f"{summary.read:,} rows read: {summary.issued:,} {would}issued, "
        f"{summary.recorded:,} {would}recorded without binding, {summary.unchanged:,} unchanged, "
        f"{summary.lifted:,} lifted, {summary.superseded:,} superseded, "
        f"{len(summary.refused):,} refused"
    )
    for note in summary.notes:
        say(note)
    if summary.refused and len(summary.refused) == summary.read:
        raise typer.Exit(1)

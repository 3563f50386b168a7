"""`comity backup` and `comity restore`."""

from pathlib import Path
from typing import Annotated

import typer

from api.console import now, opened, progress, say
from governance import backups, restoring
from governance.settings import read_settings


def backup(
    file: Annotated[Path, typer.Argument(help="The file to make; it must not be there yet.")],
) -> None:
    """Put all records into one file, while the node serves and writes."""
    settings = read_settings()
    with opened(settings) as database, progress(file.name) as told:
        made = backups.backup(database, settings.keys(), file, now=now(), progress=told)
    say(f"{made.rows:,} rows are in {file}")
    files = ", ".join(str(path) for path in settings.key_paths.values() if path.exists())
    say(
        f"the key files aren't ({files}): without them no account can be looked up, no appeal "
        "secret fits, nothing can be logged and nobody knows what this node signs, so keep copies "
        "elsewhere"
    )


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The backup.")],
    any_key: Annotated[
        bool, typer.Option("--any-key", help="Restore although the backup's key file is lost.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all there is to check and change nothing.")
    ] = False,
) -> None:
    """Put a backup into an empty database: all of it, or nothing."""
    settings = read_settings()
    with opened(settings) as database, progress(file.name) as told:
        made = restoring.restore(
            database, settings.keys(), file, any_key=any_key, dry_run=dry_run, progress=told
        )
    would = "would be" if dry_run else "are"
    say(f"{made.rows:,} rows of {made.made_at:%Y-%m-%d %H:%M}Z {would} restored")

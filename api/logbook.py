"""`comity log …`: checks and copies of decision logs, one's own or others'."""

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.console import fail, harmless, progress
from api.sources import Folder, Mirrored, Source, opened_source
from governance.log.auditing import CHECKPOINT, KEY, Audit, Fetch, Page, Signed
from governance.log.descent import order
from governance.log.errors import LogError, Unread
from governance.log.notes import LARGEST_NOTE, encode
from governance.log.signers import Verifier, parse_verifier
from governance.log.tiles import ENTRIES, FULL, edge_of

LARGEST_KEY = 1_000  # bytes
NEW = ".new"  # where a copy's new files wait until all of the log is checked
UNKNOWN = (
    "no --key was given: this shows that the log is consistent, and not whose it is "
    "or that others see the same"
)

app = typer.Typer(help="Decision logs, this node's or others'.")

Where = Annotated[str, typer.Argument(help="Such as https://node.example/log, or a folder.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", help="The log's verifier key, from whom you trust; repeatable."),
]


@app.command()
def verify(
    where: Where,
    key: Keys = None,
    since: Annotated[
        Path | None, typer.Option(help="A checkpoint saved before, which the log must continue.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Save the checkpoint in this file, for --since.")
    ] = None,
) -> None:
    """Check a whole log without trusting it: every entry, tile and signature."""
    with opened_source(where) as log:
        trusted = _verifiers(key, log)
        old = None if since is None else signed_of(Folder(since.parent), since.name)
        audit = Audit(signed_of(log, CHECKPOINT), trusted, old)
        _read(audit, where, log.fetch)
    if not audit.faults and save is not None:
        write_whole(save, audit.signed.note.render())
    _tell(audit, is_key_given=bool(key))


@app.command()
def mirror(
    where: Where,
    folder: Annotated[Path, typer.Argument(help="Where the copy is, or will be.")],
    key: Keys = None,
) -> None:
    """Copy a log that is checked on the way; a second time, only what is new.

    It must continue the copy's own checkpoint, and of the copy's files only that ever changes.
    """
    copy, new = Folder(folder), Folder(folder / NEW)
    is_begun = (folder / CHECKPOINT).exists()
    with opened_source(where) as log:
        whole = Mirrored([copy, new], log)
        trusted = _verifiers(key, whole)
        old = signed_of(copy, CHECKPOINT) if is_begun else None
        audit = Audit(signed_of(log, CHECKPOINT), trusted, old)

        def keep(page: Page) -> None:
            if not whole.has(page.tile.path):
                write_whole(new.folder / page.tile.path, page.data)

        _read(audit, where, whole.fetch, keep)
    if not audit.faults:
        _move(new, copy, audit.tree.size)
        write_whole(folder / KEY, f"{trusted[0]}\n".encode())
        write_whole(folder / CHECKPOINT, audit.signed.note.render())
    if not audit.is_cut_short:  # otherwise what came is of use next time
        shutil.rmtree(new.folder, ignore_errors=True)
    _tell(audit, is_key_given=bool(key))


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file that is there whole or not at all, whenever the process or the power ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
    part.replace(path)


def _move(new: Folder, copy: Folder, size: int) -> None:
    """Puts in place what the log has that the copy had not."""
    for tile in chain(edge_of(size), order(size)):
        if new.has(tile.path):
            target = copy.folder / tile.path
            target.parent.mkdir(parents=True, exist_ok=True)
            (new.folder / tile.path).replace(target)


def _verifiers(keys: list[str] | None, log: Source) -> list[Verifier]:
    """The keys to trust: those given, or the one that lies with the log."""
    try:
        if keys:
            return [parse_verifier(key.strip()) for key in keys]
        return [parse_verifier(log.read(KEY, LARGEST_KEY).decode().removesuffix("\n"))]
    except Unread as error:
        signed_of(log, CHECKPOINT)  # without a log, a key is of no use
        fail(f"{KEY}: {error}; give --key")
    except (LogError, UnicodeDecodeError):
        fail("--key: it isn't a verifier key" if keys else f"{KEY}: it isn't a verifier key")


def signed_of(source: Source, path: str) -> Signed:
    try:
        return Signed.parse(source.read(path, LARGEST_NOTE))
    except LogError as error:
        fail(f"{path}: {error}")


def _read(
    audit: Audit, where: str, fetch: Fetch, keep: Callable[[Page], object] = lambda page: None
) -> None:
    for page in audited(audit, where, fetch):
        keep(page)


def audited(audit: Audit, where: str, fetch: Fetch) -> Iterator[Page]:
    """The pages of a log as they are checked, with progress."""
    with progress(escape(where)) as told:
        for page in audit.pages(fetch):
            yield page
            if page.tile.level == ENTRIES:
                told(page.tile.index * FULL + page.tile.width, audit.tree.size)


def _tell(audit: Audit, *, is_key_given: bool) -> None:
    """Says what was verified; what is wrong ends the command instead."""
    if audit.faults:
        fail(*map(str, audit.faults))
    tree, names = audit.tree, ", ".join(map(str, audit.signers))
    if not is_key_given:
        typer.echo(UNKNOWN, err=True)
    for origin in audit.history.unknown:
        told = f"it took the place of {origin}: that this was its doing shows its --key, given too"
        typer.echo(harmless(told), err=True)
    for origin in audit.history.lost:
        told = f"it says that it took the place of {origin}, whose key was lost: nothing proves it"
        typer.echo(harmless(told), err=True)
    size = f"{tree.size:,} {'entry' if tree.size == 1 else 'entries'}"
    print(harmless(f"{tree.origin}: {size}, root {encode(tree.root)}, signed by {names}"))

"""`comity log …` for this node's own log: its key, proofs and openings, and what to do after a
restore."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer
from pydantic.alias_generators import to_camel
from sqlmodel import Session, col, select

from api.console import fail, now, opened, say
from api.logbook import Where, app, audited, signed_of, write_whole
from api.sources import Source, opened_source
from api.witnessed import require_newest
from governance import rebuilding
from governance.database import Database
from governance.decisions import COMMITTED
from governance.entries import LogEntry
from governance.log import continuing, proving
from governance.log.auditing import CHECKPOINT, Audit, Page
from governance.log.commitments import opening
from governance.log.errors import LogError
from governance.log.keyfiles import KeyFile
from governance.log.notes import check_name, decode, encode
from governance.log.rotating import rotate
from governance.log.signers import Verifier, parse_verifier
from governance.publishing import covering
from governance.sanctions import Disclosure, Sanction
from governance.settings import read_settings

Ident = Annotated[str, typer.Argument(help="Id of a sanction, or the place of an entry.")]


@app.command()
def key() -> None:
    """Print the verifier key of this node's log, for others to trust."""
    print(read_settings().sequencer().signer.verifier())


@app.command("rotate-key")
def rotate_key() -> None:
    """Put a new key in the place of the log's: the old one hands over to it in the log."""
    settings = read_settings()
    with opened(settings) as database:
        verifier = rotate(database, KeyFile(settings.log_key_path), now=now())
    say(
        f"running servers use it from their next entry on; copy {settings.log_key_path} again, as "
        "older copies sign no more; tell those who verify the log:"
    )
    print(verifier)


@app.command()
def proof(
    ident: Ident,
    folder: Annotated[Path, typer.Option(help="Where to write the files.")] = Path(),
) -> None:
    """Write an entry, and a proof file that it is in the log (C2SP tlog-proof)."""
    with opened() as database, database.reading() as session:
        entry = _entry(session, ident)
        made = proving.carried(session, entry.index, covering(session, entry.index))
    for suffix, data in ((".json", entry.data.encode()), (".tlog-proof", made.render())):
        file = folder / f"{ident}{suffix}"
        write_whole(file, data)
        say(f"{file}")


@app.command("open")
def open_field(
    ident: Annotated[str, typer.Argument(help="Id of a sanction.")],
    field: Annotated[str, typer.Argument(help="Such as explanation, or reason.")],
) -> None:
    """Show that a disclosed field is what the log committed to; prints what proves it."""
    names = {to_camel(name): name for name in COMMITTED}
    if field not in names:
        fail(f"expected one of {', '.join(names)}; got {field!r}")
    with opened() as database, database.reading() as session:
        entry, held = _entry(session, ident), session.get(Disclosure, ident)
    value = getattr(held, names[field]) if held else None
    if held is None or not held.seed or not value:
        fail(f"{ident} discloses no {field} (any more)")
    found = opening(held.seed, field, value)
    committed = orjson.loads(entry.data)["decision"]["commitments"].get(field, "")
    found.check(decode(committed))
    told = {"field": field, "value": value, "key": encode(found.key), "commitment": committed}
    print(orjson.dumps(told | {"entry": entry.index}).decode())


@app.command()
def resume() -> None:
    """Go on with a log on a new machine, having made sure that no entry is missing."""
    settings = read_settings()
    with opened(settings) as database:
        assert database.log is not None, "opened with it"
        signed = database.log.guard.newest()
        with database.reading() as session:
            head = database.log.continued(session, signed)
        require_newest(database, settings)
    if head.size:
        database.log.guard.advance(head)
    say(f"{head.origin} goes on from {head.size:,} entries")


@app.command("begin-anew")
def begin_anew(
    name: Annotated[str, typer.Argument(help="Of the new log, such as example.org/log2.")],
    key_lost: Annotated[
        bool, typer.Option("--key-lost", help="The key is lost: nothing proves who closed the log.")
    ] = False,
) -> None:
    """Close a log whose entries or key are lost for good; begin one with another name and key."""
    try:
        check_name(name)
    except LogError as error:
        fail(f"expected a name such as example.org/log2 ({error})")
    settings = read_settings()
    with opened(settings) as database:
        file = KeyFile(settings.log_key_path)
        verifier = continuing.begin_anew(database, file, name, now=now(), is_key_lost=key_lost)
    say("tell those who verify or follow the closed log; /log/closed has its last checkpoint")
    if settings.log_origin:
        say(f"set COMITY_LOG_ORIGIN={verifier.name} from now on")
    print(verifier)


@app.command()
def recover(
    where: Where,
    lost_key: Annotated[
        str, typer.Option("--lost-key", help="The log's verifier key, where its key is lost.")
    ] = "",
) -> None:
    """Bring a database that was restored from a backup to where a copy of its log ends."""
    settings = read_settings()
    log = settings.sequencer()
    trusted = [_verifier(lost_key) if lost_key else log.signer.verifier()]
    with opened(settings), opened_source(where) as source:
        plain = Database(settings.database_url)  # what it replays is signed already
        audit, pages = Audit(signed_of(source, CHECKPOINT), trusted), _pages(source, where)
        try:
            if lost_key:
                lost = rebuilding.recover_orphaned(plain, log, audit, pages)
            else:
                lost = rebuilding.recover(plain, log, audit, pages, clock=now)
        finally:
            plain.close()
    _tell(audit, lost)
    if lost_key:
        say("now begin another log with `comity log begin-anew --key-lost`")


@app.command()
def rebuild(
    where: Where,
    disclosures: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="A backup that holds them.")
    ],
) -> None:
    """Make an empty database anew, from a copy of the log and the disclosures of a backup."""
    settings = read_settings()
    log = settings.sequencer()
    with opened(settings), opened_source(where) as source:
        plain = Database(settings.database_url)
        audit = Audit(signed_of(source, CHECKPOINT), [log.signer.verifier()])
        try:
            lost = rebuilding.rebuild(
                plain,
                log,
                audit,
                _pages(source, where),
                keys=settings.keys(),
                backup=disclosures,
                clock=now,
            )
        finally:
            plain.close()
    _tell(audit, lost)


def _verifier(key: str) -> Verifier:
    try:
        return parse_verifier(key.strip())
    except LogError:
        fail("--lost-key: it isn't a verifier key")


def _pages(source: Source, where: str) -> rebuilding.Pages:
    def pages(audit: Audit) -> Iterator[Page]:
        return audited(audit, where, source.fetch)

    return pages


def _tell(audit: Audit, lost: set[str]) -> None:
    say(f"the database is at {audit.tree.size:,} entries of the log")
    if lost:
        say(f"{len(lost):,} sanctions came without their disclosures, and the log says so")


def _entry(session: Session, ident: str) -> LogEntry:
    """The entry at a place, or the one that began a case."""
    begun = select(Sanction.first_entry).where(Sanction.id == ident).scalar_subquery()
    which = col(LogEntry.index) == begun
    if ident.isascii() and ident.isdigit() and len(ident) < 19:
        which = col(LogEntry.index) == int(ident)
    found = session.exec(select(LogEntry).where(which)).first()
    if found is None:
        fail(f"the log has no entry {ident}")
    return found

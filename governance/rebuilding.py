"""A database brought on, or made anew, from a copy of its log that was checked.

`recover` continues the log of a database that was restored from a backup. `rebuild` fills an empty
one; what is in no log comes from a backup: disclosures, members, tokens, messages, and which nodes
are followed. What those decided comes from them again.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance import erasing, migrations
from governance.database import Database
from governance.entries import LogCheckpoint
from governance.errors import Conflict
from governance.fields import parse_instant
from governance.importing.runs import Clock
from governance.log.auditing import Audit, Page
from governance.log.guards import check_continues
from governance.log.leaves import Leaf, parse_leaf
from governance.log.notes import decode, encode
from governance.log.proving import stored_root
from governance.log.sequencing import Sequencer, newest_checkpoint
from governance.log.tree import EMPTY_ROOT
from governance.peers import Peer, PeerFork
from governance.platforms import Member, Platform
from governance.records import METADATA
from governance.replaying import Replay
from governance.restoring import restore
from governance.settings import Keys

# What no log has, nor is disclosed, by table.
ELSEWHERE = (
    *("members", "tokens", "parts", "votes", "notes", "appeal_messages", "secret_uses", "lookups"),
)

Pages = Callable[[Audit], Iterator[Page]]


def recover(db: Database, log: Sequencer, audit: Audit, pages: Pages, *, clock: Clock) -> set[str]:
    """Applies what a copy of the log has more than the database: all of it, or nothing.

    Returns the cases whose disclosures are lost; the log says so of each. Conflict if the copy
    isn't sound or has no more, RolledBack if it isn't what this node signed.
    """
    with db.writing() as session:
        lost = _replayed(session, None, log, audit, pages).lost
    return _signed_again(db, log, audit, lost, clock)


def recover_orphaned(db: Database, log: Sequencer, audit: Audit, pages: Pages) -> set[str]:
    """The same of a log whose key is lost. The one that takes its place says what is lost."""
    with db.writing() as session:
        newest = newest_checkpoint(session)
        if newest is not None and log.has_signed(newest):
            raise Conflict("the key that signed the log is in its place: it isn't lost")
        return _replayed(session, None, log, audit, pages, is_key_lost=True).lost


def rebuild(
    db: Database,
    log: Sequencer,
    audit: Audit,
    pages: Pages,
    *,
    keys: Keys,
    backup: Path,
    clock: Clock,
) -> set[str]:
    """Fills an empty database from a copy of the log and the disclosures of a backup, which may
    be older: what was erased since stays erased. Returns as `recover` does."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="comity-", dir=backup.parent))
        url = f"sqlite:///{folder}/held.db"
        migrations.upgrade(url)
        held = stack.enter_context(closing(Database(url)))
        restore(held, keys, backup)
        reading = stack.enter_context(held.reading())
        session = stack.enter_context(db.writing())
        if newest_checkpoint(session) is not None:
            raise Conflict("expected an empty database")
        replay = _replayed(session, reading, log, audit, pages)
        _carry_over(session, reading)
        _carry_checkpoints(session, reading, replay.size)
        _follow_again(session, reading)
        replay.forget()
    return _signed_again(db, log, audit, replay.lost, clock)


def _replayed(
    session: Session,
    held: Session | None,
    log: Sequencer,
    audit: Audit,
    pages: Pages,
    *,
    is_key_lost: bool = False,
) -> Replay:
    replay, newest = Replay(session, held), ""
    for page in pages(audit):
        if audit.faults:
            break
        for leaf in _applied(replay, page):
            newest = leaf.logged_at
    if audit.faults:
        raise Conflict("this copy of the log isn't sound: " + "; ".join(map(str, audit.faults)))
    if not newest:
        raise Conflict(f"this copy of the log has no more than the database: {replay.size:,}")
    replay.finish(audit.signed.note, parse_instant(newest))
    if is_key_lost:
        check_continues(log.guard.newest(), audit.tree, partial(stored_root, session))
    else:
        log.continued(session, log.guard.newest())
    return replay


def _applied(replay: Replay, page: Page) -> list[Leaf]:
    """The entries of a page that the database hadn't, applied."""
    new = [parse_leaf(data) for index, data in page.entries if index >= replay.size]
    replay.apply(new)
    return new


def _carry_over(session: Session, held: Session) -> None:
    """Copies what no log has, as far as it is about what the log knows."""
    _carry_platforms(session, held)
    known = {
        column: set(session.scalars(sa.select(METADATA.tables[table].c.id)))
        for column, table in (("sanction_id", "sanctions"), ("appeal_id", "appeals"))
    }
    for name in ELSEWHERE:
        table = METADATA.tables[name]
        rows = [
            dict(row)
            for row in held.execute(sa.select(table)).mappings()
            if all(row[column] in ids for column, ids in known.items() if column in table.c)
        ]
        if rows:
            session.execute(sa.insert(table), rows)


def _carry_checkpoints(session: Session, held: Session, size: int) -> None:
    """Copies older trees of this log as they were signed and published."""
    older = select(LogCheckpoint).where(col(LogCheckpoint.size) < size)
    for kept in held.exec(older.order_by(col(LogCheckpoint.size))):
        if stored_root(session, kept.size) == decode(kept.root_hash):
            session.add(LogCheckpoint(**kept.model_dump()))


def _carry_platforms(session: Session, held: Session) -> None:
    """Copies peers' platforms that have members here."""
    known = set(session.exec(select(Platform.id)))
    members = select(Member.platform_id).where(col(Member.platform_id).not_in(known))
    for platform in held.exec(select(Platform).where(col(Platform.id).in_(members))):
        session.add(Platform(**platform.model_dump()))
    session.flush()


def _follow_again(session: Session, held: Session) -> None:
    """Nodes that were followed are again, from their logs' beginnings; not those that forked."""
    for peer in held.exec(select(Peer)):
        kept = peer.model_dump(
            include={"origin", "url", "verifiers", "token", "state", "followed_at"}
        )
        session.add(Peer(**kept, root_hash=encode(EMPTY_ROOT), is_disclosed=False))
    session.flush()
    for fork in held.exec(select(PeerFork)):
        session.add(PeerFork(**fork.model_dump()))


def _signed_again(
    db: Database, log: Sequencer, audit: Audit, lost: set[str], clock: Clock
) -> set[str]:
    """Goes on signing; of what is lost the log says that it is."""
    log.guard.advance(audit.tree)
    if lost:
        with db.writing(log) as session:
            erasing.redact_lost(session, now=clock())
    return lost

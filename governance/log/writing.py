"""The entries that decisions become: put together, linked to those before them, and hashed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count, islice
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.entries import LogEntry
from governance.fields import print_instant
from governance.log.errors import Malformed
from governance.log.leaves import LARGEST_LEAF
from governance.log.notes import encode
from governance.log.tree import leaf_hash, leaf_hashes
from governance.rows import Columns, fetch, mark
from governance.sanctions import Sanction

UNSIGNED = "null"
PART = 250  # entries that PostgreSQL takes in while the next are made
MOST_ASKED = 10_000  # cases, or places, in a statement; each engine takes some ten thousand values

# By both columns of the index, or PostgreSQL reads all entries of the node's own.
_LAST_SEQ = (
    "SELECT seq FROM log_entries WHERE platform_id {} ORDER BY platform_id DESC, seq DESC LIMIT 1"
)


class Decision(NamedTuple):
    """What is to be logged: canonical JSON, and the signature by its platform or `null`."""

    data: bytes
    platform_id: str | None
    case_id: str | None
    at: datetime
    signature: str = UNSIGNED
    begins_case: bool = False  # then the case has no earlier entry


def entries_of(
    session: Session, decisions: Sequence[Decision], size: int, hashes: list[bytes]
) -> Iterator[Columns]:
    """The rows of a log's entries from its size on, each hashed as it will be served; adds their
    hashes. They come in parts on PostgreSQL."""
    told, platforms, cases, times, signatures, begun = zip(*decisions, strict=True)
    next_seqs = _next_seqs(session, set(platforms))
    seqs = [next(next_seqs[platform]) for platform in platforms]
    known = {case for case, begins in zip(cases, begun, strict=True) if case and not begins}
    previous = _newest_of(session, known)
    printed, between = None, ""
    left = zip(told, seqs, cases, times, signatures, strict=True)
    step = PART if session.get_bind().dialect.name == "postgresql" else len(decisions)
    for start in range(0, len(decisions), step):
        entries = list[str]()
        for decision, seq, case, at, signature in islice(left, step):
            if at is not printed:  # what is logged together is logged at one instant
                printed, between = at, f',"node":{{"loggedAt":"{print_instant(at)}","previous":'
            before = previous.get(case)
            link = "null" if before is None else f'"{encode(leaf_hash(before.encode()))}"'
            # Canonical JSON, put together since its parts are canonical already.
            entry = (
                f'{{"decision":{decision.decode()}{between}{link},"seq":{seq}}},'
                f'"signature":{signature}}}'
            )
            if case is not None:
                previous[case] = entry
            entries.append(entry)
        if _is_any_too_long(entries):
            raise Malformed(f"an entry has at most {LARGEST_LEAF:,} bytes")
        hashes += leaf_hashes(map(str.encode, entries))
        part = slice(start, start + step)
        yield {
            "index": range(size + start, size + start + len(entries)),
            "platform_id": platforms[part],
            "seq": seqs[part],
            "case_id": [
                None if begins else case
                for case, begins in zip(cases[part], begun[part], strict=True)
            ],
            "data": entries,
        }


def _is_any_too_long(entries: Sequence[str]) -> bool:
    """In bytes, of which a character has four at most."""
    longest = max(map(len, entries))
    return 4 * longest > LARGEST_LEAF and max(len(one.encode()) for one in entries) > LARGEST_LEAF


def _next_seqs(session: Session, platforms: set[str | None]) -> dict[str | None, "count[int]"]:
    """The next numbers of each platform's entries; of the node's own for None."""
    found = {}
    for platform in platforms:
        which, told = ("IS NULL", ()) if platform is None else (f"= {mark(session)}", (platform,))
        last = fetch(session, _LAST_SEQ.format(which), told)
        found[platform] = count(last[0][0] + 1 if last else 0)
    return found


def _newest_of(session: Session, cases: set[str]) -> dict[str | None, str]:
    """Each case's newest entry, where it has one."""
    found, asked = dict[str | None, str](), list(cases)
    for start in range(0, len(asked), MOST_ASKED):
        some, case = asked[start : start + MOST_ASKED], col(LogEntry.case_id)
        later = sa.select(case, sa.func.max(col(LogEntry.index)).label("place"))
        first = sa.select(col(Sanction.id), col(Sanction.first_entry))
        places = sa.union_all(
            later.where(case.in_(some)).group_by(case), first.where(col(Sanction.id).in_(some))
        ).subquery()
        entries = sa.select(places.c.case_id, col(LogEntry.data)).order_by(col(LogEntry.index))
        told = entries.join(LogEntry, col(LogEntry.index) == places.c.place)
        found |= {row.case_id: row.data for row in session.execute(told)}
    return found

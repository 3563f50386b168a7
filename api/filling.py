"""What is put into answers after their statement ran: secrets, signed links, the log's hashes and
proofs."""

from collections.abc import Callable, Collection
from datetime import datetime

import orjson
from sqlmodel import Session, col, select

from api.asking import refusal
from api.reads.groups import MOST_GROUPS
from api.research.links import links
from governance.appellants import appeal_secret
from governance.database import Database
from governance.entries import LogEntry
from governance.log import proving
from governance.log.notes import encode
from governance.log.tree import leaf_hash
from governance.log.writing import MOST_ASKED
from governance.publishing import covering
from governance.settings import Keys

MOST_PROOFS = 100  # in one root field

Place = tuple[str, str]  # what, of which parts


class Filler:
    """Makes what belongs into places of an answer."""

    def __init__(self, database: Database, keys: Keys, now: Callable[[], datetime]) -> None:
        self._database, self._keys, self._now = database, keys, now

    def fill(self, places: Collection[Place]) -> dict[Place, str]:
        """The JSON for each place, without the quotes that a text has around it already."""
        if any(what == "groups" for what, _ in places):
            message = f"expected at most {MOST_GROUPS:,} groups: ask for fewer dimensions, or less"
            raise refusal(message, "LIMIT_EXCEEDED")
        secrets = {place for place in places if place[0] == "secret"}
        shared = {place for place in places if place[0] == "link"}
        leaves = {place for place in places if place[0] == "leafHash"}
        proofs = set(places) - secrets - shared - leaves
        if len(proofs) > MOST_PROOFS:
            message = f"expected at most {MOST_PROOFS} proofs at once, got {len(proofs):,}"
            raise refusal(message, "LIMIT_EXCEEDED")
        found = {place: appeal_secret(self._keys, place[1], 0) for place in secrets}
        if proofs or shared or leaves:
            with self._database.reading() as session:
                found |= _leaf_hashes(session, leaves)
                found |= {place: _proof(session, *place) for place in proofs}
                found |= self._links(session, shared) if shared else {}
        return found

    def _links(self, session: Session, places: Collection[Place]) -> dict[Place, str]:
        asked = {
            place: (place[1].partition(".")[0], place[1].partition(".")[2]) for place in places
        }
        made = links(session, self._keys, asked.values(), self._now())
        return {place: made[what] for place, what in asked.items()}


def _leaf_hashes(session: Session, places: Collection[Place]) -> dict[Place, str]:
    """Of entries, by their places in the log."""
    found, asked = dict[Place, str](), {int(index): (what, index) for what, index in places}
    indexes = sorted(asked)
    for start in range(0, len(indexes), MOST_ASKED):
        some = col(LogEntry.index).in_(indexes[start : start + MOST_ASKED])
        for index, data in session.exec(select(LogEntry.index, LogEntry.data).where(some)):
            found[asked[index]] = encode(leaf_hash(data.encode()))
    return found


def _proof(session: Session, what: str, parts: str) -> str:
    numbers = [int(part) for part in parts.split(".")]
    if what == "proof":
        under = covering(session, numbers[0])
        made = proving.carried(session, numbers[0], under).render().decode()
        return orjson.dumps(made).decode()[1:-1]
    prove = proving.inclusion if what == "inclusion" else proving.consistency
    hashes = prove(session, *numbers)
    return orjson.dumps([encode(one) for one in hashes]).decode()

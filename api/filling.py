"""What is put into answers after their statement ran: secrets, and the log's proofs."""

from collections.abc import Collection

import orjson
from sqlmodel import Session

from api.asking import refusal
from api.reads.groups import MOST_GROUPS
from governance.appellants import appeal_secret
from governance.database import Database
from governance.log import proving
from governance.log.notes import encode
from governance.publishing import covering
from governance.settings import Keys

MOST_PROOFS = 100  # in one root field

Place = tuple[str, str]  # what, of which parts


class Filler:
    """Makes what belongs into places of an answer."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database, self._keys = database, keys

    def fill(self, places: Collection[Place]) -> dict[Place, str]:
        """The JSON for each place, without the quotes that a text has around it already."""
        if any(what == "groups" for what, _ in places):
            message = f"expected at most {MOST_GROUPS:,} groups: ask for fewer dimensions, or less"
            raise refusal(message, "LIMIT_EXCEEDED")
        proofs = {place for place in places if place[0] != "secret"}
        if len(proofs) > MOST_PROOFS:
            message = f"expected at most {MOST_PROOFS} proofs at once, got {len(proofs):,}"
            raise refusal(message, "LIMIT_EXCEEDED")
        known = set(places) - proofs
        found = {place: appeal_secret(self._keys, place[1], 0) for place in known}
        if proofs:
            with self._database.reading() as session:
                found |= {place: _proof(session, *place) for place in proofs}
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

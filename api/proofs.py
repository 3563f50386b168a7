"""Asks who a caller is and what they ask about in one statement.

What this process last read of a token goes along with the question, and the question is answered
only where the token's row still reads so. A revoked token is dead at once, and nobody waits for one
more statement.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import sqlalchemy as sa

from api.reads.dialects import Dialect
from api.reads.fields import Read, rows_of
from api.reads.plans import Plan, planned
from api.reads.stores import LONGEST_KEPT, Values
from api.reads.texts import Text, concatenated, literal
from api.reads.values import Getter
from governance.membership import Actor
from governance.platforms import Member, Token
from governance.rules.disclosure import PUBLIC

KEPT = 1_000  # statements


@dataclass(frozen=True, slots=True)
class Proof:
    """A member, the hash of the token that was shown, and the row it was found with last."""

    actor: Actor
    digest: str
    row: str


class Prover:
    """Puts the question of a proof around statements."""

    def __init__(self, dialect: Dialect) -> None:
        self._holder, self._sign = holder(dialect).sql, dialect.sign
        self._proven = lru_cache(KEPT)(self._made)

    def around(self, sql: str, values: Values, proof: Proof) -> tuple[str, Values]:
        """The statement and its values, to answer nothing unless the proof holds."""
        proven = self._proven if len(sql) <= LONGEST_KEPT else self._made
        return proven(sql, len(values)), [*values, proof.digest, proof.row]

    def _made(self, sql: str, count: int) -> str:
        digest, row = f"{self._sign}{count + 1}", f"{self._sign}{count + 2}"
        holder = self._holder.replace(f"{self._sign}1", digest)
        return f"SELECT CASE WHEN ({holder}) = CAST({row} AS VARCHAR) THEN ({sql}) END"


def holder(dialect: Dialect) -> Plan:
    """A token and its member by the token's hash, as a JSON array."""
    token, member = rows_of(Token), rows_of(Member)
    binds: dict[str, Getter] = {}
    read = Read(dialect, PUBLIC.kind, binds)
    asked = read.bound(lambda env: env.variables["hash"], sa.Text())

    def instant(column: sa.ColumnElement[datetime]) -> Text:
        printed = concatenated(['"', dialect.instant(column), '"'])
        return sa.func.coalesce(printed, literal("null"), type_=sa.Text())

    words = (token.c.id, member.c.id, member.c.platform_id, member.c.kind)
    parts: list[Text | str] = ["["]
    for word in words:
        parts += ['"', sa.type_coerce(word, sa.Text()), '",']
    ends = instant(token.c.expires_at), ",", instant(token.c.revoked_at)
    array = concatenated([*parts, sa.cast(member.c.roles, sa.Text()), ",", *ends, "]"])
    holder = sa.join(token, member, member.c.id == token.c.member_id)
    found = sa.select(array).select_from(holder).where(token.c.hash == asked)
    return planned(found, binds, dialect)

"""What a platform itself decided, for the systems of its own: adoptions among it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.identifiers import SubjectKind
from governance.membership import find_platform
from governance.rules.status import effect
from governance.sanctions import Disclosure, Sanction
from governance.words import Effect, EndReason, Measure

BATCH = 1_000  # rows held in memory


@dataclass(frozen=True, slots=True)
class Own:
    """A decision that binds, and whom it is about."""

    sanction: Sanction
    uri: str
    reason: str | None

    def is_in_force(self, now: datetime) -> bool:
        return effect((self.sanction.starts_at, self.sanction.ends_at), now) is Effect.IN_FORCE

    @property
    def is_corrected(self) -> bool:
        """Whether it ended before its time, so that who took note of its end must be told."""
        return self.sanction.end_reason not in (None, EndReason.EXPIRED)


def own(
    session: Session, domain: str, kind: SubjectKind, measures: frozenset[Measure], now: datetime
) -> Iterator[Own]:
    """Decisions that began and whose time, as planned, isn't over; in the order of their start.
    What was erased isn't among them."""
    platform = find_platform(session, domain)
    query = (
        sa.select(Sanction, col(Disclosure.subject), col(Disclosure.reason))
        .join(Disclosure, col(Disclosure.sanction_id) == col(Sanction.id))
        .where(
            col(Sanction.platform_id) == platform.id,
            col(Sanction.is_binding),
            col(Sanction.subject_kind) == kind,
            col(Sanction.measure).in_(sorted(measures)),
            col(Sanction.starts_at) <= now,
            sa.or_(col(Sanction.expires_at).is_(None), col(Sanction.expires_at) > now),
            col(Disclosure.subject) != "",
        )
        .order_by(col(Sanction.starts_at), col(Sanction.id))
    )
    for sanction, uri, reason in session.execute(query.execution_options(yield_per=BATCH)):
        yield Own(sanction, uri, reason)

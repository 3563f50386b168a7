"""What rules a peer's sanctions break: each alone, and those of one platform and subject together.

Together they are judged in the order of their log, each against what came before it as it was then.
So it comes to the same in whatever order their subjects are disclosed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from governance.events import Event, places_of
from governance.judging import earlier_of
from governance.rules import policy
from governance.sanctions import Disclosure, Sanction
from governance.subjects import keys_of, sanctions_about
from governance.words import EventType, MemberKind, PolicyConflict

# What breaks these rules alone counts against what comes after it all the same: it may have bound
# here, for as long as what speaks against it was kept from this node.
TOGETHER = frozenset({PolicyConflict.DOUBLE_JEOPARDY, PolicyConflict.TOTAL_TOO_LONG})
MOST_TOGETHER = 1_000  # sanctions of one platform and subject; what comes after them never binds


def alone(sanction: Sanction) -> list[PolicyConflict]:
    """The rules that a sanction breaks whatever else its platform decided."""
    return _broken(sanction, ())


def judge_together(session: Session, disclosed: Collection[str]) -> None:
    """Judges the sanctions of subjects once more, after those of some became known. What breaks a
    rule is a record from now on, and stays one."""
    if not disclosed:
        return
    session.flush()
    about = _same_subjects(_same_subjects(disclosed))
    named = sa.select(col(Disclosure.sanction_id), col(Disclosure.lookup_keys))
    keys = dict(session.execute(named.where(col(Disclosure.sanction_id).in_(about))).all())
    platforms = sa.select(col(Sanction.platform_id)).where(col(Sanction.id).in_(disclosed))
    own = select(Sanction).where(
        col(Sanction.id).in_(about), col(Sanction.platform_id).concat("").in_(platforms)
    )
    sanctions = {sanction.id: sanction for sanction in session.exec(own)}
    if len(sanctions) < 2:
        return
    ids = own.with_only_columns(col(Sanction.id))  # there may be more than a statement takes
    told = select(Event).where(col(Event.position).in_(places_of(ids)))
    known: dict[tuple[str, str], dict[str, policy.Earlier]] = defaultdict(dict)
    for event in session.exec(told.order_by(col(Event.position))):
        sanction, is_new = sanctions[event.sanction_id], event.type is EventType.SANCTION_ISSUED
        held = [known[sanction.platform_id, key] for key in keys[sanction.id]]
        if is_new:
            earlier = {i: one for by_id in held for i, one in by_id.items()}
            is_one_more = len(earlier) >= MOST_TOGETHER
            many = [PolicyConflict.TOTAL_TOO_LONG]
            mark(sanction, many if is_one_more else _broken(sanction, earlier.values()))
            session.add(sanction)
            is_new = not is_one_more and TOGETHER.issuperset(sanction.policy_conflicts)
        for by_id in held:
            if is_new or sanction.id in by_id:
                by_id[sanction.id] = earlier_of(sanction, event)


def mark(sanction: Sanction, found: Iterable[PolicyConflict]) -> None:
    """Makes a sanction that breaks rules a record, which doesn't bind."""
    sanction.policy_conflicts = list(dict.fromkeys([*sanction.policy_conflicts, *found]))
    sanction.is_binding = not sanction.policy_conflicts


def _same_subjects(sanctions: Any) -> SelectOfScalar[str]:
    """Ids of the sanctions that share a name of their subjects with some."""
    return sanctions_about(keys_of(sanctions))


def _broken(sanction: Sanction, earlier: Iterable[policy.Earlier]) -> list[PolicyConflict]:
    decision = policy.Decision(
        measure=sanction.measure,
        category=sanction.category,
        kind=sanction.subject_kind,
        basis=sanction.permanent_basis,
        effective_at=sanction.effective_at,
        expires_at=sanction.expires_at,
        conduct_from=sanction.conduct_from,
        conduct_to=sanction.conduct_to,
        automation=sanction.automation,
        decided_by=MemberKind.PERSON,
        now=sanction.issued_at,
        keeps_dates=True,
    )
    return [found.code for found in policy.conflicts(decision, earlier)]

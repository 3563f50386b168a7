"""Ends that an import brings, at their own dates, many at once."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from governance import feed
from governance.changing import note
from governance.errors import NotFound, Refused
from governance.membership import Actor
from governance.rules.lifecycle import after
from governance.rules.permissions import Operation
from governance.rules.status import effect
from governance.sanctions import Sanction
from governance.words import EventType


def lift_at(
    session: Session, actor: Actor, ends: Mapping[str, datetime], reason: str, *, now: datetime
) -> dict[str, bool | Refused]:
    """Lifts own sanctions, each at its date; by id, whether that is news, or why it can't be."""
    actor.require(Operation.LIFT)
    found = {
        sanction.id: sanction
        for sanction in session.exec(
            select(Sanction).where(
                col(Sanction.id).in_(ends), Sanction.platform_id == actor.platform_id
            )
        )
    }
    answers: dict[str, bool | Refused] = {}
    happenings: list[feed.Happening] = []
    for sanction_id, at in ends.items():
        answers[sanction_id] = _lifted(session, found.get(sanction_id), at, reason, now)
        if answers[sanction_id] is True:
            happenings.append(
                feed.Happening(
                    EventType.SANCTION_LIFTED, found[sanction_id], occurred_at=min(at, now)
                )
            )
    feed.append(session, happenings, now=now)
    return answers


def _lifted(
    session: Session, sanction: Sanction | None, at: datetime, reason: str, now: datetime
) -> bool | Refused:
    if sanction is None:
        return NotFound("no such sanction of this platform")
    if sanction.lifted_at == at:
        return False
    try:
        after(
            EventType.SANCTION_LIFTED,
            sanction.validity,
            effect((sanction.starts_at, sanction.ends_at), at),
        )
    except Refused as refused:
        return refused
    sanction.lifted_at = at
    note(session, sanction, EventType.SANCTION_LIFTED, reason, now)
    session.add(feed.settle(sanction))
    return True

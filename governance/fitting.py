"""What an entry of a peer may change: cases of its own platform, which end no later by it."""

from datetime import datetime

from sqlmodel import Session

from governance.appeals import Appeal
from governance.fields import parse_instant
from governance.log.leaves import Leaf
from governance.replaying import VALIDITIES
from governance.rules import adoption
from governance.sanctions import Sanction
from governance.words import EventType, Validity

Ends = tuple[datetime | None, bool]


class Unfit(Exception):
    """Why an entry isn't applied."""


def check_new(session: Session, leaf: Leaf, platform_id: str) -> None:
    if session.get(Sanction, leaf.case) is not None:
        raise Unfit("a case of this id is known already")
    replaced = leaf.decision.get("supersedes")
    if replaced is not None:
        _own(session, replaced, platform_id)


def check_change(session: Session, event: EventType, leaf: Leaf, platform_id: str) -> None:
    """Terminal states stay, and no end moves later."""
    sanction = _own(session, leaf.decision["case"], platform_id)
    if event in VALIDITIES and sanction.validity is not Validity.STANDING:
        raise Unfit(f"its sanction is {sanction.validity} already")
    if event is EventType.SANCTION_SHORTENED:
        end = leaf.decision.get("changed", {}).get("expiresAt")
        if end is None or (sanction.expires_at and parse_instant(end) > sanction.expires_at):
            raise Unfit("it doesn't shorten its sanction")
    named = leaf.decision.get("appeal")
    if named is not None:
        appeal = session.get(Appeal, named)
        if appeal is not None and appeal.platform_id != platform_id:
            raise Unfit("its appeal is another platform's")
        _own(session, leaf.decision.get("origin", sanction.id), platform_id)


def _own(session: Session, sanction_id: object, platform_id: str) -> Sanction:
    sanction = session.get(Sanction, sanction_id)
    if sanction is None or sanction.platform_id != platform_id:
        raise Unfit("its case isn't one of its platform's here")
    return sanction


def ends_of(session: Session, leaf: Leaf) -> Ends:
    """When the sanction that an entry changes ends, and whether it was approved."""
    sanction = session.get(Sanction, leaf.decision.get("case", ""))
    if sanction is None:
        return None, False
    return sanction.ends_at, sanction.approved_at is not None


def may_end(event: EventType, sanction: Sanction, before: Ends) -> bool:
    """Whether a change leaves a sanction an end that isn't later than before; the approval of a
    termination that hasn't lapsed alone takes its end away."""
    end, was_approved = before
    if event is EventType.SANCTION_APPROVED:
        lapse, at = sanction.lapses_at, sanction.approved_at
        return not was_approved and lapse is not None and at is not None and at < lapse
    return not adoption.ends_later(sanction.ends_at, end)

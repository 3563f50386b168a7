"""Changing a sanction that was issued: approve, shorten, lift, void, overturn."""

from datetime import datetime

from pydantic import Field
from sqlmodel import Session, col, select

from governance import feed, notices
from governance.appeals import Appeal
from governance.correcting import record
from governance.errors import NotFound, PolicyRefused, RefusalCode, Refused
from governance.fields import Draft, Instant, LongText, new_id
from governance.membership import Actor
from governance.rules import duties
from governance.rules.lifecycle import OPEN, after, appeal_state
from governance.rules.permissions import Operation
from governance.rules.status import effect
from governance.sanctions import Disclosure, Note, Part, Sanction
from governance.words import EventType, Measure, Validity, VoidCode


class ApprovalDraft(Draft):
    """A second member's approval of a termination."""

    sanction_id: str = Field(max_length=64, description="The pending termination")


class ShorteningDraft(Draft):
    """An earlier end."""

    sanction_id: str = Field(max_length=64, description="The sanction to shorten")
    expires_at: Instant = Field(description="The new, earlier end")
    reason: LongText = Field(description="Why; kept private")


class LiftingDraft(Draft):
    """An end at once, by clemency."""

    sanction_id: str = Field(max_length=64, description="The sanction to lift")
    reason: LongText = Field(description="Why; kept private")


class VoidingDraft(Draft):
    """A clerical mistake undone."""

    sanction_id: str = Field(max_length=64, description="The sanction to void")
    code: VoidCode = Field(description="Which clerical mistake it was")
    reason: LongText = Field(description="Why; kept private")


class OverturningDraft(Draft):
    """A platform's own finding that its decision was wrong."""

    sanction_id: str = Field(max_length=64, description="The sanction to overturn")
    reason: LongText = Field(description="Why; kept private")


def approve(session: Session, actor: Actor, draft: ApprovalDraft, *, now: datetime) -> Sanction:
    """Lets a pending termination begin; takes a second member of the same platform."""
    actor.require(Operation.APPROVE)
    sanction = own_sanction(session, actor, draft.sanction_id)
    if sanction.measure is not Measure.ACCOUNT_TERMINATED or not sanction.is_binding:
        raise PolicyRefused(
            "expected a termination; nothing else takes an approval",
            path=["sanctionId"],
            code=RefusalCode.CONFLICT,
        )
    if sanction.approved_at is not None:
        raise PolicyRefused("it is approved already", code=RefusalCode.CONFLICT)
    check(sanction, EventType.SANCTION_APPROVED, now)
    duties.may_approve(actor.member_id, deciders(session, sanction))
    sanction.approved_at = now
    part = duties.DecidingPart.APPROVER.value
    session.add(Part(sanction_id=sanction.id, member_id=actor.member_id, part=part))
    record(session, sanction, EventType.SANCTION_APPROVED, now)
    held = session.get(Disclosure, sanction.id)
    if held is not None and notices.is_due(sanction, held.host_id):
        feed.append(session, [feed.Happening(EventType.NOTICE_DUE, sanction)], now=now)
    return sanction


def shorten(session: Session, actor: Actor, draft: ShorteningDraft, *, now: datetime) -> Sanction:
    """Moves the end earlier: after now and the start, before the end it has."""
    actor.require(Operation.SHORTEN)
    sanction = own_sanction(session, actor, draft.sanction_id)
    check(sanction, EventType.SANCTION_SHORTENED, now)
    shorten_to(sanction, draft.expires_at, now=now, path="expiresAt")
    note(session, sanction, EventType.SANCTION_SHORTENED, draft.reason, now)
    return record(session, sanction, EventType.SANCTION_SHORTENED, now)


def shorten_to(sanction: Sanction, end: datetime, *, now: datetime, path: str) -> None:
    """Sets a new end; refuses one that is in the past, before the start, or not earlier."""
    if sanction.measure is Measure.ACCOUNT_TERMINATED:
        raise PolicyRefused(
            "a termination has no end to move: replace it by a time-out that supersedes it",
            path=[path],
            code=RefusalCode.CONFLICT,
        )
    if end <= max(now, sanction.effective_at):
        raise PolicyRefused(
            "expected an end in the future and after the start; lift it to end it now",
            path=[path],
            code=RefusalCode.END_BEFORE_START,
        )
    if sanction.expires_at is not None and end >= sanction.expires_at:
        raise PolicyRefused(
            "expected an earlier end than it has; a longer time-out is a new sanction",
            path=[path],
            code=RefusalCode.TOO_LONG,
        )
    sanction.expires_at = end


def lift(session: Session, actor: Actor, draft: LiftingDraft, *, now: datetime) -> Sanction:
    """Ends a sanction now, by clemency; the decision stands."""
    actor.require(Operation.LIFT)
    sanction = own_sanction(session, actor, draft.sanction_id)
    check(sanction, EventType.SANCTION_LIFTED, now)
    sanction.lifted_at = now
    note(session, sanction, EventType.SANCTION_LIFTED, draft.reason, now)
    return record(session, sanction, EventType.SANCTION_LIFTED, now)


def void(session: Session, actor: Actor, draft: VoidingDraft, *, now: datetime) -> Sanction:
    """Undoes a clerical mistake; not once an appeal was filed."""
    actor.require(Operation.VOID)
    sanction = own_sanction(session, actor, draft.sanction_id)
    validity = check(sanction, EventType.SANCTION_VOIDED, now)
    if session.exec(select(Appeal.id).where(Appeal.sanction_id == sanction.id)).first():
        raise Refused(
            "an appeal was filed: answer it, or overturn the sanction",
            path=["sanctionId"],
            code=RefusalCode.CONFLICT,
        )
    sanction.validity, sanction.voided_at, sanction.void_code = validity, now, draft.code
    note(session, sanction, EventType.SANCTION_VOIDED, draft.reason, now)
    return record(session, sanction, EventType.SANCTION_VOIDED, now)


def overturn(session: Session, actor: Actor, draft: OverturningDraft, *, now: datetime) -> Sanction:
    """Corrects a wrong decision of the platform's own motion, even after it ended."""
    actor.require(Operation.OVERTURN)
    sanction = own_sanction(session, actor, draft.sanction_id)
    check(sanction, EventType.SANCTION_OVERTURNED, now)
    note(session, sanction, EventType.SANCTION_OVERTURNED, draft.reason, now)
    return overturn_now(session, sanction, now=now)


def overturn_now(session: Session, sanction: Sanction, *, now: datetime) -> Sanction:
    """The overturn itself, whoever decided it."""
    sanction.validity = check(sanction, EventType.SANCTION_OVERTURNED, now)
    sanction.overturned_at = now
    return record(session, sanction, EventType.SANCTION_OVERTURNED, now)


def own_sanction(session: Session, actor: Actor, sanction_id: str) -> Sanction:
    """The platform's own sanction; the same NotFound for absent and not its own."""
    sanction = session.get(Sanction, sanction_id)
    if sanction is None or sanction.platform_id != actor.platform_id:
        raise NotFound("no such sanction of this platform", path=["sanctionId"])
    return sanction


def check(sanction: Sanction, event: EventType, now: datetime) -> Validity:
    """The validity the event leads to; Conflict where the state doesn't allow it."""
    return after(event, sanction.validity, effect((sanction.starts_at, sanction.ends_at), now))


def note(session: Session, sanction: Sanction, event: EventType, text: str, now: datetime) -> None:
    """Keeps the reason; of an erased subject nothing new is kept."""
    if sanction.redacted_at is not None:
        return
    session.add(
        Note(id=new_id("not"), sanction_id=sanction.id, event=event.value, text=text, at=now)
    )


def deciders(session: Session, sanction: Sanction) -> set[str]:
    """Every member who ever issued, approved or reviewed the case."""
    found = set(session.exec(select(Part.member_id).where(Part.sanction_id == sanction.id)))
    return found | {sanction.issued_by} if sanction.issued_by else found


def open_appeals(session: Session, sanction_ids: list[str], now: datetime) -> list[Appeal]:
    """Appeals under way by the clock; a lapsed one no longer is."""
    found = session.exec(
        select(Appeal).where(col(Appeal.sanction_id).in_(sanction_ids), col(Appeal.state).in_(OPEN))
    )
    return [a for a in found if appeal_state(a.state, a.lapses_at, now) in OPEN]

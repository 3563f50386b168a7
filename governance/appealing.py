"""Appeals: filed by the person or the platform, moved step by step, decided by others."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance import appellants, feed
from governance.appeals import (
    Appeal,
    AppealMessage,
    FilingDraft,
    Invitation,
    InvitationDraft,
    MoveDraft,
)
from governance.appellants import Moved
from governance.changing import deciders, open_appeals, overturn_now
from governance.correcting import record
from governance.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    RefusalCode,
    Refused,
    Unauthenticated,
)
from governance.fields import new_id
from governance.log.sequencing import ledger_of
from governance.membership import Actor, find_platform
from governance.peers import decides_elsewhere
from governance.rules import duties, filing, policy
from governance.rules.lifecycle import (
    ANSWERED,
    APPEAL_STEPS,
    appeal_state,
    moved,
)
from governance.rules.permissions import OPERATIONS, Circle, Operation
from governance.rules.status import effect
from governance.sanctions import Part, Sanction
from governance.settings import Keys
from governance.words import (
    AppealMove,
    AppealState,
    Author,
    Effect,
    EventType,
    Outcome,
    Validity,
)


def file(
    session: Session, keys: Keys, actor: Actor | None, draft: FilingDraft, *, now: datetime
) -> Moved:
    """Files an appeal, by the issuing platform for its user or by the holder of the secret."""
    if draft.appeal_secret is not None:
        sanction = session.get(Sanction, draft.sanction_id)
        retried = appellants.retried(session, keys, sanction, draft, now)
        if retried is not None:
            return retried
        origin = appellants.by_secret(sanction, draft.appeal_secret)
        # Whoever was told of a sanction may appeal against what took its place.
        sanction, author = in_place(session, origin), Author.APPELLANT
    else:
        member = _reaching(actor, Operation.FILE)
        found = session.get(Sanction, draft.sanction_id)
        if found is None or found.platform_id != member.platform_id:
            raise appellants.missing("sanctionId")
        origin, sanction, author = found, found, Author.PLATFORM
    may_file(session, sanction, origin, author, now)
    appeal = Appeal(
        id=new_id("apl"),
        sanction_id=sanction.id,
        origin_id=origin.id,
        platform_id=sanction.platform_id,
        state=AppealState.FILED,
        filed_by=author,
        filed_at=now,
        due_at=now + policy.APPEAL_DUE,
    )
    session.add(appeal)
    session.flush()
    say(session, appeal, Author.APPELLANT, draft.grounds, now)
    told = {"origin": origin.id} if origin.id != sanction.id else {}
    happening = feed.Happening(EventType.APPEAL_FILED, sanction, appeal, told=told)
    feed.append(session, [happening], now=now)
    return Moved(
        appeal.id, appellants.used(session, keys, origin, draft, draft.appeal_secret, appeal, now)
    )


def move(
    session: Session, keys: Keys, actor: Actor | None, draft: MoveDraft, *, now: datetime
) -> Moved:
    """Takes one step in an appeal; whose step it is stands in `APPEAL_STEPS`, and who reaches
    it in `OPERATIONS`."""
    operation, by = Operation[draft.move], APPEAL_STEPS[draft.move].by
    has_secret = by is Author.APPELLANT and draft.appeal_secret is not None
    member = None if has_secret else _reaching(actor, operation)
    appeal, sanction = appeal_of(session, draft.appeal_id)
    # The person's secret is of the sanction first appealed against, which may be superseded.
    origin = session.get(Sanction, appeal.origin_id)
    if member is not None:
        _may_move(session, member, appeal, sanction, operation)
    else:
        retried = appellants.retried(session, keys, origin, draft, now)
        if retried is not None:
            return retried
        origin = appellants.by_secret(origin, draft.appeal_secret or "", path="appealId")
        if appeal.filed_by is not Author.APPELLANT:
            raise appellants.missing("appealId")
    if sanction.redacted_at is not None and draft.message is not None:
        raise Refused("the subject was erased", path=["message"], code=RefusalCode.ERASED)
    target = moved(draft.move, appeal_state(appeal.state, appeal.lapses_at, now))
    _MOVES.get(draft.move, _no_more)(session, appeal, sanction, draft, now)
    appeal.state = target
    session.add(appeal)
    if draft.message is not None:
        say(session, appeal, by, draft.message, now)
    feed.append(session, [feed.Happening(EventType.APPEAL_MOVED, sanction, appeal)], now=now)
    if by is not Author.APPELLANT or origin is None:
        return Moved(appeal.id)
    return Moved(
        appeal.id, appellants.used(session, keys, origin, draft, draft.appeal_secret, appeal, now)
    )


def invite(session: Session, actor: Actor, draft: InvitationDraft, *, now: datetime) -> Moved:
    """Lets another platform's reviewers decide this case."""
    actor.require(Operation.INVITE)
    appeal, sanction = appeal_of(session, draft.appeal_id)
    concerned(session, actor, sanction, Operation.INVITE)
    if appeal not in open_appeals(session, [sanction.id], now):
        raise Conflict("expected an open appeal", path=["appealId"])
    guest = find_platform(session, draft.platform)
    if guest.id == actor.platform_id:
        raise InvalidInput("expected another platform", path=["platform"])
    if session.get(Invitation, (sanction.id, guest.id)) is None:
        at = ledger_of(session).instant(now)
        session.add(Invitation(sanction_id=sanction.id, platform_id=guest.id, at=at))
        happening = feed.Happening(
            EventType.REVIEWER_INVITED, sanction, appeal, told={"guest": guest.domain}
        )
        feed.append(session, [happening], now=now)
    return Moved(appeal.id)


def may_file(
    session: Session, sanction: Sanction, origin: Sanction, author: Author, now: datetime
) -> None:
    """Refused where the author can't appeal against the sanction, told of it as `origin`."""
    answered = session.exec(
        select(Appeal.filed_by).where(
            sa.or_(col(Appeal.sanction_id) == sanction.id, col(Appeal.origin_id) == origin.id),
            col(Appeal.state).in_(ANSWERED),
        )
    ).all()
    case = filing.Case(
        sanction.validity,
        sanction.redacted_at is not None,
        bool(open_appeals(session, [sanction.id], now)),
        answered,
        filing.closes_at(sanction.ends_at, sanction.issued_at, sanction.notified_at),
    )
    filing.may_file(case, author, now)


def _reaching(actor: Actor | None, operation: Operation) -> Actor:
    """The member that acts, if its roles reach the operation."""
    if actor is None:
        raise Unauthenticated("expected a credential, or for the person's own steps the secret")
    actor.require(operation)
    return actor


def _may_move(
    session: Session, member: Actor, appeal: Appeal, sanction: Sanction, operation: Operation
) -> None:
    concerned(session, member, sanction, operation)
    if Circle.HOLDER in OPERATIONS[operation].circles:
        if appeal.filed_by is not Author.PLATFORM:
            raise Forbidden("this is the person's own appeal; it moves by the appeal secret")
    elif Circle.GUEST in OPERATIONS[operation].circles:  # what guests may do is to review
        duties.may_review(member.member_id, deciders(session, sanction))
    if operation is Operation.REFUSE:
        session.add(review_part(sanction, member))


def concerned(session: Session, actor: Actor, sanction: Sanction, operation: Operation) -> None:
    """NotFound unless the case is the platform's own, or one that it was invited to where the
    operation is for guests too."""
    if sanction.platform_id == actor.platform_id:
        return
    is_for_guests = Circle.GUEST in OPERATIONS[operation].circles
    if not is_for_guests or session.get(Invitation, (sanction.id, actor.platform_id)) is None:
        raise appellants.missing("appealId")


def review_part(sanction: Sanction, actor: Actor) -> Part:
    part = duties.DecidingPart.REVIEWER.value
    return Part(sanction_id=sanction.id, member_id=actor.member_id, part=part)


def _ask(session: Session, appeal: Appeal, _s: Sanction, draft: MoveDraft, now: datetime) -> None:
    if appeal.asked_at is not None:
        raise Conflict("the appellant was asked already; the clock pauses once", path=["move"])
    if draft.message is None:
        raise InvalidInput("expected what is asked", path=["message"])
    appeal.asked_at, appeal.lapses_at = now, now + policy.LONGEST_PAUSE


def _answer(
    session: Session, appeal: Appeal, _s: Sanction, draft: MoveDraft, now: datetime
) -> None:
    if draft.message is None:
        raise InvalidInput("expected the answer", path=["message"])
    appeal.due_at += now - (appeal.asked_at or now)


def _refuse(
    session: Session, appeal: Appeal, _s: Sanction, draft: MoveDraft, now: datetime
) -> None:
    if draft.code is None:
        raise InvalidInput("expected why, with REFUSE", path=["code"])
    appeal.inadmissible_code, appeal.decided_at = draft.code, now


def _final(session: Session, appeal: Appeal, s: Sanction, draft: MoveDraft, now: datetime) -> None:
    """An outside body's outcome; an overturn takes effect with the record of it."""
    if draft.outcome is None:
        raise InvalidInput("expected the outside body's outcome", path=["outcome"])
    if draft.implemented_at is not None and draft.implemented_at > now:
        raise InvalidInput("expected an instant that has passed", path=["implementedAt"])
    appeal.outside_outcome, appeal.implemented_at = draft.outcome, draft.implemented_at
    standing = standing_in_place(session, s)
    if draft.outcome is Outcome.OVERTURNED and standing is not None:
        overturn_now(session, standing, now=now)
    elif draft.outcome is Outcome.REDUCED and standing is not None:
        by_now = effect((standing.starts_at, standing.ends_at), now)
        if by_now is Effect.ENDED and not standing.reduced_after_end:
            standing.reduced_after_end = True  # it loses its weight in the ladder
            record(session, standing, EventType.SANCTION_SHORTENED, now)


def in_place(session: Session, sanction: Sanction) -> Sanction:
    """The sanction, or the last that took its place."""
    while sanction.validity is Validity.SUPERSEDED:
        query = select(Sanction).where(Sanction.supersedes_id == sanction.id)
        following = session.exec(query).first()
        if following is None:
            break
        sanction = following
    return sanction


def standing_in_place(session: Session, sanction: Sanction) -> Sanction | None:
    """The sanction, or what stands in its place after it was superseded."""
    last = in_place(session, sanction)
    return last if last.validity is Validity.STANDING else None


def _no_more(
    session: Session, appeal: Appeal, _s: Sanction, draft: MoveDraft, now: datetime
) -> None:
    """The table says all there is to these moves."""


_MOVES = {
    AppealMove.ASK: _ask,
    AppealMove.ANSWER: _answer,
    AppealMove.REFUSE: _refuse,
    AppealMove.RECORD_FINAL: _final,
}


def appeal_of(session: Session, appeal_id: str) -> tuple[Appeal, Sanction]:
    appeal = session.get(Appeal, appeal_id)
    sanction = session.get(Sanction, appeal.sanction_id) if appeal else None
    if appeal is None or sanction is None:
        raise appellants.missing("appealId")
    if decides_elsewhere(session, sanction.platform_id):
        raise Conflict("its platform decides on another node: answer it there", path=["appealId"])
    return appeal, sanction


def say(session: Session, appeal: Appeal, author: Author, text: str, now: datetime) -> None:
    session.add(
        AppealMessage(id=new_id("msg"), appeal_id=appeal.id, author=author, text=text, at=now)
    )

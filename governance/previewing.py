"""What issuing a sanction would come to, without issuing it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from governance import judging, preparing, requesting, signing, subjects
from governance.changing import open_appeals
from governance.drafts import SanctionDraft
from governance.errors import Refused
from governance.identifiers import SubjectKind
from governance.membership import Actor
from governance.platforms import Platform
from governance.requesting import Request
from governance.rules import ladder
from governance.rules.permissions import Operation
from governance.sanctions import Sanction
from governance.settings import Keys
from governance.subjects import Identified, sanctions_about


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen now. `keys` are the subject's lookup keys; ids are of the own platform."""

    refusal: Refused | None = None
    sanction: Sanction | None = None  # as it would be, unless refused
    retried_id: str | None = None  # the sanction that the same body was issued as before
    keys: Sequence[str] = ()
    advice: timedelta | None = None  # of accounts and servers
    basis: Sequence[str] = ()  # ids of the suspensions that the advice rests on
    ends_id: str | None = None  # the sanction it would take the place of
    span: tuple[datetime, datetime | None] | None = None
    decision: str | None = None  # as it would be logged, where the platform signs it


def preview(
    session: Session, keys: Keys, actor: Actor, draft: SanctionDraft, *, now: datetime
) -> Preview:
    """Judges a draft as `issuing.issue` would. Reads alone: the session may be read-only."""
    actor.require(Operation.PREVIEW)
    about = subjects.identified(keys, draft)
    if isinstance(about, Refused):
        return Preview(about)
    advice, basis = _advice(session, actor, about, now)
    span = draft.effective_at or now, draft.expires_at
    told = Preview(keys=about.keys, advice=advice, basis=basis, span=span)
    try:
        return _judged(session, keys, actor, Request(draft), about, told, now)
    except Refused as refused:
        return replace(told, refusal=refused)


def _judged(
    session: Session,
    keys: Keys,
    actor: Actor,
    request: Request,
    about: Identified,
    told: Preview,
    now: datetime,
) -> Preview:
    reference = requesting.reference_key(keys, actor, request.draft)
    known = judging.known_of(session, actor, [request], [about], [reference])
    if (first := known.by_reference.get(reference)) is not None:
        requesting.used_before(first, requesting.fingerprint(keys, reference, request))
        return replace(told, retried_id=first.id)
    replaced = judging.to_be_replaced(session, actor, request.draft, about, now)
    judged = judging.judge(actor, request, about, known, replaced, now=now)
    decision = _to_be_signed(session, actor, request.draft, judged, about)
    ends_id = judged.replaced.id if judged.replaced else None
    return replace(told, sanction=judged.sanction, ends_id=ends_id, decision=decision)


def _to_be_signed(
    session: Session, actor: Actor, draft: SanctionDraft, judged: judging.Judged, about: Identified
) -> str | None:
    """The decision that the platform signs, in canonical JSON; a signature given must hold."""
    if draft.signature is None:
        return None
    domain = session.get_one(Platform, actor.platform_id).domain
    decision = preparing.drawn_up(domain, judged, preparing.disclosure(draft, about))
    if draft.signature.value is not None:
        signing.signed(draft.signature, decision)
    return decision.decode()


def _advice(
    session: Session, actor: Actor, about: Identified, now: datetime
) -> tuple[timedelta | None, list[str]]:
    """The ladder's advice to the platform, and the suspensions it rests on, oldest first."""
    if about.kind is SubjectKind.CONTENT:
        return None, []
    own = session.exec(
        select(Sanction)
        .where(
            col(Sanction.id).in_(sanctions_about(about.keys)),
            Sanction.platform_id == actor.platform_id,
            col(Sanction.is_binding),
        )
        .order_by(col(Sanction.issued_at), col(Sanction.id))
    )
    rungs = {sanction.id: sanction for sanction in own}
    disputed = {a.sanction_id for a in open_appeals(session, list(rungs), now)}
    seen = {i: _rung(sanction, i in disputed) for i, sanction in rungs.items()}
    basis = [i for i, rung in seen.items() if ladder.weight(rung, now)]
    return ladder.step(seen.values(), now), basis


def _rung(sanction: Sanction, has_open_appeal: bool) -> ladder.Rung:
    return ladder.Rung(
        measure=sanction.measure,
        validity=sanction.validity,
        issued_at=sanction.issued_at,
        has_open_appeal=has_open_appeal,
        reduced_after_end=sanction.reduced_after_end,
    )

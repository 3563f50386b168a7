"""What a platform does with another's sanction: adopts it, or answers it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlmodel import Session, col, select

from governance import feed, issuing
from governance.adoptions import AdoptionDraft, AnswerDraft, Receipt
from governance.correcting import receipt_of, receive
from governance.disclosing import case_of
from governance.drafts import PolicyReference, SanctionDraft
from governance.errors import Conflict, InvalidInput, NotFound, PolicyRefused, RefusalCode, Refused
from governance.hearing import is_heard
from governance.issuing import Issued
from governance.membership import Actor
from governance.platforms import Platform
from governance.requesting import Adoption, Request, adoption_fingerprint, reference_key
from governance.rules import adoption, policy
from governance.rules.disclosure import sees_subject
from governance.rules.permissions import Operation
from governance.rules.status import effect
from governance.sanctions import Disclosure, Sanction
from governance.settings import Keys
from governance.subjects import Identified
from governance.words import (
    Automation,
    Effect,
    Measure,
    MemberKind,
    ReceiptState,
    SanctionAnswer,
    Source,
    Validity,
)

# What a copy has of its source: all that says what was done wrong, when and by which rule.
TAKEN_OVER = (
    *("ground", "category", "keywords", "conduct_from", "conduct_to", "is_automated_detection"),
    *("content_type", "content_date", "content_language", "territorial_scope", "audience"),
)

GIVEN = ("issuerReference", "measure", "expiresAt", "signature")  # the rest is the source's


def adopt(
    session: Session, keys: Keys, actor: Actor, draft: AdoptionDraft, *, now: datetime
) -> Issued:
    """Takes another platform's sanction over as an own one, under the whole policy; the same
    body again answers the same, whatever has become of the source."""
    actor.require(Operation.ADOPT)
    reference = reference_key(keys, actor, draft)
    own = select(Sanction).where(Sanction.platform_id == actor.platform_id)
    if (first := session.exec(own.where(Sanction.reference_key == reference)).first()) is not None:
        return issuing.retried(keys, first, adoption_fingerprint(keys, reference, draft))
    source, held = _reached(session, actor, draft.sanction_id, now)
    _may_adopt(session, actor, source, now)
    request = _request(session, actor, source, held, draft, now)
    with _naming_the_source():
        issued = issuing.issue_one(session, keys, actor, request, now=now)
    told = receive(
        session, source, actor.platform_id, ReceiptState.ADOPTED,
        now=now, adoption_id=issued.sanction_id,
    )  # fmt: skip
    feed.append(session, [told], now=now)
    return issued


def answer(session: Session, actor: Actor, draft: AnswerDraft, *, now: datetime) -> Receipt:
    """Notes, declines or disputes another platform's sanction; the same again answers the same."""
    actor.require(Operation.ANSWER_SANCTION)
    source, _ = _reached(session, actor, draft.sanction_id, now)
    if draft.answer is SanctionAnswer.DISPUTED and draft.reason is None:
        raise InvalidInput("expected why, with DISPUTED", path=["reason"])
    receipt = receipt_of(session, source.id, actor.platform_id)
    state = adoption.answered(receipt.state if receipt else None, draft.answer)
    if receipt is not None and (receipt.state, receipt.reason) == (state, draft.reason):
        return receipt
    told = receive(session, source, actor.platform_id, state, now=now, reason=draft.reason)
    feed.append(session, [told], now=now)
    assert told.receipt is not None
    return told.receipt


def _reached(
    session: Session, actor: Actor, sanction_id: str, now: datetime
) -> tuple[Sanction, Disclosure]:
    """Another platform's sanction of a subject that this one may know; the same NotFound for
    absent, own, erased and not shared."""
    found = session.get(Sanction, sanction_id)
    held = session.get(Disclosure, sanction_id) if found else None
    if found is not None and held is not None and held.subject:
        case = case_of(session, found, held)
        is_other = found.platform_id != actor.platform_id
        if is_other and sees_subject(actor.viewer, case, now):
            return found, held
    raise NotFound(
        "no such sanction of another platform, or not shared with this one", path=["sanctionId"]
    )


def _may_adopt(session: Session, actor: Actor, source: Sanction, now: datetime) -> None:
    """Binding, of a platform that is heard, standing, begun or sure to begin, not over, and
    nobody's echo of an own one."""

    def refused(message: str) -> Conflict:
        return Conflict(message, path=["sanctionId"])

    if not source.is_binding:
        raise refused("a record of an outside decision never binds, whoever takes it over")
    if not is_heard(session, source.platform_id, now):
        raise refused("its node wasn't verified for a week, or is no longer believed")
    if source.validity is not Validity.STANDING:
        raise refused(f"expected a standing sanction; this one is {source.validity}")
    if not is_unended(source, now):
        raise refused("expected a sanction that has not ended")
    if source.starts_at is None:
        raise refused("expected a termination that was approved; this one is not yet")
    if any(s.platform_id == actor.platform_id for s in _chain(session, source)):
        raise refused("it was taken over from an own sanction, which can't rest on itself")
    for copy in _own_copies(session, actor, source.id):
        if is_unended(copy, now):
            raise refused(f"it was adopted already, as {copy.id}")


def _chain(session: Session, source: Sanction) -> Iterator[Sanction]:
    """The sanction, what it was taken over from, and so on to the first."""
    found: Sanction | None = source
    while found is not None:
        yield found
        found = session.get(Sanction, found.derived_from_id) if found.derived_from_id else None


def _own_copies(session: Session, actor: Actor, source_id: str) -> list[Sanction]:
    """What the platform took over from a sanction and still stands, newest first."""
    found = select(Sanction).where(
        Sanction.derived_from_id == source_id,
        Sanction.platform_id == actor.platform_id,
        Sanction.validity == Validity.STANDING,
    )
    return list(session.exec(found.order_by(col(Sanction.issued_at).desc())))


def _request(
    session: Session,
    actor: Actor,
    source: Sanction,
    held: Disclosure,
    draft: AdoptionDraft,
    now: datetime,
) -> Request:
    """The adoption as a decision of the platform's own."""
    if source.subject_kind not in policy.kinds_of(draft.measure):
        raise InvalidInput(
            f"expected a measure against {source.subject_kind}, got {draft.measure}",
            path=["measure"],
        )
    is_other = draft.measure in policy.OTHER_MEASURES
    if is_other and draft.measure is not source.measure:
        raise InvalidInput(
            f"expected {draft.measure} only where the source is, which describes it",
            path=["measure"],
        )
    # A copy of what was replaced makes way for the copy of what replaced it.
    older = _own_copies(session, actor, source.supersedes_id) if source.supersedes_id else []
    is_service = actor.kind is MemberKind.SERVICE
    rule = held.policy_reference
    taken = {name: getattr(source, name) for name in TAKEN_OVER}
    decision = SanctionDraft.model_construct(
        **taken,
        issuer_reference=draft.issuer_reference,
        subject=held.subject,
        subject_kind=source.subject_kind,
        measure=draft.measure,
        ground_reference=held.ground_reference,
        policy_reference=PolicyReference.model_validate(rule) if rule else None,
        other_measure=held.other_measure if is_other else None,
        permanent_basis=_basis(source, draft),
        effective_at=source.starts_at if source.starts_at and source.starts_at > now else None,
        expires_at=_end(source, draft),
        supersedes=older[0].id if older else None,
        reason=draft.reason,
        automation=Automation.FULLY if is_service else Automation.NOT_AUTOMATED,
        source=Source.OTHER_NOTIFICATION,
        signature=draft.signature,
    )
    host = session.get(Platform, held.host_id) if held.host_id else None
    names = tuple(held.lookup_keys), tuple(held.aliases)
    hosts = (host.domain,) if host else ()
    about = Identified(held.subject, source.subject_kind, hosts, *names)
    return Request(decision, adoption=Adoption(draft, about))


def _basis(source: Sanction, draft: AdoptionDraft) -> object:
    if draft.measure is not Measure.ACCOUNT_TERMINATED:
        return None
    if source.ends_at is not None:
        raise PolicyRefused(
            "expected a measure with an end, as the source has one",
            path=["measure"],
            code=RefusalCode.PERMANENCE_NOT_ALLOWED,
        )
    return source.permanent_basis


def _end(source: Sanction, draft: AdoptionDraft) -> datetime | None:
    """The end of the copy: as given, else the source's; never later than that."""
    if draft.expires_at is None and draft.measure is Measure.WARNING:
        return None  # it expires as it starts
    end = draft.expires_at or source.ends_at
    if adoption.ends_later(end, source.ends_at):
        raise PolicyRefused(
            "expected an end no later than the source's", path=["expiresAt"],
            code=RefusalCode.TOO_LONG,
        )  # fmt: skip
    return end


@contextmanager
def _naming_the_source() -> Iterator[None]:
    """What the policy finds wrong with what was taken over is wrong with the source's choice."""
    try:
        yield
    except Refused as refused:
        if refused.path and refused.path[0] not in GIVEN:
            refused.path = ("sanctionId",)
        raise


def is_unended(sanction: Sanction, now: datetime) -> bool:
    """Whether it is in force, or may still begin."""
    return effect((sanction.starts_at, sanction.ends_at), now) is not Effect.ENDED

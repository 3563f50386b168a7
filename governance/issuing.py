"""Issuing sanctions, one or many, and recording decisions that were made outside the policy."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance import feed, notices, subjects
from governance.appeals import Appeal, Invitation
from governance.appellants import appeal_secret
from governance.errors import Conflict, InvalidInput, PolicyRefused, RefusalCode, Refused
from governance.fields import new_id, validated
from governance.membership import Actor
from governance.rules import policy
from governance.rules.duties import DecidingPart
from governance.rules.lifecycle import OPEN, after
from governance.rules.status import effect
from governance.sanctions import (
    Disclosure,
    Part,
    Sanction,
    SanctionDraft,
    SanctionTerms,
    SanctionTexts,
    SubjectKey,
)
from governance.settings import Keys, token_hash
from governance.subjects import Identified
from governance.words import Effect, EventType, Measure, PolicyConflict, Precision, Role, Validity

MOST_IN_BATCH = 1_000
_TERMS = frozenset(SanctionTerms.model_fields)
_TEXTS = frozenset(SanctionTexts.model_fields)


@dataclass(frozen=True, slots=True)
class Dating:
    """The dates of a decision that is imported with its own, rather than made now."""

    issued_at: datetime
    precision: Precision = Precision.INSTANT


@dataclass(frozen=True, slots=True)
class Request:
    """A draft to be issued, or recorded as an outside decision."""

    draft: SanctionDraft
    is_outside: bool = False
    dating: Dating | None = None  # set by imports alone
    record_conflicts: bool = False  # imports: what conflicts becomes a record


@dataclass(frozen=True, slots=True)
class Issued:
    """A sanction that exists now, and its appeal secret until that was used."""

    sanction_id: str
    appeal_secret: str | None
    is_new: bool = True
    is_binding: bool = True


@dataclass(slots=True)
class Known:
    """What the platform already holds about the references and subjects of a batch."""

    by_reference: dict[str, Sanction] = field(default_factory=dict)
    by_key: dict[str, dict[str, policy.Earlier]] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """Rows to insert set-wise."""

    sanctions: list[Sanction] = field(default_factory=list)
    disclosures: list[Disclosure] = field(default_factory=list)
    keys: list[SubjectKey] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    happenings: list[feed.Happening] = field(default_factory=list)


def draft(raw: Mapping[str, Any]) -> SanctionDraft:
    """The raw input as a draft; InvalidInput names the field."""
    return validated(SanctionDraft, raw)


def issue(
    session: Session,
    keys: Keys,
    actor: Actor,
    requests: Sequence[Request | Refused],
    *,
    now: datetime,
) -> list[Issued | Refused]:
    """Issues each request or says why not, in order; one refused refuses none of the others.

    A request refused by its shape may be passed as its refusal and keeps its place.
    """
    actor.require(Role.ISSUER)
    identified = [
        r if isinstance(r, Refused) else subjects.identified(keys, r.draft) for r in requests
    ]
    known = _known(session, keys, actor, requests, identified)
    hosts = subjects.hosts(session, identified)
    batch = Batch()
    answers: list[Issued | Refused] = []
    for request, about in zip(requests, identified, strict=True):
        if isinstance(request, Refused) or isinstance(about, Refused):
            answers.append(request if isinstance(request, Refused) else about)  # type: ignore[arg-type]
            continue
        try:
            answers.append(_one(session, keys, actor, request, about, known, hosts, batch, now))
        except Refused as refused:
            answers.append(refused)
    _insert(session, batch, now)
    return answers


def issue_one(
    session: Session, keys: Keys, actor: Actor, request: Request, *, now: datetime
) -> Issued:
    """Issues one sanction; raises its refusal."""
    [answer] = issue(session, keys, actor, [request], now=now)
    if isinstance(answer, Refused):
        raise answer
    return answer


def _one(
    session: Session,
    keys: Keys,
    actor: Actor,
    request: Request,
    about: Identified,
    known: Known,
    hosts: Mapping[str, str],
    batch: Batch,
    now: datetime,
) -> Issued:
    reference_key = _reference_key(keys, actor, request.draft)
    fingerprint = _fingerprint(keys, reference_key, request)
    if (first := known.by_reference.get(reference_key)) is not None:
        return _again(keys, first, fingerprint)
    issued_at = request.dating.issued_at if request.dating else now
    effective_at = request.draft.effective_at or issued_at
    earlier = {i: e for key in about.keys for i, e in known.by_key.get(key, {}).items()}
    replaced = _replaced(session, actor, request.draft, about, now)
    if replaced is not None and (old := earlier.get(replaced.id)) is not None:
        start, end = old.span
        # It doesn't stand any more, but the time it was in force still counts.
        earlier[replaced.id] = replace(old, stands=False, span=(start, min(end or now, now)))
    conflicts = _conflicts(actor, request, about, effective_at, earlier, issued_at)
    sanction = _sanction(actor, request, about, effective_at, issued_at, conflicts, now)
    sanction.reference_key, sanction.fingerprint = reference_key, fingerprint
    if replaced is not None and replaced.is_binding and not sanction.is_binding:
        _only_after_the_end(replaced, now)
    secret = appeal_secret(keys, sanction.id, 0)
    sanction.secret_hash = token_hash(secret)
    batch.sanctions.append(sanction)
    disclosure = _disclosure(request.draft, about, sanction.id, hosts)
    batch.disclosures.append(disclosure)
    batch.keys += [SubjectKey(key=key, sanction_id=sanction.id) for key in about.keys]
    batch.parts.append(_part(sanction.id, actor))
    known.by_reference[reference_key] = sanction
    if replaced is not None:
        sanction.supersedes_id = replaced.id
        _supersede(session, replaced, sanction, known, about, batch, now)
    batch.happenings.append(
        feed.Happening(EventType.SANCTION_ISSUED, sanction, occurred_at=issued_at)
    )
    if request.dating is None and notices.is_due(sanction, disclosure.host_id):
        batch.happenings.append(feed.Happening(EventType.NOTICE_DUE, sanction))
    if sanction.is_binding:
        for key in about.keys:
            known.by_key.setdefault(key, {})[sanction.id] = _earlier(sanction)
    return Issued(sanction.id, secret, is_binding=sanction.is_binding)


def _again(keys: Keys, first: Sanction, fingerprint: str) -> Issued:
    if first.redacted_at is not None:
        raise Refused(
            "this reference was used and its record erased",
            path=["issuerReference"],
            code=RefusalCode.ERASED,
        )
    if first.fingerprint != fingerprint:
        raise Conflict(
            "this reference was used for another decision; expected the same body again",
            path=["issuerReference"],
            code=RefusalCode.REFERENCE_REUSED,
        )
    secret = appeal_secret(keys, first.id, 0) if first.secret_generation == 0 else None
    return Issued(first.id, secret, is_new=False, is_binding=first.is_binding)


def _conflicts(
    actor: Actor,
    request: Request,
    about: Identified,
    effective_at: datetime,
    earlier: Mapping[str, policy.Earlier],
    decided_at: datetime,
) -> list[PolicyConflict]:
    """The conflicts to record; raises the first where the decision has to conform."""
    draft = request.draft
    expires_at = policy.expiry(draft.measure, effective_at, draft.expires_at)
    is_warning = draft.measure is Measure.WARNING  # restricts nothing, so it may end as it starts
    if expires_at is not None and (
        expires_at < effective_at or (expires_at == effective_at and not is_warning)
    ):
        raise PolicyRefused(
            "expected an end after the start",
            path=["expiresAt"],
            code=RefusalCode.END_BEFORE_START,
        )
    conduct_end = draft.conduct_to or draft.conduct_from
    is_ours = request.dating is None and not request.is_outside
    if is_ours and conduct_end and conduct_end > decided_at + policy.CLOCK_TOLERANCE:
        name = "conductTo" if draft.conduct_to else "conductFrom"
        raise InvalidInput("expected conduct that has happened, not a time to come", path=[name])
    if draft.measure.endswith("_OTHER") and not draft.other_measure:
        raise InvalidInput(f"expected a description with {draft.measure}", path=["otherMeasure"])
    decision = policy.Decision(
        measure=draft.measure,
        category=draft.category,
        kind=about.kind,
        basis=draft.permanent_basis,
        effective_at=effective_at,
        expires_at=expires_at,
        conduct_from=draft.conduct_from,
        conduct_to=draft.conduct_to,
        automation=draft.automation,
        decided_by=actor.kind,
        now=decided_at,
        keeps_dates=request.dating is not None,
    )
    found = list(policy.conflicts(decision, earlier.values()))
    if request.is_outside or (found and request.record_conflicts):
        codes = [PolicyConflict.OUTSIDE_DECISION, *(conflict.code for conflict in found)]
        return list(dict.fromkeys(codes))
    for conflict in found:
        raise PolicyRefused(
            conflict.message, path=[conflict.field], code=RefusalCode(conflict.code.value)
        )
    return []


def _sanction(
    actor: Actor,
    request: Request,
    about: Identified,
    effective_at: datetime,
    issued_at: datetime,
    conflicts: list[PolicyConflict],
    now: datetime,
) -> Sanction:
    draft = request.draft
    is_binding = not conflicts
    needs_approval = is_binding and draft.measure is Measure.ACCOUNT_TERMINATED
    terms = {name: getattr(draft, name) for name in _TERMS}
    terms["expires_at"] = policy.expiry(draft.measure, effective_at, draft.expires_at)
    return feed.settle(
        Sanction(
            id=new_id("san"),
            platform_id=actor.platform_id,
            subject_kind=about.kind,
            issued_at=issued_at,
            effective_at=effective_at,
            time_precision=request.dating.precision if request.dating else Precision.INSTANT,
            policy_conflicts=conflicts,
            recorded_at=now,
            reference_key="",
            is_binding=is_binding,
            lapses_at=issued_at + policy.APPROVAL_LAPSE if needs_approval else None,
            **terms,
        )
    )


def _replaced(
    session: Session, actor: Actor, draft: SanctionDraft, about: Identified, now: datetime
) -> Sanction | None:
    """The sanction to be superseded: own, standing, of the same subject."""
    if draft.supersedes is None:
        return None
    session.flush()
    replaced = session.get(Sanction, draft.supersedes)
    if replaced is None or replaced.platform_id != actor.platform_id:
        raise InvalidInput("no such sanction of this platform", path=["supersedes"])
    same = session.exec(
        select(SubjectKey.key).where(
            SubjectKey.sanction_id == replaced.id, col(SubjectKey.key).in_(about.keys)
        )
    ).first()
    if same is None:
        raise InvalidInput("expected a sanction of the same subject", path=["supersedes"])
    span = replaced.starts_at, replaced.ends_at
    after(EventType.SANCTION_SUPERSEDED, replaced.validity, effect(span, now))
    return replaced


def _only_after_the_end(replaced: Sanction, now: datetime) -> None:
    """A record doesn't bind: in the place of what does, it would end it unnoticed."""
    if effect((replaced.starts_at, replaced.ends_at), now) is not Effect.ENDED:
        raise Conflict("a record that doesn't bind can't replace what does", path=["supersedes"])


def _supersede(
    session: Session,
    replaced: Sanction,
    by: Sanction,
    known: Known,
    about: Identified,
    batch: Batch,
    now: datetime,
) -> None:
    """Ends the replaced one; deciders, guests and the open appeal move to the replacement."""
    at = by.issued_at  # now, or an import's own date
    replaced.validity, replaced.superseded_at = Validity.SUPERSEDED, at
    session.add(feed.settle(replaced))
    batch.happenings.append(feed.Happening(EventType.SANCTION_SUPERSEDED, replaced, occurred_at=at))
    for part in session.exec(select(Part).where(Part.sanction_id == replaced.id)):
        moved = Part(sanction_id=by.id, member_id=part.member_id, part=part.part)
        if moved not in batch.parts:
            batch.parts.append(moved)
    _insert(session, batch, now)
    for guest in session.exec(select(Invitation).where(Invitation.sanction_id == replaced.id)):
        session.add(Invitation(sanction_id=by.id, platform_id=guest.platform_id, at=guest.at))
    session.execute(
        sa.update(Appeal)
        .where(col(Appeal.sanction_id) == replaced.id, col(Appeal.state).in_(OPEN))
        .where(sa.or_(col(Appeal.lapses_at).is_(None), col(Appeal.lapses_at) > now))
        .values(sanction_id=by.id)
    )
    for held in known.by_key.values():
        if replaced.id in held:
            held[replaced.id] = _earlier(replaced)


def _insert(session: Session, batch: Batch, now: datetime) -> None:
    """Writes what the batch holds and empties it."""
    groups = (batch.sanctions, batch.disclosures, batch.keys, batch.parts)
    for rows in groups:
        if rows:
            table = type(rows[0])
            session.execute(sa.insert(table), [row.model_dump() for row in rows])
    feed.append(session, batch.happenings, now=now)
    for kept in (*groups, batch.happenings):
        kept.clear()


def _known(
    session: Session,
    keys: Keys,
    actor: Actor,
    requests: Sequence[Request | Refused],
    identified: Sequence[Identified | Refused],
) -> Known:
    """What the platform holds already, in two statements whatever the size of the batch."""
    known = Known()
    references = {
        _reference_key(keys, actor, r.draft) for r in requests if not isinstance(r, Refused)
    }
    own = select(Sanction).where(Sanction.platform_id == actor.platform_id)
    for sanction in session.exec(own.where(col(Sanction.reference_key).in_(references))):
        known.by_reference[sanction.reference_key] = sanction
    subject_keys = {k for about in identified if isinstance(about, Identified) for k in about.keys}
    found = session.exec(
        select(SubjectKey.key, Sanction)
        .join(Sanction, col(Sanction.id) == col(SubjectKey.sanction_id))
        .where(
            col(SubjectKey.key).in_(subject_keys),
            # An expression, or SQLite would begin with everything the platform ever issued.
            col(Sanction.platform_id).concat("") == actor.platform_id,
            col(Sanction.is_binding),
        )
    )
    for key, sanction in found:
        known.by_key.setdefault(key, {})[sanction.id] = _earlier(sanction)
    return known


def _earlier(sanction: Sanction) -> policy.Earlier:
    return policy.Earlier(
        id=sanction.id,
        measure=sanction.measure,
        category=sanction.category,
        conduct=policy.conduct(sanction.conduct_from, sanction.conduct_to, sanction.issued_at),
        span=(sanction.starts_at, sanction.ends_at),
        counts=sanction.validity not in (Validity.OVERTURNED, Validity.VOIDED),
        stands=sanction.validity is Validity.STANDING,
    )


def _disclosure(
    draft: SanctionDraft, about: Identified, sanction_id: str, hosts: Mapping[str, str]
) -> Disclosure:
    reference = draft.policy_reference
    return Disclosure(
        sanction_id=sanction_id,
        seed=secrets.token_bytes(32),
        subject=about.uri,
        host_id=next((hosts[host] for host in about.hosts if host in hosts), None),
        policy_reference=reference.model_dump() if reference else None,
        **{name: getattr(draft, name) for name in _TEXTS},
    )


def _part(sanction_id: str, actor: Actor) -> Part:
    return Part(sanction_id=sanction_id, member_id=actor.member_id, part=DecidingPart.ISSUER.value)


def _reference_key(keys: Keys, actor: Actor, draft: SanctionDraft) -> str:
    return keys.tag("issuer-reference", actor.platform_id, draft.issuer_reference)


def _fingerprint(keys: Keys, reference_key: str, request: Request) -> str:
    """A keyed hash of the body as it was given, so that the same body is known again."""
    body = orjson.dumps(
        [request.is_outside, request.draft.model_dump(mode="json", exclude_defaults=True)],
        option=orjson.OPT_SORT_KEYS,
    )
    return keys.tag("fingerprint", reference_key, body.decode())

"""What a request comes to, before anything is written: its rules, its row, what it replaces."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from governance import feed, signing
from governance.drafts import SanctionDraft, SanctionTerms
from governance.errors import Conflict, InvalidInput, PolicyRefused, RefusalCode
from governance.events import Event
from governance.membership import Actor
from governance.requesting import Request
from governance.rows import among, made
from governance.rules import policy
from governance.rules.lifecycle import after
from governance.rules.status import effect
from governance.sanctions import Sanction
from governance.subjects import Identified, keys_of
from governance.words import Effect, EventType, Measure, PolicyConflict, Precision, Validity

_TERMS = frozenset(SanctionTerms.model_fields)


@dataclass(slots=True)
class Known:
    """What the platform already holds about a batch: references, subjects, keys to sign with."""

    by_reference: dict[str, Sanction] = field(default_factory=dict)
    by_key: dict[str, dict[str, policy.Earlier]] = field(default_factory=dict)
    repeated: frozenset[str] = frozenset()  # keys that several of the batch have
    signing_keys: frozenset[str] = frozenset()

    def earlier(self, about: Identified) -> dict[str, policy.Earlier]:
        """What binds the subject already, by its id."""
        return {i: one for key in about.keys for i, one in self.by_key.get(key, {}).items()}


class Judged(NamedTuple):
    """The sanction that a request comes to, not stored yet, and the one it would replace."""

    sanction: Sanction
    replaced: Sanction | None
    own_grounds: str | None = None


def judge(
    actor: Actor,
    request: Request,
    about: Identified,
    known: Known,
    replaced: Sanction | None = None,
    *,
    now: datetime,
) -> Judged:
    """Reads and writes nothing; raises what the request is refused for. `replaced` is what
    `to_be_replaced` says."""
    judged_at = issued_at = request.dating.issued_at if request.dating else now
    if (signature := request.draft.signature) is not None:
        issued_at = signing.decided_at(signature, known.signing_keys, now=now)
    effective_at = request.draft.effective_at or issued_at
    earlier = known.earlier(about)
    if replaced is not None and (old := earlier.get(replaced.id)) is not None:
        start, end = old.span
        # It doesn't stand any more, but the time it was in force still counts.
        earlier[replaced.id] = replace(old, stands=False, span=(start, min(end or now, now)))
    conflicts = _conflicts(actor, request, about, effective_at, earlier, judged_at)
    sanction = _sanction(actor, request, about, effective_at, issued_at, conflicts, now)
    if replaced is not None and replaced.is_binding and not sanction.is_binding:
        _only_after_the_end(replaced, now)
    adopted = request.adoption
    return Judged(sanction, replaced, adopted.body.own_grounds if adopted else None)


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
    if draft.measure in policy.OTHER_MEASURES and not draft.other_measure:
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
    draft, adopted = request.draft, request.adoption.body if request.adoption else None
    given = vars(draft)
    terms = {name: given[name] for name in _TERMS}
    terms["expires_at"] = policy.expiry(draft.measure, effective_at, draft.expires_at)
    return feed.settle(
        made(
            Sanction,
            id="",  # it follows from the decision, which also commits to what is disclosed
            platform_id=actor.platform_id,
            issued_by=actor.member_id,
            subject_kind=about.kind,
            issued_at=issued_at,
            effective_at=effective_at,
            time_precision=request.dating.precision if request.dating else Precision.INSTANT,
            policy_conflicts=conflicts,
            recorded_at=now,
            reference_key="",
            is_binding=not conflicts,
            lapses_at=lapse(draft.measure, issued_at) if not conflicts else None,
            derived_from_id=adopted.sanction_id if adopted else None,
            has_own_grounds=adopted is not None and adopted.own_grounds is not None,
            **terms,
        )
    )


def lapse(measure: Measure, issued_at: datetime) -> datetime | None:
    """When a decision that binds lapses if no second member approves it."""
    is_permanent = measure is Measure.ACCOUNT_TERMINATED
    return issued_at + policy.APPROVAL_LAPSE if is_permanent else None


def to_be_replaced(
    session: Session, actor: Actor, draft: SanctionDraft, about: Identified, now: datetime
) -> Sanction | None:
    """The sanction to be superseded: own, standing, of the same subject."""
    if draft.supersedes is None:
        return None
    session.flush()
    replaced = session.get(Sanction, draft.supersedes)
    if replaced is None or replaced.platform_id != actor.platform_id:
        raise InvalidInput("no such sanction of this platform", path=["supersedes"])
    if set(session.scalars(keys_of([replaced.id]))).isdisjoint(about.keys):
        raise InvalidInput("expected a sanction of the same subject", path=["supersedes"])
    span = replaced.starts_at, replaced.ends_at
    after(EventType.SANCTION_SUPERSEDED, replaced.validity, effect(span, now))
    return replaced


def _only_after_the_end(replaced: Sanction, now: datetime) -> None:
    """A record doesn't bind: in the place of what does, it would end it unnoticed."""
    if effect((replaced.starts_at, replaced.ends_at), now) is not Effect.ENDED:
        raise Conflict("a record that doesn't bind can't replace what does", path=["supersedes"])


_OF_REFERENCES = "SELECT id FROM sanctions WHERE platform_id = {} AND reference_key"
# By themselves, or SQLite may look for each of the keys at each sanction there is.
_NAMED = "SELECT key, sanction_id FROM subject_keys WHERE key"
_BINDING = "SELECT id FROM sanctions WHERE platform_id = {} AND is_binding AND id"


def known_of(
    session: Session,
    actor: Actor,
    requests: Sequence[Request],
    identified: Sequence[Identified],
    references: Sequence[str],
) -> Known:
    """What the platform holds already, in a few statements whatever the size of the batch."""
    known = Known()
    if any(request.draft.signature for request in requests):
        known.signing_keys = signing.keys_in_force(session, actor.platform_id)
    retried = among(session, _OF_REFERENCES, references, actor.platform_id)
    for sanction in _stored(session, [ident for (ident,) in retried]):
        known.by_reference[sanction.reference_key] = sanction
    keys = Counter([key for about in identified for key in about.keys])
    known.repeated = frozenset(key for key, times in keys.items() if times > 1)
    named = among(session, _NAMED, keys)
    ids = {sanction_id for _, sanction_id in named}
    # Asked even of none, or the time would tell that others hide something about a subject.
    binding = among(session, _BINDING, ids, actor.platform_id)
    earlier = {one.id: earlier_of(one) for one in _stored(session, [i for (i,) in binding])}
    for key, sanction_id in named:
        if sanction_id in earlier:
            known.by_key.setdefault(key, {})[sanction_id] = earlier[sanction_id]
    return known


def _stored(session: Session, ids: Sequence[str]) -> Sequence[Sanction]:
    return session.exec(select(Sanction).where(col(Sanction.id).in_(ids))).all() if ids else ()


def earlier_of(sanction: Sanction, then: Event | None = None) -> policy.Earlier:
    """As the sanction is, or as it was after an event."""
    known = then or sanction
    return policy.Earlier(
        id=sanction.id,
        measure=sanction.measure,
        category=sanction.category,
        conduct=policy.conduct(sanction.conduct_from, sanction.conduct_to, sanction.issued_at),
        span=(known.starts_at, known.ends_at),
        counts=known.validity not in (Validity.OVERTURNED, Validity.VOIDED),
        stands=known.validity is Validity.STANDING,
    )

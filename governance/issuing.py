"""Issuing sanctions, one or many, and recording decisions that were made outside the policy."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select

from governance import decisions, feed, notices, signing, subjects
from governance.appeals import Appeal, Invitation
from governance.appellants import appeal_secret
from governance.correcting import Corrected, correct_copies
from governance.errors import Refused
from governance.judging import (
    Judged,
    Known,
    Request,
    earlier_of,
    fingerprint,
    judge,
    known_of,
    reference_key,
    used_before,
)
from governance.log.commitments import SEED_BYTES
from governance.log.leaves import case_id
from governance.log.notes import decode
from governance.log.sequencing import ledger_of
from governance.membership import Actor
from governance.rows import insert, made
from governance.rules.duties import DecidingPart
from governance.rules.lifecycle import OPEN
from governance.rules.permissions import Operation
from governance.sanctions import (
    Disclosure,
    Part,
    Sanction,
    SanctionDraft,
    SanctionTexts,
    SubjectKey,
)
from governance.settings import Keys, token_hash
from governance.subjects import Identified
from governance.words import EventType, Validity

MOST_IN_BATCH = 1_000
_TEXTS = frozenset(SanctionTexts.model_fields)


@dataclass(frozen=True, slots=True)
class Issued:
    """A sanction that exists now, and its appeal secret until that was used."""

    sanction_id: str
    appeal_secret: str | None
    is_new: bool = True
    is_binding: bool = True


class Prepared(NamedTuple):
    """A request with all that follows from it alone."""

    request: Request
    about: Identified
    reference: str
    fingerprint: str
    held: Disclosure
    commitments: Mapping[str, str]


@dataclass(slots=True)
class Batch:
    """Rows of one platform, to insert set-wise."""

    domain: str
    recorded_at: datetime
    sanctions: list[Sanction] = field(default_factory=list)
    disclosures: list[Disclosure] = field(default_factory=list)
    keys: list[SubjectKey] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    happenings: list[feed.Happening] = field(default_factory=list)


def issue(
    session: Session,
    keys: Keys,
    actor: Actor,
    requests: Sequence[Request | Prepared | Refused],
    *,
    now: datetime,
) -> list[Issued | Refused]:
    """Issues each request or says why not, in order; one refused refuses none of the others.

    A request refused by its shape may be passed as its refusal and keeps its place.
    """
    actor.require(Operation.ISSUE)
    prepared = [_prepared(keys, actor, r) if isinstance(r, Request) else r for r in requests]
    ready = [one for one in prepared if isinstance(one, Prepared)]
    known = known_of(
        session,
        actor,
        [one.request for one in ready],
        [one.about for one in ready],
        [one.reference for one in ready],
    )
    hosts = subjects.hosts(session, [one.about for one in ready], actor.platform_id)
    domain = next(name for name, owner in hosts.items() if owner == actor.platform_id)
    batch = Batch(domain, ledger_of(session).instant(now))
    answers: list[Issued | Refused] = []
    for one in prepared:
        try:
            if isinstance(one, Refused):
                raise one
            answers.append(_one(session, keys, actor, one, known, hosts, batch, now))
        except Refused as refused:
            answers.append(refused)
    _insert(session, batch, now)
    return answers


def prepare(
    keys: Keys, actor: Actor, requests: Sequence[Request | Refused]
) -> list[Prepared | Refused]:
    """Requests as `issue` takes them too, with all that can be done before the writers' turn."""
    return [_prepared(keys, actor, r) if isinstance(r, Request) else r for r in requests]


def _prepared(keys: Keys, actor: Actor, request: Request) -> Prepared | Refused:
    about = _identified(keys, request)
    if isinstance(about, Refused):
        return about
    reference = reference_key(keys, actor, request.draft)
    held = disclosure(request.draft, about)
    body = fingerprint(keys, reference, request)
    return Prepared(request, about, reference, body, held, decisions.commitments(held))


def _identified(keys: Keys, request: Request) -> Identified | Refused:
    """Whom a request is about; an adoption is about whom its source is."""
    adoption = request.adoption
    return adoption.about if adoption else subjects.identified(keys, request.draft)


def retried(keys: Keys, first: Sanction, fingerprint: str) -> Issued:
    """The first answer again, if the body under its reference is the same."""
    used_before(first, fingerprint)
    secret = appeal_secret(keys, first.id, 0) if first.secret_generation == 0 else None
    return Issued(first.id, secret, is_new=False, is_binding=first.is_binding)


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
    prepared: Prepared,
    known: Known,
    hosts: Mapping[str, str],
    batch: Batch,
    now: datetime,
) -> Issued:
    request, about, reference, body, held, commitments = prepared
    if (first := known.by_reference.get(reference)) is not None:
        return retried(keys, first, body)
    judged = judge(session, actor, request, about, known, now=now)
    sanction, replaced = judged.sanction, judged.replaced
    sanction.reference_key, sanction.fingerprint = reference, body
    sanction.recorded_at = batch.recorded_at
    held.host_id = next((hosts[host] for host in about.hosts if host in hosts), None)
    decision = drawn_up(batch.domain, judged, held, commitments)
    signature = signing.signed(request.draft.signature, decision)
    sanction.id = held.sanction_id = case_id(decision)
    secret = appeal_secret(keys, sanction.id, 0)
    sanction.secret_hash = token_hash(secret)
    batch.sanctions.append(sanction)
    batch.disclosures.append(held)
    batch.keys += [made(SubjectKey, key=key, sanction_id=sanction.id) for key in about.keys]
    batch.parts.append(_part(sanction.id, actor))
    known.by_reference[reference] = sanction
    if replaced is not None:
        sanction.supersedes_id = replaced.id
        at = request.dating.issued_at if request.dating else now
        _supersede(session, replaced, sanction, known, about, batch, at, now)
    batch.happenings.append(
        feed.Happening(
            EventType.SANCTION_ISSUED,
            sanction,
            occurred_at=sanction.issued_at,
            decision=decision,
            signature=signature,
        )
    )
    if request.dating is None and notices.is_due(sanction, held.host_id):
        batch.happenings.append(feed.Happening(EventType.NOTICE_DUE, sanction))
    if sanction.is_binding:
        for key in about.keys:
            known.by_key.setdefault(key, {})[sanction.id] = earlier_of(sanction)
    return Issued(sanction.id, secret, is_binding=sanction.is_binding)


def _supersede(
    session: Session,
    replaced: Sanction,
    by: Sanction,
    known: Known,
    about: Identified,
    batch: Batch,
    at: datetime,
    now: datetime,
) -> None:
    """Ends the replaced one `at`; deciders, guests and the open appeal go to the replacement."""
    replaced.validity, replaced.superseded_at = Validity.SUPERSEDED, at
    session.add(feed.settle(replaced))
    batch.happenings.append(feed.Happening(EventType.SANCTION_SUPERSEDED, replaced, occurred_at=at))
    for part in session.exec(select(Part).where(Part.sanction_id == replaced.id)):
        moved = made(Part, sanction_id=by.id, member_id=part.member_id, part=part.part)
        if moved not in batch.parts:
            batch.parts.append(moved)
    _insert(session, batch, now)
    correct_copies(session, Corrected(replaced, ledger_of(session).size - 1), now=now)
    move_appeals(session, replaced.id, by.id, now=now)
    for held in known.by_key.values():
        if replaced.id in held:
            held[replaced.id] = earlier_of(replaced)


def move_appeals(session: Session, old: str, new: str, *, now: datetime) -> None:
    """An open appeal moves to the replacement, and so do the guests that were invited to it."""
    went_over = session.execute(
        sa.update(Appeal)
        .where(col(Appeal.sanction_id) == old, col(Appeal.state).in_(OPEN))
        .where(sa.or_(col(Appeal.lapses_at).is_(None), col(Appeal.lapses_at) > now))
        .values(sanction_id=new)
        .returning(col(Appeal.id))
    ).all()
    if went_over:  # guests were invited to that appeal, not to what comes after it
        for guest in session.exec(select(Invitation).where(Invitation.sanction_id == old)):
            session.add(Invitation(sanction_id=new, platform_id=guest.platform_id, at=guest.at))


def _insert(session: Session, batch: Batch, now: datetime) -> None:
    """Writes what the batch holds and empties it."""
    groups: dict[type[SQLModel], list[Any]] = {
        Sanction: batch.sanctions,
        Disclosure: batch.disclosures,
        SubjectKey: batch.keys,
        Part: batch.parts,
    }
    for table, rows in groups.items():
        insert(session, table, list(map(vars, rows)))
    feed.append(session, batch.happenings, now=now)
    for kept in (*groups.values(), batch.happenings):
        kept.clear()


def drawn_up(
    domain: str, judged: Judged, held: Disclosure, commitments: Mapping[str, str] | None = None
) -> bytes:
    """The decision as it is logged, which commits to what is kept beside it."""
    if judged.own_grounds is not None:
        held.own_grounds, commitments = judged.own_grounds, None
    replaced = judged.replaced.id if judged.replaced else None
    commitments = commitments or decisions.commitments(held)
    return decisions.issued(domain, judged.sanction, commitments, replaced)


def disclosure(draft: SanctionDraft, about: Identified) -> Disclosure:
    """What a decision commits to, with a seed of its own."""
    given, reference, signature = vars(draft), draft.policy_reference, draft.signature
    return made(
        Disclosure,
        seed=decode(signature.seed) if signature else secrets.token_bytes(SEED_BYTES),
        subject=about.uri,
        aliases=list(about.aliases),
        policy_reference=reference.model_dump() if reference else None,
        **{name: given[name] for name in _TEXTS},
    )


def _part(sanction_id: str, actor: Actor) -> Part:
    part = DecidingPart.ISSUER.value
    return made(Part, sanction_id=sanction_id, member_id=actor.member_id, part=part)

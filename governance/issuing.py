"""Issuing sanctions, one or many, and recording decisions that were made outside the policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance import feed, notices, subjects
from governance.appeals import Appeal, Invitation
from governance.appellants import appeal_secret
from governance.correcting import Corrected, correct_copies
from governance.errors import Refused
from governance.events import Event
from governance.judging import Known, earlier_of, judge, known_of, to_be_replaced
from governance.log.sequencing import ledger_of
from governance.membership import Actor
from governance.preparing import Prepared, draw, prepared
from governance.requesting import Request, used_before
from governance.rows import insert_each
from governance.rules.duties import DecidingPart
from governance.rules.lifecycle import OPEN
from governance.rules.permissions import Operation
from governance.sanctions import Disclosure, Part, Sanction, SubjectKey
from governance.settings import Keys
from governance.words import EventType, Validity

MOST_IN_BATCH = 1_000


class Issued(NamedTuple):
    """A sanction that exists now, and its appeal secret until that was used."""

    sanction_id: str
    appeal_secret: str | None
    is_new: bool = True
    is_binding: bool = True


@dataclass(slots=True)
class Batch:
    """Rows of one platform, to insert set-wise."""

    domain: str
    recorded_at: datetime
    sanctions: list[Sanction] = field(default_factory=list)
    disclosures: list[Disclosure] = field(default_factory=list)
    keys: list[dict[str, str]] = field(default_factory=list)
    parts: dict[tuple[str, str, str], dict[str, str]] = field(default_factory=dict)  # each once
    happenings: list[feed.Happening] = field(default_factory=list)

    def took_part(self, sanction_id: str, member_id: str, part: str) -> None:
        row = {"sanction_id": sanction_id, "member_id": member_id, "part": part}
        self.parts[sanction_id, member_id, part] = row


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
    return issue_prepared(session, keys, actor, prepared(keys, actor, requests), now=now)


def issue_prepared(
    session: Session,
    keys: Keys,
    actor: Actor,
    given: Sequence[Prepared | Refused],
    *,
    now: datetime,
) -> list[Issued | Refused]:
    """The same of requests that were prepared before the turn."""
    actor.require(Operation.ISSUE)
    ready = [one for one in given if isinstance(one, Prepared)]
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
    for one in given:
        try:
            if isinstance(one, Refused):
                raise one
            answers.append(_one(session, keys, actor, one, known, hosts, batch, now))
        except Refused as refused:
            answers.append(refused)
    _insert(session, batch, now)
    return answers


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
    given: Prepared,
    known: Known,
    hosts: Mapping[str, str],
    batch: Batch,
    now: datetime,
) -> Issued:
    request, about, held, drawn = given.request, given.about, given.held, given.outcome
    if (first := known.by_reference.get(given.reference)) is not None:
        return retried(keys, first, given.fingerprint)
    if drawn is None or not known.by_key.keys().isdisjoint(about.keys):
        replaced = to_be_replaced(session, actor, request.draft, about, now)
        judged = judge(actor, request, about, known, replaced, now=now)
        drawn = draw(keys, batch.domain, given, judged)
    if isinstance(drawn, Refused):
        raise drawn
    sanction, replaced = drawn.sanction, drawn.replaced
    sanction.recorded_at = batch.recorded_at
    held.host_id = next((hosts[host] for host in about.hosts if host in hosts), None)
    batch.sanctions.append(sanction)
    batch.disclosures.append(held)
    batch.keys += [{"key": key, "sanction_id": sanction.id} for key in about.keys]
    known.by_reference[given.reference] = sanction
    if replaced is not None:
        sanction.supersedes_id = replaced.id
        at = request.dating.issued_at if request.dating else now
        _end(session, replaced, batch, at)
    batch.happenings.append(
        feed.Happening(
            EventType.SANCTION_ISSUED,
            sanction,
            occurred_at=sanction.issued_at,
            decision=drawn.decision,
            signature=drawn.signature,
        )
    )
    if request.dating is None and notices.is_due(sanction, held.host_id):
        batch.happenings.append(feed.Happening(EventType.NOTICE_DUE, sanction))
    if replaced is not None:
        _take_place(session, replaced, sanction, known, batch, now)
    if sanction.is_binding:
        for key in known.repeated.intersection(about.keys):
            known.by_key.setdefault(key, {})[sanction.id] = earlier_of(sanction)
    return Issued(sanction.id, drawn.secret, is_binding=sanction.is_binding)


def _end(session: Session, replaced: Sanction, batch: Batch, at: datetime) -> None:
    replaced.validity, replaced.superseded_at = Validity.SUPERSEDED, at
    session.add(feed.settle(replaced))
    batch.happenings.append(feed.Happening(EventType.SANCTION_SUPERSEDED, replaced, occurred_at=at))


def _take_place(
    session: Session, replaced: Sanction, by: Sanction, known: Known, batch: Batch, now: datetime
) -> None:
    """Deciders, guests and the open appeal of what was just logged as replaced go to what was
    logged after it."""
    for part in session.exec(select(Part).where(Part.sanction_id == replaced.id)):
        batch.took_part(by.id, part.member_id, part.part)
    if replaced.issued_by is not None:
        batch.took_part(by.id, replaced.issued_by, DecidingPart.ISSUER.value)
    _insert(session, batch, now)
    superseded = ledger_of(session).size - 2  # before that of the replacement's issue
    correct_copies(session, Corrected(replaced, superseded), now=now)
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
    """Writes what the batch holds and empties it. Ids follow from hashes: in their order, rows
    that change the same page of an index come one after another."""
    told = feed.rows(session, batch.happenings, now=now)
    insert_each(
        session,
        [
            (Sanction, sorted(map(vars, batch.sanctions), key=itemgetter("id"))),
            (Disclosure, sorted(map(vars, batch.disclosures), key=itemgetter("sanction_id"))),
            (SubjectKey, sorted(batch.keys, key=itemgetter("key"))),
            (Part, [batch.parts[key] for key in sorted(batch.parts)]),
            (Event, told),
        ],
    )
    for kept in (batch.sanctions, batch.disclosures, batch.keys, batch.parts, batch.happenings):
        kept.clear()

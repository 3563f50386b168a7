"""Erasing a subject: disclosures, keys and texts go; statements and their places stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from pydantic import Field
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from governance import feed
from governance.adoptions import Receipt
from governance.appeals import Appeal, AppealMessage, SecretUse
from governance.changing import own_sanction
from governance.errors import InvalidInput
from governance.fields import URI, Draft, LongText
from governance.hosts import BadUri
from governance.identifiers import SubjectKind, lookup_key, parse_subject
from governance.membership import Actor
from governance.peers import followed_platforms
from governance.rules.lifecycle import UNDER_WAY, appeal_state
from governance.rules.permissions import Operation
from governance.rules.policy import APPEAL_DUE
from governance.sanctions import Disclosure, Note, Sanction
from governance.settings import Keys
from governance.subjects import forget_keys, sanctions_about
from governance.words import EventType

AT_ONCE = 5_000  # sanctions; a statement names each of them twice

# What is left of private disclosures: the seed too, so that no guess can be confirmed.
PRIVATE: dict[str, Any] = {
    "reason": None,
    "facts": None,
    "other_measure": None,
    "content_uri": None,
    "own_grounds": None,
    "host_id": None,
    "seed": b"",
}


class Scope(StrEnum):
    """What was erased of a sanction's disclosures, as the log says it."""

    ALL = "ALL"
    PRIVATE = "PRIVATE"
    LOST = "LOST"  # nobody erased it, it was in no backup


class ErasureDraft(Draft):
    """Whose records to erase."""

    subject: URI | None = Field(default=None, description="The subject to erase, as a URI")
    sanction_id: str | None = Field(
        default=None, max_length=64, description="Or one sanction, whatever is left of it"
    )
    reason: LongText = Field(description="Why; not kept")


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased, and what waits for an appeal."""

    erased_count: int
    deferred_count: int
    deferred_until: datetime | None


def erase(
    session: Session, keys: Keys, actor: Actor, draft: ErasureDraft, *, now: datetime
) -> Erased:
    """Erases what the own platform holds of a subject, under whatever alias; an appeal under
    way keeps its evidence until it is over."""
    actor.require(Operation.ERASE)
    found = _records(session, keys, actor, draft)
    _forget_answers(session, keys, actor, draft)
    waiting = under_appeal(session, [sanction.id for sanction in found], now)
    held = set(
        session.exec(
            select(Disclosure.sanction_id).where(
                col(Disclosure.sanction_id).in_([sanction.id for sanction in found])
            )
        )
    )
    ready = [s for s in found if s.id not in waiting and s.id in held]
    redact(session, ready, now=now)
    for sanction in found:
        if sanction.id in waiting and sanction.erasure_asked_at is None:
            sanction.erasure_asked_at = now  # `retention` does it once the appeal is over
            session.add(sanction)
    # An appeal may take longer than planned: the date is when to try again, never in the past.
    until = max(
        (max(due, now + APPEAL_DUE) if due <= now else due for due in waiting.values()),
        default=None,
    )
    return Erased(len(ready), len(waiting), until)


def redact(
    session: Session, sanctions: Sequence[Sanction], scope: Scope = Scope.ALL, *, now: datetime
) -> None:
    """Erases what the sanctions disclose, and says so in the feed and the log."""
    forget(session, sanctions, scope, now=now)
    happenings = [
        feed.Happening(EventType.SANCTION_REDACTED, sanction, told={"scope": scope.value})
        for sanction in sanctions
    ]
    feed.append(session, happenings, now=now)


def redact_lost(session: Session, *, now: datetime) -> None:
    """Says of the own cases whose disclosures nobody erased, and are gone, that they are lost."""
    found = (
        select(Sanction)
        .where(col(Sanction.redacted_at).is_(None))
        .where(~sa.exists().where(col(Disclosure.sanction_id) == col(Sanction.id)))
        .where(col(Sanction.platform_id).not_in(followed_platforms()))
        .order_by(col(Sanction.id))
    )
    lost = list(session.exec(found))
    for start in range(0, len(lost), AT_ONCE):
        redact(session, lost[start : start + AT_ONCE], Scope.LOST, now=now)


def forget(session: Session, sanctions: Sequence[Sanction], scope: Scope, *, now: datetime) -> None:
    """Deletes what the sanctions disclose, and what was written about them."""
    ids = [sanction.id for sanction in sanctions]
    if scope is Scope.PRIVATE:
        people = [s.id for s in sanctions if s.subject_kind is not SubjectKind.SERVER]
        _keep_what_is_public(session, ids, people)
    else:
        forget_keys(session, ids)
        session.execute(sa.delete(Disclosure).where(col(Disclosure.sanction_id).in_(ids)))
    appeals = sa.select(col(Appeal.id)).where(col(Appeal.sanction_id).in_(ids))
    session.execute(sa.delete(AppealMessage).where(col(AppealMessage.appeal_id).in_(appeals)))
    answered = sa.or_(col(Receipt.sanction_id).in_(ids), col(Receipt.adoption_id).in_(ids))
    session.execute(sa.update(Receipt).where(answered).values(reason=None))
    for written in (SecretUse, Note):
        session.execute(sa.delete(written).where(col(written.sanction_id).in_(ids)))
    for sanction in sanctions:
        sanction.redacted_at, sanction.fingerprint, sanction.secret_hash = now, None, None
        sanction.erasure_asked_at = None
        session.add(sanction)


def _keep_what_is_public(session: Session, ids: list[str], people: list[str]) -> None:
    """Of disclosures that stays: explanation, the rule and ground, and the URI of a server."""
    forget_keys(session, people)
    own = sa.update(Disclosure).where(col(Disclosure.sanction_id).in_(ids))
    session.execute(own.values(PRIVATE))
    session.execute(
        sa.update(Disclosure)
        .where(col(Disclosure.sanction_id).in_(people))
        .values(subject="", aliases=[], lookup_keys=[], issuer_reference=None, case_reference=None)
    )


def _records(session: Session, keys: Keys, actor: Actor, draft: ErasureDraft) -> list[Sanction]:
    if (draft.subject is None) is (draft.sanction_id is None):
        raise InvalidInput("expected a subject or a sanction", path=["subject"])
    if draft.sanction_id is not None:
        return [own_sanction(session, actor, draft.sanction_id)]
    query = (
        select(Sanction)
        .where(col(Sanction.id).in_(_about(keys, str(draft.subject))))
        .where(Sanction.platform_id == actor.platform_id)
        .order_by(col(Sanction.id))
    )
    return list(session.exec(query))


def _about(keys: Keys, text: str) -> SelectOfScalar[str]:
    """Ids of the sanctions about a subject, of whatever kind."""
    try:
        subject = parse_subject(text)
    except BadUri as error:
        raise InvalidInput(str(error), path=["subject"]) from None
    lookups = [lookup_key(keys.derived("lookup"), kind, subject.uri) for kind in SubjectKind]
    return sanctions_about(lookups)


def _forget_answers(session: Session, keys: Keys, actor: Actor, draft: ErasureDraft) -> None:
    """What the platform said to others' sanctions of the subject is its own record, too."""
    if draft.subject is not None:
        about = _about(keys, draft.subject)
        said = sa.update(Receipt).where(col(Receipt.platform_id) == actor.platform_id)
        session.execute(said.where(col(Receipt.sanction_id).in_(about)).values(reason=None))


def under_appeal(session: Session, ids: list[str], now: datetime) -> dict[str, datetime]:
    """Sanctions with an appeal under way, and when its answer is due."""
    # An appeal that moved to a replacement still rests on the sanction it was filed against.
    about = sa.or_(col(Appeal.sanction_id).in_(ids), col(Appeal.origin_id).in_(ids))
    return {
        sanction_id: appeal.due_at
        for appeal in session.exec(select(Appeal).where(about, col(Appeal.state).in_(UNDER_WAY)))
        if appeal_state(appeal.state, appeal.lapses_at, now) in UNDER_WAY
        for sanction_id in {appeal.sanction_id, appeal.origin_id}.intersection(ids)
    }

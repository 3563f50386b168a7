"""A termination reduced on appeal: superseded by a time-out on the same terms."""

import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance import decisions, feed, notices
from governance.appellants import appeal_secret
from governance.correcting import Corrected, correct_copies
from governance.errors import PolicyRefused, RefusalCode
from governance.log.commitments import SEED_BYTES
from governance.log.leaves import case_id
from governance.log.sequencing import ledger_of
from governance.platforms import Platform
from governance.rules import policy
from governance.rules.status import Span
from governance.sanctions import Disclosure, Part, Sanction, SubjectKey
from governance.settings import Keys, token_hash
from governance.subjects import keys_of, sanctions_about
from governance.words import EventType, Measure, Validity


def replace_termination(
    session: Session, keys: Keys, terminated: Sanction, end: datetime, *, now: datetime
) -> Sanction:
    """The time-out that takes the termination's place until `end`."""
    start = max(now, terminated.effective_at)
    # A vote may have waited for the other: what the cap allows by now, not a refusal of either.
    others = _served(session, terminated, now)
    end = policy.latest_end((start, max(start, end)), others)
    terms = terminated.model_dump()
    terms |= {
        "measure": Measure.ACCOUNT_SUSPENDED,
        "permanent_basis": None,
        "issued_at": now,
        "recorded_at": ledger_of(session).instant(now),
        "effective_at": start,
        "expires_at": end,
        "approved_at": None,
        "lapses_at": None,
        "notified_at": None,  # it gets a notice of its own
        "erasure_asked_at": None,
        "supersedes_id": terminated.id,
        "reference_key": keys.tag("reduced", terminated.id),
        "fingerprint": None,
        "secret_generation": 0,
    }
    replacement = feed.settle(Sanction(**terms))
    disclosure = _disclosure(session, terminated.id)
    domain = session.get_one(Platform, terminated.platform_id).domain
    bound = decisions.commitments(disclosure)
    decision = decisions.issued(domain, replacement, bound, terminated.id)
    replacement.id = disclosure.sanction_id = case_id(decision)
    replacement.secret_hash = token_hash(appeal_secret(keys, replacement.id, 0))
    terminated.validity, terminated.superseded_at = Validity.SUPERSEDED, now
    session.add_all([feed.settle(terminated), replacement])
    session.flush()
    _copy(session, terminated.id, disclosure)
    happenings = [
        feed.Happening(EventType.SANCTION_SUPERSEDED, terminated),
        feed.Happening(EventType.SANCTION_ISSUED, replacement, occurred_at=now, decision=decision),
    ]
    if notices.is_due(replacement, disclosure.host_id):
        happenings.append(feed.Happening(EventType.NOTICE_DUE, replacement))
    entry = ledger_of(session).size
    feed.append(session, happenings, now=now)
    correct_copies(session, Corrected(terminated, entry), now=now)
    return replacement


def _disclosure(session: Session, old: str) -> Disclosure:
    """What the replacement discloses: the same, under a seed of its own."""
    held = session.get_one(Disclosure, old)
    fields = held.model_dump(exclude={"sanction_id"}) | {"seed": secrets.token_bytes(SEED_BYTES)}
    return Disclosure(**fields)


def _copy(session: Session, old: str, disclosure: Disclosure) -> None:
    """Whom it is about and who took part stay the same."""
    new = disclosure.sanction_id
    session.add(disclosure)
    for part in session.exec(select(Part).where(Part.sanction_id == old)):
        session.add(Part(sanction_id=new, member_id=part.member_id, part=part.part))
    session.add_all([SubjectKey(key=key, sanction_id=new) for key in disclosure.lookup_keys])


def check_total(session: Session, terminated: Sanction, end: datetime, *, now: datetime) -> None:
    """Refuses an end that exceeds the cap, to which the time served until now belongs."""
    span = max(now, terminated.effective_at), end
    if policy.exceeds_total(span, _served(session, terminated, now)):
        raise PolicyRefused(
            "with the time-outs before it, this end exceeds the cap: choose an earlier one",
            path=["newExpiresAt"],
            code=RefusalCode.TOTAL_TOO_LONG,
        )


def _served(session: Session, terminated: Sanction, now: datetime) -> list[Span]:
    """The platform's suspensions of the subject; the termination's until now."""
    served = session.execute(
        sa.select(col(Sanction.id), col(Sanction.starts_at), col(Sanction.ends_at)).where(
            col(Sanction.id).in_(sanctions_about(keys_of([terminated.id]))),
            col(Sanction.platform_id) == terminated.platform_id,
            col(Sanction.measure).in_(policy.SUSPENSIONS),
            col(Sanction.validity).in_((Validity.STANDING, Validity.SUPERSEDED)),
            col(Sanction.is_binding),
        )
    ).all()
    return [(start, now if key == terminated.id else end) for key, start, end in served]

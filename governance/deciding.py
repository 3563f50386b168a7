"""Deciding appeals: by others than who decided before, with effect at once."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from governance import appealing, feed
from governance.appeals import Appeal, DecisionDraft, Vote
from governance.appellants import Moved
from governance.changing import deciders, overturn_now
from governance.correcting import record
from governance.errors import Conflict, InvalidInput
from governance.membership import Actor
from governance.reducing import check_total, replace_termination
from governance.rules import duties, policy
from governance.rules.lifecycle import DECIDABLE, appeal_state
from governance.rules.permissions import Operation
from governance.rules.status import effect
from governance.sanctions import Sanction
from governance.settings import Keys
from governance.words import AppealState, Author, Effect, EventType, Measure, Outcome, Validity


def decide(
    session: Session, keys: Keys, actor: Actor, draft: DecisionDraft, *, now: datetime
) -> Moved:
    """A reviewer's decision. A termination takes two; the outcome takes effect at once."""
    actor.require(Operation.DECIDE)
    appeal, sanction = appealing.appeal_of(session, draft.appeal_id)
    appealing.concerned(session, actor, sanction, Operation.DECIDE)
    duties.may_review(actor.member_id, deciders(session, sanction))
    state = appeal_state(appeal.state, appeal.lapses_at, now)
    if state not in DECIDABLE:
        raise Conflict(f"expected an appeal IN_REVIEW; this one is {state}", path=["appealId"])
    _check_outcome(session, sanction, draft, now)
    session.add(
        Vote(
            appeal_id=appeal.id,
            member_id=actor.member_id,
            outcome=draft.outcome,
            new_expires_at=draft.new_expires_at,
            at=now,
        )
    )
    session.add(appealing.review_part(sanction, actor))
    appealing.say(session, appeal, Author.PLATFORM, draft.statement, now)
    session.flush()
    votes = session.exec(
        select(Vote).where(Vote.appeal_id == appeal.id).order_by(col(Vote.at))
    ).all()
    if len(votes) < duties.reviewers(sanction.measure):
        happening = feed.Happening(EventType.APPEAL_VOTED, sanction, appeal)
        feed.append(session, [happening], now=now)
        return Moved(appeal.id)
    _apply(session, keys, appeal, sanction, votes, now)
    return Moved(appeal.id)


def _apply(
    session: Session,
    keys: Keys,
    appeal: Appeal,
    sanction: Sanction,
    votes: Sequence[Vote],
    now: datetime,
) -> None:
    """The outcome, in the same transaction as the decision."""
    outcome = duties.milder(vote.outcome for vote in votes)
    appeal.state, appeal.outcome, appeal.decided_at = AppealState.DECIDED, outcome, now
    session.add(appeal)
    feed.append(session, [feed.Happening(EventType.APPEAL_DECIDED, sanction, appeal)], now=now)
    if sanction.validity is not Validity.STANDING:
        return  # overturned or replaced while under review: the answer is recorded all the same
    if outcome is Outcome.OVERTURNED:
        overturn_now(session, sanction, now=now)
    elif outcome is Outcome.REDUCED:
        ends = [
            v.new_expires_at for v in votes if v.outcome is Outcome.REDUCED and v.new_expires_at
        ]
        _reduce(session, keys, sanction, min(ends), now)


def _reduce(session: Session, keys: Keys, sanction: Sanction, end: datetime, now: datetime) -> None:
    end = max(end, now)
    if effect((sanction.starts_at, sanction.ends_at), now) is Effect.ENDED:
        sanction.reduced_after_end = True
        record(session, sanction, EventType.SANCTION_SHORTENED, now)
    elif sanction.measure is Measure.ACCOUNT_TERMINATED:
        replace_termination(session, keys, sanction, end, now=now)
    else:
        # A vote may be older than the sanction, which replaced a termination meanwhile.
        sanction.expires_at = min(end, sanction.expires_at or end)
        record(session, sanction, EventType.SANCTION_SHORTENED, now)


def _check_outcome(
    session: Session, sanction: Sanction, draft: DecisionDraft, now: datetime
) -> None:
    if draft.outcome is not Outcome.REDUCED:
        if draft.new_expires_at is not None:
            raise InvalidInput(f"expected none with {draft.outcome}", path=["newExpiresAt"])
        return
    if draft.new_expires_at is None:
        raise InvalidInput("expected the new end with REDUCED", path=["newExpiresAt"])
    if sanction.measure is Measure.ACCOUNT_TERMINATED:
        if draft.new_expires_at - now > policy.LONGEST_SUSPENSION:
            raise InvalidInput(
                f"expected an end at most {policy.LONGEST_SUSPENSION.days} days from now",
                path=["newExpiresAt"],
            )
        if max(draft.new_expires_at, now) <= sanction.effective_at:
            raise InvalidInput("expected an end after the start", path=["newExpiresAt"])
        if effect((sanction.starts_at, sanction.ends_at), now) is not Effect.ENDED:
            check_total(session, sanction, draft.new_expires_at, now=now)
    elif sanction.expires_at is not None and draft.new_expires_at >= sanction.expires_at:
        raise InvalidInput("expected an earlier end than it has", path=["newExpiresAt"])
    elif now < sanction.effective_at and draft.new_expires_at <= sanction.effective_at:
        raise InvalidInput(
            "expected an end after the start; overturn it if it should never begin",
            path=["newExpiresAt"],
        )

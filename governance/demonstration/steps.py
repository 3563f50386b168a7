"""What may become of a sanction after it was issued, step by step, through the use cases."""

from datetime import datetime, timedelta

from governance import appealing, changing, deciding, issuing, requesting
from governance.appeals import DecisionDraft, FilingDraft, InvitationDraft, MoveDraft
from governance.demonstration import words
from governance.demonstration.stage import Course, Step
from governance.membership import Actor
from governance.sanctions import Sanction
from governance.words import AppealMove, InadmissibleCode, Outcome

HOUR = timedelta(hours=1)
REDUCED_TO = timedelta(days=30)  # what is left of a measure without an end


def wait(course: Course, now: datetime) -> None:
    """Nothing happens; an end or a deadline may pass."""


def approve(course: Course, now: datetime) -> None:
    approver = next(a for a in course.staff.issuers if a != course.issuer)
    draft = changing.ApprovalDraft(sanction_id=course.sanction_id)
    changing.approve(course.session, approver, draft, now=now)


def shorten(course: Course, now: datetime) -> None:
    expires_at = course.request.draft.expires_at
    assert expires_at is not None
    draft = changing.ShorteningDraft(
        sanction_id=course.sanction_id,
        expires_at=now + (expires_at - now) / 2,
        reason=words.CHANGES["shorten"],
    )
    changing.shorten(course.session, _moderator(course), draft, now=now)


def lift(course: Course, now: datetime) -> None:
    draft = changing.LiftingDraft(sanction_id=course.sanction_id, reason=words.CHANGES["lift"])
    changing.lift(course.session, _moderator(course), draft, now=now)


def void(course: Course, now: datetime) -> None:
    code, reason = course.random.choice(words.VOIDS)
    draft = changing.VoidingDraft(sanction_id=course.sanction_id, code=code, reason=reason)
    changing.void(course.session, _moderator(course), draft, now=now)


def overturn(course: Course, now: datetime) -> None:
    reason = words.CHANGES["overturn"]
    draft = changing.OverturningDraft(sanction_id=course.sanction_id, reason=reason)
    changing.overturn(course.session, _moderator(course), draft, now=now)


def supersede(course: Course, now: datetime) -> None:
    """A milder sanction takes the place; an open appeal moves to it."""
    old = course.request.draft
    assert old.expires_at is not None
    changed = {
        "issuer_reference": f"{old.issuer_reference}-b",
        "supersedes": course.sanction_id,
        "effective_at": None,
        "expires_at": now + (old.expires_at - now) / 2,
    }
    request = requesting.Request(old.model_copy(update=changed))
    issued = issuing.issue_one(course.session, course.keys, _moderator(course), request, now=now)
    course.sanction_id, course.request = issued.sanction_id, request


def file_by_person(course: Course, now: datetime) -> None:
    course.filed_by_person = True
    _file(course, now, None, course.secret)


def file_by_platform(course: Course, now: datetime) -> None:
    course.filed_by_person = False
    _file(course, now, _moderator(course), None)


def _file(course: Course, now: datetime, actor: Actor | None, secret: str | None) -> None:
    draft = FilingDraft(
        sanction_id=course.sanction_id,
        grounds=course.random.choice(words.GROUNDS),
        appeal_secret=secret,
    )
    moved = appealing.file(course.session, course.keys, actor, draft, now=now)
    course.appeal_id = moved.appeal_id
    course.secret = moved.appeal_secret or course.secret


def admit(course: Course, now: datetime) -> None:
    _platform_moves(course, now, AppealMove.ADMIT)


def refuse(course: Course, now: datetime) -> None:
    code = course.random.choice(list(InadmissibleCode))
    _platform_moves(course, now, AppealMove.REFUSE, code=code)
    course.reviews += 1


def start_review(course: Course, now: datetime) -> None:
    _platform_moves(course, now, AppealMove.START_REVIEW)


def ask(course: Course, now: datetime) -> None:
    _platform_moves(course, now, AppealMove.ASK, message=words.QUESTION)


def answer(course: Course, now: datetime) -> None:
    _appellant_moves(course, now, AppealMove.ANSWER, message=words.ANSWER)


def withdraw(course: Course, now: datetime) -> None:
    _appellant_moves(course, now, AppealMove.WITHDRAW)


def escalate(course: Course, now: datetime) -> None:
    _appellant_moves(course, now, AppealMove.ESCALATE)


def invite(course: Course, now: datetime) -> None:
    draft = InvitationDraft(appeal_id=course.appeal_id, platform=course.guests[0])
    appealing.invite(course.session, _reviewer(course), draft, now=now)


def decide_as_guest(outcome: Outcome) -> Step:
    def step(course: Course, now: datetime) -> None:
        _decide(course, now, course.guests[1].reviewers[0], outcome)

    return step


def decide(outcome: Outcome) -> Step:
    def step(course: Course, now: datetime) -> None:
        _decide(course, now, _reviewer(course), outcome)
        course.reviews += 1

    return step


overturn_on_appeal = decide(Outcome.OVERTURNED)


def record_final(outcome: Outcome) -> Step:
    def step(course: Course, now: datetime) -> None:
        _platform_moves(
            course, now, AppealMove.RECORD_FINAL, outcome=outcome, implemented_at=now - HOUR
        )

    return step


def _moderator(course: Course) -> Actor:
    return course.staff.issuers[0]


def _reviewer(course: Course) -> Actor:
    return course.staff.reviewers[course.reviews]


def _decide(course: Course, now: datetime, reviewer: Actor, outcome: Outcome) -> None:
    draft = DecisionDraft(
        appeal_id=course.appeal_id,
        outcome=outcome,
        new_expires_at=_reduced_end(course, now) if outcome is Outcome.REDUCED else None,
        statement=words.STATEMENTS[outcome],
    )
    deciding.decide(course.session, course.keys, reviewer, draft, now=now)


def _reduced_end(course: Course, now: datetime) -> datetime:
    sanction = course.session.get(Sanction, course.sanction_id)
    assert sanction is not None
    if sanction.expires_at is None:
        return now + REDUCED_TO
    return sanction.effective_at + (sanction.expires_at - sanction.effective_at) / 2


def _platform_moves(course: Course, now: datetime, move: AppealMove, **said: object) -> None:
    draft = MoveDraft.model_validate({"appeal_id": course.appeal_id, "move": move, **said})
    appealing.move(course.session, course.keys, _reviewer(course), draft, now=now)


def _appellant_moves(course: Course, now: datetime, move: AppealMove, **said: object) -> None:
    """By the person with the secret, or by the platform that filed for it."""
    secret = course.secret if course.filed_by_person else None
    actor = None if course.filed_by_person else _moderator(course)
    raw = {"appeal_id": course.appeal_id, "move": move, "appeal_secret": secret, **said}
    draft = MoveDraft.model_validate(raw)
    appealing.move(course.session, course.keys, actor, draft, now=now)

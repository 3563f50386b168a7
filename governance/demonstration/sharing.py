"""What platforms take over from each other in the demonstration, and how it is corrected."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from governance import adopting, issuing, remedying, requesting
from governance.adoptions import AdoptionDraft, AnswerDraft, RemedyDraft
from governance.demonstration import steps, words
from governance.demonstration.decisions import DAY, Inventor
from governance.demonstration.stage import Case, Course, Plan, Step
from governance.sanctions import Sanction
from governance.words import Audience, Measure, Remedy, SanctionAnswer

HOUR = timedelta(hours=1)
HARBOR, TIDEPOOL, LANTERN, MEADOW, COBBLESTONE, NORTHWIND, ORCHARD = words.DOMAINS[:7]
A_WHILE = 60 * DAY
SERVER = "https://pile-on.example"


def adopt(domain: str, *, source: str = "", grounds: bool = False, days: int = 0) -> Step:
    """A platform takes the sanction over, or the copy that `source` made of it."""

    def step(course: Course, now: datetime) -> None:
        draft = AdoptionDraft(
            sanction_id=course.copies[source] if source else course.sanction_id,
            issuer_reference=f"{domain.partition('.')[0].upper()}-OF-{course.reference}",
            measure=course.request.draft.measure,
            expires_at=now + days * DAY if days else None,
            reason=words.ADOPTED,
            own_grounds=words.OWN_GROUNDS if grounds else None,
        )
        issuer = course.staffs[domain].issuers[0]
        issued = adopting.adopt(course.session, course.keys, issuer, draft, now=now)
        course.copies[domain] = issued.sanction_id

    return step


def answer(domain: str, said: SanctionAnswer) -> Step:
    def step(course: Course, now: datetime) -> None:
        reason = words.ANSWERS[said]
        draft = AnswerDraft(sanction_id=course.sanction_id, answer=said, reason=reason)
        adopting.answer(course.session, course.staffs[domain].reviewers[0], draft, now=now)

    return step


def remedy(domain: str, remedy: Remedy) -> Step:
    """A platform on grounds of its own corrects its copy, or replaces it."""

    def step(course: Course, now: datetime) -> None:
        is_kept = remedy is Remedy.KEPT_ON_OWN_GROUNDS
        draft = RemedyDraft(
            sanction_id=course.copies[domain],
            remedy=remedy,
            replacement_id=_replacement(domain, course, now) if is_kept else None,
        )
        remedying.remedy(course.session, course.staffs[domain].issuers[1], draft, now=now)

    return step


# By the platform that decides: what becomes of the sanction until now. A remedy is due in three
# days, so some are overdue.
STORIES: tuple[tuple[str, Measure, Plan], ...] = (
    (HARBOR, Measure.ACCOUNT_SUSPENDED, (
        (HOUR, adopt(TIDEPOOL)),
        (HOUR, adopt(LANTERN, grounds=True)),
        (HOUR, adopt(MEADOW, source=TIDEPOOL)),
        (HOUR, answer(COBBLESTONE, SanctionAnswer.DISPUTED)),
        (HOUR, answer(NORTHWIND, SanctionAnswer.NOTED)),
        (HOUR, answer(ORCHARD, SanctionAnswer.DECLINED)),
        (DAY, steps.file_by_person), (DAY, steps.admit), (HOUR, steps.start_review),
        (DAY, steps.overturn_on_appeal),
        (DAY, remedy(LANTERN, Remedy.REMEDIED)),
    )),
    (TIDEPOOL, Measure.ACCOUNT_SUSPENDED, (
        (HOUR, adopt(HARBOR, grounds=True)), (HOUR, adopt(COBBLESTONE)), (DAY, steps.overturn),
        (4 * DAY, steps.wait),  # overdue
    )),
    (LANTERN, Measure.ACCOUNT_SUSPENDED, (
        (HOUR, adopt(HARBOR)), (HOUR, adopt(ORCHARD, grounds=True)), (2 * DAY, steps.lift),
    )),
    (MEADOW, Measure.ACCOUNT_SUSPENDED, (
        (HOUR, adopt(NORTHWIND, grounds=True)), (DAY, steps.overturn),
        (DAY, remedy(NORTHWIND, Remedy.KEPT_ON_OWN_GROUNDS)),
    )),
    (COBBLESTONE, Measure.ACCOUNT_SUSPENDED, (
        (HOUR, adopt(MEADOW, grounds=True, days=1)), (2 * DAY, steps.overturn),
        (HOUR, remedy(MEADOW, Remedy.NO_ACTION_NEEDED)),
    )),
    (HARBOR, Measure.ACCOUNT_SUSPENDED, (
        (HOUR, adopt(LANTERN)), (DAY, steps.shorten), (HOUR, steps.wait),
    )),
    (HARBOR, Measure.SERVER_SUSPENDED, (
        (HOUR, adopt(TIDEPOOL)), (HOUR, adopt(LANTERN, grounds=True)),
        (HOUR, answer(MEADOW, SanctionAnswer.DISPUTED)),
    )),
)  # fmt: skip


def stories(invent: Inventor, now: datetime) -> Iterator[Case]:
    """Every state of a receipt, and every way that a copy comes to its end with its source."""
    for number, (platform, measure, plan) in enumerate(STORIES, start=1):
        at = now - sum((delay for delay, _ in plan), 6 * HOUR)
        is_server = measure is Measure.SERVER_SUSPENDED
        about = SERVER if is_server else f"acct:lost_buoy{number}@{words.ELSEWHERE[0]}"
        request = invent.request(
            at, platform, measure, length=A_WHILE, subject=about, audience=Audience.PARTNERS
        )
        yield Case(at, platform, ((request, plan),))


def _replacement(domain: str, course: Course, now: datetime) -> str:
    """A decision of the platform's own in the place of its copy, half as long as what is left."""
    copy = course.session.get_one(Sanction, course.copies[domain])
    assert copy.expires_at is not None
    changed = {
        "issuer_reference": f"{domain.partition('.')[0].upper()}-OWN-{course.reference}",
        "supersedes": copy.id,
        "expires_at": now + (copy.expires_at - now) / 2,
        "reason": words.OWN_GROUNDS,
    }
    request = requesting.Request(course.request.draft.model_copy(update=changed))
    issuer = course.staffs[domain].issuers[0]
    return issuing.issue_one(course.session, course.keys, issuer, request, now=now).sanction_id

"""The cases of the demonstration: one of every kind, and as many more as are asked for."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from governance.demonstration import plans, words
from governance.demonstration.decisions import DAY, Inventor
from governance.demonstration.plans import HOUR, NOTHING, Weighted
from governance.demonstration.stage import Case, Plan
from governance.judging import Request
from governance.rules import policy
from governance.words import Audience, Automation, Measure

PAST = 2 * 365 * DAY
A_MONTH = 30 * DAY

# Of cases; one may be about several posts or accounts.
SHARES: tuple[tuple[float, Measure], ...] = (
    (40, Measure.ACCOUNT_SUSPENDED),
    (12, Measure.WARNING),
    (9, Measure.CONTENT_REMOVED),
    (6, Measure.CONTENT_DISABLED),
    (6, Measure.SERVICE_RESTRICTED),
    (4, Measure.CONTENT_DEMOTED),
    (4, Measure.SERVICE_SUSPENDED),
    (3, Measure.ACCOUNT_TERMINATED),
    (3, Measure.MONETIZATION_SUSPENDED),
    (3, Measure.SERVER_SUSPENDED),
    (2, Measure.CONTENT_AGE_RESTRICTED),
    (2, Measure.CONTENT_INTERACTION_RESTRICTED),
    (2, Measure.CONTENT_LABELLED),
    (2, Measure.SERVER_LIMITED),
    (1, Measure.MONETIZATION_OTHER),
    (0.5, Measure.CONTENT_OTHER),
)
OUTSIDE = (
    Measure.SERVICE_TERMINATED,
    Measure.MONETIZATION_TERMINATED,
    Measure.ACCOUNT_TERMINATED,
    Measure.ACCOUNT_SUSPENDED,
)

# What the node prints at start: an account that several platforms suspended, a server that the
# public may ask about, and a sanction that nobody has appealed against yet.
HOME = words.DOMAINS[0]
SUSPENDED = "acct:rusty_kettle@tidepool.example"
ALIAS = "https://tidepool.example/users/rusty_kettle"
SERVER = "https://bulk-invites.example"
APPEALABLE = "HARBOR-DEMO"


def every_kind(invent: Inventor, now: datetime) -> Iterator[Case]:
    """Every measure, every plan after each of its steps, every kind of outside decision."""
    yield from _shown(invent, now)
    for _, measure in SHARES:
        yield _case(invent, now - DAY, measure, NOTHING, length=invent.length(measure) or A_MONTH)
    for measure in OUTSIDE:
        yield _case(invent, now - DAY, measure, NOTHING, length=None, is_outside=True)
    later = now + 3 * DAY
    yield _case(invent, now - HOUR, Measure.ACCOUNT_SUSPENDED, NOTHING, effective_at=later)
    served: Plan = ((A_MONTH, plans.wait),)
    of_time_outs = (*plans.plans_for(Measure.ACCOUNT_SUSPENDED, A_MONTH), *plans.OVERDUE)
    for plan in _stages((*of_time_outs, (1, served))):
        yield _case(invent, _ago(plan, now), Measure.ACCOUNT_SUSPENDED, plan)
    for plan in _stages(plans.TERMINATED):
        yield _case(invent, _ago(plan, now), Measure.ACCOUNT_TERMINATED, plan)


def _stages(weighted: Weighted) -> list[Plan]:
    """Each plan broken off after each of its steps; what several have in common, once."""
    cut = (plan[:steps] for _, plan in weighted for steps in range(len(plan) + 1))
    return list(dict.fromkeys(cut))


def _ago(plan: Plan, now: datetime) -> datetime:
    """When to issue so that the plan's last step was some hours ago."""
    return now - sum((delay for delay, _ in plan), 6 * HOUR)


def _case(
    invent: Inventor,
    at: datetime,
    measure: Measure,
    plan: Plan,
    *,
    length: timedelta | None = A_MONTH,
    platform: str = "",
    is_outside: bool = False,
    **given: Any,
) -> Case:
    platform = platform or invent.platform()
    if measure in (Measure.ACCOUNT_TERMINATED, Measure.WARNING):
        length = None
    request = invent.request(at, platform, measure, length=length, is_outside=is_outside, **given)
    return Case(at, platform, ((request, plan),))


def _shown(invent: Inventor, now: datetime) -> Iterator[Case]:
    """What the node prints at start."""
    for platform, began, length, plan in (
        ("lantern.example", 200, 7, NOTHING),
        ("meadow.example", 95, 30, ((12 * DAY, plans.overturn),)),
        ("tidepool.example", 20, 90, NOTHING),
        (HOME, 12, 120, NOTHING),
        ("cobblestone.example", 5, 30, NOTHING),
    ):
        yield _case(
            invent, now - began * DAY, Measure.ACCOUNT_SUSPENDED, plan,
            platform=platform, length=length * DAY, subject=SUSPENDED, aliases=[ALIAS],
            audience=Audience.PARTNERS,
        )  # fmt: skip
    for platform, measure in (
        ("tidepool.example", Measure.SERVER_SUSPENDED),
        (HOME, Measure.SERVER_SUSPENDED),
        ("beacon.example", Measure.SERVER_LIMITED),
    ):
        at = now - invent.random.randint(2, 30) * DAY
        yield _case(
            invent, at, measure, NOTHING, platform=platform, length=150 * DAY, subject=SERVER
        )
    yield _case(
        invent, now - 3 * DAY, Measure.ACCOUNT_SUSPENDED, NOTHING,
        platform=HOME, length=90 * DAY, issuer_reference=APPEALABLE,
        subject=f"acct:{invent.handle()}@{HOME}",
    )  # fmt: skip


class History:
    """Two years of chance, with repeat offenders whom the ladder and the cap apply to."""

    def __init__(self, invent: Inventor, now: datetime) -> None:
        self._invent, self._now = invent, now
        self._seen: list[str] = []  # accounts sanctioned so far, the latest last
        self._last: dict[tuple[str, str], datetime] = {}
        self._served: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)

    def cases(self, sanctions: int) -> Iterator[Case]:
        """About as many sanctions as asked for, in the order of time, more and more often."""
        random = self._invent.random
        shares = sorted(random.random() ** 0.5 for _ in range(sanctions))
        while shares:
            at = self._now - PAST + timedelta(seconds=int(shares[0] * PAST.total_seconds()))
            case = self._case(at, len(shares))
            del shares[: len(case.requests)]
            yield case

    def _case(self, at: datetime, most: int) -> Case:
        invent = self._invent
        platform = invent.platform()
        if invent.random.random() < 0.02:
            measure = invent.random.choice(OUTSIDE)
            return _case(
                invent, at, measure, NOTHING, platform=platform, length=None, is_outside=True
            )
        measure = invent.weighted(SHARES)
        if measure is Measure.ACCOUNT_SUSPENDED:
            return self._time_out(at, platform, most)
        if measure is Measure.ACCOUNT_TERMINATED:
            return self._together(at, platform, measure, min(most, invent.random.randint(1, 9)))
        number = invent.random.randint(1, 5) if measure in policy.CONTENT_MEASURES else 1
        return self._together(at, platform, measure, min(most, number))

    def _together(self, at: datetime, platform: str, measure: Measure, number: int) -> Case:
        """Posts of one thread, or accounts of one spammer whom a program found."""
        invent = self._invent
        by_service = measure is Measure.ACCOUNT_TERMINATED
        length = invent.length(measure)
        given: dict[str, Any] = {}
        if number > 1:
            given["case_reference"] = f"case-{invent.random.getrandbits(32):08x}"
        if by_service:
            given["automation"] = invent.random.choice((Automation.PARTIALLY, Automation.FULLY))
        first = invent.request(at, platform, measure, length=length, **given)
        requests = [first]
        for _ in range(number - 1):
            same = given | _reasons(first)
            requests.append(invent.request(at, platform, measure, length=length, **same))
        planned = tuple((request, self._plan(measure, length)) for request in requests)
        return Case(at, platform, planned, by_service)

    def _time_out(self, at: datetime, platform: str, most: int) -> Case:
        """A time-out by the ladder; for some, the post goes too."""
        invent, measure = self._invent, Measure.ACCOUNT_SUSPENDED
        delay = invent.weighted([(30, timedelta()), (1, 3 * DAY)])
        subject, length = self._offender(at + delay, platform)
        given: dict[str, Any] = {"effective_at": at + delay} if delay else {}
        with_post = most > 1 and invent.random.random() < 0.25
        if with_post:
            given["case_reference"] = f"case-{invent.random.getrandbits(32):08x}"
        request = invent.request(at, platform, measure, length=length, subject=subject, **given)
        planned = [(request, NOTHING if delay else self._plan(measure, length))]
        if with_post:
            removed, same = Measure.CONTENT_REMOVED, _reasons(request)
            post = invent.request(at, platform, removed, length=None, **same)
            planned.append((post, self._plan(removed, None)))
        return Case(at, platform, tuple(planned))

    def _offender(self, at: datetime, platform: str) -> tuple[str, timedelta]:
        """An account, often one sanctioned lately, and the length that the ladder advises."""
        random = self._invent.random
        again = random.choice(self._seen[-120:]) if self._seen and random.random() < 0.4 else None
        subject = again or self._invent.account(platform)
        length = self._advised(at, platform, subject)
        if length is None:
            subject, length = self._invent.account(platform), policy.LADDER[0]
        key = platform, subject
        self._last[key] = at
        self._served[key].append((at, at + length))
        self._seen.append(subject)
        return subject, length

    def _advised(self, at: datetime, platform: str, subject: str) -> timedelta | None:
        """None where it is too soon after the last, or the cap would be exceeded."""
        key = platform, subject
        served = self._served[key]
        lately = [start for start, _ in served if at - policy.LADDER_WINDOW < start]
        length = policy.LADDER[min(len(lately), len(policy.LADDER) - 1)]
        too_soon = key in self._last and at - self._last[key] < 2 * DAY
        if too_soon or policy.exceeds_total((at, at + length), served):
            return None
        return length

    def _plan(self, measure: Measure, length: timedelta | None) -> Plan:
        """What becomes of it, not always at the same pace."""
        plan = self._invent.weighted(plans.plans_for(measure, length))
        pace = self._invent.random.uniform(0.6, 1.5)
        return tuple((delay * pace, step) for delay, step in plan)


SHARED = (
    "category", "keywords", "ground", "ground_reference", "policy_reference", "permanent_basis",
    "explanation", "reason", "source", "case_reference", "territorial_scope",
)  # fmt: skip


def _reasons(request: Request) -> dict[str, Any]:
    """What decisions of one case have in common."""
    return {name: getattr(request.draft, name) for name in SHARED}

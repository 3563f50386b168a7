"""The cases of the demonstration: one of every kind, and what is shown at start."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from governance.demonstration import plans, steps, words
from governance.demonstration.decisions import DAY, Inventor
from governance.demonstration.plans import HOUR, NOTHING, Weighted
from governance.demonstration.stage import Case, Plan
from governance.rules import policy
from governance.words import Audience, Measure

A_MONTH = 30 * DAY

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
    for measure in (m for m in Measure if m not in policy.OUTSIDE_MEASURES):
        yield _case(invent, now - DAY, measure, NOTHING, length=invent.length(measure) or A_MONTH)
    for measure in OUTSIDE:
        yield _case(invent, now - DAY, measure, NOTHING, length=None, is_outside=True)
    later = now + 3 * DAY
    yield _case(invent, now - HOUR, Measure.ACCOUNT_SUSPENDED, NOTHING, effective_at=later)
    served: Plan = ((A_MONTH, steps.wait),)
    of_time_outs = plans.plans_for(Measure.ACCOUNT_SUSPENDED, A_MONTH)
    for plan in _stages((*of_time_outs, (1, served))):
        yield _case(invent, _ago(plan, now), Measure.ACCOUNT_SUSPENDED, plan)
    for plan in _stages(plans.plans_for(Measure.ACCOUNT_TERMINATED, None)):
        yield _case(invent, _ago(plan, now), Measure.ACCOUNT_TERMINATED, plan)


def _stages(weighted: Weighted) -> list[Plan]:
    """Each plan broken off after each of its steps; what several have in common, once."""
    cut = (plan[:length] for _, plan in weighted for length in range(len(plan) + 1))
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
        ("meadow.example", 95, 30, ((12 * DAY, steps.overturn),)),
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

"""Plans: steps in a row, each with its share of what becomes of sanctions."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from math import log
from random import Random

from governance.demonstration import figures, steps
from governance.demonstration.stage import Plan
from governance.words import Measure, Outcome

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONGEST_REVIEW = 20 * DAY  # or what is replaced while it is reviewed would have ended before

Weighted = tuple[tuple[float, Plan], ...]

DECIDE = {outcome: steps.decide(outcome) for outcome in Outcome}
DECIDE_AS_GUEST = {outcome: steps.decide_as_guest(outcome) for outcome in Outcome}
FINAL = {outcome: steps.record_final(outcome) for outcome in figures.DISPUTES}
FILING = frozenset({steps.file_by_person, steps.file_by_platform})
DECIDING = frozenset({*DECIDE.values(), *DECIDE_AS_GUEST.values()})

UPHOLD, OVERTURN, REDUCE = (
    (3 * DAY, DECIDE[outcome]) for outcome in (Outcome.UPHELD, Outcome.OVERTURNED, Outcome.REDUCED)
)
NOTHING: Plan = ()
FILED: Plan = ((2 * DAY, steps.file_by_person),)
ADMITTED: Plan = (*FILED, (DAY, steps.admit))
IN_REVIEW: Plan = (*ADMITTED, (2 * DAY, steps.start_review))
ASKED: Plan = (*IN_REVIEW, (DAY, steps.ask))
REFUSED: Plan = (*FILED, (DAY, steps.refuse))
FILED_FOR: Plan = ((DAY, steps.file_by_platform), (DAY, steps.admit), (DAY, steps.start_review))
ESCALATED: Plan = (*IN_REVIEW, UPHOLD, (5 * DAY, steps.escalate))
APPROVED: Plan = ((6 * HOUR, steps.approve),)
WAITED: Plan = ((20 * DAY, steps.wait),)

UNDECIDED: Weighted = (
    (3, REFUSED),
    (2, (*ADMITTED, (DAY, steps.withdraw))),
    (2, (*ASKED, *WAITED)),  # lapses
    (1, (*FILED, *WAITED)),  # overdue, as the next two
    (1, (*ADMITTED, *WAITED)),
    (1, (*IN_REVIEW, *WAITED)),
)
DISPUTED: Weighted = (
    (2_000, ESCALATED),
    *((n, (*ESCALATED, (30 * DAY, FINAL[outcome]))) for outcome, n in figures.DISPUTES.items()),
    (500, (*REFUSED, (3 * DAY, steps.escalate), (30 * DAY, FINAL[Outcome.UPHELD]))),
)
CORRECTED: Weighted = ((1, ((3 * HOUR, steps.void),)), (1, ((4 * DAY, steps.overturn),)))
# Of a measure that is in force for a week or more.
CHANGED: Weighted = (
    (3, ((2 * DAY, steps.lift),)),
    (3, ((2 * DAY, steps.shorten),)),
    (2, ((2 * DAY, steps.supersede),)),
    (1, (*FILED, (DAY, steps.supersede), (DAY, steps.admit), (DAY, steps.start_review), UPHOLD)),
)
NOT_APPROVED: Weighted = ((8, ((8 * DAY, steps.wait),)), (1, ((3 * HOUR, steps.void),)))


def plans_for(measure: Measure, length: timedelta | None) -> Weighted:
    """What may become of a sanction, each plan with its share; together 1."""
    if measure is Measure.ACCOUNT_TERMINATED:
        return _of_terminations()
    return _of_measures(measure, length is not None and length >= 7 * DAY)


@cache
def _of_measures(measure: Measure, is_long: bool) -> Weighted:
    about = figures.complaints(measure)
    reduced = 0.0 if measure is Measure.WARNING else figures.REDUCED
    disputed = (1 - about.reversal) * figures.ESCALATED
    appealed = (
        *_scaled(figures.UNDECIDED, UNDECIDED),
        *_scaled(
            1 - figures.UNDECIDED,
            (
                *_scaled((1 - reduced) * (1 - about.reversal - disputed), _decided(Outcome.UPHELD)),
                *_scaled((1 - reduced) * about.reversal, _decided(Outcome.OVERTURNED)),
                *_scaled(reduced, _decided(Outcome.REDUCED)),
                *_scaled((1 - reduced) * disputed, DISPUTED),
            ),
        ),
    )
    changed = _scaled(figures.CHANGED, CHANGED) if is_long else ()
    return _with_nothing(
        (*_scaled(about.rate, appealed), *_scaled(figures.CORRECTED, CORRECTED), *changed)
    )


@cache
def _of_terminations() -> Weighted:
    """Two reviewers decide; where they differ, the milder outcome stands."""
    about = figures.complaints(Measure.ACCOUNT_TERMINATED)
    panels = (
        (1 - about.reversal, (UPHOLD, UPHOLD)),
        (0.8 * about.reversal, (OVERTURN, OVERTURN)),
        (0.1 * about.reversal, (UPHOLD, OVERTURN)),
        (0.1 * about.reversal, (REDUCE, OVERTURN)),
        (figures.REDUCED, (UPHOLD, REDUCE)),
    )
    reviewed = tuple((share, (*APPROVED, *IN_REVIEW, *panel)) for share, panel in panels)
    undecided = tuple((share, (*APPROVED, *plan)) for share, plan in UNDECIDED)
    appealed = (
        *_scaled(1 - figures.UNDECIDED, reviewed),
        *_scaled(figures.UNDECIDED, undecided),
    )
    changed = ((figures.CHANGED, (*APPROVED, (2 * DAY, steps.lift))),)
    rest = (*_scaled(about.rate, appealed), *changed, *_scaled(figures.NOT_APPROVED, NOT_APPROVED))
    return (*rest, (1 - sum(share for share, _ in rest), APPROVED))


def _decided(outcome: Outcome) -> Weighted:
    """How an appeal may come to an outcome."""
    verdict = (3 * DAY, DECIDE[outcome])
    guest = (3 * DAY, DECIDE_AS_GUEST[outcome])
    return (
        (84, (*IN_REVIEW, verdict)),
        (8, (*FILED_FOR, verdict)),
        (1, (*FILED_FOR, UPHOLD, *IN_REVIEW, verdict)),  # the person may still file
        (4, (*ASKED, (2 * DAY, steps.answer), verdict)),
        (3, (*ADMITTED, (DAY, steps.invite), (DAY, steps.start_review), guest)),
    )


def _scaled(share: float, plans: Weighted) -> Weighted:
    """The same plans in the same proportions, together of this share."""
    together = sum(weight for weight, _ in plans)
    return tuple((share * weight / together, plan) for weight, plan in plans)


def _with_nothing(plans: Weighted) -> Weighted:
    return (*plans, (1 - sum(share for share, _ in plans), NOTHING))


def paced(plan: Plan, random: Random, *, median_hours: float) -> Plan:
    """The plan, not always at the same pace; an appeal's decision takes about the median."""
    pace = random.uniform(0.6, 1.5)
    delays = [delay * pace for delay, _ in plan]
    happening = [step for _, step in plan]
    filed = _positions(plan, FILING)
    if filed and steps.supersede not in happening:
        delays[filed[0]] *= min(10.0, random.lognormvariate(0, 0.7))
    if filed and (decided := _positions(plan, DECIDING)):
        reviewing = slice(filed[0] + 1, decided[-1] + 1)
        hours = random.lognormvariate(log(median_hours), figures.SPREAD)
        takes = min(LONGEST_REVIEW, max(figures.LEAST_REVIEW, hours) * HOUR)
        shorter = takes / sum(delays[reviewing], timedelta())
        delays[reviewing] = [delay * shorter for delay in delays[reviewing]]
    return tuple(zip(delays, happening, strict=True))


def _positions(plan: Plan, of: frozenset[object]) -> Sequence[int]:
    return [position for position, (_, step) in enumerate(plan) if step in of]

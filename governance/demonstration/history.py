"""Two years of chance: programs' waves and people's sittings, in the shares of `figures`."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from governance.demonstration import figures, plans
from governance.demonstration.cases import OUTSIDE
from governance.demonstration.decisions import DAY, Inventor
from governance.demonstration.stage import Case, Plan
from governance.requesting import Request
from governance.rules import policy
from governance.words import Measure

PAST = 2 * 365 * DAY
WAVE, SITTING = (8, 48), (3, 15)  # decisions handed in together, at least and at most
THREAD = 4  # posts at most that a person decides on as one case
OTHER_LENGTHS = tuple(timedelta(hours=hours) for hours in (12, 72, 336, 1_440, 2_880, 4_320))
Planned = tuple[Request, Plan]


def instants(random: Random, now: datetime, number: int) -> list[datetime]:
    """Within the two years before now, in order: ever more, by month, weekday and hour."""
    first = (now - PAST).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    days = [first + n * DAY for n in range(PAST.days - 1)]
    weights = [
        (1 + n / PAST.days) * figures.MONTHS[day.month - 1] * figures.WEEKDAYS[day.weekday()]
        for n, day in enumerate(days)
    ]
    hours = random.choices(range(24), figures.HOURS, k=number)
    seconds = [3_600 * hour + random.randrange(3_600) for hour in hours]
    chosen = random.choices(days, weights, k=number)
    return sorted(d + timedelta(seconds=s) for d, s in zip(chosen, seconds, strict=True))


class History:
    """With repeat offenders, whom the ladder and the cap apply to."""

    def __init__(self, invent: Inventor, now: datetime) -> None:
        self._invent, self._now = invent, now
        self._seen: dict[str, list[str]] = defaultdict(list)  # by platform, the latest last
        self._struck: list[str] = []  # accounts of the last wave, wherever it was
        self._last: dict[tuple[str, str], datetime] = {}
        self._served: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)

    def cases(self, sanctions: int) -> Iterator[Case]:
        """As many sanctions as asked for, in the order of time."""
        sizes = list(self._sizes(sanctions))
        whens = instants(self._invent.random, self._now, len(sizes))
        for at, (by_program, size) in zip(whens, sizes, strict=True):
            platform = self._invent.platform()
            decide = self._wave if by_program else self._sitting
            yield Case(at, platform, tuple(decide(at, platform, size)), by_program)

    def _sizes(self, left: int) -> Iterator[tuple[bool, int]]:
        """How many at a time, and whether by a program."""
        random = self._invent.random
        waves, sittings = figures.BY_PROGRAM / sum(WAVE), (1 - figures.BY_PROGRAM) / sum(SITTING)
        while left > 0:
            by_program = random.random() < waves / (waves + sittings)
            size = min(left, random.randint(*(WAVE if by_program else SITTING)))
            left -= size
            yield by_program, size

    def _wave(self, at: datetime, platform: str, size: int) -> list[Planned]:
        """Posts of one campaign, or the accounts behind it."""
        invent = self._invent
        measure = invent.weighted(figures.MEASURES_OF_PROGRAMS) or invent.content_measure()
        given = {"automation": invent.weighted(figures.AUTOMATION_OF_PROGRAMS)}
        if measure is Measure.ACCOUNT_SUSPENDED:
            return self._raid(at, platform, size, given)
        return self._together(at, platform, measure, size, given)

    def _raid(self, at: datetime, platform: str, size: int, given: dict[str, Any]) -> list[Planned]:
        """Accounts that act as one; some have just been at it on another platform."""
        random = self._invent.random
        known = list(self._struck) if random.random() < 0.4 else []
        least = random.choice((0, 1, 1, 2))
        planned: list[Planned] = []
        self._struck = []
        for _ in range(size):
            again = [known.pop()] if known else []
            planned += self._time_out(at, platform, again, given, least)
            first = planned[0][0]
            given = given | _reasons(first)
            self._struck.append(planned[-1][0].draft.subject)
        return planned

    def _sitting(self, at: datetime, platform: str, size: int) -> list[Planned]:
        """What a moderator works through at one go."""
        planned: list[Planned] = []
        while (left := size - len(planned)) > 0:
            planned += self._decision(at, platform, left)
        return planned

    def _decision(self, at: datetime, platform: str, most: int) -> list[Planned]:
        """One decision about one subject or one thread; at most so many sanctions."""
        invent = self._invent
        if invent.random.random() < figures.OUTSIDE:
            measure = invent.random.choice(OUTSIDE)
            outside = invent.request(at, platform, measure, length=None, is_outside=True)
            return [(outside, plans.NOTHING)]
        measure = invent.weighted(figures.MEASURES_OF_PEOPLE) or invent.content_measure()
        if measure is Measure.ACCOUNT_SUSPENDED:
            return self._personal(at, platform, most)
        is_content = measure in policy.CONTENT_MEASURES
        number = invent.random.randint(1, min(most, THREAD)) if is_content else 1
        return self._together(at, platform, measure, number, {})

    def _together(
        self, at: datetime, platform: str, measure: Measure, number: int, given: dict[str, Any]
    ) -> list[Planned]:
        """Several subjects for the same reasons."""
        invent = self._invent
        length = invent.length(measure)
        if number > 1:
            given = given | {"case_reference": invent.case_reference()}
        first = invent.request(at, platform, measure, length=length, **given)
        same = given | _reasons(first)
        others = (
            invent.request(at, platform, measure, length=length, **same) for _ in range(number - 1)
        )
        return [(request, self._plan(measure, length)) for request in (first, *others)]

    def _personal(self, at: datetime, platform: str, most: int) -> list[Planned]:
        """A time-out; for some, it begins later or a post goes too."""
        invent, random = self._invent, self._invent.random
        delay = invent.weighted([(30, timedelta()), (1, 3 * DAY)])
        given: dict[str, Any] = {"effective_at": at + delay} if delay else {}
        with_post = most > 1 and random.random() < 0.25
        if with_post:
            given["case_reference"] = invent.case_reference()
        elsewhere = random.choice(list(self._seen.values())) if self._seen else []
        known = invent.weighted([(3, []), (4, self._seen[platform][-60:]), (1, elsewhere[-20:])])
        planned = self._time_out(at, platform, known, given)
        if with_post:
            removed, same = Measure.CONTENT_REMOVED, _reasons(planned[0][0])
            post = invent.request(at, platform, removed, length=None, **same)
            planned.append((post, self._plan(removed, None)))
        return planned

    def _time_out(
        self,
        at: datetime,
        platform: str,
        known: Sequence[str],
        given: dict[str, Any],
        least: int = 0,
    ) -> list[Planned]:
        """By the ladder, mostly, from the least step on."""
        measure, begins = Measure.ACCOUNT_SUSPENDED, given.get("effective_at", at)
        subject = self._invent.random.choice(known) if known else ""
        length = self._due(at, begins, (platform, subject), least) if subject else None
        if length is None:
            subject, length = self._invent.account(platform), self._usual(least)
        self._last[platform, subject] = at
        self._served[platform, subject].append((begins, begins + length))
        self._seen[platform].append(subject)
        request = self._invent.request(
            at, platform, measure, length=length, subject=subject, **given
        )
        return [(request, plans.NOTHING if begins > at else self._plan(measure, length))]

    def _due(
        self, at: datetime, begins: datetime, key: tuple[str, str], least: int
    ) -> timedelta | None:
        """None where it is too soon after the last, or the cap would be exceeded."""
        served = self._served[key]
        lately = sum(at - policy.LADDER_WINDOW < start for start, _ in served)
        length = self._usual(max(least, lately))
        too_soon = key in self._last and at - self._last[key] < 2 * DAY
        if too_soon or policy.exceeds_total((begins, begins + length), served):
            return None
        return length

    def _usual(self, step: int) -> timedelta:
        """What the ladder advises, or now and then another length."""
        if self._invent.random.random() < 0.12:
            return self._invent.random.choice(OTHER_LENGTHS)
        return policy.LADDER[min(step, len(policy.LADDER) - 1)]

    def _plan(self, measure: Measure, length: timedelta | None) -> Plan:
        """What becomes of it."""
        plan = self._invent.weighted(plans.plans_for(measure, length))
        hours = figures.complaints(measure).median_hours
        return plans.paced(plan, self._invent.random, median_hours=hours) if plan else plan


SHARED = (
    "category", "keywords", "ground", "ground_reference", "policy_reference", "permanent_basis",
    "explanation", "reason", "facts", "source", "case_reference", "territorial_scope",
)  # fmt: skip


def _reasons(request: Request) -> dict[str, Any]:
    """What decisions of one case have in common."""
    return {name: getattr(request.draft, name) for name in SHARED}

"""What happens on the demonstration's stage, in the order of time, through the real use cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random

from sqlmodel import Session

from governance import issuing, requesting
from governance.appeals import Appeal
from governance.errors import Refused
from governance.membership import Actor
from governance.sanctions import Sanction
from governance.settings import Keys


@dataclass(frozen=True, slots=True)
class Staff:
    """Who acts for one platform."""

    issuers: tuple[Actor, ...]
    reviewers: tuple[Actor, ...]
    service: Actor


@dataclass(slots=True)
class Course:
    """One sanction on its way, with what its next step needs."""

    session: Session
    keys: Keys
    random: Random
    staff: Staff
    guests: tuple[str, Staff]  # another platform, whose reviewers may be invited
    request: requesting.Request
    issuer: Actor
    sanction_id: str
    secret: str
    appeal_id: str = ""
    filed_by_person: bool = False
    reviews: int = 0  # whoever reviewed once doesn't review the case again
    staffs: Mapping[str, Staff] = field(default_factory=dict)  # of every platform
    copies: dict[str, str] = field(default_factory=dict)  # by the platform that took it over
    rows: tuple[object, ...] = ()  # kept for the next step, or the session would read them again

    @property
    def reference(self) -> str:
        """The decision's own."""
        return self.request.draft.issuer_reference

    def keep(self) -> None:
        self.rows = (
            self.session.get(Sanction, self.sanction_id),
            self.session.get(Appeal, self.appeal_id) if self.appeal_id else None,
        )


Step = Callable[[Course, datetime], None]
# Steps, each after the time that passes before it.
Plan = tuple[tuple[timedelta, Step], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Decisions that one platform takes at one instant, each with what becomes of it."""

    at: datetime
    platform: str
    requests: tuple[tuple[requesting.Request, Plan], ...]
    by_service: bool = False


class Stage:
    """Plays cases and their plans in the order of time; what lies after `now` never happens."""

    def __init__(
        self, session: Session, keys: Keys, random: Random, staffs: Mapping[str, Staff]
    ) -> None:
        self._session, self._keys, self._random, self._staffs = session, keys, random, staffs
        self._queue: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._turns = count()

    def play(self, cases: list[Case], *, now: datetime, tell: Callable[[int], None]) -> None:
        """`tell` hears how many sanctions each case added."""
        for case in cases:
            self._at(case.at, partial(self._issue, case, tell))
        while self._queue and self._queue[0][0] <= now:
            instant, _, action = heappop(self._queue)
            action(instant)

    def _at(self, instant: datetime, action: Callable[[datetime], None]) -> None:
        heappush(self._queue, (instant, next(self._turns), action))

    def _issue(self, case: Case, tell: Callable[[int], None], now: datetime) -> None:
        staff = self._staffs[case.platform]
        issuer = staff.service if case.by_service else self._random.choice(staff.issuers)
        requests = [request for request, _ in case.requests]
        answers = issuing.issue(self._session, self._keys, issuer, requests, now=now)
        for (request, plan), answer in zip(case.requests, answers, strict=True):
            if isinstance(answer, Refused):
                raise answer
            self._then(self._course(case, issuer, request, answer), plan, now)
        tell(len(answers))

    def _course(
        self, case: Case, issuer: Actor, request: requesting.Request, issued: issuing.Issued
    ) -> Course:
        other = self._random.choice([domain for domain in self._staffs if domain != case.platform])
        return Course(
            session=self._session,
            keys=self._keys,
            random=self._random,
            staff=self._staffs[case.platform],
            guests=(other, self._staffs[other]),
            request=request,
            issuer=issuer,
            sanction_id=issued.sanction_id,
            secret=issued.appeal_secret or "",
            staffs=self._staffs,
        )

    def _then(self, course: Course, plan: Plan, now: datetime) -> None:
        if plan:
            self._at(now + plan[0][0], partial(self._step, course, plan))

    def _step(self, course: Course, plan: Plan, now: datetime) -> None:
        course.keep()
        plan[0][1](course, now)
        self._then(course, plan[1:], now)

"""Random stories of a few subjects, told through the real use cases by an advancing clock."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlmodel import col, select

from governance.errors import Refused
from governance.events import Event
from governance.issuing import issue
from governance.requesting import Dating
from governance.requesting import Request as Issue
from governance.requesting import draft as drafted
from governance.words import Audience, Measure, Outcome, Precision
from tests.builders import DAY, HOUR, KEYS, MICRO, TERMINATION, Team, World, draft

WAITS = [MICRO, MICRO, HOUR, DAY, 3 * DAY, 8 * DAY, 25 * DAY]
LENGTHS = [MICRO, HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY]


@dataclass(slots=True)
class Story:
    """One telling; `now` is its clock."""

    world: World
    teams: tuple[Team, Team]
    random: Random
    now: datetime
    account: str
    server: str
    ids: list[str] = field(default_factory=list)

    def wait(self) -> None:
        """Goes on: by a while, or to the very end of a sanction, or just before."""
        if self.ids and self.random.random() < 0.3:
            end = self.world.sanction(self.random.choice(self.ids)).ends_at
            if end is not None and end - MICRO > self.now:
                self.now = end - self.random.choice([MICRO, timedelta()])
                return
        self.now += self.random.choice(WAITS)

    def go_on(self) -> None:
        """Something happens, unless it is refused."""
        happenings: list[Callable[[Team], None]] = [self._issue, self._issue, self._record]
        if self.ids:
            happenings += [self._change] * 5 + [self._supersede, self._appeal, self._approve]
        team = self.random.choice(self.teams)
        with suppress(Refused):
            self.random.choice(happenings)(team)
        own = select(Event.sanction_id).where(Event.platform_id == team.platform.id)
        with self.world.database.reading() as session:
            told = session.exec(own.order_by(col(Event.position))).all()
        self.ids = list(dict.fromkeys([*self.ids, *told]))

    def _body(self, at: datetime, **changes: Any) -> dict[str, Any]:
        measure = Measure.ACCOUNT_SUSPENDED
        about = self.account
        if self.random.random() < 0.4:
            measure, about = Measure.SERVER_SUSPENDED, self.server
        start = at + self.random.choice([timedelta(), timedelta(), MICRO, 2 * DAY])
        body = draft(at, subject=about, measure=measure, effective_at=start)
        body |= {"expires_at": start + self.random.choice(LENGTHS)}
        if self.random.random() < 0.15:
            body |= {"audience": Audience.OWN}
        if about == self.account and self.random.random() < 0.25:
            body |= TERMINATION
        return body | changes

    def _issue(self, team: Team) -> None:
        self.world.issue(team.issuer, self.now, **self._body(self.now))

    def _record(self, team: Team) -> None:
        """A decision of some days ago, which is known from now on; or one that never binds."""
        decided = self.now - self.random.choice([DAY, 5 * DAY])
        is_outside = self.random.random() < 0.3
        dating = Dating(decided, Precision.INSTANT)
        wish = Issue(drafted(self._body(decided)), is_outside, dating, record_conflicts=True)
        self.world.do(issue, KEYS, team.issuer, [wish], now=self.now)

    def _supersede(self, team: Team) -> None:
        old = self.random.choice(self.ids)
        self.world.issue(team.issuer, self.now, **self._body(self.now, supersedes=old))

    def _approve(self, team: Team) -> None:
        self.world.approve(team.issuer_2, self.random.choice(self.ids), self.now)

    def _change(self, team: Team) -> None:
        sanction_id = self.random.choice(self.ids)
        pick = self.random.choice(["lift", "void", "overturn", "shorten", "approve"])
        if pick == "shorten":
            end = self.now + self.random.choice(LENGTHS)
            self.world.shorten(team.issuer, sanction_id, end, self.now)
        elif pick == "approve":
            self._approve(team)
        else:
            act: Callable[..., object] = getattr(self.world, pick)
            act(team.issuer, sanction_id, self.now)

    def _appeal(self, team: Team) -> None:
        sanction_id = self.random.choice(self.ids)
        appeal_id = self.world.in_review(team, sanction_id, self.now)
        outcome = self.random.choice(list(Outcome))
        end = self.now + self.random.choice(LENGTHS) if outcome is Outcome.REDUCED else None
        for reviewer in (team.reviewer, team.reviewer_2):
            self.world.decide(reviewer, appeal_id, outcome, self.now, end)

"""Invariant 13, on random adoptions, corrections and the passing of time, on both engines."""

from datetime import datetime, timedelta

import pytest
from hypothesis import Phase, given
from hypothesis import strategies as st
from sqlmodel import select

from governance.adoptions import Receipt
from governance.errors import Refused
from governance.rules.adoption import correction
from governance.rules.status import effect
from governance.sanctions import Sanction
from governance.words import Effect, ReceiptState, Remedy, Validity
from tests.builders import DAY, HOUR, NOW, Team, World, draft, examples, subject

FALLEN = (Validity.OVERTURNED, Validity.VOIDED)
ACTS = (
    *("issue", "adopt", "adopt", "adopt", "adopt on own grounds", "shorten", "lift", "overturn"),
    *("void", "replace", "remedy", "wait"),
)
Act = tuple[str, int, int, timedelta]

acts = st.tuples(
    st.sampled_from(ACTS),
    st.integers(0, 1_000),
    st.integers(0, 3),
    st.sampled_from([HOUR, DAY, 3 * DAY]),
)


class Sharing:
    """Four platforms that decide about one account, and take over what the others decided."""

    def __init__(self, world: World, teams: list[Team], now: datetime) -> None:
        self.world, self.teams, self.now = world, teams, now
        self.about, self.ids = subject(), list[str]()

    def do(self, act: Act) -> None:
        name, pick, who, span = act
        team, chosen = self.teams[who], self.ids[pick % len(self.ids)] if self.ids else ""
        if name == "wait":
            self.now += span
        elif name == "issue" or not chosen:
            self.ids.append(self.issue(team, None, span))
        elif name.startswith("adopt"):
            grounds = "Own" if name.endswith("grounds") else None
            found = self.world.adopt(team.issuer, chosen, self.now, own_grounds=grounds)
            self.ids.append(found)
        else:
            self.change(name, self.owner(chosen), chosen, span)

    def change(self, name: str, team: Team, chosen: str, span: timedelta) -> None:
        world, now = self.world, self.now
        if name == "shorten":
            world.shorten(team.issuer, chosen, now + span, now)
        elif name == "replace":
            self.ids.append(self.issue(team, chosen, span))
        elif name == "remedy":
            world.remedy(team.issuer, chosen, Remedy.REMEDIED, now=now)
        else:
            getattr(world, name)(team.issuer, chosen, now)

    def issue(self, team: Team, replaced: str | None, span: timedelta) -> str:
        body = draft(self.now, subject=self.about, supersedes=replaced)
        return self.world.issue(team.issuer, self.now, **body | {"expires_at": self.now + 2 * span})

    def owner(self, sanction_id: str) -> Team:
        platform_id = self.world.sanction(sanction_id).platform_id
        return next(team for team in self.teams if team.platform.id == platform_id)

    def check(self) -> None:
        with self.world.database.reading() as session:
            rows = {row.id: row for row in session.exec(select(Sanction)) if row.id in self.ids}
            receipts = {(r.sanction_id, r.platform_id): r for r in session.exec(select(Receipt))}
        for copy in rows.values():
            if copy.derived_from_id is not None:
                self.has_no_cycle(copy, rows)
                source = rows[copy.derived_from_id]
                said = receipts[source.id, copy.platform_id]
                if not copy.has_own_grounds:
                    self.ends_with(source, copy)
                elif correction(source, copy, self.now) is not None:
                    assert said.state is ReceiptState.DUE
                    assert said.due_at is not None

    def ends_with(self, source: Sanction, copy: Sanction) -> None:
        assert source.ends_at is not None
        assert copy.ends_at is not None
        assert copy.ends_at <= source.ends_at
        if source.validity in FALLEN:
            assert effect((copy.starts_at, copy.ends_at), self.now) is Effect.ENDED
            assert copy.validity is not Validity.STANDING

    def has_no_cycle(self, copy: Sanction, rows: dict[str, Sanction]) -> None:
        chain = [copy]
        while chain[-1].derived_from_id is not None:
            chain.append(rows[chain[-1].derived_from_id])
        assert len({row.platform_id for row in chain}) == len(chain)


@pytest.mark.property
def test_13_copies_end_with_their_source_whatever_happens(world: World) -> None:
    teams, clock, adopted = [world.team() for _ in range(4)], [NOW], [0]

    @examples(30, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(st.lists(acts, min_size=8, max_size=20))
    def shared(told: list[Act]) -> None:
        sharing = Sharing(world, teams, clock[0])
        for act in told:
            before = len(sharing.ids)
            try:
                sharing.do(act)
            except Refused:
                continue
            adopted[0] += act[0].startswith("adopt") and len(sharing.ids) > before
            sharing.check()
        clock[0] = sharing.now + DAY

    shared()
    assert adopted[0] > 10

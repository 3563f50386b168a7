"""Accounts turn with the union of their own host's suspensions, each turn once and in time."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from governance import turns
from governance.rules.status import effect
from governance.rules.turning import AccountTurn, next_look, turned
from governance.turns import Turn, Watch
from governance.words import Effect, Measure
from tests.builders import DAY, HOUR, MICRO, NOW, Team, World, examples
from tests.governance.test_correcting import counting

DISABLED, ENABLED = AccountTurn.DISABLED, AccountTurn.ENABLED
Told = list[tuple[AccountTurn, datetime]]


class Span:
    """A suspension, as far as turns go."""

    def __init__(self, starts_at: datetime, ends_at: datetime | None) -> None:
        self.starts_at, self.ends_at = starts_at, ends_at


SPANS = st.builds(
    lambda start, length: Span(
        NOW + start * HOUR, NOW + (start + length) * HOUR if length else None
    ),
    st.integers(0, 20),
    st.integers(0, 8),
)


@pytest.mark.property
@examples(200)
@given(spans=st.lists(SPANS, min_size=1, max_size=5))
def test_an_account_is_disabled_while_any_suspension_is_in_force(spans: list[Span]) -> None:
    looks = sorted({at for one in spans for at in (one.starts_at, one.ends_at) if at})
    is_disabled, told = False, []
    for at in looks:
        found = turned(spans, at, is_disabled=is_disabled)
        assert turned(spans, at, is_disabled=_is_held(spans, at)) is None or found is None
        if found is not None:
            is_disabled = found.turn is DISABLED
            told.append((found.turn, found.at))
            assert found.at == at
        assert is_disabled is _is_held(spans, at)
    assert [turn for turn, _ in told] == [DISABLED, ENABLED][: len(told)] * 1 or told == [
        (DISABLED if place % 2 == 0 else ENABLED, at) for place, (_, at) in enumerate(told)
    ]
    for one in spans:
        assert next_look(one, NOW - DAY) == one.starts_at
        assert next_look(one, one.starts_at) == one.ends_at


def _is_held(spans: list[Span], at: datetime) -> bool:
    return any(effect((one.starts_at, one.ends_at), at) is Effect.IN_FORCE for one in spans)


class Node:
    """A world that records turns when a test says so."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.look(NOW - DAY)
        self.team = world.team()
        self.account = f"acct:ann@{self.team.platform.domain}"

    def look(self, now: datetime) -> None:
        while self.world.do(turns.record, now):
            pass

    def told(self) -> Told:
        with self.world.database.reading() as session:
            found = session.exec(select(Turn).order_by(Turn.position)).all()  # type: ignore[arg-type]
            return [(one.turn, one.at) for one in found]

    def watches(self) -> int:
        with self.world.database.reading() as session:
            return len(session.exec(select(Watch)).all())

    def issue(self, now: datetime = NOW, by: Team | None = None, **changes: Any) -> str:
        by = by or self.team
        return self.world.issue(by.issuer, now, **{"subject": self.account, **changes})


@pytest.fixture
def node(world: World) -> Node:
    """Return a node that looks at accounts from the start."""
    return Node(world)


def test_the_end_is_told_at_its_instant_and_once(node: Node) -> None:
    end = NOW + 7 * DAY
    node.issue(expires_at=end)
    node.look(NOW)
    assert node.told() == [(DISABLED, NOW)]
    node.look(end - MICRO)
    assert node.told() == [(DISABLED, NOW)]
    for later in (end, end, end + DAY):
        node.look(later)
        assert node.told() == [(DISABLED, NOW), (ENABLED, end)]
    assert node.watches() == 0


def test_overlaps_are_one_and_what_was_missed_is_told_in_order(node: Node) -> None:
    first, second = NOW + 3 * DAY, NOW + 5 * DAY
    node.issue(expires_at=first)
    node.issue(expires_at=second, category="SCAMS_AND_FRAUD")
    again = NOW + 9 * DAY
    node.issue(
        effective_at=again,
        expires_at=again + DAY,
        category="NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
    )
    node.look(NOW + 30 * DAY)  # after a long sleep
    assert node.told() == [
        (DISABLED, NOW), (ENABLED, second), (DISABLED, again), (ENABLED, again + DAY)
    ]  # fmt: skip


def test_a_correction_is_told_when_it_was_made(node: Node) -> None:
    issued = node.issue()
    node.world.overturn(node.team.issuer, issued, NOW + HOUR)
    other = node.issue(NOW + 2 * HOUR)
    node.world.shorten(node.team.issuer, other, NOW + 4 * HOUR, NOW + 3 * HOUR)
    node.look(NOW + 3 * HOUR)
    told = [(DISABLED, NOW), (ENABLED, NOW + HOUR), (DISABLED, NOW + 2 * HOUR)]
    assert node.told() == told
    node.look(NOW + 4 * HOUR)
    assert node.told() == [*told, (ENABLED, NOW + 4 * HOUR)]
    node.world.void(node.team.issuer, other, NOW + 5 * HOUR)
    node.look(NOW + 5 * HOUR)
    assert len(node.told()) == 4


def test_a_termination_turns_once_it_is_approved(node: Node) -> None:
    about = {"subject": node.account}
    ident = node.world.terminate(node.team.issuer, NOW, **about)
    node.look(NOW)
    assert node.told() == []
    node.world.approve(node.team.issuer_2, ident, NOW + HOUR)
    node.look(NOW + HOUR)
    assert node.told() == [(DISABLED, NOW + HOUR)]


def test_only_the_host_and_what_partners_know_counts(node: Node) -> None:
    other = node.world.team()
    node.issue(by=other)  # the account lives elsewhere
    node.issue(audience="OWN")
    node.issue(measure=Measure.SERVICE_SUSPENDED)
    node.issue(subject="acct:ann@elsewhere.example")
    node.world.record(node.team.issuer, NOW, subject=node.account, expires_at=None)
    node.look(NOW + 30 * DAY)
    assert node.told() == []


def test_what_was_erased_turns_no_more(node: Node) -> None:
    node.issue(expires_at=NOW + DAY)
    node.look(NOW)
    node.world.erase(node.team.admin, node.account, NOW + HOUR)
    node.look(NOW + 2 * DAY)
    assert node.told() == [(DISABLED, NOW)]
    assert node.watches() == 0


def test_accounts_are_taken_as_they_stand_at_first(world: World) -> None:
    team = world.team()
    account, end = f"acct:ann@{team.platform.domain}", NOW + 2 * DAY
    world.issue(team.issuer, subject=account, expires_at=end)
    world.issue(team.issuer, subject="acct:b@elsewhere.example", expires_at=end)
    node = Node(world)
    assert node.told() == []  # it had not begun then
    with world.database.writing() as session:
        for row in (session.get_one(turns.Mark, 1), *session.exec(select(Watch))):
            session.delete(row)
    node.look(NOW + DAY)
    assert node.told() == [(DISABLED, NOW)]
    node.look(end)
    assert node.told() == [(DISABLED, NOW), (ENABLED, end)]


def test_many_at_once_are_recorded_in_parts(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_AT_ONCE", 2)
    for number in range(5):
        node.issue(subject=f"acct:n{number}@{node.team.platform.domain}", expires_at=NOW + DAY)
    node.look(NOW)
    assert node.told() == [(DISABLED, NOW)] * 5
    node.look(NOW + DAY)
    assert node.told() == [(DISABLED, NOW)] * 5 + [(ENABLED, NOW + DAY)] * 5


def test_a_look_that_finds_nothing_writes_nothing(node: Node) -> None:
    node.issue()
    node.look(NOW)
    node.issue(subject="acct:b@elsewhere.example")  # of no interest
    with node.world.database.reading() as session, counting(node.world) as statements:
        assert not turns.is_due(session, NOW + HOUR)
    assert len([one for one in statements if one.startswith("SELECT")]) == 4
    with node.world.database.reading() as session:
        assert turns.is_due(session, NOW + 30 * DAY)


def test_a_clock_that_is_ahead_delays_nothing(node: Node) -> None:
    node.issue(NOW + DAY, subject="acct:b@elsewhere.example")  # the log's time doesn't go back
    node.issue(NOW, expires_at=NOW + HOUR)
    node.look(NOW)
    assert node.told() == [(DISABLED, NOW)]
    node.look(NOW + HOUR)
    assert node.told() == [(DISABLED, NOW), (ENABLED, NOW + HOUR)]

"""Subjects that a peer discloses late: judged as if they had been known from the start."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from governance import conflicting, following
from governance.fields import print_instant
from governance.followers import Follower
from governance.sanctions import Disclosure, SubjectKey
from governance.words import PolicyConflict
from tests.builders import DAY, KEYS, NOW, World, examples, subject
from tests.governance.test_applying import URL, Theirs, sanctions
from tests.logs import LOG, NOON, ORIGIN


@dataclass(frozen=True)
class Span:
    """A time-out, and what becomes of the one before it when it was issued."""

    start: int
    days: int
    conduct: int
    before: str | None

    def terms(self) -> dict[str, Any]:
        start = NOON + self.start * DAY
        conduct = print_instant(NOON - self.conduct * DAY)
        return {
            "effectiveAt": print_instant(start),
            "expiresAt": print_instant(start + self.days * DAY),
            **{"conductFrom": conduct, "conductTo": conduct},
        }


class Telling:
    """A peer that discloses what a test says, when it says so."""

    def __init__(self, world: World) -> None:
        self.world, self.theirs, self.now = world, Theirs(), NOW
        world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
        self.follower = Follower(world.database, KEYS, ORIGIN, clock=lambda: self.now)
        self.told: dict[str, Any] = {}

    def issue(self, about: str, spans: list[Span]) -> list[str]:
        cases: list[str] = []
        for span in spans:
            if cases and span.before == "overturned":
                changed = {"overturnedAt": print_instant(NOON + span.start * DAY)}
                self.theirs.tell("sanction.overturned", cases[-1], changed=changed)
            elif cases and span.before == "lifted":
                changed = {"liftedAt": print_instant(NOON + span.start * DAY)}
                self.theirs.tell("sanction.lifted", cases[-1], changed=changed)
            cases.append(self.theirs.issue(subject=about, terms=span.terms()))
        return cases

    def poll(self, *disclosed: str) -> None:
        self.told |= {case: self.theirs.disclosed[case] for case in disclosed}
        served = self.theirs.served()
        served.disclosed = self.told
        self.now += timedelta(seconds=10)
        self.world.do(following.begin, KEYS, URL, [LOG.verifier()], "token", now=self.now)
        assert self.follower.poll(served)

    def judged(self, cases: list[str]) -> list[tuple[bool, set[PolicyConflict]]]:
        held = sanctions(self.world)
        return [(held[case].is_binding, set(held[case].policy_conflicts)) for case in cases]


@pytest.fixture
def telling(world: World) -> Telling:
    """Return a peer of two platforms."""
    return Telling(world)


def test_a_subject_that_was_hidden_doesnt_escape_the_cap(telling: Telling) -> None:
    cases = telling.issue(subject(), [Span(0, 100, 1, None), Span(100, 100, 2, None)])
    telling.poll(cases[1])
    assert telling.judged(cases)[1] == (True, set())
    telling.poll(cases[0])
    assert telling.judged(cases) == [(True, set()), (False, {PolicyConflict.TOTAL_TOO_LONG})]


def test_what_is_a_record_stays_one(telling: Telling) -> None:
    spans = [Span(start, 180, conduct, None) for conduct, start in enumerate((0, 180, 360))]
    cases = telling.issue(subject(), spans)
    telling.poll(cases[1], cases[2])
    assert not telling.judged(cases)[2][0]
    telling.poll(cases[0])  # now the second doesn't bind, but it did
    assert [binds for binds, _ in telling.judged(cases)] == [True, False, False]


def test_what_was_disclosed_is_not_taken_back(telling: Telling, world: World) -> None:
    cases = telling.issue(subject(), [Span(0, 100, 1, None), Span(100, 100, 2, None)])
    telling.poll(cases[0])
    with world.database.reading() as session:
        before = session.get_one(Disclosure, cases[0])
    telling.theirs.disclosed[cases[0]] = [
        one for one in telling.theirs.disclosed[cases[0]] if one["field"] != "subject"
    ]
    telling.poll(*cases)
    assert not telling.judged(cases)[1][0]
    with world.database.reading() as session:
        assert session.get_one(Disclosure, cases[0]) == before


def test_a_subject_of_another_kind_than_the_statements_is_not_kept(
    telling: Telling, world: World
) -> None:
    cases = telling.issue("https://a.server.example", [Span(0, 7, 1, None)])
    telling.poll(*cases)
    telling.poll(*cases)
    with world.database.reading() as session:
        assert session.exec(select(SubjectKey)).all() == []


def test_more_decisions_about_a_subject_than_anybody_takes_do_not_bind(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conflicting, "MOST_TOGETHER", 2)
    cases = telling.issue(subject(), [Span(10 * n, 1, n, None) for n in range(4)])
    telling.poll(*cases)
    assert [binds for binds, _ in telling.judged(cases)] == [True, True, False, False]


spans = st.builds(
    Span,
    start=st.integers(0, 500),
    days=st.sampled_from([10, 60, 100, 180]),
    conduct=st.integers(1, 4),
    before=st.sampled_from([None, None, "overturned", "lifted"]),
)


@pytest.mark.property
@examples(6)
@given(data=st.data())
def test_it_comes_to_the_same_in_whatever_order_subjects_are_disclosed(
    telling: Telling, data: st.DataObject
) -> None:
    decided = data.draw(st.lists(spans, min_size=2, max_size=5))
    at_once = telling.issue(subject(), decided)
    telling.poll(*at_once)
    one_by_one = telling.issue(subject(), decided)
    telling.poll()
    for case in data.draw(st.permutations(one_by_one)):
        telling.poll(case)
    assert telling.judged(one_by_one) == telling.judged(at_once)

"""An operator who unfollows a node, or follows it anew, while it is being asked."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import pytest
from sqlmodel import select

from governance import following
from governance.followers import Follower
from governance.log.errors import Unread
from governance.peers import Peer, PeerPlatform
from governance.remotes import Named
from governance.sanctions import Disclosure, Sanction, SubjectKey
from governance.words import PeerState
from tests.builders import KEYS, NOW, World
from tests.governance.test_applying import URL, Theirs
from tests.logs import ALPHA, LOG, ORIGIN, Served

LATER = NOW + timedelta(minutes=1)


class Interrupted(Served):
    """A node that something happens during the first question to."""

    def __init__(self, theirs: Theirs) -> None:
        super().__init__(theirs.writer.entries)
        self.told = theirs.disclosed
        self.when_named: Callable[[], object] | None = None
        self.when_asked: Callable[[], object] | None = None

    def named(self, domain: str) -> Named:
        happens, self.when_named = self.when_named, None
        if happens:
            happens()
        return super().named(domain)

    def disclosures(self, cases: Sequence[str], token: str | None) -> Mapping[str, object]:
        happens, self.when_asked = self.when_asked, None
        if happens:
            happens()
        return {case: self.told[case] for case in cases}


class Case:
    """A peer with a case that is known here, and whose disclosures are asked for again."""

    def __init__(self, world: World) -> None:
        self.world, self.theirs = world, Theirs()
        self.case = self.theirs.issue()
        self.served, self.now = Interrupted(self.theirs), NOW
        self.follow()
        self.follower = Follower(world.database, KEYS, ORIGIN, clock=lambda: self.now)

    def follow(self, token: str | None = None) -> None:
        self.world.do(following.begin, KEYS, URL, [LOG.verifier()], token, now=self.now)

    def unfollow(self) -> None:
        self.world.do(following.end, ORIGIN)

    def anew(self) -> None:
        self.unfollow()
        self.now = LATER
        self.follow()

    def disclosed(self) -> list[str]:
        with self.world.database.reading() as session:
            held = session.exec(select(Disclosure.sanction_id)).all()
            assert set(session.exec(select(SubjectKey.sanction_id))) == {*held}
        return list(held)

    def peer(self) -> Peer:
        with self.world.database.reading() as session:
            return session.get_one(Peer, ORIGIN)


@pytest.fixture
def case(world: World) -> Case:
    """Return a case of a peer that isn't known yet."""
    return Case(world)


def asked_again(case: Case) -> None:
    case.follower.poll(case.served)
    case.follow("token")  # may disclose more
    case.now += timedelta(seconds=10)


def test_an_unfollow_is_not_undone_by_what_was_asked_before(case: Case) -> None:
    asked_again(case)
    case.served.when_asked = case.unfollow
    assert not case.follower.poll(case.served)
    assert case.disclosed() == []
    peer = case.peer()
    assert (peer.state, peer.is_disclosed) == (PeerState.UNFOLLOWED, False)


def test_whoever_is_followed_anew_is_asked_anew(case: Case) -> None:
    asked_again(case)
    case.served.when_asked = case.anew
    assert case.follower.poll(case.served)
    assert (case.disclosed(), case.peer().is_disclosed) == ([], False)
    case.now += timedelta(minutes=1)
    assert case.follower.poll(case.served)
    assert (case.disclosed(), case.peer().is_disclosed) == ([case.case], True)


def test_a_token_that_comes_meanwhile_is_used(case: Case) -> None:
    asked_again(case)
    case.served.when_asked = lambda: case.follow("another token")
    assert case.follower.poll(case.served)
    assert not case.peer().is_disclosed


def test_nothing_is_taken_over_from_whom_nobody_follows(case: Case) -> None:
    case.follower.poll(case.served)
    more = case.theirs.issue(subject="acct:bob@elsewhere.example")
    case.served.log(case.theirs.writer.entries)
    case.served.when_asked = case.unfollow
    assert not case.follower.poll(case.served)
    with case.world.database.reading() as session:
        assert session.get(Sanction, more) is None
    assert case.disclosed() == []


def test_nor_applied_what_waited(case: Case) -> None:
    case.served.when_asked = case.unfollow
    assert not case.follower.poll(case.served)
    with case.world.database.reading() as session:
        assert session.get(Sanction, case.case) is None
    assert case.disclosed() == []


def test_nor_is_its_platform_taken_in(case: Case) -> None:
    case.served.when_named = case.unfollow
    assert not case.follower.poll(case.served)
    with case.world.database.reading() as session:
        assert not session.get_one(PeerPlatform, (ORIGIN, ALPHA)).is_proven


def test_a_question_that_failed_meanwhile_says_nothing(case: Case) -> None:
    asked_again(case)

    def fail() -> None:
        case.unfollow()
        raise Unread("log/disclosures", "out of reach")

    case.served.when_asked = fail
    assert not case.follower.poll(case.served)
    assert case.peer().problem is None

"""The platforms that a peer declares: how many, and how often their domains are asked."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlmodel import col, select

from governance import applying, following, speaking
from governance.followers import Follower
from governance.log.errors import Excessive, Unread
from governance.peers import PeerEntry, PeerPlatform, Verdict
from governance.remotes import Named
from tests.builders import DAY, HOUR, KEYS, NOW, World
from tests.governance.test_applying import URL, Theirs, sanctions
from tests.logs import ALPHA, BETA, LOG, ORIGIN, Served, decision

SECOND = timedelta(seconds=1)


class Silent(Served):
    """A node whose platforms' domains say nothing, but for those that are named."""

    def __init__(self, theirs: Theirs) -> None:
        super().__init__(theirs.writer.entries)
        self.disclosed, self.counts = theirs.disclosed, Counter[str]()

    def named(self, domain: str) -> Named:
        self.counts[domain] += 1
        if domain not in self.names:
            raise Unread(domain, "there is no such file")
        return self.names[domain]


class Clock:
    """Stands still until a test moves it."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return the follower's clock."""
    return Clock()


@pytest.fixture
def follower(world: World, clock: Clock) -> Follower:
    """Return what follows a node."""
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
    return Follower(world.database, KEYS, ORIGIN, clock=clock)


def declared(theirs: Theirs, count: int) -> None:
    for number in range(count):
        theirs.writer.add(
            decision(
                "platform.added", f"p{number}.example", id=f"plt_{number:a>26}".translate(DIGITS)
            )
        )


DIGITS = str.maketrans("0189", "bcde")  # of no id


def platforms(world: World) -> list[str]:
    with world.database.reading() as session:
        return sorted(session.exec(select(PeerPlatform.domain)))


def test_more_platforms_than_are_taken_are_refused_and_told_once(
    world: World, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "MOST_PLATFORMS", 4)
    theirs = Theirs()
    declared(theirs, 4)
    case = theirs.issue()
    with pytest.raises(Excessive, match="more than 4 platforms"):
        follower.poll(theirs.served())
    assert platforms(world) == [ALPHA, BETA, "p0.example", "p1.example"]
    assert case in sanctions(world)  # and what else it says counts
    with world.database.reading() as session:
        refused = select(PeerEntry.fault).where(col(PeerEntry.verdict) == Verdict.REFUSED)
        assert session.exec(refused).all() == ["it has more than 4 platforms"] * 2
    assert follower.poll(theirs.served())


def test_a_domain_that_says_nothing_is_asked_ever_more_rarely(
    world: World, follower: Follower, clock: Clock
) -> None:
    served = Silent(Theirs())
    asked_at = []
    while clock.now < NOW + 2 * DAY:
        before = served.counts[ALPHA]
        follower.poll(served)
        if served.counts[ALPHA] > before:
            asked_at.append(clock.now)
        with world.database.reading() as session:
            due = session.exec(select(PeerPlatform.check_at)).all()
        clock.now = min(at for at in due if at is not None)
    pauses = [later - earlier for earlier, later in pairwise(asked_at)]
    assert len(pauses) < 30
    for number, pause in enumerate(pauses):
        longest = min(30 * SECOND * 2**number, 6 * HOUR)
        assert longest / 2 <= pause <= longest
    assert max(pauses) > 3 * HOUR
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=clock.now)
    before = served.counts[ALPHA]
    follower.poll(served)  # whoever follows anew doesn't wait
    assert served.counts[ALPHA] == before + 1


def test_a_domain_that_is_well_again_is_asked_every_hour(
    world: World, follower: Follower, clock: Clock
) -> None:
    served = Silent(Theirs())
    follower.poll(served)
    served.names[ALPHA] = Named(ORIGIN, str(LOG.verifier()), None)
    clock.now += 30 * SECOND
    follower.poll(served)
    with world.database.reading() as session:
        platform = session.get_one(PeerPlatform, (ORIGIN, ALPHA))
    assert (platform.is_proven, platform.failures) == (True, 0)
    assert platform.check_at is not None
    assert HOUR / 2 <= platform.check_at - clock.now <= HOUR


def test_few_domains_are_asked_in_one_poll(
    world: World, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "MOST_CHECKS", 3)
    theirs = Theirs()
    declared(theirs, 6)
    served = Silent(theirs)
    for polls in (1, 2, 3):
        follower.poll(served)
        assert len(served.counts) == min(3 * polls, 8)
    assert set(served.counts.values()) == {1}

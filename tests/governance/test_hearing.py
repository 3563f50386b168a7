"""A platform of a peer that isn't verified any more isn't heard: nobody takes its word over."""

from datetime import timedelta

import pytest
from sqlmodel import select

from governance import following
from governance.entries import LogEntry
from governance.errors import Conflict
from governance.followers import Follower
from governance.log.growth import Forked
from governance.peers import STALE_AFTER, PeerPlatform
from governance.words import SanctionAnswer, Validity
from tests.builders import DAY, HOUR, KEYS, MICRO, World
from tests.governance.test_applying import IDS, URL, Theirs
from tests.logs import ALPHA, LOG, NOON, ORIGIN, Served, story

LONG = {"expiresAt": "2026-12-24T12:00:00.000000Z"}


@pytest.fixture
def theirs() -> Theirs:
    """Return a log of two platforms that decided nothing yet."""
    return Theirs()


@pytest.fixture
def follower(world: World) -> Follower:
    """Return what follows it."""
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOON)
    return Follower(world.database, KEYS, ORIGIN, clock=lambda: NOON)


def refuses(world: World, case: str, after: timedelta) -> None:
    """Nobody adopts the case then, and nothing is written; it can be answered still."""
    team = world.team()
    before = entries(world)
    with pytest.raises(Conflict, match="wasn't verified") as refused:
        world.adopt(team.issuer, case, NOON + after)
    assert refused.value.path == ("sanctionId",)
    assert entries(world) == before
    world.answer(team.reviewer, case, SanctionAnswer.DISPUTED, "We doubt it", NOON + after)


def entries(world: World) -> int:
    with world.database.reading() as session:
        return len(session.exec(select(LogEntry)).all())


def test_what_a_stale_peer_decided_is_adopted_by_nobody(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    case = theirs.issue(terms=LONG)
    follower.poll(theirs.served())
    world.adopt(world.team().issuer, case, NOON + STALE_AFTER - MICRO)
    refuses(world, case, STALE_AFTER)
    follower = Follower(world.database, KEYS, ORIGIN, clock=lambda: NOON + STALE_AFTER)
    follower.poll(theirs.served())
    world.adopt(world.team().issuer, case, NOON + STALE_AFTER + HOUR)


def test_what_a_peer_decided_that_forked_is_adopted_by_nobody(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    team, case = world.team(), theirs.issue(terms=LONG)
    follower.poll(theirs.served())
    copy = world.adopted(team.issuer, case, NOON, issuer_reference="once").sanction_id
    with pytest.raises(Forked):
        follower.poll(Served(story(60)))
    refuses(world, case, DAY)
    again = world.adopted(team.issuer, case, NOON + DAY, issuer_reference="once")
    assert (again.sanction_id, again.is_new) == (copy, False)
    assert world.sanction(copy).validity is Validity.STANDING  # its platform's own decision


def test_what_a_platform_decided_that_names_another_log_is_adopted_by_nobody(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    case = theirs.issue(terms=LONG)
    follower.poll(theirs.served())
    with world.database.writing() as session:
        spoken = session.get_one(PeerPlatform, (ORIGIN, ALPHA))
        assert spoken.platform_id == IDS[ALPHA]
        spoken.is_proven = False
        session.add(spoken)
    refuses(world, case, DAY)

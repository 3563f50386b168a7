"""Telling the person: by the account's host, who is asked to through the feed."""

import pytest
from sqlmodel import col, select

from governance import following, notices
from governance.errors import RefusalCode
from governance.events import Event
from governance.followers import Follower
from governance.membership import Actor
from governance.notices import NoticeDraft
from governance.sanctions import Sanction
from governance.words import Audience, EventType, NoticeOutcome, Outcome
from tests.builders import DAY, KEYS, NOW, Team, World, refused, subject
from tests.governance.test_applying import URL, Theirs
from tests.logs import ALPHA, LOG, ORIGIN

DELIVERED, UNDELIVERABLE = NoticeOutcome.DELIVERED, NoticeOutcome.UNDELIVERABLE


@pytest.fixture
def host(world: World) -> Team:
    """Return the platform where the accounts of these tests live."""
    return world.team("elsewhere.example")


def told(world: World, by: Actor, sanction_id: str, outcome: NoticeOutcome = DELIVERED) -> None:
    draft = NoticeDraft(sanction_id=sanction_id, outcome=outcome)
    world.do(notices.record_notice, by, draft, now=NOW + DAY)


def types(world: World, sanction_id: str) -> list[EventType]:
    query = select(Event).where(Event.sanction_id == sanction_id).order_by(col(Event.position))
    with world.database.reading() as session:
        return [event.type for event in session.exec(query)]


@pytest.mark.parametrize("name", ["reader", "researcher"])
def test_those_who_only_read_record_nothing(
    world: World, team: Team, host: Team, name: str
) -> None:
    sanction_id = world.issue(team.issuer)
    with refused(world, RefusalCode.FORBIDDEN):
        told(world, getattr(host, name), sanction_id)


def test_absent_erased_and_not_yours_are_the_same(world: World, team: Team, host: Team) -> None:
    about = subject()
    erased = world.issue(team.issuer, subject=about)
    world.erase(team.admin, about)
    for by, wanted in [
        (team.admin, world.issue(team.issuer)),  # another platform hosts the account
        (world.team().admin, world.issue(team.issuer)),
        (host.admin, erased),
        (host.admin, "san_absent"),
    ]:
        with refused(world, RefusalCode.NOT_FOUND, "sanctionId"):
            told(world, by, wanted)


def test_a_notice_is_due_when_another_platform_here_hosts_the_account(
    world: World, team: Team, host: Team
) -> None:
    elsewhere = world.issue(team.issuer)
    own = world.issue(host.issuer)
    nowhere = world.issue(team.issuer, subject="acct:alice@not-here.example")
    outside = world.record(team.issuer)
    assert types(world, elsewhere) == [EventType.SANCTION_ISSUED, EventType.NOTICE_DUE]
    for sanction_id in (own, nowhere, outside):
        assert types(world, sanction_id) == [EventType.SANCTION_ISSUED]


def test_a_termination_is_told_once_it_is_approved(world: World, team: Team, host: Team) -> None:
    sanction_id = world.terminate(team.issuer)
    assert types(world, sanction_id) == [EventType.SANCTION_ISSUED]
    world.approve(team.issuer_2, sanction_id)
    assert types(world, sanction_id)[1:] == [EventType.SANCTION_APPROVED, EventType.NOTICE_DUE]
    appeal_id = world.in_review(team, sanction_id)
    for by in (team.reviewer, team.reviewer_2):
        world.decide(by, appeal_id, Outcome.REDUCED, end=NOW + 9 * DAY)
    new = world.appeal(appeal_id).sanction_id
    with world.database.reading() as session:
        due = select(Event.sanction_id).where(Event.type == EventType.NOTICE_DUE)
        assert len(set(session.exec(due))) == 2, new  # the time-out in its place is told too


def test_what_is_delivered_starts_the_appeal_window(world: World, team: Team, host: Team) -> None:
    sanction_id = world.issue(team.issuer)
    told(world, host.issuer, sanction_id)
    assert world.sanction(sanction_id).notified_at == NOW + DAY
    assert types(world, sanction_id)[-1] is EventType.NOTICE_RECORDED
    with refused(world, RefusalCode.APPEAL_WINDOW_CLOSED):
        world.file(team.admin, sanction_id, NOW + 184 * DAY)
    world.file(team.admin, sanction_id, NOW + 183 * DAY)


def test_undeliverable_may_become_delivered_and_never_back(
    world: World, team: Team, host: Team
) -> None:
    sanction_id = world.issue(team.issuer)
    told(world, host.admin, sanction_id, UNDELIVERABLE)
    assert world.sanction(sanction_id).notified_at is None
    told(world, host.admin, sanction_id)
    before = world.snapshot()
    told(world, host.admin, sanction_id)  # a retry
    assert world.snapshot() == before
    with refused(world, RefusalCode.CONFLICT, "outcome"):
        told(world, host.admin, sanction_id, UNDELIVERABLE)


def test_without_a_host_here_the_issuing_platform_tells(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer, subject="acct:alice@not-here.example")
    told(world, team.reviewer, sanction_id)
    assert world.sanction(sanction_id).notified_at == NOW + DAY


def test_where_the_host_is_on_another_node_too(world: World, team: Team) -> None:
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
    Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW).poll(Theirs().served())
    sanction_id = world.issue(team.issuer, subject=f"acct:alice@{ALPHA}")
    assert types(world, sanction_id) == [EventType.SANCTION_ISSUED]
    told(world, team.reviewer, sanction_id)
    assert world.sanction(sanction_id).notified_at == NOW + DAY


def test_of_what_a_platform_keeps_to_itself_it_tells_itself(
    world: World, team: Team, host: Team
) -> None:
    sanction_id = world.issue(team.issuer, audience=Audience.OWN)
    assert types(world, sanction_id) == [EventType.SANCTION_ISSUED]
    with refused(world, RefusalCode.NOT_FOUND, "sanctionId"):
        told(world, host.admin, sanction_id)
    told(world, team.admin, sanction_id)
    assert types(world, sanction_id)[-1] is EventType.NOTICE_RECORDED


def test_nothing_is_told_before_there_is_something_to_tell(
    world: World, team: Team, host: Team
) -> None:
    about = subject()
    ban, record = world.terminate(team.issuer, subject=about), world.record(team.issuer)
    for wanted in (ban, record):
        with refused(world, RefusalCode.CONFLICT, "sanctionId"):
            told(world, host.admin, wanted)
    world.approve(team.issuer_2, ban)
    told(world, host.admin, ban)
    appeal_id = world.in_review(team, ban, NOW + 2 * DAY)
    for by in (team.reviewer, team.reviewer_2):
        world.decide(by, appeal_id, Outcome.REDUCED, NOW + 2 * DAY, end=NOW + 9 * DAY)
    new = world.appeal(appeal_id).sanction_id
    with world.database.reading() as session:
        query = select(Sanction).where(Sanction.supersedes_id == ban)
        assert session.exec(query).one().notified_at is None, new  # it gets its own

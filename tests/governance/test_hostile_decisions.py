"""What a followed node may not do by its log, and nobody here to its cases."""

from typing import Any

import pytest
from sqlmodel import select

from governance import following
from governance.entries import LogEntry
from governance.errors import Conflict
from governance.fields import print_instant
from governance.followers import Follower
from governance.log.signers import Signer
from governance.notices import NoticeDraft, record_notice
from governance.peers import Peer, Verdict
from governance.words import NoticeOutcome, Outcome, Validity
from tests.builders import DAY, KEYS, LOG_KEY, NOW, World
from tests.governance.test_applying import URL, Theirs, sanctions, verdicts
from tests.logs import BETA, LOG, NOON, ORIGIN, faults, files

APPEAL = f"apl_{'a' * 26}"


@pytest.fixture
def theirs() -> Theirs:
    """Return a log of two platforms that decided nothing yet."""
    return Theirs()


@pytest.fixture
def follower(world: World) -> Follower:
    """Return what follows it."""
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
    return Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW)


def entries(world: World) -> int:
    with world.database.reading() as session:
        return len(session.exec(select(LogEntry)).all())


def spans(count: int) -> list[dict[str, Any]]:
    """Terms of time-outs of 180 days that follow each other."""
    starts = [NOON + n * 180 * DAY for n in range(count)]
    return [
        {
            "effectiveAt": print_instant(start),
            "expiresAt": print_instant(start + 180 * DAY),
            "conductFrom": print_instant(NOON - (n + 1) * DAY),
            "conductTo": print_instant(NOON - (n + 1) * DAY),
        }
        for n, start in enumerate(starts)
    ]


def test_an_end_is_not_taken_back(world: World, follower: Follower, theirs: Theirs) -> None:
    case = theirs.issue()
    theirs.tell("sanction.lifted", case, changed={"liftedAt": print_instant(NOON + DAY)})
    theirs.tell("sanction.lifted", case)
    follower.poll(theirs.served())
    assert [verdict for verdict, _ in verdicts(world)][-1] is not Verdict.APPLIED
    assert sanctions(world)[case].ends_at == NOON + DAY


@pytest.mark.parametrize("changed", [{}, {"colour": "red"}])
@pytest.mark.parametrize("event", ["voided", "overturned", "lifted"])
@pytest.mark.usefixtures("follower")
def test_what_a_peer_leaves_out_spoils_no_log_of_ours(
    world: World, theirs: Theirs, event: str, changed: dict[str, Any]
) -> None:
    """The node's own entries have their form, whatever they follow from."""
    case = theirs.issue(subject="acct:alice@x.example")
    follower = Follower(world.database, KEYS, ORIGIN, clock=lambda: NOON + DAY)
    follower.poll(theirs.served())
    copy = world.adopt(world.team().issuer, case, NOON + DAY)
    told: dict[str, Any] = {"changed": changed} if changed else {}
    theirs.tell(f"sanction.{event}", case, **told)
    follower.poll(theirs.served())
    assert (sanctions(world)[copy].validity is Validity.STANDING) is (event == "lifted")
    with world.database.reading() as session:
        found = session.exec(select(LogEntry).order_by("index")).all()
    own = files([entry.data.encode() for entry in found], LOG_KEY, origin=LOG_KEY.name)
    assert faults(own, trusted=[LOG_KEY.verifier()]) == []


@pytest.mark.parametrize(("days", "is_approved"), [(6, True), (100, False)])
def test_what_lapsed_is_not_approved(
    world: World, follower: Follower, theirs: Theirs, days: int, is_approved: bool
) -> None:
    terms = {"measure": "ACCOUNT_TERMINATED", "permanentBasis": "SPAM", "expiresAt": None}
    case = theirs.issue(terms=terms)
    at = {"approvedAt": print_instant(NOON + days * DAY)}
    theirs.tell("sanction.approved", case, changed=at)
    follower.poll(theirs.served())
    assert (sanctions(world)[case].ends_at is None) is is_approved


def test_nothing_is_superseded_without_an_end(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    before: dict[str, str] = {}
    for terms in spans(3):
        before = {"supersedes": theirs.issue(terms=terms, **before)}
    follower.poll(theirs.served())
    held = sorted(sanctions(world).values(), key=lambda one: one.effective_at)
    assert [one.is_binding for one in held] == [True, False, False]  # 180 days in any 360


def test_a_copy_that_outlasts_a_source_known_later_does_not_bind(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    later: list[dict[str, Any]] = []
    add, theirs.writer.add = theirs.writer.add, later.append  # type: ignore[assignment,method-assign]
    ends = {"expiresAt": print_instant(NOON + 2 * DAY)}
    source = theirs.issue(terms=ends, subject="acct:q@x.example")
    theirs.writer.add = add  # type: ignore[method-assign]
    copy = theirs.issue(
        by=BETA,
        derivedFrom=source,
        terms={"expiresAt": print_instant(NOON + 100 * DAY)},
        subject="acct:q@x.example",
    )
    theirs.writer.add(later[0])
    follower.poll(theirs.served())
    held = sanctions(world)
    assert (held[source].is_binding, held[copy].is_binding) == (True, False)
    assert held[copy].derived_from_id == source


def test_nobody_here_decides_a_peers_case(world: World, follower: Follower, theirs: Theirs) -> None:
    team = world.team()
    case = theirs.issue()
    filed = {"state": "IN_REVIEW", "filedBy": "PLATFORM", "filedAt": print_instant(NOON)}
    changed = filed | {"dueAt": print_instant(NOON + 14 * DAY)}
    theirs.tell("appeal.filed", case, appeal=APPEAL, changed=changed)
    guest = team.platform.domain
    theirs.tell("reviewer.invited", case, appeal=APPEAL, changed=changed, guest=guest)
    follower.poll(theirs.served())
    before = entries(world)
    with pytest.raises(Conflict, match="another node"):
        world.decide(team.reviewer, APPEAL, Outcome.OVERTURNED)
    assert (sanctions(world)[case].validity, entries(world)) == (Validity.STANDING, before)


def test_nor_says_that_its_person_was_told(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    team = world.team()
    case = theirs.issue(subject=f"acct:bob@{team.platform.domain}")
    follower.poll(theirs.served())
    before = entries(world)
    told = NoticeDraft(sanction_id=case, outcome=NoticeOutcome.DELIVERED)
    with pytest.raises(Conflict, match="another node"):
        world.do(record_notice, team.issuer, told, now=NOW)
    assert (sanctions(world)[case].notified_at, entries(world)) == (None, before)


def test_a_token_stays_where_it_was_given_for(
    world: World, follower: Follower, theirs: Theirs
) -> None:
    theirs.issue()
    follower.poll(theirs.served())
    world.do(following.begin, KEYS, URL, [LOG.verifier()], "token", now=NOW)
    forged = Signer(ORIGIN, bytes([9] * 32)).verifier()
    with pytest.raises(Conflict, match="another key"):
        world.do(following.begin, KEYS, "https://evil.example", [forged], None, now=NOW)
    world.do(following.begin, KEYS, "https://evil.example", [LOG.verifier()], None, now=NOW)
    with world.database.reading() as session:
        assert session.get_one(Peer, ORIGIN).token is None

"""A peer's log that was closed, and the one in its place: what goes on there, and for whom."""

from typing import Any

import pytest
from sqlmodel import col, select

from governance import following, speaking
from governance.events import Event
from governance.fields import print_instant
from governance.followers import Follower
from governance.log.authorship import hand_over
from governance.log.notes import encode
from governance.log.signers import Signer
from governance.log.tree import EMPTY_ROOT
from governance.peers import Peer, PeerEntry, PeerPlatform, Verdict
from governance.remotes import Named
from governance.sanctions import Sanction
from governance.words import EventType
from tests.builders import DAY, KEYS, NOW, World
from tests.governance.test_applying import IDS, URL, Theirs
from tests.logs import ALPHA, BETA, LOG, NOON, ORIGIN, Served, decision

SECOND = Signer("second.example/log", b"s" * 32)
AT = print_instant(NOON + DAY)


class Following:
    """A node that follows logs of one peer, one after the other."""

    def __init__(self, world: World) -> None:
        self.world, self.theirs, self.now = world, Theirs(), NOW

    def poll(self, signer: Signer, domains: Signer) -> None:
        """Follows the log under one key, with platforms whose domains name that of another."""
        self.now += speaking.CHECK_EVERY
        self.world.do(following.begin, KEYS, URL, [signer.verifier()], None, now=self.now)
        served = Served(self.theirs.writer.entries, signer=signer, origin=signer.name)
        served.disclosed = self.theirs.disclosed
        named = Named(domains.name, str(domains.verifier()), None)
        served.names = dict.fromkeys(IDS, named)
        Follower(self.world.database, KEYS, signer.name, clock=lambda: self.now).poll(served)

    def close(self, *, handover: str) -> None:
        """Logs that the second log takes the place of the first."""
        told: dict[str, Any] = {"origin": ORIGIN, "size": 9, "rootHash": encode(EMPTY_ROOT)}
        told |= {"verifier": str(SECOND.verifier()), "handover": handover}
        self.theirs.writer.add(decision("log.begun", None, **told))

    def unfollow(self) -> None:
        self.world.do(following.end, ORIGIN)

    def feed(self) -> list[tuple[EventType, str]]:
        with self.world.database.reading() as session:
            found = session.exec(select(Event).order_by(col(Event.position)))
            return [(event.type, event.sanction_id) for event in found]

    def sanctions(self) -> dict[str, dict[str, Any]]:
        with self.world.database.reading() as session:
            return {one.id: one.model_dump() for one in session.exec(select(Sanction))}

    def verdicts(self, origin: str) -> list[Verdict]:
        with self.world.database.reading() as session:
            found = select(PeerEntry).where(PeerEntry.origin == origin)
            return [one.verdict for one in session.exec(found.order_by(col(PeerEntry.index)))]


@pytest.fixture
def node(world: World) -> Following:
    """Return a node that follows nobody yet."""
    return Following(world)


def everything(theirs: Theirs) -> list[str]:
    """Cases that ended in every way, one twice shortened, and what the other platform said."""
    ended = {
        "lifted": {"liftedAt": AT},
        "overturned": {"overturnedAt": AT},
        "voided": {"voidedAt": AT, "voidCode": "DUPLICATE"},
        "superseded": {"supersededAt": AT},
        "shortened": {"expiresAt": print_instant(NOON + 3 * DAY)},
        "redacted": {"redactedAt": AT},
    }
    cases = []
    for number, (kind, changed) in enumerate(ended.items()):
        case = theirs.issue(subject=f"acct:u{number}@elsewhere.example")
        scope = {"scope": "ALL"} if kind == "redacted" else {}
        theirs.tell(f"sanction.{kind}", case, changed=changed, **scope)
        cases.append(case)
    end = print_instant(NOON + 2 * DAY)
    theirs.tell("sanction.shortened", cases[4], changed={"expiresAt": end})
    said = {"state": "DECLINED", "at": AT}
    theirs.tell("receipt.recorded", cases[0], BETA, changed=said)
    filed = {"state": "IN_REVIEW", "filedBy": "PLATFORM", "filedAt": AT, "dueAt": AT}
    theirs.tell("appeal.filed", cases[4], appeal=f"apl_{'a' * 26}", changed=filed)
    return cases


def test_what_was_applied_from_the_closed_log_is_not_told_again(node: Following) -> None:
    cases = everything(node.theirs)
    node.poll(LOG, LOG)
    before, held, verdicts = node.feed(), node.sanctions(), node.verdicts(ORIGIN)
    assert len(before) == 2 * len(cases) + 3
    assert {*verdicts} == {Verdict.APPLIED, Verdict.NOTED}
    node.unfollow()
    node.close(handover=hand_over(LOG, SECOND.verifier()))
    node.theirs.tell("sanction.lifted", cases[4], changed={"liftedAt": AT})
    node.poll(SECOND, SECOND)
    assert node.feed() == [*before, (EventType.SANCTION_LIFTED, cases[4])]
    assert node.verdicts(SECOND.name) == [*verdicts, Verdict.NOTED, Verdict.APPLIED]
    del held[cases[4]]
    assert held.items() <= node.sanctions().items()


def test_a_log_that_goes_on_after_all_is_not_told_again_either(node: Following) -> None:
    case = node.theirs.issue()
    node.poll(LOG, LOG)
    node.unfollow()
    node.theirs.tell("sanction.lifted", case, changed={"liftedAt": AT})
    node.poll(SECOND, SECOND)
    node.world.do(following.end, SECOND.name)
    node.poll(LOG, LOG)
    assert node.feed() == [(EventType.SANCTION_ISSUED, case), (EventType.SANCTION_LIFTED, case)]


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("is_followed", [True, False])
def test_who_claims_to_close_a_log_takes_over_nothing_that_domains_do_not_give_it(
    node: Following, is_followed: bool, is_signed: bool
) -> None:
    case = node.theirs.issue()
    node.poll(LOG, LOG)
    before, held = node.feed(), node.sanctions()
    if not is_followed:
        node.unfollow()
    by = LOG if is_signed else SECOND
    node.close(handover=hand_over(by, SECOND.verifier()))
    node.theirs.tell("sanction.lifted", case, changed={"liftedAt": AT})
    node.theirs.issue(subject="acct:bob@elsewhere.example")
    node.poll(SECOND, LOG)
    assert (node.feed(), node.sanctions()) == (before, held)
    assert Verdict.APPLIED not in node.verdicts(SECOND.name)
    with node.world.database.reading() as session:
        for domain in (ALPHA, BETA):
            assert session.get_one(PeerPlatform, (ORIGIN, domain)).platform_id == IDS[domain]
            assert not session.get_one(PeerPlatform, (SECOND.name, domain)).is_proven
        assert session.get_one(Peer, ORIGIN).trusted == [LOG.verifier()]
        assert session.get_one(Peer, SECOND.name).trusted == [SECOND.verifier()]

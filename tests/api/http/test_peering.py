"""Two nodes: what one decides is known on the other, as far as it may be, and corrected there."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from api.outward import Outside
from api.reaching import Node as Reached
from governance import following as follow_up
from governance.followers import Follower
from governance.log.growth import Forked
from governance.log.signers import Signer
from governance.peers import STALE_AFTER, PeerEntry, Verdict
from governance.sanctions import Disclosure, SubjectKey
from governance.settings import Settings
from tests.api.http.outside import ACCOUNT, Node
from tests.builders import DAY, KEYS, NOW
from tests.logs import Served, story

THERE = Signer("there.example/log", b"t" * 32)
STATUS = """query ($s: URI!, $at: DateTime) { suspensionStatus(subject: $s, at: $at) {
  isSuspended until stalePeers sanctions { id platform { domain peer { origin } } } } }"""
SANCTION = """query ($id: ID!) { sanction(id: $id) { effect validity endReason isBinding subject
  reason explanation disclosureState isIndependent policyConflicts derivedFrom { id }
  receipts { nodes { state platform { domain } } } appeals { nodes { state outcome } } } }"""
EVENTS = "{ eventPage { nodes { cursor type occurredAt sanction { id } platform { domain } } } }"


class Pair:
    """A node that is followed and one that follows it, polled when a test says so."""

    def __init__(self, here: Node, there: Node) -> None:
        self.here, self.there = here, there
        self.ours, self.theirs = here.world.team("here.example"), there.world.team("b.example")
        self.remote = Reached(Outside(Settings()), there.client, "https://there.example")
        self.follow(None)

    def follow(self, token: str | None) -> None:
        self.here.world.do(
            follow_up.begin, KEYS, "https://there.example", [THERE.verifier()], token, now=NOW
        )
        self.follower = Follower(self.here.world.database, KEYS, THERE.name, clock=self.here.clock)

    def trust(self) -> None:
        """The other node gives this one a reader's token."""
        partner = self.there.world.team("partner.example")
        self.follow(self.there.token(partner.reader))

    def poll(self) -> None:
        assert self.follower.poll(self.remote)

    def status(self, subject: str = ACCOUNT, at: str | None = None) -> dict[str, Any]:
        asked = {"s": subject, "at": at}
        return dict(self.here.data(STATUS, asked, self.ours.reader)["suspensionStatus"])

    def sanction(self, sanction_id: str, by: Any = None) -> dict[str, Any]:
        return dict(
            self.here.data(SANCTION, {"id": sanction_id}, by or self.ours.reader)["sanction"]
        )

    def issue(self, **changes: object) -> str:
        told = self.there.issue(self.theirs.issuer, **{"subject": ACCOUNT, **changes})
        return str(told["sanction"]["id"])

    def verdicts(self) -> list[str]:
        with self.here.world.database.reading() as session:
            entries = session.exec(select(PeerEntry).order_by(PeerEntry.index)).all()  # type: ignore[arg-type]
        return [entry.verdict for entry in entries if entry.verdict is not Verdict.NOTED]


@pytest.fixture
def pair(database_url: str, sqlite_template: Path, tmp_path: Path) -> Iterator[Pair]:
    """Yield two nodes; the one that follows runs on each engine."""
    other = tmp_path / "there"
    other.mkdir()
    (other / "comity.db").write_bytes(sqlite_template.read_bytes())
    for name, text in (("comity.key", (b"t" * 32).hex()), ("comity.log.key", THERE)):
        (other / name).write_text(f"{text}\n")
        (other / name).chmod(0o600)
    with ExitStack() as stack:
        here = stack.enter_context(Node(database_url, tmp_path / "comity.key"))
        there = stack.enter_context(Node(f"sqlite:///{other / 'comity.db'}", other / "comity.key"))
        yield Pair(here, there)


def test_what_another_node_decides_is_known_here(pair: Pair) -> None:
    pair.trust()
    sanction_id = pair.issue(explanation="Threats", reason="You threatened somebody")
    pair.poll()
    found = pair.status()
    assert found["isSuspended"]
    [held] = found["sanctions"]
    platform = {"domain": "b.example", "peer": {"origin": THERE.name}}
    assert held == {"id": sanction_id, "platform": platform}
    seen = pair.sanction(sanction_id)
    assert (seen["subject"], seen["reason"]) == (ACCOUNT, "You threatened somebody")
    public = pair.here.data(SANCTION, {"id": sanction_id})["sanction"]
    assert (public["subject"], public["reason"]) == (None, None)
    assert public["explanation"] == "Threats"
    [event] = pair.here.data(EVENTS)["eventPage"]["nodes"]
    assert event["sanction"]["id"] == sanction_id


def test_a_platform_joined_when_its_domain_first_named_its_node(pair: Pair) -> None:
    pair.issue()
    pair.here.clock.forward(2 * DAY)
    pair.poll()
    joined = pair.here.at()
    pair.here.clock.forward(DAY)
    pair.poll()
    listed = pair.here.data("{ platforms { nodes { domain joinedAt } } }")["platforms"]["nodes"]
    assert [one["domain"] for one in listed] == ["here.example", "b.example"]
    assert listed[0]["joinedAt"] < listed[1]["joinedAt"] == joined


def test_without_a_token_only_what_is_public_is_known(pair: Pair) -> None:
    sanction_id = pair.issue(explanation="Threats")
    server = pair.issue(
        subject="https://spam.example", measure="SERVER_SUSPENDED", conductFrom=None, conductTo=None
    )
    pair.poll()
    assert not pair.status()["isSuspended"]
    assert pair.status("https://spam.example")["sanctions"][0]["id"] == server
    seen = pair.sanction(sanction_id)
    assert (seen["subject"], seen["reason"], seen["explanation"]) == (None, None, "Threats")
    pair.trust()  # what was published before is asked for, too
    pair.poll()
    assert pair.status()["isSuspended"]


def test_an_account_is_found_here_under_every_name(pair: Pair) -> None:
    names = ["did:plc:aaaaaaaaaaaaaaaaaaaaaaaa", "acct:other@elsewhere.example"]
    sanction_id = pair.issue(aliases=[*names, "acct:@Other@elsewhere.example"])
    pair.poll()
    assert not pair.status(names[0])["isSuspended"]
    pair.trust()
    pair.poll()
    for name in names:
        assert [one["id"] for one in pair.status(name)["sanctions"]] == [sanction_id]
    copy = adopted(pair, sanction_id)
    with pair.here.world.database.reading() as session:
        assert session.get_one(Disclosure, copy).aliases == names
    pair.there.do("EraseSubject", pair.theirs.admin, subject=names[1], reason="asked to")
    pair.poll()
    with pair.here.world.database.reading() as session:
        assert {key.sanction_id for key in session.exec(select(SubjectKey))} == {copy}


def test_what_a_platform_keeps_to_itself_stays_there(pair: Pair) -> None:
    pair.trust()
    sanction_id = pair.issue(audience="OWN")
    pair.poll()
    assert not pair.status()["isSuspended"]
    assert pair.sanction(sanction_id)["subject"] is None


def test_an_appeal_and_its_outcome_travel(pair: Pair) -> None:
    pair.trust()
    sanction_id = pair.issue()
    appeal = pair.there.under_review(pair.theirs, {"id": sanction_id})
    pair.poll()
    assert pair.sanction(sanction_id)["appeals"]["nodes"] == [
        {"state": "IN_REVIEW", "outcome": None}
    ]
    pair.there.do(
        "DecideAppeal",
        pair.theirs.reviewer,
        appealId=appeal,
        outcome="OVERTURNED",
        statement="We were wrong",
    )
    pair.poll()
    seen = pair.sanction(sanction_id)
    assert (seen["validity"], seen["endReason"]) == ("OVERTURNED", "OVERTURNED")
    assert seen["appeals"]["nodes"] == [{"state": "DECIDED", "outcome": "OVERTURNED"}]
    assert not pair.status()["isSuspended"]


ADOPT = """mutation ($i: AdoptSanctionInput!) { adoptSanction(input: $i) { __typename
  ... on SanctionIssued { sanction { id } } ... on Refusal { code message } } }"""


def adopted(pair: Pair, sanction_id: str, **more: object) -> str:
    given = {
        "sanctionId": sanction_id,
        "issuerReference": "copy-1",
        "measure": "ACCOUNT_SUSPENDED",
        "expiresAt": pair.here.at(3 * DAY),
        "reason": "Adopted",
        **more,
    }
    done = pair.here.data(ADOPT, {"i": given}, pair.ours.issuer)["adoptSanction"]
    assert done["__typename"] == "SanctionIssued", done
    return str(done["sanction"]["id"])


def test_an_overturn_there_corrects_the_copy_here_with_it(pair: Pair) -> None:
    pair.trust()
    sanction_id = pair.issue()
    pair.poll()
    copy = adopted(pair, sanction_id)
    assert pair.sanction(copy)["derivedFrom"] == {"id": sanction_id}
    overturn = {"sanctionId": sanction_id, "reason": "wrong"}
    pair.there.do("OverturnSanction", pair.theirs.issuer, **overturn)
    pair.poll()
    assert pair.sanction(copy)["validity"] == "OVERTURNED"
    assert not pair.status()["isSuspended"]
    [receipt] = pair.sanction(sanction_id)["receipts"]["nodes"]
    assert receipt == {"state": "REMEDIED", "platform": {"domain": "here.example"}}


def test_what_is_erased_there_is_gone_here(pair: Pair) -> None:
    pair.trust()
    sanction_id = pair.issue(reason="You threatened somebody unheard of")
    pair.poll()
    done = pair.there.do("EraseSubject", pair.theirs.admin, subject=ACCOUNT, reason="asked to")
    assert done["erasedCount"] == 1
    pair.poll()
    seen = pair.sanction(sanction_id)
    assert (seen["disclosureState"], seen["subject"]) == ("REDACTED", None)
    with pair.here.world.database.reading() as session:
        assert session.exec(select(Disclosure)).all() == []
        assert session.exec(select(SubjectKey)).all() == []
    if pair.here.world.database.dialect == "sqlite":
        assert b"unheard of" not in pair.here.world.stored()


def test_past_status_is_what_was_known_by_the_deciding_nodes_log(pair: Pair) -> None:
    pair.trust()
    pair.there.clock.forward(timedelta(minutes=3))  # its clock is ahead
    pair.issue()
    before, then = NOW + timedelta(minutes=2), NOW + timedelta(minutes=4)
    pair.here.clock.forward(timedelta(hours=1))
    pair.poll()
    assert not pair.status(at=pair.here.at(before - pair.here.clock.now))["isSuspended"]
    assert pair.status(at=pair.here.at(then - pair.here.clock.now))["isSuspended"]
    pair.here.clock.now = NOW + timedelta(minutes=1)
    pair.here.issue(pair.ours.issuer)  # the local feed keeps its own time
    newest = pair.here.data(EVENTS)["eventPage"]["nodes"][-1]
    assert newest["occurredAt"] == pair.here.at()


def test_a_node_that_was_not_verified_for_a_week_binds_no_longer(pair: Pair) -> None:
    pair.trust()
    sanction_id = pair.issue(expiresAt=pair.there.at(30 * DAY))
    pair.poll()
    pair.here.clock.forward(STALE_AFTER)
    found = pair.status()
    assert (found["isSuspended"], found["stalePeers"]) == (False, [THERE.name])
    assert not pair.sanction(sanction_id)["isBinding"]
    assert pair.status(at=pair.here.at(-DAY))["isSuspended"]  # it was verified then
    pair.there.clock.forward(STALE_AFTER)
    pair.poll()
    found = pair.status()
    assert (found["isSuspended"], found["stalePeers"]) == (True, [])


def test_a_node_that_forks_binds_no_longer(pair: Pair) -> None:
    pair.trust()
    sanction_id = pair.issue()
    pair.poll()
    with pytest.raises(Forked):
        pair.follower.poll(Served(story(60), signer=THERE, origin=THERE.name))
    found = pair.status()
    assert (found["isSuspended"], found["stalePeers"]) == (False, [THERE.name])
    assert not pair.sanction(sanction_id)["isBinding"]
    assert not pair.status(at=pair.here.at())["isSuspended"]


def test_what_breaks_the_policy_is_a_record_that_does_not_bind(pair: Pair) -> None:
    pair.trust()
    outside = pair.there.do(
        "RecordOutsideDecision",
        pair.theirs.issuer,
        **pair.there.body(subject=ACCOUNT, expiresAt=None),
    )
    pair.poll()
    seen = pair.sanction(outside["sanction"]["id"])
    assert not seen["isBinding"]
    assert "END_REQUIRED" in seen["policyConflicts"]
    assert not pair.status()["isSuspended"]


def test_a_platform_that_decided_here_is_nobody_elses(pair: Pair) -> None:
    pair.trust()
    clash = pair.there.world.team("here.example")
    pair.here.issue(pair.ours.issuer)
    pair.there.issue(clash.issuer, subject=ACCOUNT)
    pair.poll()
    assert not pair.status()["isSuspended"]
    assert pair.verdicts() == [Verdict.WAITING]


def test_nodes_that_follow_each_other_come_to_rest(pair: Pair) -> None:
    pair.trust()
    ours = pair.here.settings.sequencer().signer.verifier()
    there = pair.there.world
    keys = pair.there.settings.keys()
    there.do(follow_up.begin, keys, "https://here.example", [ours], None, now=NOW)
    back = Follower(there.database, keys, ours.name, clock=pair.there.clock)
    remote = Reached(Outside(Settings()), pair.here.client, "https://here.example")
    sanction_id = pair.issue()
    sizes = []
    for _ in range(4):
        pair.poll()
        assert back.poll(remote)
        sizes.append(
            [node.data("{ log { size } }")["log"]["size"] for node in (pair.here, pair.there)]
        )
    assert sizes[-1] == sizes[-2]
    copy = adopted(pair, sanction_id)
    assert back.poll(remote)
    seen = pair.there.data(SANCTION, {"id": sanction_id})["sanction"]
    assert seen["receipts"]["nodes"] == [
        {"state": "ADOPTED", "platform": {"domain": "here.example"}}
    ]
    assert pair.there.data(SANCTION, {"id": copy})["sanction"]["derivedFrom"] == {"id": sanction_id}
    pair.there.do("OverturnSanction", pair.theirs.issuer, sanctionId=sanction_id, reason="wrong")
    pair.poll()
    assert back.poll(remote)
    assert pair.there.data(SANCTION, {"id": copy})["sanction"]["validity"] == "OVERTURNED"

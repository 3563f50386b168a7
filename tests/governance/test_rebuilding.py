"""A node that followed others comes back from its own log, and the rest from them again."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from governance import following, rebuilding
from governance.adoptions import Receipt
from governance.appeals import Invitation
from governance.backups import backup
from governance.database import Database
from governance.entries import LogCheckpoint, LogEntry
from governance.events import Event
from governance.fields import print_instant
from governance.followers import Follower
from governance.log.auditing import Audit, Page, Signed
from governance.log.errors import Unproven
from governance.log.growth import Forked
from governance.log.tiles import Tile
from governance.membership import add_member
from governance.peers import Peer, PeerFork, PeerPlatform, PeerSource
from governance.restoring import restore
from governance.sanctions import Sanction
from governance.words import PeerState, ReceiptState, Remedy, Role, SanctionAnswer, Validity
from tests.builders import DAY, HOUR, KEYS, LOG_KEY, Team, World
from tests.governance.test_applying import URL, Theirs
from tests.logs import ALPHA, BETA, LOG, NOON, ORIGIN, Files, audited, files
from tests.postgres import Server

NOW = NOON + HOUR
OWN_GROUNDS = "They did the same here"


class Node:
    """A node that follows a peer, and has said things of its cases."""

    def __init__(self, world: World, folder: Path, emptied: Callable[[], object]) -> None:
        self.world, self.folder, self.theirs = world, folder, Theirs()
        self._emptied = emptied
        self.team: Team = world.team("here.example")
        self.cases: dict[str, str] = {}
        self.copies: dict[str, str] = {}

    def follow(self) -> None:
        self.world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)

    def poll(self, most: int | None = None) -> None:
        """Takes over what the peer's log has, or its first entries."""
        follower = Follower(self.world.database, KEYS, ORIGIN, clock=lambda: NOW + HOUR)
        served = self.theirs.served()
        served.log(self.theirs.writer.entries[:most])
        assert follower.poll(served)

    def issue(self, name: str, **more: Any) -> None:
        self.cases[name] = self.theirs.issue(subject=f"acct:{name}@elsewhere.example", **more)

    def adopt(self, name: str, **more: Any) -> None:
        self.copies[name] = self.world.adopt(self.team.issuer, self.cases[name], NOW, **more)

    def overturn(self, *names: str) -> None:
        changed = {"overturnedAt": print_instant(NOON + HOUR)}
        for name in names:
            self.theirs.tell("sanction.overturned", self.cases[name], changed=changed)

    def live(
        self,
        *,
        before: Callable[[], object] = lambda: None,
        then: Callable[[], object] = lambda: None,
    ) -> None:
        """Follows a peer, then answers, adopts and remedies what it decided."""
        before()
        team, world = self.team, self.world
        self.follow()
        self.poll()
        then()
        for name in ("rests", "asked", "remedied", "kept", "disputed", "stands", "late"):
            self.issue(name)
        self.poll()
        world.do(add_member, ALPHA, "reads", [Role.READER], now=NOW)
        world.issue(team.issuer, NOW, subject=f"acct:bob@{ALPHA}")
        appeal = world.in_review(team, world.issue(team.issuer, NOW), NOW)
        world.invite(team.admin, appeal, BETA, NOW)
        for name in ("rests", "stands", "late"):
            self.adopt(name)
        for name in ("asked", "remedied", "kept"):
            self.adopt(name, own_grounds=OWN_GROUNDS)
        world.answer(team.issuer, self.cases["disputed"], SanctionAnswer.DISPUTED, "No", NOW)
        self.overturn("rests", "asked", "remedied", "kept")
        self.theirs.tell("receipt.recorded", self.copies["stands"], BETA, changed={
            "state": "NOTED", "at": print_instant(NOON)
        })  # fmt: skip
        self.poll()
        world.remedy(team.issuer, self.copies["remedied"], Remedy.REMEDIED, now=NOW + HOUR)
        own = world.issue(
            team.issuer,
            NOW + HOUR,
            subject="acct:kept@elsewhere.example",
            expires_at=NOON + 3 * DAY,
        )
        remedy = Remedy.KEPT_ON_OWN_GROUNDS
        world.remedy(team.issuer, self.copies["kept"], remedy, own, NOW + HOUR)

    def copy(self) -> Files:
        """The files of this node's own log."""
        with self.world.database.reading() as session:
            data = session.exec(select(LogEntry.data).order_by(col(LogEntry.index))).all()
            notes = session.exec(select(LogCheckpoint).order_by(col(LogCheckpoint.size))).all()
        written = files([entry.encode() for entry in data], LOG_KEY, origin=LOG_KEY.name)
        return written | {"checkpoint": notes[-1].note.encode()}

    def backup(self, name: str = "a.backup") -> Path:
        backup(self.world.database, KEYS, self.folder / name, now=NOW)
        return self.folder / name

    def empty(self) -> None:
        self.world.database.engine.dispose()
        self._emptied()

    def recover(self, copy: Files) -> set[str]:
        return self._made(copy, rebuilding.recover)

    def rebuild(self, copy: Files, held: Path) -> set[str]:
        return self._made(copy, rebuilding.rebuild, keys=KEYS, backup=held)

    def _made(self, copy: Files, make: Callable[..., set[str]], **given: Any) -> set[str]:
        log = self.world.database.log
        assert log is not None
        audit = Audit(Signed.parse(copy["checkpoint"]), [log.signer.verifier()])

        def pages(found: Audit) -> Iterator[Page]:
            def fetch(tiles: Any) -> Iterator[tuple[Tile, bytes]]:
                for tile in tiles:
                    yield tile, copy[tile.path]

            yield from found.pages(fetch)

        with closing(Database(self.world.database.url)) as plain:
            return make(plain, log, audit, pages, clock=lambda: NOW + HOUR, **given)

    def answers(self) -> dict[str, list[str]]:
        """All that is known, but for places in the feed, reasons that were given in answers, how
        a sanction stood when a receipt was told of, and when domains are asked next."""
        found = self.world.snapshot()
        with self.world.database.reading() as session:
            receipts = session.exec(select(Receipt)).all()
            found["receipts"] = [repr(one.model_dump(exclude={"reason"})) for one in receipts]
            platforms = session.exec(select(PeerPlatform)).all()
            found["peer_platforms"] = [repr(p.model_dump(exclude={"check_at"})) for p in platforms]
            places = {(one.position, one.sanction_id) for one in session.exec(select(Event))}
            sanctions = session.exec(select(Sanction)).all()
            assert {(one.first_event, one.id) for one in sanctions} <= places
            found["sanctions"] = [repr(s.model_dump(exclude={"first_event"})) for s in sanctions]
            found["events"] = [
                repr(event.model_dump(exclude=STATE if event.receipt_state else {"position"}))
                for event in session.exec(select(Event))
            ]
        return {name: sorted(found[name]) for name in COMPARED}


STATE = {"position", "validity", "expires_at", "starts_at", "ends_at", "end_reason"}
COMPARED = (
    *("platforms", "members", "sanctions", "disclosures", "subject_keys", "appeals"),
    *("invitations", "parts", "receipts", "events", "peer_sources", "peer_platforms"),
    *("peer_entries", "peer_tiles"),
)


@pytest.fixture
def node(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> Node:
    """Return a node that follows nobody yet; the test runs once on each engine."""
    url, template = world.database.engine.url, f"{world.database.dialect}_template"
    fresh = request.getfixturevalue(template)
    if world.database.dialect == "sqlite":
        return Node(world, tmp_path, lambda: shutil.copyfile(fresh, str(url.database)))
    postgres: Server = request.getfixturevalue("postgres")

    def anew() -> None:
        postgres.drop(str(url.database))
        postgres.create(str(url.database), fresh)

    return Node(world, tmp_path, anew)


def test_a_rebuilt_node_comes_to_the_same_once_it_has_followed_again(node: Node) -> None:
    node.live()
    node.overturn("late")
    node.poll()
    before, size = node.answers(), len(node.world.snapshot()["log_entries"])
    copy, held = node.copy(), node.backup()
    node.empty()
    assert node.rebuild(copy, held) == set()
    assert len(node.world.snapshot()["log_entries"]) == size
    with node.world.database.reading() as session:
        assert len(session.exec(select(PeerSource)).all()) == len(node.copies)
    node.poll()
    after = node.answers()
    for name in COMPARED:
        assert after[name] == before[name], name


def test_so_does_one_that_was_brought_on(node: Node) -> None:
    node.live(then=node.backup)
    node.overturn("late")
    node.poll()
    before, copy = node.answers(), node.copy()
    validities = {one: node.world.sanction(one).validity for one in node.copies.values()}
    node.empty()
    restore(node.world.database, KEYS, node.folder / "a.backup")
    assert {*node.copies.values()} < node.recover(copy)  # their disclosures are
    node.poll()
    after = node.answers()
    for name in ("platforms", "receipts", "events", "peer_sources", "peer_entries", "peer_tiles"):
        told = [one for one in after[name] if "SANCTION_REDACTED" not in one]
        assert told == [one for one in before[name] if "NOTICE_DUE" not in one], name
    for copy_id, validity in validities.items():
        assert node.world.sanction(copy_id).validity is validity


def test_platforms_that_it_met_since_the_backup_are_the_peers_again(node: Node) -> None:
    node.live(before=node.backup)
    copy = node.copy()
    node.empty()
    restore(node.world.database, KEYS, node.folder / "a.backup")
    node.recover(copy)
    with node.world.database.reading() as session:
        [guest] = session.exec(select(Invitation.platform_id)).all()
    node.follow()
    node.poll()
    with node.world.database.reading() as session:
        assert session.get_one(PeerPlatform, (ORIGIN, BETA)).platform_id == guest
    assert states(node) == STATES


def states(node: Node) -> dict[str, ReceiptState | None]:
    found = {name: node.world.receipt(case, node.team) for name, case in node.cases.items()}
    return {name: receipt.state if receipt else None for name, receipt in found.items()}


STATES = {
    **{"rests": ReceiptState.REMEDIED, "asked": ReceiptState.DUE},
    **{"remedied": ReceiptState.REMEDIED, "kept": ReceiptState.KEPT_ON_OWN_GROUNDS},
    **{"disputed": ReceiptState.DISPUTED, "stands": ReceiptState.ADOPTED},
    "late": ReceiptState.ADOPTED,
}


def test_what_the_peer_corrected_meanwhile_is_corrected_here(node: Node) -> None:
    node.live()
    copy, held = node.copy(), node.backup()
    node.empty()
    node.rebuild(copy, held)
    node.overturn("late")
    node.poll()
    late = node.world.sanction(node.copies["late"])
    assert late.validity is Validity.OVERTURNED
    assert states(node) == STATES | {"late": ReceiptState.REMEDIED}


def test_it_may_be_lost_once_more_while_it_follows_again(node: Node) -> None:
    node.live()
    before = node.answers()
    copy, held = node.copy(), node.backup()
    node.empty()
    node.rebuild(copy, held)
    node.poll(most=6)
    copy = node.copy()
    node.empty()
    node.rebuild(copy, held)
    node.poll()
    assert node.answers() == before
    answer = SanctionAnswer.NOTED
    node.world.answer(node.team.issuer, node.cases["disputed"], answer, now=NOW + HOUR)
    assert audited(node.copy(), trusted=[LOG_KEY.verifier()]).faults == []


def test_a_peer_that_rewrote_its_log_meanwhile_is_not_believed(node: Node) -> None:
    node.live()
    copy, held = node.copy(), node.backup()
    node.empty()
    node.rebuild(copy, held)
    node.theirs = Theirs()
    for name in node.cases:
        node.issue(name)
    node.theirs.tell("sanction.lifted", node.cases["kept"])
    for _ in range(9):
        node.issue("more")
    with pytest.raises(Unproven, match="were others before"):
        node.poll()
    with node.world.database.reading() as session:
        assert session.get_one(Peer, ORIGIN).size == 0


def test_a_peer_that_forked_stays_in_quarantine(node: Node) -> None:
    node.live()
    served = node.theirs.served()
    follower = Follower(node.world.database, KEYS, ORIGIN, clock=lambda: NOW)
    served.log([b"other", *node.theirs.writer.entries[1:]])
    with pytest.raises(Forked):
        follower.poll(served)
    copy, held = node.copy(), node.backup()
    node.empty()
    node.rebuild(copy, held)
    with node.world.database.reading() as session:
        assert session.get_one(Peer, ORIGIN).state is PeerState.QUARANTINED
        assert len(session.exec(select(PeerFork)).all()) == 1

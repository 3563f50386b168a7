"""Every decision is in the log with it: the tree, its entries and what they commit to agree."""

import gc
import shutil
import weakref
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col, select

from governance import decisions, issuing, requesting
from governance.decisions import of_node
from governance.entries import LogCheckpoint, LogEntry, LogTile
from governance.errors import Conflict, RolledBack
from governance.events import Event, places_of
from governance.log.canonical import canonical, parse_canonical
from governance.log.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from governance.log.commitments import opening
from governance.log.errors import Malformed
from governance.log.leaves import LARGEST_LEAF, case_id
from governance.log.notes import parse_note
from governance.log.proving import consistency, inclusion, stored_root
from governance.log.sequencing import ledger_of, newest_checkpoint
from governance.log.tiles import Tile, tiles_of
from governance.log.tree import check_consistency, check_inclusion, leaf_hash, of_leaves, root_hash
from governance.log.writing import PART, Decision
from governance.membership import Actor, add_platform
from governance.platforms import Platform
from governance.requesting import Request
from governance.rows import AT_ONCE
from governance.sanctions import Disclosure, Sanction
from governance.words import AppealMove, EventType, Outcome
from tests.api.worlds import rich
from tests.builders import (
    DAY,
    HOUR,
    KEYS,
    LOG_KEY,
    NOW,
    ROLES,
    Team,
    World,
    at_once,
    draft,
    sequencer,
)
from tests.postgres import Server

SERIALS = count()
PERSONAL = ("alice", "acct:", "needle", "mod-", "issuer_2")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Yield the rich world, which is only read, on each engine."""
    template = request.getfixturevalue(f"{request.param}_template")
    with ExitStack() as kept:
        if request.param == "sqlite":
            path = shutil.copyfile(template, tmp_path_factory.mktemp("whole") / "comity.db")
            url = f"sqlite:///{path}"
        else:
            postgres: Server = request.getfixturevalue("postgres")
            url = postgres.url(kept.enter_context(postgres.lent(template)))
        world = kept.enter_context(World(url))
        rich(world)
        yield world


def entries(world: World) -> list[LogEntry]:
    with world.database.reading() as session:
        return list(session.exec(select(LogEntry).order_by(col(LogEntry.index))))


def leaves(world: World) -> list[dict[str, Any]]:
    found = [parse_canonical(entry.data.encode()) for entry in entries(world)]
    assert all(isinstance(leaf, dict) for leaf in found)
    return found  # type: ignore[return-value]


def newest(world: World) -> LogCheckpoint:
    with world.database.reading() as session:
        found = session.exec(select(LogCheckpoint).order_by(col(LogCheckpoint.size).desc())).first()
    assert found is not None
    return found


def check_tree(world: World) -> None:
    """Everything stored of the log is what its entries say."""
    stored = entries(world)
    hashes = [leaf_hash(entry.data.encode()) for entry in stored]
    assert [entry.index for entry in stored] == list(range(len(stored)))
    signed = newest(world)
    checkpoint = open_checkpoint(signed.note.encode(), LOG_KEY.name, verifiers=[LOG_KEY.verifier()])
    assert checkpoint.size == signed.size == len(stored)
    assert checkpoint.root == root_hash(len(stored), of_leaves(hashes))
    assert b64decode(signed.root_hash) == checkpoint.root
    with world.database.reading() as session:
        tiles = {(t.level, t.index): t.hashes for t in session.exec(select(LogTile))}
        sizes = list(session.scalars(sa.select(col(LogCheckpoint.size))))
        for size in sizes:
            assert stored_root(session, size) == root_hash(size, of_leaves(hashes[:size]))
    assert {(t.level, t.index, len(h) // 32) for t, h in _widths(tiles).items()} == {
        (tile.level, tile.index, tile.width) for tile in tiles_of(len(stored))
    }


def _widths(tiles: dict[tuple[int, int], bytes]) -> dict[Tile, bytes]:
    return {Tile(*place, len(hashes) // 32): hashes for place, hashes in tiles.items()}


def test_a_whole_world_is_in_the_log(whole: World) -> None:
    check_tree(whole)
    found = leaves(whole)
    with whole.database.reading() as session:
        domains = dict(session.execute(sa.select(col(Platform.id), col(Platform.domain))).all())
        events = list(session.exec(select(Event).order_by(col(Event.position))))
    logged = [e for e in events if e.type is not EventType.NOTICE_DUE]
    of_cases = [leaf for leaf in found if not leaf["decision"]["type"].startswith(("pl", "me"))]
    assert [leaf["decision"]["type"] for leaf in of_cases] == [
        decisions.kind_of(event.type) for event in logged
    ]
    assert [leaf["decision"]["platform"] for leaf in of_cases] == [
        domains[event.platform_id] for event in logged
    ]
    assert not [word for word in PERSONAL for entry in entries(whole) if word in entry.data]


def test_each_platforms_entries_are_counted_and_each_case_is_a_chain(whole: World) -> None:
    seqs: dict[str, int] = defaultdict(int)
    newest_of: dict[str, str] = {}
    for entry, leaf in zip(entries(whole), leaves(whole), strict=True):
        decision, node = leaf["decision"], leaf["node"]
        assert node["seq"] == entry.seq == seqs[decision["platform"]]
        seqs[decision["platform"]] += 1
        case = decision.get("case")
        if decision["type"] == "sanction.issued":
            assert case is None
            case = case_id(canonical(decision))
            assert case not in newest_of
        assert entry.case_id == decision.get("case")
        if case is not None:
            assert node["previous"] == newest_of.get(case)
            newest_of[case] = b64encode(leaf_hash(entry.data.encode())).decode()


def test_a_sanction_says_where_its_first_event_and_entry_are(whole: World) -> None:
    begun = {
        case_id(canonical(leaf["decision"])): entry.index
        for entry, leaf in zip(entries(whole), leaves(whole), strict=True)
        if leaf["decision"]["type"] == "sanction.issued"
    }
    with whole.database.reading() as session:
        sanctions = session.exec(select(Sanction)).all()
        events = session.exec(select(Event).order_by(col(Event.position).desc())).all()
        assert {one.id: one.first_entry for one in sanctions} == begun
        first = {event.sanction_id: event for event in events}
        assert {one.id: one.first_event for one in sanctions} == {
            key: event.position for key, event in first.items()
        }
        assert {event.type for event in first.values()} == {EventType.SANCTION_ISSUED}
        for one in sanctions:
            positions = [event.position for event in events if event.sanction_id == one.id]
            assert sorted(session.scalars(places_of([one.id]))) == positions[::-1]


def test_what_is_disclosed_opens_its_commitment(world: World, team: Team) -> None:
    reference = {"rule": "1", "version": None, "url": "https://rules.example/1"}
    sanction_id = world.issue(team.issuer, explanation="Words", policy_reference=reference)
    [decision] = [leaf["decision"] for leaf in leaves(world) if "commitments" in leaf["decision"]]
    with world.database.reading() as session:
        held = session.get_one(Disclosure, sanction_id)
    assert set(decision["commitments"]) == {
        *("subject", "groundReference", "reason", "issuerReference", "explanation"),
        "policyReference",
    }
    for name, value in {"explanation": "Words", "policyReference": reference}.items():
        opening(held.seed, name, value).check(b64decode(decision["commitments"][name]))


def test_the_tree_grows_over_the_edges_of_tiles(world: World, team: Team) -> None:
    for size in (1, 40, 200, 256, 300):
        while len(entries(world)) < size:
            missing = size - len(entries(world))
            with world.database.writing() as session:
                for _ in range(missing if missing < 50 else missing // 2):
                    add_platform(session, f"x{next(SERIALS)}.example", None, now=NOW)
    check_tree(world)
    hashes = [leaf_hash(entry.data.encode()) for entry in entries(world)]
    with world.database.reading() as session:
        for index, size in ((0, 1), (17, 255), (17, 256), (255, 256), (256, 257), (299, 300)):
            root = root_hash(size, of_leaves(hashes[:size]))
            proof = inclusion(session, index, size)
            check_inclusion(hashes[index], index, size=size, hashes=proof, root=root)
        for old, new in ((1, 300), (255, 257), (256, 300), (300, 300)):
            before, after = (root_hash(n, of_leaves(hashes[:n])) for n in (old, new))
            proof = consistency(session, old, new)
            check_consistency(old, new, hashes=proof, old_root=before, new_root=after)


def _add_twice(session: Session, domain: str) -> None:
    for _ in range(2):
        add_platform(session, domain, None, now=NOW)


def test_what_is_refused_is_not_logged(world: World, team: Team) -> None:
    sanction_id = world.issue(team.issuer)
    before = entries(world)
    with pytest.raises(Conflict):
        world.do(_add_twice, "gone.example")
    with pytest.raises(Exception, match="expected an earlier end"):
        world.shorten(team.issuer, sanction_id, NOW + 300 * DAY)
    assert entries(world) == before
    check_tree(world)


@pytest.mark.parametrize("count", [PART - 1, PART, PART + 1, 2 * PART + AT_ONCE])
def test_what_comes_in_parts_is_one_log(world: World, team: Team, count: int) -> None:
    world.issue(team.issuer)
    world.do(_log_many, count)
    world.do(_log_many, count)
    check_tree(world)
    told = [leaf["decision"]["n"] for leaf in leaves(world) if "n" in leaf["decision"]]
    assert told == [*range(count)] * 2


@pytest.mark.parametrize("last", ["x" * LARGEST_LEAF, "ü" * (LARGEST_LEAF // 2)])
def test_what_was_sent_is_undone_with_what_cannot_be(world: World, team: Team, last: str) -> None:
    world.issue(team.issuer)
    before = entries(world)
    with pytest.raises(Malformed, match="an entry has at most"):
        world.do(_log_many, PART + 1, last)
    assert entries(world) == before
    world.issue(team.issuer)
    check_tree(world)


def _log_many(session: Session, count: int, last: str = "") -> None:
    ledger = ledger_of(session)
    for n in range(count):
        told = {"n": n, "said": last if n == count - 1 else ""}
        ledger.add(Decision(of_node("test.happened", None, NOW, **told), None, None, NOW))


def test_the_next_number_is_found_at_an_indexs_end(world: World, team: Team) -> None:
    """Also that of the node itself, which has no platform."""
    world.do(_log_many, 2_000)
    plans: list[str] = []
    explain = "EXPLAIN QUERY PLAN" if world.database.dialect == "sqlite" else "EXPLAIN"

    def note(_: Any, cursor: Any, statement: str, given: Any, *__: Any) -> None:
        if statement.startswith("SELECT seq"):
            asked = cursor.connection.execute(f"{explain} {statement}", given)
            plans.append("\n".join(str(row) for row in asked))

    sa.event.listen(world.database.engine, "before_cursor_execute", note)
    world.do(_log_many, 1)
    world.issue(team.issuer)
    assert len(plans) == 2
    for plan in plans:
        assert "log_entries_of_platform" in plan
        assert not any(word in plan for word in ("Sort", "TEMP", "Aggregate", "Bitmap"))


def test_the_logs_time_never_goes_back(world: World, team: Team) -> None:
    world.issue(team.issuer, NOW + HOUR)
    world.issue(team.issuer, NOW)
    times = [leaf["node"]["loggedAt"] for leaf in leaves(world)]
    assert times == sorted(times)


def test_entries_are_never_changed_or_deleted(world: World, team: Team) -> None:
    world.issue(team.issuer)
    before = entries(world)
    for statement in (
        sa.update(LogEntry).where(col(LogEntry.index) == 0).values(data="{}"),
        sa.delete(LogEntry).where(col(LogEntry.index) == 0),
    ):
        with pytest.raises(sa.exc.DBAPIError), world.database.writing() as session:
            session.execute(statement)
    assert entries(world) == before


def test_a_log_that_is_behind_what_was_signed_is_not_continued(
    world: World, team: Team, tmp_path: Path
) -> None:
    guard = sequencer(tmp_path).guard
    guard.advance(_tree(world))
    world.issue(team.issuer)  # by another machine, so the guard here is behind
    world.database.log = sequencer(tmp_path)
    sanction_id = world.issue(team.issuer)
    head = guard.newest()
    assert head is not None
    assert head.size == len(entries(world))
    guard.path.unlink()
    guard.advance(Checkpoint(head.origin, head.size + 1, bytes(32)))
    with pytest.raises(RolledBack, match="signed"):
        world.lift(team.issuer, sanction_id)
    guard.path.unlink()
    guard.advance(Checkpoint(head.origin, head.size - 1, bytes(32)))
    with pytest.raises(RolledBack, match="aren't those signed here"):
        world.lift(team.issuer, sanction_id)
    assert newest(world).size == head.size


def test_others_may_sign_while_somebody_looks_whether_anything_is_missing(
    world: World, team: Team, tmp_path: Path
) -> None:
    log = world.database.log = sequencer(tmp_path)
    world.issue(team.issuer)
    signed = log.guard.newest()
    assert signed is not None
    with world.database.reading() as session:
        seen = newest_checkpoint(session)
        world.issue(team.issuer)
        assert log.guard.newest() != signed
        assert seen is not None
        assert log.recalled(session, signed) == signed == seen.tree
        with pytest.raises(RolledBack, match="signed"):
            log.recalled(session, log.guard.newest())


def _tree(world: World) -> Checkpoint:
    return parse_checkpoint(parse_note(newest(world).note.encode()).text)


def test_appeals_are_logged_move_by_move(world: World, team: Team) -> None:
    issued = world.issued(team.issuer)
    filed = world.file(None, issued.sanction_id, secret=issued.appeal_secret)
    world.move(team.reviewer, filed.appeal_id, AppealMove.ADMIT)
    world.move(team.reviewer, filed.appeal_id, AppealMove.START_REVIEW)
    world.decide(team.reviewer, filed.appeal_id, Outcome.OVERTURNED)
    found = [leaf["decision"] for leaf in leaves(world) if leaf["decision"].get("case")]
    assert [decision["type"] for decision in found] == [
        *("appeal.filed", "appeal.moved", "appeal.moved", "appeal.decided", "sanction.overturned")
    ]
    assert [d["changed"].get("state") for d in found] == [
        *("FILED", "ADMITTED", "IN_REVIEW", "DECIDED", None)
    ]
    assert found[3]["changed"]["outcome"] == "OVERTURNED"
    assert {d.get("appeal") for d in found[:4]} == {filed.appeal_id}


def test_two_nodes_at_once_write_one_log(world: World, team: Team) -> None:
    with World(world.database.url) as other:
        team_2 = other.team()

        def write(node: World, issuer: Actor) -> None:
            for _ in range(15):
                node.lift(issuer, node.issue(issuer))

        at_once(lambda: write(world, team.issuer), lambda: write(other, team_2.issuer))
        assert len(entries(world)) == 2 * (1 + len(ROLES) + 15 * 2)
        check_tree(world)
        for node in (world, other):  # each goes on from where the other ended
            node.issue(team.issuer)
        check_tree(world)


def test_what_was_logged_needs_no_collector(world: World) -> None:
    """Or large batches would stay in memory until it comes, which isn't often."""
    team = world.team()
    gc.collect()
    gc.disable()
    try:
        with world.database.writing() as session:
            ledger = weakref.ref(ledger_of(session))
            request = Request(requesting.draft(draft(NOW)))
            issuing.issue_one(session, KEYS, team.issuer, request, now=NOW)
        del session
        assert ledger() is None
    finally:
        gc.enable()

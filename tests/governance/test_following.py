"""Following a log: proven before it counts, whole batches or nothing, forks kept as evidence."""

from typing import Any

import pytest
from sqlmodel import select

from governance import followers, following, mirroring
from governance.errors import RefusalCode
from governance.followers import Follower
from governance.log.auditing import Signed
from governance.log.authorship import hand_over
from governance.log.checkpoints import Checkpoint
from governance.log.errors import LogError, Unproven
from governance.log.growth import Forked
from governance.log.histories import STRANGER
from governance.log.notes import decode
from governance.log.signers import Signer
from governance.log.tiles import FULL
from governance.log.tree import leaf_hash
from governance.peers import STALE_AFTER, Peer, PeerEntry, PeerFork, Verdict, state_of
from governance.sealing import unseal
from governance.settings import Keys
from governance.words import PeerState
from tests.builders import DAY, KEYS, MICRO, NOW, World, refused
from tests.logs import LOG, ORIGIN, Served, Writer, decision, files, story

URL = "https://other.example"
STORY = story(600)


@pytest.fixture
def follower(world: World) -> Follower:
    """Return what follows a log that nobody read yet."""
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
    return Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW)


def peer(world: World) -> Peer:
    with world.database.reading() as session:
        return session.get_one(Peer, ORIGIN)


def copied(world: World) -> list[bytes]:
    with world.database.reading() as session:
        return [entry.data for entry in mirroring.copied(session, ORIGIN)]


def verdicts(world: World) -> list[tuple[Verdict, str | None]]:
    with world.database.reading() as session:
        return [(entry.verdict, entry.fault) for entry in mirroring.copied(session, ORIGIN)]


def test_a_log_is_copied_as_it_grows(world: World, follower: Follower) -> None:
    served = Served([])
    for size in (1, 255, 256, 257, 300, 600):
        served.log(STORY[:size])
        assert follower.poll(served)
        head = peer(world).head
        assert (head.size, head) == (size, Signed.parse(served.files["checkpoint"]).tree)
        with world.database.reading() as session:
            for earlier in (1, 255, size):
                if earlier <= size:
                    expected = Signed.parse(files(STORY[:earlier])["checkpoint"]).tree.root
                    assert mirroring.root_at(session, peer(world), earlier) == expected
    assert copied(world) == STORY
    assert peer(world).last_verified_at == NOW


def test_what_is_here_is_not_read_again(world: World, follower: Follower) -> None:
    served = Served(STORY[:520])
    follower.poll(served)
    served.asked.clear()
    other = Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW)  # after a restart
    other.poll(served)
    assert served.asked == ["checkpoint"]
    served.log(STORY[:530])
    other.poll(served)
    assert not {"tile/entries/000", "tile/entries/001"} & {*served.asked}
    assert copied(world) == STORY[:530]


def test_a_batch_is_taken_over_whole_or_not_at_all(
    world: World, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "MOST_AT_ONCE", 256)
    served, extend = Served(STORY), mirroring.extend

    def broken(session: Any, found: Peer, entries: Any) -> None:
        extend(session, found, entries)
        if found.size > 256:
            session.flush()
            raise RuntimeError

    monkeypatch.setattr(mirroring, "extend", broken)
    with pytest.raises(RuntimeError):
        follower.poll(served)
    assert (peer(world).size, copied(world)) == (256, STORY[:256])
    monkeypatch.setattr(mirroring, "extend", extend)
    follower.poll(served)
    assert copied(world) == STORY
    assert {fault for _, fault in verdicts(world)} == {None}


def test_two_followers_take_nothing_over_twice(world: World, follower: Follower) -> None:
    other = Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW)
    served = Served(STORY[:10])
    follower.poll(served)
    other.poll(served)
    served.log(STORY[:20])
    other.poll(served)
    follower.poll(served)
    served.log(STORY[:30])
    follower.poll(served)
    assert copied(world) == STORY[:30]
    assert {fault for _, fault in verdicts(world)} == {None}


@pytest.mark.parametrize("size", [8, 10, 12, 300])
def test_a_fork_is_seen_in_one_poll_and_kept(world: World, follower: Follower, size: int) -> None:
    served = Served(STORY[:10])
    follower.poll(served)
    before = served.files["checkpoint"].decode()
    served.log([b"other", *STORY[1:size]])
    with pytest.raises(Forked):
        follower.poll(served)
    found = peer(world)
    assert (found.state, found.size) == (PeerState.QUARANTINED, 10)
    with world.database.reading() as session:
        [fork] = session.exec(select(PeerFork)).all()
    assert (fork.first, fork.second) == (before, served.files["checkpoint"].decode())
    assert fork.seen_at == NOW
    served.log(STORY[:11])
    assert not follower.poll(served)  # whatever it says later
    assert copied(world) == STORY[:10]


def test_an_older_tree_is_a_problem_and_no_fork(world: World, follower: Follower) -> None:
    served = Served(STORY[:300])
    follower.poll(served)
    served.log(STORY[:200])
    with pytest.raises(Unproven, match="has 200 entries, and had 300"):
        follower.poll(served)
    assert peer(world).state is PeerState.FOLLOWING
    assert "had 300" in str(peer(world).problem)
    served.log(STORY[:301])
    follower.poll(served)
    assert peer(world).problem is None


def _truncated(served: Served) -> None:
    served.files["tile/entries/000"] = served.files["tile/entries/000"][:-1]


def _fewer(served: Served) -> None:
    served.files["tile/0/001.p/44"] = served.files["tile/0/001.p/44"][:-32]


def _other_entry(served: Served) -> None:
    data = served.files["tile/entries/001.p/44"]
    served.files["tile/entries/001.p/44"] = data[:-2] + b"} "[:2]


def _other_hash(served: Served) -> None:
    data = served.files["tile/0/000"]
    served.files["tile/0/000"] = data[:-1] + bytes([data[-1] ^ 1])


def _missing(served: Served) -> None:
    del served.files["tile/entries/001.p/44"]


def _stranger(served: Served) -> None:
    served.log(STORY[:300], signer=Signer(ORIGIN, b"s" * 32))


def _other_log(served: Served) -> None:
    served.log(STORY[:300], signer=LOG, origin="elsewhere.example/log")


def _no_note(served: Served) -> None:
    served.files["checkpoint"] = b"hello"


def _forged_root(served: Served) -> None:
    served.files["checkpoint"] = Checkpoint(ORIGIN, 300, b"r" * 32).signed(LOG).render()


HOSTILE = [
    *(_truncated, _fewer, _other_entry, _other_hash, _missing),
    *(_stranger, _other_log, _no_note, _forged_root),
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_of_what_is_not_proven_nothing_is_kept_but_the_problem(
    world: World, follower: Follower, hostile: Any
) -> None:
    served = Served(STORY[:300])
    hostile(served)
    with pytest.raises(LogError) as caught:
        follower.poll(served)
    found = peer(world)
    assert (found.state, found.size, found.problem) == (PeerState.FOLLOWING, 0, str(caught.value))
    assert copied(world) == []
    assert found.last_verified_at is None
    served.log(STORY[:300])
    follower.poll(served)
    assert copied(world) == STORY[:300]


def test_entries_that_do_not_hold_are_kept_and_refused(world: World, follower: Follower) -> None:
    writer = Writer()
    case = writer.begin()
    writer.entries.append(b"\xff not JSON")
    writer.go_on(case, "beta.example")  # another platform's case
    writer.go_on(case, previous=None)
    writer.begin("gamma.example")
    follower.poll(Served(writer.entries))
    found = verdicts(world)
    refusals = [index for index, (verdict, _) in enumerate(found) if verdict is Verdict.REFUSED]
    assert refusals == [1, 2, 3]
    assert "another platform began its case" in str(found[2][1])
    assert copied(world) == writer.entries
    assert peer(world).problem is None


def test_a_log_that_hands_over_to_a_new_key_is_followed_on(
    world: World, follower: Follower
) -> None:
    writer, successor = Writer(), Signer(ORIGIN, b"n" * 32)
    writer.begin()
    served = Served(writer.entries)
    follower.poll(served)
    verifier = successor.verifier()
    told = {"verifier": str(verifier), "handover": hand_over(LOG, verifier)}
    writer.add(decision("log.key_rotated", None, **told))
    writer.begin()
    served.log(writer.entries, signer=successor)
    follower.poll(served)
    assert {*peer(world).trusted} == {LOG.verifier(), verifier}
    writer.begin()
    served.log(writer.entries, signer=successor)
    Follower(world.database, KEYS, ORIGIN, clock=lambda: NOW).poll(served)
    assert copied(world) == writer.entries


@pytest.mark.parametrize("is_late", [False, True])
def test_a_log_is_not_handed_over_to_a_key_of_another_name(
    world: World, follower: Follower, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    monkeypatch.setattr(followers, "MOST_AT_ONCE", 1 if is_late else 9)
    writer, stranger = Writer(), Signer("other.example", b"n" * 32)
    told = {"verifier": str(stranger.verifier())}
    told["handover"] = hand_over(LOG, stranger.verifier())
    rotated = writer.add(decision("log.key_rotated", None, **told))
    for number in range(FULL):  # whole bundles, for two batches
        writer.begin(f"p{number}.example")
    served = Served(writer.entries)
    follower.poll(served)
    assert verdicts(world)[rotated] == (Verdict.REFUSED, STRANGER)
    assert peer(world).trusted == [LOG.verifier()]
    writer.begin()
    served.log(writer.entries, signer=stranger)
    with pytest.raises(Unproven, match="no known key signed"):
        follower.poll(served)


def test_a_token_is_stored_sealed(world: World, follower: Follower) -> None:
    world.do(following.begin, KEYS, URL, [LOG.verifier()], "cty_secret", now=NOW)
    sealed = peer(world).token
    assert sealed is not None
    assert b"cty_secret" not in sealed
    assert unseal(KEYS, ORIGIN, sealed) == "cty_secret"
    assert unseal(KEYS, "other.example/log", sealed) is None
    assert unseal(Keys(b"k" * 32), ORIGIN, sealed) is None


def test_unfollowing_forgets_the_token_and_keeps_what_was_signed(
    world: World, follower: Follower
) -> None:
    follower.poll(Served(STORY[:3]))
    world.do(following.begin, KEYS, URL, [LOG.verifier()], "cty_secret", now=NOW)
    world.do(following.end, f"{URL}/")
    assert (peer(world).state, peer(world).token) == (PeerState.UNFOLLOWED, None)
    assert not follower.poll(Served(STORY[:5]))
    with refused(world, RefusalCode.NOT_FOUND, "url"):
        world.do(following.end, ORIGIN)
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
    assert follower.poll(Served(STORY[:5]))
    assert copied(world) == STORY[:5]


def test_of_two_logs_at_one_url_the_one_that_is_followed_is_unfollowed(world: World) -> None:
    newer = Signer("anew.example/log", b"b" * 32).verifier()
    for verifier in (LOG.verifier(), newer):
        world.do(following.begin, KEYS, URL, [verifier], None, now=NOW)
        world.do(following.end, URL)
        with refused(world, RefusalCode.NOT_FOUND, "url"):
            world.do(following.end, URL)
    for later, verifier in enumerate((newer, LOG.verifier())):
        world.do(following.begin, KEYS, URL, [verifier], None, now=NOW + later * DAY)
    assert world.do(following.end, URL).origin == ORIGIN
    assert world.do(following.end, URL).origin == newer.name


def test_a_peer_is_stale_a_week_after_it_was_verified(world: World, follower: Follower) -> None:
    follower.poll(Served(STORY[:3]))
    found = peer(world)
    assert state_of(found, NOW + STALE_AFTER - MICRO) is PeerState.FOLLOWING
    assert state_of(found, NOW + STALE_AFTER) is PeerState.STALE


def test_there_are_not_too_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_PEERS", 1)
    world.do(following.begin, KEYS, URL, [LOG.verifier()], None, now=NOW)
    other = [Signer("b.example/log", b"b" * 32).verifier()]
    with refused(world, RefusalCode.CONFLICT, "url"):
        world.do(following.begin, KEYS, "https://b.example", other, None, now=NOW)


def test_stored_hashes_are_those_of_the_entries(world: World, follower: Follower) -> None:
    follower.poll(Served(STORY[:5]))
    with world.database.reading() as session:
        rows = session.exec(select(PeerEntry)).all()
    assert [decode(row.leaf_hash) for row in rows] == list(map(leaf_hash, STORY[:5]))

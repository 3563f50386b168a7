"""A node as a witness of another's log: every status that tlog-witness names, and no older tree."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from httpx2 import Response

from governance.log.checkpoints import Checkpoint
from governance.log.notes import Note, encode, parse_note
from governance.log.signers import (
    Algorithm,
    Signer,
    cosigned_at,
    parse_verifier,
    signed_by,
)
from governance.log.tree import consistency_path, leaf_hash, of_leaves, proof, root_hash
from governance.log.witnesses import MOST_HASHES, SIZE, AddCheckpoint, parse_size
from governance.witnessing import forget, witness
from tests.api.http.outside import Node
from tests.builders import WITNESS_KEY, at_once

ORIGIN = "other.example/log"
LOG = Signer(ORIGIN, bytes([3] * 32))
STRANGER = Signer("stranger.example", bytes([4] * 32))
LEAVES = [leaf_hash(bytes([n])) for n in range(20)]
FORGED = [leaf_hash(b"forged" + bytes([n])) for n in range(20)]
KEY = WITNESS_KEY.verifier(Algorithm.COSIGNATURE_V1)


@pytest.fixture
def witnessing(node: Node) -> Node:
    """Return a node that witnesses the log."""
    node.world.do(witness, ORIGIN, [str(LOG.verifier())])
    return node


def tree(size: int, leaves: list[bytes] = LEAVES, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, size, root_hash(size, of_leaves(leaves)))


def grown(old: int, size: int, leaves: list[bytes] = LEAVES) -> AddCheckpoint:
    """A request as the log sends it."""
    hashes = proof(consistency_path(old, size), of_leaves(leaves)) if 0 < old <= size else []
    return AddCheckpoint(old, tuple(hashes), tree(size, leaves).signed(LOG))


def post(node: Node, body: AddCheckpoint | bytes) -> Response:
    data = body if isinstance(body, bytes) else body.render()
    return node.client.post("/log/add-checkpoint", content=data)


def cosigned(node: Node, body: AddCheckpoint) -> None:
    """Expects a cosignature that holds, of the node's clock."""
    response = post(node, body)
    assert response.status_code == 200, response.text
    note = parse_note(body.note.render() + response.content)
    made = signed_by(note, [KEY])[KEY]
    assert response.text == f"{made.line}\n"
    assert cosigned_at(made) == int(node.clock.now.timestamp())


def known(node: Node) -> int:
    """The size that the witness tells who claims another."""
    response = post(node, grown(1, 1))
    if response.status_code == 200:
        return 1
    assert (response.status_code, response.headers["content-type"]) == (409, SIZE)
    return parse_size(response.content)


def test_a_log_that_grows_is_cosigned_again_and_again(witnessing: Node) -> None:
    for old, size in ((0, 3), (3, 3), (3, 4), (4, 13), (13, 20)):
        cosigned(witnessing, grown(old, size))
    told = witnessing.client.get("/log/witness-key").text
    assert parse_verifier(told.strip()) == KEY


def test_the_empty_tree_is_cosigned_with_its_own_root_alone(witnessing: Node) -> None:
    cosigned(witnessing, grown(0, 0))
    forged = AddCheckpoint(0, (), Checkpoint(ORIGIN, 0, bytes(32)).signed(LOG))
    assert post(witnessing, forged).status_code == 409


def test_an_unknown_origin_is_404(witnessing: Node) -> None:
    other = tree(3, origin="unknown.example").signed(LOG)
    assert post(witnessing, AddCheckpoint(0, (), other)).status_code == 404
    witnessing.world.do(forget, ORIGIN)
    assert post(witnessing, grown(0, 3)).status_code == 404


def test_without_a_trusted_signature_it_is_403(witnessing: Node) -> None:
    text = tree(3).text
    forged = Signer(ORIGIN, bytes([5] * 32)).sign(text)
    spoilt = LOG.sign(f"{text}more\n")  # with the trusted key's name and id
    for signatures in ((STRANGER.sign(text),), (forged,), (spoilt,), (LOG.sign(text), spoilt)):
        assert post(witnessing, AddCheckpoint(0, (), Note(text, signatures))).status_code == 403
    assert known(witnessing) == 0


def test_signatures_of_strangers_are_ignored(witnessing: Node) -> None:
    text = tree(3).text
    others = [Signer(f"s{n}.example", bytes([n] * 32)).sign(text) for n in range(98)]
    cosigned(witnessing, AddCheckpoint(0, (), Note(text, (*others, LOG.sign(text)))))


def test_an_old_size_above_the_checkpoints_is_400(witnessing: Node) -> None:
    cosigned(witnessing, grown(0, 5))
    assert post(witnessing, grown(5, 3)).status_code == 400
    assert post(witnessing, grown(9, 3)).status_code == 400


@pytest.mark.parametrize("old", [0, 1, 4, 6])
def test_another_old_size_than_the_known_is_told_it(witnessing: Node, old: int) -> None:
    cosigned(witnessing, grown(0, 5))
    response = post(witnessing, grown(old, 9))
    assert (response.status_code, response.content) == (409, b"5\n")
    assert response.headers["content-type"] == SIZE
    cosigned(witnessing, grown(5, 9))


def test_another_root_at_the_same_size_is_409(witnessing: Node) -> None:
    cosigned(witnessing, grown(0, 5))
    response = post(witnessing, grown(5, 5, FORGED))
    assert (response.status_code, response.content) == (409, b"5\n")
    cosigned(witnessing, grown(5, 5))


def test_a_proof_that_does_not_hold_is_422(witnessing: Node) -> None:
    hashes = grown(5, 9).hashes
    early = AddCheckpoint(0, hashes, tree(5).signed(LOG))
    assert post(witnessing, early).status_code == 422  # the proof from nothing is empty
    cosigned(witnessing, grown(0, 5))
    note = tree(9).signed(LOG)
    for wrong in ((), hashes[:-1], (*hashes, hashes[0]), hashes[::-1], (bytes(32), *hashes[1:])):
        assert post(witnessing, AddCheckpoint(5, wrong, note)).status_code == 422
    assert post(witnessing, AddCheckpoint(5, hashes, tree(5).signed(LOG))).status_code == 422
    forged = grown(5, 9, FORGED)  # consistent, with a tree that wasn't cosigned
    assert post(witnessing, forged).status_code == 422
    assert known(witnessing) == 5


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\n\n", b"old 0", b"old 0\n\n", b"\xff" * 500, b"old 0\n\nx\n\n", bytes(2_000)),
        grown(0, 3).render()[:-1],
        grown(0, 3).render().replace(b"old 0", b"old 00"),
        grown(0, 3).render().replace(b"\n", b"\r\n"),
        grown(0, 3).render().replace(b"old 0\n", b"old 0\n\n"),
        b"old 1" + (MOST_HASHES + 1) * (b"\n" + b64encode(bytes(32))) + b"\n\n",
    ],
)
def test_what_cannot_be_read_is_400(witnessing: Node, body: bytes) -> None:
    response = post(witnessing, body)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/plain")


def test_a_checkpoint_that_is_none_is_400(witnessing: Node) -> None:
    for text in (f"{ORIGIN}\n", f"{ORIGIN}\nx\n{encode(bytes(32))}\n", f"{ORIGIN}\n03\nAAAA\n"):
        asked = AddCheckpoint(0, (), Note(text, (LOG.sign(text),)))
        assert post(witnessing, asked).status_code == 400


def test_too_large_a_body_is_refused(witnessing: Node) -> None:
    assert post(witnessing, grown(0, 3).render() + bytes(100_000)).status_code == 413


def test_other_methods_are_refused(witnessing: Node) -> None:
    assert witnessing.client.get("/log/add-checkpoint").status_code == 405


def test_a_checkpoints_extensions_are_cosigned_with_it(witnessing: Node) -> None:
    plain = tree(3)
    extended = Checkpoint(plain.origin, plain.size, plain.root, ("more", "still more"))
    cosigned(witnessing, AddCheckpoint(0, (), extended.signed(LOG)))
    cosigned(witnessing, grown(3, 4))


def test_of_requests_at_once_one_wins(witnessing: Node) -> None:
    cosigned(witnessing, grown(0, 5))
    forks = [grown(5, size) for size in range(6, 12)]
    answers = at_once(*(lambda asked=asked: post(witnessing, asked) for asked in forks))
    found = [one.status_code for one in answers if isinstance(one, Response)]
    assert sorted(found) == [200, *(len(forks) - 1) * [409]]
    assert known(witnessing) == 6 + found.index(200)


def test_a_restored_database_has_no_older_tree_cosigned(witnessing: Node) -> None:
    before = tree(5)
    cosigned(witnessing, grown(0, 5))
    cosigned(witnessing, grown(5, 9))
    with witnessing.world.database.writing() as session:  # as a backup has it
        log = witness(session, ORIGIN, [str(LOG.verifier())])
        log.size, log.root_hash = before.size, encode(before.root)
    assert post(witnessing, grown(5, 7)).content == b"9\n"
    assert post(witnessing, grown(9, 9, FORGED)).status_code == 409
    cosigned(witnessing, grown(9, 12))


def test_a_log_that_is_witnessed_again_goes_on(witnessing: Node) -> None:
    cosigned(witnessing, grown(0, 5))
    witnessing.world.do(forget, ORIGIN)
    witnessing.world.do(witness, ORIGIN, [str(STRANGER.verifier()), str(LOG.verifier())])
    assert known(witnessing) == 5
    cosigned(witnessing, grown(5, 6))


def test_an_older_tree_is_not_cosigned_after_a_restart(database_url: str, tmp_path: Path) -> None:
    for old, size in ((0, 5), (5, 9)):
        with Node(database_url, tmp_path / "comity.key") as node:
            node.world.do(witness, ORIGIN, [str(LOG.verifier())])
            assert known(node) == old
            cosigned(node, grown(old, size))
    mark = sha256(ORIGIN.encode()).hexdigest()[:16]
    assert (tmp_path / f"comity.witness.{mark}.head").read_text() == tree(9).text

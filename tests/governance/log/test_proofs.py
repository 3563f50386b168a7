"""Proof files: one way to write them, checked with the log's name and key alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.log.checkpoints import Checkpoint, open_checkpoint
from governance.log.errors import LogError, Malformed, Unproven
from governance.log.notes import encode, parse_note
from governance.log.proofs import HEADER, MOST_HASHES, Proof, parse_proof
from governance.log.signers import Signer, parse_verifier
from governance.log.tiles import bundles_of, in_tiles, parse_bundle
from governance.log.tree import (
    LARGEST_SIZE,
    inclusion_path,
    leaf_hash,
    of_leaves,
    proof,
    root_hash,
)
from tests.governance.log.test_notes import HOSTILE, NOTES
from tests.governance.log.vectors import TESSERA, TESSERA_KEY

ORIGIN = "log.example/comity"
LOG = Signer(ORIGIN, bytes(32))
TRUSTED = [LOG.verifier()]
ENTRIES = [str(number).encode() for number in range(11)]
HASH_OF = of_leaves(list(map(leaf_hash, ENTRIES)))
NOTE = Checkpoint(ORIGIN, 11, root_hash(11, HASH_OF)).signed(LOG)
HASH = encode(bytes(32))

PROOFS = st.builds(
    Proof,
    index=st.integers(0, LARGEST_SIZE),
    hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=5).map(tuple),
    checkpoint=NOTES,
    extra=st.binary(max_size=40),
)
LINES = st.sampled_from([HEADER, "extra AAAA", "extra ", "index 0", "index 01", HASH, "", "x"])


def made(index: int) -> Proof:
    return Proof(index, tuple(proof(inclusion_path(index, 11), HASH_OF)), NOTE)


def test_a_proof_has_the_lines_of_the_specification() -> None:
    lines = replace(made(10), extra=b"more").render().decode().split("\n")
    siblings = [encode(one) for one in made(10).hashes]
    assert lines[:6] == ["c2sp.org/tlog-proof@v1", "extra bW9yZQ==", "index 10", *siblings, ""]
    assert "\n".join(lines[6:]).encode() == NOTE.render()
    assert made(0).render().startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n")


@pytest.mark.property
@given(PROOFS)
def test_proofs_are_read_back(one: Proof) -> None:
    assert parse_proof(one.render()) == one


@pytest.mark.property
@given(
    HOSTILE
    | st.tuples(st.lists(LINES), HOSTILE | NOTES.map(lambda note: note.render())).map(
        lambda drawn: "\n".join([HEADER, *drawn[0], "", ""]).encode() + drawn[1]
    )
)
def test_bytes_are_refused_or_written_back(data: bytes) -> None:
    try:
        read = parse_proof(data)
    except LogError:
        return
    assert read.render() == data


def test_each_entry_is_proven_with_its_own_proof_alone() -> None:
    for index, entry in enumerate(ENTRIES):
        read = parse_proof(made(index).render())
        read.check(entry, ORIGIN, verifiers=TRUSTED)
        with pytest.raises(Unproven):
            read.check(entry + b"x", ORIGIN, verifiers=TRUSTED)
        with pytest.raises(LogError):
            replace(read, index=(index + 1) % 11).check(entry, ORIGIN, verifiers=TRUSTED)


def test_entries_of_another_implementations_log_are_proven() -> None:
    [tile] = bundles_of(15)
    entries = parse_bundle((TESSERA / tile.path).read_bytes())
    hash_of = in_tiles(15, lambda tile: (TESSERA / tile.path).read_bytes())
    note = parse_note((TESSERA / "checkpoint").read_bytes())
    for index, entry in enumerate(entries):
        one = Proof(index, tuple(proof(inclusion_path(index, 15), hash_of)), note)
        key = parse_verifier(TESSERA_KEY)
        one.check(entry, "example.com/log/testdata", verifiers=[key])


def test_neither_another_log_nor_another_key_proves_anything() -> None:
    with pytest.raises(Unproven):
        made(3).check(ENTRIES[3], "other.example", verifiers=TRUSTED)
    with pytest.raises(Unproven):
        made(3).check(ENTRIES[3], ORIGIN, verifiers=[Signer(ORIGIN, b"x" * 32).verifier()])


def test_a_checkpoint_of_another_tree_proves_nothing() -> None:
    other = Checkpoint(ORIGIN, 11, bytes(32)).signed(LOG)
    assert open_checkpoint(other.render(), ORIGIN, verifiers=TRUSTED).size == 11
    with pytest.raises(Unproven):
        replace(made(3), checkpoint=other).check(ENTRIES[3], ORIGIN, verifiers=TRUSTED)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 0",
        HEADER,
        f"{HEADER}\nindex",
        f"{HEADER}\nindex 01",
        f"{HEADER}\nindex {LARGEST_SIZE + 1}",
        f"{HEADER}\nextra \nindex 0",
        f"{HEADER}\nextra !\nindex 0",
        f"{HEADER}\nindex 0\nextra AAAA",
        f"{HEADER}\nextra AAAA",
        f"{HEADER}\nindex 0\n{HASH[:-4]}",
        f"{HEADER}\nindex 0\nAAAA",
        f"{HEADER}\nindex 0\n" + "\n".join([HASH] * (MOST_HASHES + 1)),
        f"{HEADER}\r\nindex 0",
        f"{HEADER}\nindex 0é",
    ],
    ids=range(15),
)
def test_what_is_no_proof_is_refused(head: str) -> None:
    with pytest.raises(Malformed):
        parse_proof(head.encode() + b"\n\n" + NOTE.render())


def test_a_proof_without_a_checkpoint_is_refused() -> None:
    for data in (f"{HEADER}\nindex 0\n\n", f"{HEADER}\nindex 0\n", f"{HEADER}\nindex 0\n\nlog\n"):
        with pytest.raises(Malformed):
            parse_proof(data.encode())


def test_a_proof_that_can_not_be_written_is_refused() -> None:
    for index, hashes in ((-1, ()), (LARGEST_SIZE + 1, ()), (0, (b"short",))):
        with pytest.raises(Malformed):
            Proof(index, hashes, NOTE)

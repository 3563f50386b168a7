"""The tree against other implementations' vectors, and against a naive twin."""

import json
from base64 import b64decode
from functools import cache
from hashlib import sha256
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.log.errors import LogError, Malformed, Unproven
from governance.log.tree import (
    EMPTY_ROOT,
    LARGEST_SIZE,
    HashOf,
    Subtree,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    of_leaves,
    proof,
    root_hash,
)
from tests.governance.log.vectors import VECTORS

BIG = 70_000
LEAVES = [leaf_hash(str(number).encode()) for number in range(BIG)]
REFERENCE = json.loads((VECTORS / "rfc6962-reference" / "rfc6962.json").read_text())
# Its roots are not 32 bytes; see the README of the vectors.
EXCEPTION = "sizes-are-equal-one-and-proof-is-empty.json"
NOBODYS = sha256(b"nobody's").digest()

SIZES = st.integers(-2, LARGEST_SIZE + 2)
SOME = st.one_of(st.integers(1, 1_200), st.integers(1, BIG))
HASHES = st.one_of(st.binary(min_size=32, max_size=32), st.binary(max_size=40))


# The twin: RFC 6962 2.1, word for word, over D[start:stop].


@cache
def mth(start: int, stop: int) -> bytes:
    if start == stop:
        return sha256().digest()
    if stop - start == 1:
        return LEAVES[start]
    split = start + power_below(stop - start)
    return sha256(b"\1" + mth(start, split) + mth(split, stop)).digest()


def path(m: int, start: int, stop: int) -> list[bytes]:
    if stop - start == 1:
        return []
    split = start + power_below(stop - start)
    if m < split:
        return [*path(m, start, split), mth(split, stop)]
    return [*path(m, split, stop), mth(start, split)]


def subproof(m: int, start: int, stop: int, *, known: bool = True) -> list[bytes]:
    if m == stop:
        return [] if known else [mth(start, stop)]
    split = start + power_below(stop - start)
    if m <= split:
        return [*subproof(m, start, split, known=known), mth(split, stop)]
    return [*subproof(m, split, stop, known=False), mth(start, split)]


def power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def stored() -> HashOf:
    """Hashes of complete subtrees, made once."""
    levels = [LEAVES]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(*pair) for pair in zip(below[::2], below[1::2], strict=False)])
    return lambda node: levels[node.level][node.index]


HASH_OF = stored()


def included(index: int, size: int, hashes: list[bytes]) -> None:
    check_inclusion(LEAVES[index], index, size=size, hashes=hashes, root=mth(0, size))


def consistent(old: int, new: int, hashes: list[bytes]) -> None:
    check_consistency(old, new, hashes=hashes, old_root=mth(0, old), new_root=mth(0, new))


# Vectors


def cases(kind: str) -> list[Any]:
    root = VECTORS / "merkle" / kind
    found = sorted(root.rglob("*.json"))
    return [pytest.param(one, id=str(one.relative_to(root).with_suffix(""))) for one in found]


def hashes(texts: list[str] | None) -> list[bytes]:
    return [b64decode(text) for text in texts or []]


def test_there_are_196_vectors() -> None:
    assert len(cases("inclusion") + cases("consistency")) == 196


@pytest.mark.parametrize("file", cases("inclusion"))
def test_inclusion_proofs_hold_or_not_as_others_found(file: Path) -> None:
    case = json.loads(file.read_text())
    leaf, root = hashes([case["leafHash"], case["root"]])

    def check() -> None:
        check_inclusion(
            leaf, case["leafIdx"], size=case["treeSize"], hashes=hashes(case["proof"]), root=root
        )

    if case["wantErr"]:
        with pytest.raises(LogError):
            check()
    else:
        check()


@pytest.mark.parametrize("file", cases("consistency"))
def test_consistency_proofs_hold_or_not_as_others_found(file: Path) -> None:
    case = json.loads(file.read_text())
    old, new = hashes([case["root1"], case["root2"]])

    def check() -> None:
        check_consistency(
            case["size1"], case["size2"], hashes=hashes(case["proof"]), old_root=old, new_root=new
        )

    if case["wantErr"] or file.name == EXCEPTION:
        with pytest.raises(LogError):
            check()
    else:
        check()


def test_leaves_nodes_and_roots_are_those_of_the_reference() -> None:
    leaves = [leaf_hash(bytes.fromhex(one)) for one in REFERENCE["leaf_inputs_hex"]]
    roots = [root_hash(size, of_leaves(leaves)).hex() for size in range(9)]
    assert roots == REFERENCE["roots_by_size_hex"]
    nodes = [Subtree(level, n) for level in range(4) for n in range(8 >> level)]
    hashed = list(map(of_leaves(leaves), nodes))
    assert [one.hex() for one in hashed] == REFERENCE["node_hashes_flat_hex"]
    empty, empty_leaf, leaf, node = (one["hex"] for one in REFERENCE["hash_vectors"])
    assert EMPTY_ROOT.hex() == empty
    assert (leaf_hash(b"").hex(), leaf_hash(b"L123456").hex()) == (empty_leaf, leaf)
    assert node_hash(b"N123", b"N456").hex() == node


# The twin


def test_roots_of_all_small_sizes_are_the_twins() -> None:
    for size in range(1_201):
        assert root_hash(size, HASH_OF) == mth(0, size)


def test_inclusion_proofs_of_all_small_sizes_are_the_twins_and_hold() -> None:
    for size in range(1, 1_201):
        for index in {*range(min(size, 9)), size // 2, size * 7 // 9, size - 1}:
            made = proof(inclusion_path(index, size), HASH_OF)
            assert made == path(index, 0, size)
            included(index, size, made)


def test_every_inclusion_proof_of_trees_up_to_70_leaves_holds_at_its_own_index_alone() -> None:
    for size in range(1, 71):
        for index in range(size):
            made = proof(inclusion_path(index, size), HASH_OF)
            included(index, size, made)
            with pytest.raises(LogError):
                included((index + 1) % (size + 1), size, made)


def test_consistency_proofs_of_all_small_sizes_are_the_twins_and_hold() -> None:
    for new in range(1, 1_201):
        for old in {1, new, new // 2 or 1, power_below(new), (new * 7 // 9) or 1, max(new - 1, 1)}:
            made = proof(consistency_path(old, new), HASH_OF)
            assert made == subproof(old, 0, new)
            consistent(old, new, made)


def test_every_consistency_proof_of_trees_up_to_70_leaves_holds_between_its_own_sizes() -> None:
    for new in range(1, 71):
        for old in range(1, new + 1):
            made = proof(consistency_path(old, new), HASH_OF)
            assert made == subproof(old, 0, new)
            consistent(old, new, made)
            with pytest.raises(LogError):
                consistent(old + 1, new, made)


@given(st.tuples(SOME, SOME, SOME))
def test_proofs_between_any_sizes_up_to_70_000_are_the_twins_and_hold(
    sizes: tuple[int, int, int],
) -> None:
    for old, new in combinations(sorted(sizes), 2):
        assert root_hash(new, HASH_OF) == mth(0, new)
        made = proof(consistency_path(old, new), HASH_OF)
        assert made == subproof(old, 0, new)
        consistent(old, new, made)
        made = proof(inclusion_path(old - 1, new), HASH_OF)
        assert made == path(old - 1, 0, new)
        included(old - 1, new, made)


@given(st.data())
def test_a_proof_with_one_bit_changed_does_not_hold(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 1_200))
    old = data.draw(st.integers(1, new - 1))
    for ranges, check in ((inclusion_path, included), (consistency_path, consistent)):
        made = proof(ranges(old, new), HASH_OF)
        at = data.draw(st.integers(0, len(made) - 1))
        bit = data.draw(st.integers(0, 255))
        changed = (int.from_bytes(made[at]) ^ 1 << bit).to_bytes(32)
        with pytest.raises(Unproven):
            check(old, new, [*made[:at], changed, *made[at + 1 :]])


def test_a_tree_with_an_earlier_leaf_changed_is_not_consistent() -> None:
    for size, larger in pairwise(range(1, 60)):
        forged = of_leaves([NOBODYS, *LEAVES[1:larger]])
        made = proof(consistency_path(size, larger), forged)
        with pytest.raises(Unproven):
            check_consistency(
                size,
                larger,
                hashes=made,
                old_root=mth(0, size),
                new_root=root_hash(larger, forged),
            )


# Preconditions and hostile input


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (0, LARGEST_SIZE + 1)])
def test_a_leaf_outside_the_tree_has_no_path(index: int, size: int) -> None:
    with pytest.raises(Malformed):
        inclusion_path(index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 1), (2, 1), (-1, 1), (1, LARGEST_SIZE + 1)])
def test_a_tree_grows_from_one_leaf_on_and_never_shrinks(old: int, new: int) -> None:
    with pytest.raises(Malformed):
        consistency_path(old, new)


@given(first=SIZES, second=SIZES, hashes=st.lists(HASHES, max_size=70), root=HASHES, other=HASHES)
def test_hostile_proofs_raise_our_error_alone(
    first: int, second: int, hashes: list[bytes], root: bytes, other: bytes
) -> None:
    with pytest.raises(LogError):
        check_inclusion(other, first, size=second, hashes=hashes, root=root)
    if first != second:
        with pytest.raises(LogError):
            check_consistency(first, second, hashes=hashes, old_root=root, new_root=other)

"""The Merkle tree of RFC 6962 2.1 over SHA-256, as functions of hashes of 32 bytes.

A proof is a list of ranges of leaves, one hash each: `inclusion_path` and `consistency_path` say
which. Whoever makes a proof hashes those ranges; whoever checks one folds the hashes it got, in
the same order. A range is hashed from complete subtrees, which are what tiles hold.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from struct import iter_unpack

from governance.log.errors import Malformed, Unproven

HASH_BYTES = 32
PAIR = f"{2 * HASH_BYTES}s"
LARGEST_SIZE = 2**63 - 1
EMPTY_ROOT = sha256().digest()


@dataclass(frozen=True, slots=True)
class Subtree:
    """The complete subtree over the leaves from index * 2^level to (index + 1) * 2^level."""

    level: int
    index: int


HashOf = Callable[[Subtree], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry), RFC 6962 2.1."""
    return sha256(b"\0" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Return the hash of each entry."""
    return [sha256(b"\0" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right), RFC 6962 2.1."""
    return sha256(b"\1" + left + right).digest()


def complete_hash(hashes: bytes) -> bytes:
    """Return the hash over 2^n hashes of one level, which lie one after another."""
    while len(hashes) > HASH_BYTES:
        pairs = iter_unpack(PAIR, hashes)
        hashes = b"".join([sha256(b"\1" + pair).digest() for (pair,) in pairs])
    return hashes


@lru_cache(1_024)  # whoever makes a proof asks twice
def subtrees(leaves: range) -> tuple[Subtree, ...]:
    """Return the complete subtrees that make up a range of a path, left to right."""
    found = []
    start = leaves.start
    while start < leaves.stop:
        level = (leaves.stop - start).bit_length() - 1
        found.append(Subtree(level, start >> level))
        start += 1 << level
    return tuple(found)


def range_hash(leaves: range, hash_of: HashOf) -> bytes:
    """MTH of a range of a path (RFC 6962 2.1), from the hashes of complete subtrees."""
    if not leaves:
        return EMPTY_ROOT
    *others, last = map(hash_of, subtrees(leaves))
    for left in reversed(others):
        last = node_hash(left, last)
    return last


def root_hash(size: int, hash_of: HashOf) -> bytes:
    """Return the root of the tree over the first `size` leaves."""
    return range_hash(range(size), hash_of)


def proof(path: Iterable[range], hash_of: HashOf) -> list[bytes]:
    """Return the hashes of a path: the proof to hand out."""
    return [range_hash(leaves, hash_of) for leaves in path]


def of_leaves(hashes: Sequence[bytes]) -> HashOf:
    """Return the hashes of subtrees over leaves in memory."""
    return lambda node: complete_hash(
        b"".join(hashes[node.index << node.level : (node.index + 1) << node.level])
    )


def inclusion_path(index: int, size: int) -> list[range]:
    """Return the ranges whose hashes prove a leaf, bottom up: PATH of RFC 6962 2.1.1."""
    if not 0 <= index < size <= LARGEST_SIZE:
        raise Malformed("the leaf is outside the tree")
    path, start, stop = [], 0, size
    while stop - start > 1:
        split = start + _left_width(stop - start)
        if index < split:
            path.append(range(split, stop))
            stop = split
        else:
            path.append(range(start, split))
            start = split
    return path[::-1]


def consistency_path(old: int, new: int) -> list[range]:
    """Return the ranges whose hashes prove that a tree grew: SUBPROOF of RFC 6962 2.1.2.

    A proof from the empty tree is not defined there; it would prove nothing.
    """
    if not 0 < old <= new <= LARGEST_SIZE:
        raise Malformed("a tree grows from at least one leaf, and never shrinks")
    path, start, stop = [], 0, new
    while stop != old:
        split = start + _left_width(stop - start)
        if old <= split:
            path.append(range(split, stop))
            stop = split
        else:
            path.append(range(start, split))
            start = split
    if start:  # the checker has the root of the old tree, but of no part of it
        path.append(range(start, stop))
    return path[::-1]


def check_inclusion(
    leaf: bytes, index: int, *, size: int, hashes: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf's hash is at an index of a tree; Malformed or Unproven (RFC 6962 2.1.1)."""
    path = inclusion_path(index, size)
    _check_shape(path, hashes, [leaf, root])
    for leaves, sibling in zip(path, hashes, strict=True):
        leaf = node_hash(sibling, leaf) if leaves.start < index else node_hash(leaf, sibling)
    if not compare_digest(leaf, root):
        raise Unproven("the leaf is not in this tree")


def check_consistency(
    old: int, new: int, *, hashes: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Check that one tree is the start of another; Malformed or Unproven (RFC 6962 2.1.2)."""
    path = consistency_path(old, new)
    _check_shape(path, hashes, [old_root, new_root])
    steps = list(zip(path, hashes, strict=True))
    before = after = old_root
    if path and path[0].stop == old:
        before = after = steps.pop(0)[1]
    for leaves, sibling in steps:
        if leaves.start < old:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
        else:
            after = node_hash(after, sibling)
    if not (compare_digest(before, old_root) and compare_digest(after, new_root)):
        raise Unproven("the one tree is not the start of the other")


def _left_width(leaves: int) -> int:
    """Return the largest power of two below a number of leaves (RFC 6962 2.1)."""
    return 1 << (leaves - 1).bit_length() - 1


def _check_shape(path: list[range], hashes: Sequence[bytes], others: list[bytes]) -> None:
    if len(hashes) != len(path):
        raise Unproven(f"the proof has {len(hashes)} hashes where {len(path)} are needed")
    if any(len(one) != HASH_BYTES for one in [*hashes, *others]):
        raise Malformed(f"a hash has {HASH_BYTES} bytes")

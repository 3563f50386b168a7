"""Tiles (C2SP tlog-tiles): the tree and its entries cut into immutable pieces of up to 256.

A hash tile of level L holds hashes of complete subtrees over 256^L leaves each. A bundle holds
entries; its tile has the level ENTRIES. Both grow at their right edge alone, so appending reads
the partial tiles of the old size and writes what `grow` returns.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, count, takewhile

from governance.log.errors import Malformed
from governance.log.tree import HASH_BYTES, LARGEST_SIZE, HashOf, Subtree, complete_hash

HEIGHT = 8
FULL = 1 << HEIGHT
ENTRIES = -1
HIGHEST_LEVEL = 63
LONGEST_PATH = 64
LARGEST_ENTRY = 2**16 - 1

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """The place of a tile, and how many of its 256 hashes or entries it has."""

    level: int
    index: int
    width: int = FULL

    def __post_init__(self) -> None:
        """Refuse a tile that no log up to the largest size could have."""
        if not ENTRIES <= self.level <= HIGHEST_LEVEL or not 1 <= self.width <= FULL:
            raise Malformed("no tile has this level or width")
        last = self.index * FULL + self.width << HEIGHT * max(self.level, 0)
        if self.index < 0 or last > LARGEST_SIZE:
            raise Malformed("the tile is outside the largest tree")

    @property
    def path(self) -> str:
        """Where it is served under the log's prefix: `tile/0/x001/x234/067.p/8`."""
        level = "entries" if self.level == ENTRIES else self.level
        *before, last = _thousands(self.index)
        index = "".join(f"x{part:03}/" for part in before) + f"{last:03}"
        return f"tile/{level}/{index}" + (f".p/{self.width}" if self.width < FULL else "")


def parse_path(path: str) -> Tile:
    """Read a tile's path; Malformed if it isn't the one way to write it."""
    found = _PATH.fullmatch(path) if len(path) <= LONGEST_PATH else None
    if found is None:
        raise Malformed("not the path of a tile")
    level = ENTRIES if found["level"] == "entries" else int(found["level"])
    index = int(re.sub("[x/]", "", found["index"]))
    tile = Tile(level, index, int(found["width"] or FULL))
    if tile.path != path:
        raise Malformed("not the path of a tile")
    return tile


def tiles_of(size: int) -> Iterator[Tile]:
    """Return every hash tile of a tree, level by level; the last of a level may be partial."""
    for level, width in enumerate(_widths(size)):
        yield from _row(level, width)


def bundles_of(size: int, first: int = 0) -> Iterator[Tile]:
    """Return the entry bundles of a tree, from the one at an index on."""
    return _row(ENTRIES, size, first)


def edge_of(size: int) -> list[Tile]:
    """Return the partial hash tiles of a tree, lowest first: all that appending reads."""
    return [
        Tile(level, width >> HEIGHT, width % FULL)
        for level, width in enumerate(_widths(size))
        if width % FULL
    ]


@lru_cache(1_024)  # whoever makes a proof asks twice
def tile_with(node: Subtree, size: int) -> Tile:
    """Return the tile of a tree that a complete subtree's hash is in, or is made from."""
    if (node.index + 1) << node.level > size:
        raise Malformed("the subtree is outside the tree")
    level, rise = divmod(node.level, HEIGHT)
    index = (node.index << rise) >> HEIGHT
    return Tile(level, index, min((size >> HEIGHT * level) - index * FULL, FULL))


def in_tiles(size: int, hashes_of: Callable[[Tile], bytes]) -> HashOf:
    """Return the hashes of subtrees of a tree, given the bytes of its tiles."""

    def hash_of(node: Subtree) -> bytes:
        tile, width = tile_with(node, size), 1 << node.level % HEIGHT
        hashes = checked(tile, hashes_of(tile))
        start = node.index * width % FULL * HASH_BYTES
        complete = _complete_hash if tile.level else complete_hash
        return complete(hashes[start : start + width * HASH_BYTES])

    return hash_of


# What is higher up is in many proofs, and is at most 4 KiB.
_complete_hash = lru_cache(1_024)(complete_hash)


def grow(size: int, edge: Mapping[Tile, bytes], leaves: Sequence[bytes]) -> dict[Tile, bytes]:
    """Append leaf hashes to a tree: return its new and widened tiles, each with all its hashes.

    `edge` has the tiles of `edge_of(size)`. A wider tile takes the place of the narrower one.
    """
    grown: dict[Tile, bytes] = {}
    tails = {tile.level: tile for tile in edge_of(size)}
    added, level = list(leaves), 0
    while added:
        before = split_hashes(tail, edge[tail]) if (tail := tails.get(level)) else []
        first = size >> HEIGHT * (level + 1)
        pieces = _pieces([*before, *added])
        for index, piece in enumerate(pieces, first):
            grown[Tile(level, index, len(piece))] = b"".join(piece)
        added = [complete_hash(b"".join(piece)) for piece in pieces if len(piece) == FULL]
        level += 1
    return grown


def split_hashes(tile: Tile, data: bytes) -> list[bytes]:
    """Return the hashes of a tile; Malformed unless there are as many as it is wide."""
    checked(tile, data)
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def checked(tile: Tile, data: bytes) -> bytes:
    """Return the bytes of a tile's hashes; Malformed unless there are as many as it is wide."""
    if len(data) != tile.width * HASH_BYTES:
        raise Malformed(f"a tile has {HASH_BYTES} bytes for each of its hashes")
    return data


def bundle(entries: Iterable[bytes]) -> bytes:
    """Write entries (tlog-tiles, "Log entries"): each after its length in two bytes."""
    return b"".join(map(_prefixed, entries))


def parse_bundle(data: bytes) -> list[bytes]:
    """Read the entries of a bundle (tlog-tiles, "Log entries"), 1 to 256."""
    entries, at, last = [], 0, len(data) - 1
    while at < last:
        start = at + 2
        at = start + (data[at] << 8) + data[at + 1]
        entries.append(data[start:at])
    if at != len(data):
        raise Malformed("the bundle ends within an entry")
    if not 0 < len(entries) <= FULL:
        raise Malformed("a bundle is 1 to 256 entries")
    return entries


def _prefixed(entry: bytes) -> bytes:
    if len(entry) > LARGEST_ENTRY:
        raise Malformed(f"an entry has at most {LARGEST_ENTRY} bytes")
    return len(entry).to_bytes(2, "big") + entry


def _widths(size: int) -> Iterator[int]:
    """How many hashes each level has, lowest first, until there are none."""
    return takewhile(bool, accumulate(count(), lambda width, _: width >> HEIGHT, initial=size))


def _row(level: int, width: int, first: int = 0) -> Iterator[Tile]:
    full, rest = divmod(width, FULL)
    yield from (Tile(level, index) for index in range(first, full))
    if rest:
        yield Tile(level, full, rest)


def _pieces(hashes: list[bytes]) -> list[list[bytes]]:
    return [hashes[at : at + FULL] for at in range(0, len(hashes), FULL)]


def _thousands(index: int) -> list[int]:
    parts = [index % 1000]
    while index := index // 1000:
        parts.insert(0, index % 1000)
    return parts

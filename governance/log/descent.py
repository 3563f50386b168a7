"""The tiles of a tree from its root down, each checked against the one above it.

So each page of a log is proven when it is taken, long before the last one is there, and memory
holds a few tiles a level.
"""

from collections.abc import Iterable, Iterator, Mapping

from governance.log.errors import Malformed, Unproven
from governance.log.tiles import (
    FULL,
    HEIGHT,
    Tile,
    bundles_of,
    checked,
    in_tiles,
    parse_bundle,
    split_hashes,
    tile_with,
)
from governance.log.tree import HASH_BYTES, Subtree, complete_hash, root_hash, subtrees


def order(size: int, start: int = 0) -> Iterator[Tile]:
    """Return a tree's tiles in the order to take them, after those of its edge: each bundle after
    its hash tile, each hash tile after the one above it. Begin with the bundle that has the entry
    at `start`, after every tile above it."""
    for bundle in bundles_of(size, start >> HEIGHT):
        if bundle.index == start >> HEIGHT:
            yield from above([leaves_of(bundle)], size)
        else:
            yield from reversed(list(_begun_with(bundle, size)))
        yield bundle


def above(tiles: Iterable[Tile], size: int) -> list[Tile]:
    """Return the full tiles among some hash tiles of a tree and those above them, highest first:
    all that has to be taken for these to be proven."""
    found = set[Tile]()
    for lowest in tiles:
        tile = lowest
        while tile.width == FULL and tile not in found:
            found.add(tile)
            tile = tile_with(Subtree(HEIGHT * (tile.level + 1), tile.index), size)
    return sorted(found, reverse=True)


class Descent:
    """A tree of a size, given the bytes of the tiles of `edge_of(size)`.

    A tile that doesn't fit is used all the same, to find what else doesn't.
    """

    def __init__(self, size: int, edge: Mapping[Tile, bytes], *, old: int = 0) -> None:
        """Begin with tiles as wide as they should be; `old` is a size whose root is asked for."""
        self.size, self._old, self._held = size, old, dict(edge)
        self._kept = {tile_with(node, size) for node in subtrees(range(old))}.union(edge)
        self._newest: dict[int, Tile] = {}

    @property
    def root(self) -> bytes:
        """The root that the edge gives."""
        return root_hash(self.size, in_tiles(self.size, self._held.__getitem__))

    @property
    def old_root(self) -> bytes:
        """The root of the first `old` leaves, once all tiles were taken."""
        return root_hash(self._old, in_tiles(self.size, self._held.__getitem__))

    def take(self, tile: Tile, data: bytes) -> None:
        """Go down to a hash tile; Unproven if it isn't the one that the tile above tells of."""
        made = complete_hash(checked(tile, data))
        self._hold(tile, data)
        above = tile_with(Subtree(HEIGHT * (tile.level + 1), tile.index), self.size)
        start = tile.index % FULL * HASH_BYTES
        if made != checked(above, self._held[above])[start : start + HASH_BYTES]:
            raise Unproven(f"its hashes don't give the one in {above.path}")

    def open(self, bundle: Tile, data: bytes) -> tuple[list[bytes], list[bytes]]:
        """Return the entries of a bundle, and the leaf hashes that the tree has for them.

        It is for the caller to compare them. Malformed if there aren't as many.
        """
        entries, hashes = parse_bundle(data), self._held[leaves_of(bundle)]
        if len(entries) != bundle.width:
            raise Malformed(f"it has {len(entries)} entries, and should have {bundle.width}")
        return entries, split_hashes(leaves_of(bundle), hashes)

    def _hold(self, tile: Tile, data: bytes) -> None:
        before = self._newest.get(tile.level)
        if before is not None and before not in self._kept:
            del self._held[before]
        self._newest[tile.level], self._held[tile] = tile, data


def leaves_of(bundle: Tile) -> Tile:
    """Return the hash tile of a bundle's leaves."""
    return Tile(0, bundle.index, bundle.width)


def _begun_with(bundle: Tile, size: int) -> Iterator[Tile]:
    """Return the full hash tiles whose first leaf is that of a bundle, lowest first."""
    level, index = 0, bundle.index
    while (index + 1) * FULL <= size >> HEIGHT * level:
        yield Tile(level, index)
        if index % FULL:
            break
        level, index = level + 1, index >> HEIGHT

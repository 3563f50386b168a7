"""How a log grew from one signed tree to another, proven by the log's own tiles.

Whoever follows a log reads what is new alone: a few tiles prove that the new tree begins with the
old one, and each new entry is compared with a tile that the new root covers.
"""

from collections.abc import Iterator
from typing import NamedTuple

from governance.log.auditing import CHECKPOINT, Fetch
from governance.log.checkpoints import Checkpoint
from governance.log.descent import Descent, above, order
from governance.log.errors import Unproven
from governance.log.tiles import ENTRIES, FULL, Tile, edge_of, split_hashes, tile_with
from governance.log.tree import leaf_hash, subtrees


class Forked(Unproven):
    """The log signed a tree that doesn't begin with one that it had signed before."""


class Proven(NamedTuple):
    """An entry, and its leaf hash in the tree."""

    data: bytes
    leaf_hash: bytes


class Growth:
    """The way from a tree that was seen to a newer one, both signed by the log."""

    def __init__(self, old: Checkpoint, new: Checkpoint) -> None:
        """Begin with an old tree that is not larger than the new one."""
        self.old, self.new = old, new
        self._descent: Descent | None = None

    def prove(self, fetch: Fetch) -> None:
        """Read the tiles that tell whether the new tree begins with the old one.

        Forked if it doesn't, whatever the server answers next; Unproven, Malformed or Unread if
        what it answered isn't of the new tree.
        """
        edge = dict[Tile, bytes]()
        for tile, data in fetch(edge_of(self.new.size)):
            split_hashes(tile, data)
            edge[tile] = data
        descent = Descent(self.new.size, edge, old=self.old.size)
        if descent.root != self.new.root:
            raise Unproven(f"{CHECKPOINT}: its root isn't that of the tiles at the log's end")
        ends = [tile_with(node, self.new.size) for node in subtrees(range(self.old.size))]
        for tile, data in fetch(above(ends, self.new.size)):
            descent.take(tile, data)
        if descent.old_root != self.old.root:
            raise Forked(f"the log's first {self.old.size:,} entries were others before")
        self._descent = descent

    def entries(self, fetch: Fetch, start: int) -> Iterator[list[Proven]]:
        """Read the entries from a place on, by bundles; comes after `prove`."""
        assert self._descent is not None, "prove() comes first"
        if start >= self.new.size:
            return
        for tile, data in fetch(order(self.new.size, start)):
            if tile.level != ENTRIES:
                self._descent.take(tile, data)
                continue
            first = tile.index * FULL
            found = list(map(Proven, *self._descent.open(tile, data)))
            for index, entry in enumerate(found, first):
                if leaf_hash(entry.data) != entry.leaf_hash:
                    raise Unproven(f"entry {index} isn't the one that the log's tiles tell of")
            yield found[max(0, start - first) :]

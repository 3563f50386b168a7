"""How a log grew is proven by a few of its tiles, and each new entry by a tile above it."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain

import pytest

from governance.log.checkpoints import Checkpoint
from governance.log.errors import LogError, Unproven
from governance.log.growth import Forked, Growth
from governance.log.tiles import ENTRIES, Tile, bundle, grow, in_tiles
from governance.log.tree import leaf_hash, root_hash

LARGEST = 66_000
ENTRY = [b"%d" % number for number in range(LARGEST)]
SIZES = [0, 1, 255, 256, 257, 600, 65_535, 65_536, 65_800]


class Log:
    """A log's tiles at one size, and how many of them were asked for."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries, self.asked = entries, 0
        self.tiles = grow(0, {}, list(map(leaf_hash, entries)))
        size = len(entries)
        root = root_hash(size, in_tiles(size, self.tiles.__getitem__))
        self.tree = Checkpoint("log.example", size, root)

    def fetch(self, tiles: Iterable[Tile]) -> Iterator[tuple[Tile, bytes]]:
        for tile in tiles:
            self.asked += 1
            first = tile.index * 256
            whole = self.entries[first : first + tile.width]
            yield tile, bundle(whole) if tile.level == ENTRIES else self.tiles[tile]


@cache
def of_size(size: int) -> Log:
    return Log(ENTRY[:size])


def entries(growth: Growth, log: Log, start: int) -> list[bytes]:
    return [entry.data for entry in chain.from_iterable(growth.entries(log.fetch, start))]


@pytest.mark.parametrize("new", SIZES)
def test_each_new_entry_comes_once_whatever_was_seen(new: int) -> None:
    log = of_size(new)
    for old in (size for size in SIZES if size <= new):
        log.asked = 0
        growth = Growth(of_size(old).tree, log.tree)
        growth.prove(log.fetch)
        assert log.asked <= 6
        start = max(old, new - 700)
        assert entries(growth, log, start) == ENTRY[start:new]


@pytest.mark.parametrize(("old", "new"), [(1, 256), (255, 600), (600, 65_536), (65_536, 65_800)])
def test_another_history_is_a_fork(old: int, new: int) -> None:
    for changed in (0, old - 1):
        other = [*ENTRY[:changed], b"other", *ENTRY[changed + 1 : new]]
        forked = Log(other)
        with pytest.raises(Forked):
            Growth(of_size(old).tree, forked.tree).prove(forked.fetch)


@pytest.mark.parametrize("place", [Tile(0, 0), Tile(0, 255), Tile(1, 0), Tile(0, 257, 8)])
def test_a_wrong_tile_is_no_fork(place: Tile) -> None:
    log = Log(ENTRY[:65_800])
    data = log.tiles[place]
    log.tiles[place] = bytes([data[0] ^ 1]) + data[1:]
    growth = Growth(of_size(600 if place == Tile(0, 0) else 65_535).tree, log.tree)
    with pytest.raises(LogError) as caught:
        read(growth, log)
    assert not isinstance(caught.value, Forked)


def read(growth: Growth, log: Log) -> list[bytes]:
    growth.prove(log.fetch)
    return entries(growth, log, 0)


def test_a_wrong_entry_is_named() -> None:
    log = Log(ENTRY[:600])
    log.entries = [*ENTRY[:300], b"other", *ENTRY[301:600]]
    growth = Growth(of_size(257).tree, log.tree)
    growth.prove(log.fetch)
    with pytest.raises(Unproven, match="entry 300 "):
        entries(growth, log, 257)

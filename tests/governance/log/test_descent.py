"""Trees read from the root down: every tile once, in order, checked; those of others, too."""

import pytest

from governance.log.checkpoints import parse_checkpoint
from governance.log.descent import Descent, order
from governance.log.errors import Malformed, Unproven
from governance.log.notes import parse_note
from governance.log.tiles import (
    ENTRIES,
    FULL,
    Tile,
    bundle,
    bundles_of,
    edge_of,
    grow,
    parse_bundle,
    tiles_of,
)
from governance.log.tree import leaf_hash, leaf_hashes, of_leaves, root_hash
from tests.governance.log.vectors import MIRROR, TESSERA

LARGEST = 65_537
LEAVES = [leaf_hash(b"%d" % number) for number in range(LARGEST)]
SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536, 65_537]


def descended(tiles: dict[Tile, bytes], size: int, old: int = 0) -> Descent:
    descent = Descent(size, {tile: tiles[tile] for tile in edge_of(size)}, old=old)
    for tile in order(size):
        if tile.level != ENTRIES:
            descent.take(tile, tiles[tile])
    return descent


@pytest.mark.parametrize("size", [*SIZES, 2**24 + 2**16 + 2**8 + 1])
def test_every_tile_is_read_once(size: int) -> None:
    read = [*edge_of(size), *order(size)]
    assert sorted(read) == sorted([*tiles_of(size), *bundles_of(size)])


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_is_read_with_its_root_and_those_it_had(size: int) -> None:
    tiles = grow(0, {}, LEAVES[:size])
    hash_of = of_leaves(LEAVES)
    for old in {at for at in (*SIZES, size // 3) if at <= size}:
        descent = descended(tiles, size, old)
        assert descent.root == root_hash(size, hash_of)
        assert descent.old_root == root_hash(old, hash_of)


@pytest.mark.parametrize("place", [Tile(0, 0), Tile(0, 1), Tile(0, 200), Tile(1, 0)])
def test_a_changed_tile_does_not_fit_the_one_above_it(place: Tile) -> None:
    tiles = grow(0, {}, LEAVES)
    tiles[place] = b"x" + tiles[place][1:]
    with pytest.raises(Unproven, match=r"tile/1/000|tile/2/000\.p/1"):
        descended(tiles, LARGEST)


def test_a_changed_edge_has_another_root() -> None:
    tiles = grow(0, {}, LEAVES[:300])
    [_, upper] = edge_of(300)
    assert upper.level == 1
    changed = tiles | {upper: bytes(32)}
    assert Descent(300, {tile: changed[tile] for tile in edge_of(300)}).root != root_hash(
        300, of_leaves(LEAVES)
    )


def test_memory_holds_a_few_tiles() -> None:
    tiles = grow(0, {}, LEAVES)
    descent = descended(tiles, LARGEST, old=1_000)
    assert len(descent._held) <= 8


def test_a_bundle_has_as_many_entries_as_it_should() -> None:
    entries = [b"%d" % number for number in range(3)]
    [tile] = bundles_of(3)
    descent = descended(grow(0, {}, LEAVES[:3]), 3)
    opened = descent.open(tile, bundle(entries))
    assert opened == (entries, LEAVES[:3])
    for wrong in (bundle(entries[:2]), bundle([*entries, b"4"]), b"", b"\0", b"\0\1"):
        with pytest.raises(Malformed):
            descent.open(tile, wrong)


@pytest.mark.parametrize("size", range(16))
def test_another_implementations_log_is_read_with_its_entries(size: int) -> None:
    note = parse_note((TESSERA / f"checkpoint.{size}").read_bytes())
    tiles = {tile: (TESSERA / tile.path).read_bytes() for tile in tiles_of(size)}
    descent = descended(tiles, size)
    assert descent.root == parse_checkpoint(note.text).root
    for tile in bundles_of(size):
        data = (TESSERA / tile.path).read_bytes()
        entries, known = descent.open(tile, data)
        assert entries == parse_bundle(data)
        assert leaf_hashes(entries) == known


def test_a_mirrors_tiles_are_read() -> None:
    note = parse_note((MIRROR / "checkpoint").read_bytes())
    tiles = {tile: (MIRROR / tile.path).read_bytes() for tile in tiles_of(300)}
    assert tiles[Tile(0, 0)][:32] != tiles[Tile(0, 1, 300 - FULL)][:32]
    assert descended(tiles, 300).root == parse_checkpoint(note.text).root

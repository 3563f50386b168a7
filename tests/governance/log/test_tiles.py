"""Tiles: where they are, what they hold, how they grow."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.log.errors import LogError, Malformed
from governance.log.tiles import (
    ENTRIES,
    FULL,
    LARGEST_ENTRY,
    Tile,
    bundle,
    bundles_of,
    edge_of,
    grow,
    in_tiles,
    parse_bundle,
    parse_path,
    split_hashes,
    tiles_of,
)
from governance.log.tree import (
    LARGEST_SIZE,
    Subtree,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    leaf_hash,
    of_leaves,
    proof,
    root_hash,
)
from tests.governance.log.vectors import MIRROR, TESSERA

LEAVES = [leaf_hash(str(number).encode()) for number in range(70_000)]


def grown(*sizes: int) -> dict[Tile, bytes]:
    """All tiles of a log that grew to each of some sizes; the edge alone was read."""
    tiles: dict[Tile, bytes] = {}
    size = 0
    for larger in sizes:
        edge = {tile: tiles[tile] for tile in edge_of(size)}
        tiles |= grow(size, edge, LEAVES[size:larger])
        size = larger
    return tiles


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(1, 999, 17), "tile/1/999.p/17"),
        (Tile(2, 1_000, 255), "tile/2/x001/000.p/255"),
        (Tile(ENTRIES, 1_234_067, 1), "tile/entries/x001/x234/067.p/1"),
    ],
)
def test_paths_are_those_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@given(level=st.integers(ENTRIES, 4), index=st.integers(0, 2**22), width=st.integers(1, FULL))
def test_every_path_is_read_back(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/-1/000",
        "tile/64/000",
        "tile/data/000",
        "tile/0/001/000",
        "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        "tile/7/001",
        "tile/0/" + "x999/" * 9 + "999",
        "/tile/0/000",
    ],
)
def test_no_other_path_is_read(path: str) -> None:
    with pytest.raises(Malformed):
        parse_path(path)


@given(st.one_of(st.text(), st.from_regex(r"tile/(entries|[0-9]+)/[x0-9/]+(\.p/[0-9]+)?")))
def test_a_path_is_refused_or_written_back(path: str) -> None:
    try:
        tile = parse_path(path)
    except LogError:
        return
    assert tile.path == path


def test_a_tree_of_70_000_has_the_tiles_of_the_specifications_example() -> None:
    assert Counter((tile.level, tile.width) for tile in tiles_of(70_000)) == {
        (0, 256): 273,
        (0, 112): 1,
        (1, 256): 1,
        (1, 17): 1,
        (2, 1): 1,
    }
    assert Counter(tile.width for tile in bundles_of(70_000)) == {256: 273, 112: 1}
    assert edge_of(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_a_tree_of_256_has_a_full_tile_and_one_above_it() -> None:
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert edge_of(256) == [Tile(1, 0, 1)]


def test_an_empty_tree_has_no_tile() -> None:
    assert [*tiles_of(0), *bundles_of(0), *edge_of(0)] == []


def test_the_largest_tree_has_an_edge() -> None:
    assert [tile.width for tile in edge_of(LARGEST_SIZE)] == [255] * 7 + [127]


def test_a_log_has_the_tiles_of_each_size_it_had_whatever_its_steps() -> None:
    chance = Random(70_000)
    steps = sorted({*chance.sample(range(70_000), 40), 255, 256, 257, 511, 512, 65_536, 70_000})
    tiles, at_once = grown(*steps), grown(70_000)
    assert sorted(at_once) == sorted(tiles_of(70_000))
    assert all(tiles[tile] == at_once[tile] for tile in at_once)
    for size in steps:
        assert set(tiles_of(size)) <= set(tiles)
        root = root_hash(size, in_tiles(size, tiles.__getitem__))
        if size < 2_000 or size == 70_000:
            assert root == root_hash(size, of_leaves(LEAVES[:size]))


def test_proofs_are_made_from_tiles() -> None:
    old, new = 65_791, 70_000
    tiles = grown(old, new)
    now, then = (in_tiles(size, tiles.__getitem__) for size in (new, old))
    root = root_hash(new, now)
    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        made = proof(inclusion_path(index, new), now)
        check_inclusion(LEAVES[index], index, size=new, hashes=made, root=root)
    made = proof(consistency_path(old, new), now)
    check_consistency(old, new, hashes=made, old_root=root_hash(old, then), new_root=root)


def test_appending_nothing_writes_nothing() -> None:
    assert grow(0, {}, []) == {}


def test_a_tile_with_more_or_less_than_its_hashes_is_refused() -> None:
    for data in (b"", LEAVES[0], LEAVES[0] * 3, LEAVES[0] + b"\0"):
        with pytest.raises(Malformed):
            root_hash(2, in_tiles(2, {Tile(0, 0, 2): data}.__getitem__))
        with pytest.raises(Malformed):
            grow(2, {Tile(0, 0, 2): data}, LEAVES[:1])


def test_a_subtree_beyond_the_tree_is_in_no_tile() -> None:
    for node in (Subtree(0, 3), Subtree(1, 1), Subtree(2, 0), Subtree(8, 0)):
        with pytest.raises(Malformed):
            in_tiles(3, grown(3).__getitem__)(node)


@pytest.mark.parametrize(
    ("level", "index", "width"), [(-2, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_no_tile_is_anywhere_else(level: int, index: int, width: int) -> None:
    with pytest.raises(Malformed):
        Tile(level, index, width)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=FULL))
def test_bundles_are_read_back(entries: list[bytes]) -> None:
    assert parse_bundle(bundle(entries)) == entries


@given(st.binary(max_size=600))
def test_bytes_are_refused_or_the_bundle_of_their_entries(data: bytes) -> None:
    try:
        entries = parse_bundle(data)
    except LogError:
        return
    assert bundle(entries) == data


def test_entries_have_a_longest_length_and_bundles_at_most_256() -> None:
    assert parse_bundle(bundle([bytes(LARGEST_ENTRY)])) == [bytes(LARGEST_ENTRY)]
    with pytest.raises(Malformed):
        bundle([bytes(LARGEST_ENTRY + 1)])
    with pytest.raises(Malformed):
        parse_bundle(bundle([b""] * (FULL + 1)))


def test_each_bundle_of_another_implementation_hashes_to_its_tile() -> None:
    for size in range(1, 16):
        [tile], [entries] = tiles_of(size), bundles_of(size)
        hashes = map(leaf_hash, parse_bundle((TESSERA / entries.path).read_bytes()))
        assert b"".join(hashes) == (TESSERA / tile.path).read_bytes()


def test_a_mirror_of_another_implementation_has_our_tiles() -> None:
    leaves = [
        one
        for tile in tiles_of(300)
        if tile.level == 0
        for one in split_hashes(tile, (MIRROR / tile.path).read_bytes())
    ]
    tiles = grow(0, {}, leaves)
    assert sorted(tiles) == sorted(tiles_of(300))
    assert all((MIRROR / tile.path).read_bytes() == data for tile, data in tiles.items())

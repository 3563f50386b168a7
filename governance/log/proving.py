"""Proofs out of the stored tiles: that an entry is in the log, that the log only grew."""

from collections.abc import Collection, Sequence
from functools import lru_cache

from sqlmodel import Session

from governance.entries import StoredCheckpoint
from governance.log.errors import Malformed
from governance.log.notes import parse_note
from governance.log.proofs import Proof
from governance.log.tiles import Tile, in_tiles, tile_with
from governance.log.tree import (
    HASH_BYTES,
    consistency_path,
    inclusion_path,
    proof,
    root_hash,
    subtrees,
)
from governance.rows import fetch, mark


def inclusion(session: Session, index: int, size: int) -> list[bytes]:
    """The proof that an entry is in the tree of a size (RFC 6962 2.1.1); Malformed outside it."""
    return _proof(session, inclusion_path(index, size), size)


def consistency(session: Session, old: int, new: int) -> list[bytes]:
    """The proof that one tree is the beginning of another (RFC 6962 2.1.2)."""
    return _proof(session, consistency_path(old, new), new)


def carried(session: Session, index: int, checkpoint: StoredCheckpoint) -> Proof:
    """A proof file of an entry, under a checkpoint (C2SP tlog-proof)."""
    hashes = inclusion(session, index, checkpoint.size)
    return Proof(index, tuple(hashes), parse_note(checkpoint.signed.encode()))


def stored_root(session: Session, size: int) -> bytes:
    """The root that the stored tiles have at a size that the log reached."""
    tiles = tiles_at(session, {tile_with(node, size) for node in subtrees(range(size))})
    return root_hash(size, in_tiles(size, tiles.__getitem__))


def edge(session: Session, size: int) -> list[bytes]:
    """The hashes of the complete subtrees that make up the tree of a size, left to right."""
    nodes = subtrees(range(size))
    path = [range(n.index << n.level, (n.index + 1) << n.level) for n in nodes]
    return _proof(session, path, size)


def _proof(session: Session, path: Sequence[range], size: int) -> list[bytes]:
    needed = {tile_with(node, size) for leaves in path for node in subtrees(leaves)}
    tiles = tiles_at(session, needed)
    return proof(path, in_tiles(size, tiles.__getitem__))


def tiles_at(session: Session, tiles: Collection[Tile]) -> dict[Tile, bytes]:
    """The hashes of tiles as they were at their widths, in one statement."""
    if not tiles:
        return {}
    statement = _at(len(tiles), mark(session))
    places = tuple(part for tile in tiles for part in (tile.level, tile.index))
    found = fetch(session, statement, places)
    stored = {(at, place): hashes for at, place, hashes in found}
    return {tile: _cut(stored.get((tile.level, tile.index), b""), tile) for tile in tiles}


@lru_cache(256)
def _at(count: int, value: str) -> str:
    """As text: a proof would spend most of its time on making an expression of it. With OR, since
    SQLite finds no pairs by an index."""
    places = " OR ".join([f'(level = {value} AND "index" = {value})'] * count)
    return f'SELECT level, "index", hashes FROM log_tiles WHERE {places}'


def _cut(hashes: bytes, tile: Tile) -> bytes:
    length = tile.width * HASH_BYTES
    if len(hashes) < length:
        raise Malformed("the log doesn't reach this tile")
    return hashes[:length]

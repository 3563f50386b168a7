"""Copies of peers' logs: entries that were proven, and the tiles that they lead to."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from governance.log.growth import Proven
from governance.log.notes import encode
from governance.log.tiles import Tile, edge_of, grow, in_tiles, tile_with
from governance.log.tree import HASH_BYTES, root_hash, subtrees
from governance.peers import Peer, PeerEntry, PeerTile

AT_ONCE = 2_000  # entries, when a copy is read


def extend(session: Session, peer: Peer, entries: Sequence[Proven]) -> None:
    """Adds the next entries' hashes to the copy's tiles, and brings the peer on to that tree."""
    edge = _tiles(session, peer.origin, edge_of(peer.size))
    grown = grow(peer.size, edge, [entry.leaf_hash for entry in entries])
    for tile, hashes in grown.items():
        session.merge(
            PeerTile(origin=peer.origin, level=tile.level, index=tile.index, hashes=hashes)
        )
    peer.size += len(entries)
    hash_of = in_tiles(peer.size, {**edge, **grown}.__getitem__)
    peer.root_hash = encode(root_hash(peer.size, hash_of))
    session.add(peer)


def root_at(session: Session, peer: Peer, size: int) -> bytes:
    """The root of the first `size` entries of the copy, which has as many."""
    needed = {tile_with(node, size) for node in subtrees(range(size))}
    tiles = _tiles(session, peer.origin, needed)
    return root_hash(size, in_tiles(size, tiles.__getitem__))


def copied(session: Session, origin: str) -> Iterator[PeerEntry]:
    """The entries of a copy, in order."""
    after = -1
    found = sa.select(PeerEntry).where(col(PeerEntry.origin) == origin).limit(AT_ONCE)
    place = col(PeerEntry.index)
    while rows := session.scalars(found.where(place > after).order_by(place)).all():
        yield from rows
        after = rows[-1].index
        session.expunge_all()


def _tiles(session: Session, origin: str, tiles: Collection[Tile]) -> Mapping[Tile, bytes]:
    """The hashes of tiles as they were at their widths."""
    if not tiles:
        return {}
    level, index = col(PeerTile.level), col(PeerTile.index)
    places = sa.or_(*(sa.and_(level == tile.level, index == tile.index) for tile in tiles))
    of_peer = sa.select(level, index, col(PeerTile.hashes)).filter_by(origin=origin)
    stored: dict[Any, bytes] = {
        (at, place): hashes for at, place, hashes in session.execute(of_peer.where(places))
    }
    return {
        tile: bytes(stored[tile.level, tile.index][: tile.width * HASH_BYTES]) for tile in tiles
    }

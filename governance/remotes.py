"""A followed node as it is reached, by whatever way."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from governance.log.tiles import Tile


class Named(NamedTuple):
    """Which log speaks for a domain, as the domain says: its origin and key, and a name."""

    origin: str
    key: str
    name: str | None


class Remote(Protocol):
    """A peer as it is reached. Each call raises Unread for what isn't there."""

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a file."""

    def fetch(self, tiles: Iterable[Tile]) -> Iterable[tuple[Tile, bytes]]:
        """The bytes of tiles, in order."""

    def named(self, domain: str) -> Named:
        """What a platform's domain says of the node that speaks for it; LogError if nothing."""

    def disclosures(self, cases: Sequence[str], token: str | None) -> Mapping[str, object]:
        """What the peer discloses of some cases, to the holder of a token."""

"""Commitments: a record in the log binds its private fields without telling them.

Each record has one random seed of 32 bytes, each field a key of its own derived from it. Opening a
field (name, value, key) tells nothing about another, and without the key no guess can be tried.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from governance.log.canonical import canonical
from governance.log.errors import Malformed, Unproven
from governance.log.macs import Mac, mac

DOMAIN = b"comity/v1/commit\0"
SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens one commitment: a field's name, its value (JSON) and its key (32 bytes)."""

    name: str
    value: object
    key: bytes = field(repr=False)

    @property
    def commitment(self) -> bytes:
        """HMAC-SHA256(key, "comity/v1/commit\\0" ‖ JCS([field, value])), 32 bytes."""
        return mac(self.key, _message(self.name, self.value))

    def check(self, commitment: bytes) -> None:
        """Unproven unless this is what the record committed to."""
        if not hmac.compare_digest(self.commitment, commitment):
            raise Unproven("the opening is not of this commitment")


def commitments(seed: bytes, disclosed: Mapping[str, object]) -> dict[str, bytes]:
    """Return the commitments to a record's fields, by their ASCII names; those that `opening`
    opens."""
    if len(seed) != SEED_BYTES:
        raise Malformed(f"a seed has {SEED_BYTES} bytes")
    key_of = Mac(seed).digest
    return {
        name: mac(key_of(name.encode()), _message(name, value)) for name, value in disclosed.items()
    }


def opening(seed: bytes, name: str, value: object) -> Opening:
    """Return the opening of a record's field; its `commitment` goes into the log.

    The key is HMAC-SHA256(seed, field name). Whoever holds the seed can open every field.
    """
    if len(seed) != SEED_BYTES:
        raise Malformed(f"a seed has {SEED_BYTES} bytes")
    if not name or not name.isascii():
        raise Malformed("a field's name is ASCII and not empty")
    return Opening(name, value, mac(seed, name.encode()))


def _message(name: str, value: object) -> bytes:
    """The canonical JSON of the list of a name and a value, put together."""
    return _before(name) + canonical(value) + b"]"


@lru_cache(64)
def _before(name: str) -> bytes:
    return DOMAIN + b"[" + canonical(name) + b","

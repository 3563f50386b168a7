"""HMAC-SHA256 (RFC 2104) of many short texts.

`hmac` looks for its algorithm at every call, which takes longer than hashing.
"""

from functools import lru_cache
from hashlib import sha256

_BLOCK = 64  # bytes of SHA-256's blocks
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256(key, message), by a key that is used once."""
    block = _block(key)
    inner = sha256(block.translate(_INNER) + message).digest()
    return sha256(block.translate(_OUTER) + inner).digest()


class Mac:
    """The same by a key that is used again: what it alone leads to is hashed here."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = _block(key)
        self._inner, self._outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))

    def digest(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


def _block(key: bytes) -> bytes:
    return (key if len(key) <= _BLOCK else sha256(key).digest()).ljust(_BLOCK, b"\0")


kept = lru_cache(64)(Mac)  # of the node's own keys

"""Secrets of others that this node has to show again: encrypted with a key outside the database.

AES-256-GCM (NIST SP 800-38D), bound to whom the secret belongs, so that a row can't be moved.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.settings import Keys

_NONCE_BYTES = 12


def seal(keys: Keys, owner: str, secret: str) -> bytes:
    """The secret as it may be stored."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(keys).encrypt(nonce, secret.encode(), owner.encode())


def unseal(keys: Keys, owner: str, sealed: bytes) -> str | None:
    """The secret again; None if it was sealed with another key, or for somebody else."""
    try:
        plain = _cipher(keys).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
    except (InvalidTag, ValueError):
        return None
    return plain.decode()


def _cipher(keys: Keys) -> AESGCM:
    return AESGCM(keys.derived("sealing"))

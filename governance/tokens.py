"""Keys that security event tokens are signed with: a file beside the node's key, and a JWK Set of
their public parts (RFC 7517).

The first key of each algorithm signs. After a rotation the one before is still published, so that
tokens under way can be checked; its private part is forgotten.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from governance.errors import BadSetting
from governance.log.keyfiles import write_secret

if TYPE_CHECKING:  # nodes without streams of tokens start without it
    from joserfc.jwk import OKPKey, RSAKey

RS256, ED25519 = "RS256", "Ed25519"  # RFC 7518 section 3.3, RFC 9864 section 2.2
ALGORITHMS = RS256, ED25519
TYPE = "secevent+jwt"  # RFC 8417 section 2.3


class TokenKeys:
    """The keys in a file, read anew once it was replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._keys: list[Any] = []

    def signed(self, claims: Mapping[str, Any], algorithm: str) -> str:
        """A token in compact form."""
        from joserfc import jwt

        key = next(key for key in self._read() if key.is_private and key.alg == algorithm)
        header = {"typ": TYPE, "alg": algorithm, "kid": key.kid}
        return jwt.encode(header, dict(claims), key, algorithms=[algorithm])

    def published(self) -> bytes:
        """The JWK Set that tokens are checked with."""
        keys = [key.as_dict(private=False) for key in self._read()]
        return orjson.dumps({"keys": keys})

    def rotate(self) -> None:
        """Signs with new keys from now on; running servers too, from their next token on."""
        before = [key for key in self._read() if key.is_private]
        kept = [key.as_dict(private=False) for key in before]
        made = [key.as_dict(private=True) for key in _new()]
        with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".rotating-") as folder:
            successor = Path(folder) / "keys"
            write_secret(successor, orjson.dumps({"keys": made + kept}).decode())
            os.replace(successor, self.path)
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _read(self) -> list[Any]:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        try:
            found = self.path.stat()
            seen = found.st_mtime_ns, found.st_ino
            if seen != self._seen:
                held = orjson.loads(self.path.read_bytes())
                self._keys = list(KeySet.import_key_set(held).keys)
                self._seen = seen
        except (OSError, ValueError, TypeError, KeyError, JoseError):
            raise BadSetting(
                f"COMITY_TOKEN_KEY_FILE: {self.path} is not a file of keys that sign tokens; "
                "put your copy back, or move it away: `comity migrate` makes one"
            ) from None
        return self._keys


def write_token_keys(path: Path) -> None:
    """Makes the file, of mode 0600."""
    keys = [key.as_dict(private=True) for key in _new()]
    write_secret(path, orjson.dumps({"keys": keys}).decode())


def _new() -> "list[RSAKey | OKPKey]":
    from joserfc.jwk import OKPKey, RSAKey

    return [
        RSAKey.generate_key(2048, {"use": "sig", "alg": RS256}, auto_kid=True),
        OKPKey.generate_key("Ed25519", {"use": "sig", "alg": ED25519}, auto_kid=True),
    ]

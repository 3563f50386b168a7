"""Who signs notes: Ed25519 keys (C2SP signed-note) and witnesses' cosignatures (tlog-cosignature).

A verifier is public and written `name+key id+key`; a signer adds the secret. A note is opened with
verifiers that one trusts: unknown signatures are ignored, a known one that fails spoils the note.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.log.errors import Malformed, Unproven
from governance.log.notes import KEY_ID_BYTES, Note, Signature, check_name, decode, encode, utf8

_PRIVATE = "PRIVATE+KEY"
KEY_BYTES = 32
SIGNATURE_BYTES = 64
TIMESTAMP_BYTES = 8
LATEST = 2**63 - 1


class Algorithm(IntEnum):
    """Signature types (signed-note, "Signature types") that we know."""

    ED25519 = 1
    COSIGNATURE_V1 = 4


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with the name it signs by; the key has 32 bytes (RFC 8032)."""

    name: str
    key: bytes
    algorithm: Algorithm = Algorithm.ED25519

    def __post_init__(self) -> None:
        """Refuse what can't sign a note."""
        check_name(self.name)
        if len(self.key) != KEY_BYTES:
            raise Malformed(f"an Ed25519 key has {KEY_BYTES} bytes")

    @property
    def key_id(self) -> bytes:
        """SHA-256(name ‖ newline ‖ type ‖ key)[:4], signed-note "Signatures"."""
        return sha256(utf8(self.name) + b"\n" + self._typed_key).digest()[:KEY_ID_BYTES]

    @property
    def _typed_key(self) -> bytes:
        return bytes([self.algorithm]) + self.key

    def __str__(self) -> str:
        """Write the verifier key (signed-note, "Verifier keys")."""
        return f"{self.name}+{self.key_id.hex()}+{encode(self._typed_key)}"

    def knows(self, signature: Signature) -> bool:
        """Tell whether a signature says to be by this key."""
        return (signature.name, signature.key_id) == (self.name, self.key_id)

    def check(self, text: str, signature: Signature) -> None:
        """Unproven unless this key made the signature over a note's text."""
        message, signed = utf8(text), signature.data
        if self.algorithm is Algorithm.COSIGNATURE_V1:
            message = _cosigned(text, cosigned_at(signature))
            signed = signed[TIMESTAMP_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signed, message)
        except (InvalidSignature, ValueError):
            raise Unproven("a signature doesn't hold") from None


def parse_verifier(text: str) -> Verifier:
    """Read a verifier key; its id must be the one that its parts give."""
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")
    typed = decode(encoded)
    if not typed or typed[0] not in list(Algorithm):
        raise Malformed("not a verifier key of a type that we know")
    verifier = Verifier(name, typed[1:], Algorithm(typed[0]))
    if str(verifier) != text:
        raise Malformed("not a verifier key with the id of its key")
    return verifier


@dataclass(frozen=True, slots=True)
class Signer:
    """A name with a secret Ed25519 key, the 32 bytes of RFC 8032 5.1.5."""

    name: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what can't sign a note."""
        check_name(self.name)
        if len(self.secret) != KEY_BYTES:
            raise Malformed(f"an Ed25519 secret has {KEY_BYTES} bytes")

    def __str__(self) -> str:
        """Write the secret key, in the form that the tools of other logs read and write."""
        verifier = self.verifier()
        secret = encode(bytes([Algorithm.ED25519]) + self.secret)
        return f"{_PRIVATE}+{self.name}+{verifier.key_id.hex()}+{secret}"

    def verifier(self, algorithm: Algorithm = Algorithm.ED25519) -> Verifier:
        """Return what others check this signer's signatures with."""
        return _verifier(self.name, self.secret, algorithm)

    def sign(self, text: str) -> Signature:
        """Sign a note's text (signed-note, "Ed25519 signatures")."""
        return Signature(self.name, self.verifier().key_id, self._key.sign(utf8(text)))

    def cosign(self, text: str, *, at: int) -> Signature:
        """Say that a checkpoint's text is of the newest tree seen at a POSIX time.

        tlog-cosignature, "Ed25519 signed message". A key that cosigns must do nothing else.
        """
        if not 0 <= at <= LATEST:
            raise Malformed("a cosignature's time is from 0 to 2^63 - 1")
        made = at.to_bytes(TIMESTAMP_BYTES, "big") + self._key.sign(_cosigned(text, at))
        return Signature(self.name, self.verifier(Algorithm.COSIGNATURE_V1).key_id, made)

    @property
    def _key(self) -> Ed25519PrivateKey:
        return _private(self.secret)


@lru_cache(64)
def _private(secret: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret)


@lru_cache(64)
def _verifier(name: str, secret: bytes, algorithm: Algorithm) -> Verifier:
    return Verifier(name, _private(secret).public_key().public_bytes_raw(), algorithm)


def parse_signer(text: str) -> Signer:
    """Read a secret key; Malformed unless its id is the one that its parts give."""
    form, _, rest = text.partition(f"{_PRIVATE}+")
    name, _, encoded = rest.partition("+")
    typed = decode(encoded.partition("+")[2])
    if form or not typed or typed[0] != Algorithm.ED25519:
        raise Malformed("not a secret key of a type that we know")
    signer = Signer(name, typed[1:])
    if str(signer) != text:
        raise Malformed("not a secret key with the id of its key")
    return signer


def cosigned_at(signature: Signature) -> int:
    """Return the POSIX time in a cosignature, which is true only once that was checked."""
    if len(signature.data) != TIMESTAMP_BYTES + SIGNATURE_BYTES:
        raise Malformed("not an Ed25519 cosignature")
    at = int.from_bytes(signature.data[:TIMESTAMP_BYTES], "big")
    if at > LATEST:
        raise Malformed("a cosignature's time is from 0 to 2^63 - 1")
    return at


def signed_by(note: Note, verifiers: Iterable[Verifier]) -> dict[Verifier, Signature]:
    """Return which of some keys signed a note, at least one; Unproven if a known one fails."""
    found: dict[Verifier, Signature] = {}
    for verifier in verifiers:
        for signature in filter(verifier.knows, note.signatures):
            verifier.check(note.text, signature)
            found[verifier] = signature
    if not found:
        raise Unproven("no known key signed the note")
    return found


def _cosigned(text: str, at: int) -> bytes:
    return utf8(f"cosignature/v1\ntime {at}\n{text}")

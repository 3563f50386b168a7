"""Who stands behind an entry: platforms sign decisions, a log's key hands over to the next.

A platform's signature is Ed25519 over "comity/v1/decision\\0" ‖ JCS(decision), so that it means
nothing elsewhere. In an entry it is `{"key", "value"}`, both base64.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.log.canonical import canonical
from governance.log.errors import Malformed, Unproven
from governance.log.notes import decode, encode, utf8
from governance.log.signers import KEY_BYTES, Algorithm, Signer, Verifier

DECISION = b"comity/v1/decision\0"
PLATFORM_KEY = b"comity/v1/key\0"
LOG_KEY = b"comity/v1/log-key\0"

# RFC 8032 5.1: the y of the points of order 1, 2, 4 and 8. Anyone can sign with such a key.
_FIELD = 2**255 - 19
_EIGHTH = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_EVERYBODYS = frozenset({0, 1, _FIELD - 1, _EIGHTH, _FIELD - _EIGHTH})


def sign_decision(secret: bytes, decision: bytes) -> dict[str, str]:
    """Sign a decision (canonical JSON) with a platform's secret of 32 bytes (RFC 8032 5.1.5)."""
    if len(secret) != KEY_BYTES:
        raise Malformed(f"an Ed25519 secret has {KEY_BYTES} bytes")
    key = Ed25519PrivateKey.from_private_bytes(secret)
    value = key.sign(DECISION + decision)
    return {"key": encode(key.public_key().public_bytes_raw()), "value": encode(value)}


def check_decision(signature: object, decision: bytes) -> bytes:
    """Return the public key that signed a decision; Malformed or Unproven."""
    match signature:
        case {"key": str(key), "value": str(value), **rest} if not rest:
            public = parse_key(key)
            _check(public, decode(value), DECISION + decision)
            return public
    raise Malformed('a signature is {"key", "value"}, both base64')


def parse_key(text: object) -> bytes:
    """Read a platform's public key: base64 of 32 bytes, and not one that anyone can sign with."""
    key = decode(text) if isinstance(text, str) else b""
    if len(key) != KEY_BYTES:
        raise Malformed(f"a platform's key is base64 of {KEY_BYTES} bytes")
    if int.from_bytes(key, "little") % 2**255 % _FIELD in _EVERYBODYS:
        raise Malformed("anyone can sign with a key of so small an order")
    return key


def check_key(key: str, proof: str, *, platform: str, replaces: str | None) -> None:
    """Unproven unless whoever holds a platform's key signed that it is the platform's: over
    "comity/v1/key\\0" ‖ JCS({"key", "platform", "replaces"})."""
    told = canonical({"key": key, "platform": platform, "replaces": replaces})
    _check(parse_key(key), decode(proof), PLATFORM_KEY + told)


def hand_over(signer: Signer, successor: Verifier) -> str:
    """Sign a log's next key with its present one: base64, over "comity/v1/log-key\\0" ‖ key."""
    key = Ed25519PrivateKey.from_private_bytes(signer.secret)
    return encode(key.sign(LOG_KEY + utf8(str(successor))))


def check_handover(old: Verifier, successor: Verifier, handover: str) -> None:
    """Unproven unless a log's key signed that the successor takes its place."""
    if successor.algorithm is not Algorithm.ED25519:
        raise Malformed("a log's key is an Ed25519 key")
    if old.algorithm is not Algorithm.ED25519:
        raise Unproven("a key that only cosigns hands nothing over")
    _check(old.key, decode(handover), LOG_KEY + utf8(str(successor)))


def _check(key: bytes, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Unproven("a signature doesn't hold") from None

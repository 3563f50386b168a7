"""A platform's time-outs as labels of its own labeler on the AT Protocol: `exp` is the end, and
what was corrected before it is negated (`com.atproto.label.defs#label`, version 1).

The labeler's key is the platform's own, on the curve that the protocol names (secp256k1), and
signs nothing else. This node serves no labels.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from sqlmodel import Session

from governance.errors import InvalidInput
from governance.exporting.own import Own, own
from governance.fields import print_instant
from governance.identifiers import SubjectKind
from governance.log.keyfiles import write_secret
from governance.words import Measure

MEASURES = frozenset({Measure.ACCOUNT_SUSPENDED, Measure.ACCOUNT_TERMINATED})
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # SEC 2, 2.4.1
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SECP256K1_PUB = b"\xe7\x01"  # multicodec
Label = dict[str, Any]


def atproto_labels(
    session: Session,
    domain: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    src: str,
    value: str,
    now: datetime,
) -> Iterator[Mapping[str, Any]]:
    """Signed labels of accounts known by a DID, oldest first: one for each that is suspended, until
    the latest end; a negation for each that isn't any longer, before its time."""
    found: dict[str, list[Own]] = {}
    for one in own(session, domain, SubjectKind.ACCOUNT, MEASURES, now):
        if one.uri.startswith("did:"):
            found.setdefault(one.uri, []).append(one)
    for uri, about in found.items():
        label = _label(src, uri, value, about, now)
        if label is not None:
            yield signed(label, key)


def _label(src: str, uri: str, value: str, about: list[Own], now: datetime) -> Label | None:
    label: Label = {"ver": 1, "src": src, "uri": uri, "val": value}
    running = [one.sanction for one in about if one.is_in_force(now)]
    over = [end for one in about if (end := one.sanction.ends_at) is not None and end <= now]
    if not running:
        is_corrected = any(one.is_corrected for one in about)
        return {**label, "neg": True, "cts": print_instant(max(over))} if is_corrected else None
    # A label takes the place of an earlier one of the same value, by `cts`.
    begun = [sanction.starts_at or sanction.effective_at for sanction in running]
    label["cts"] = print_instant(max(begun + over))
    ends = [end for sanction in running if (end := sanction.ends_at) is not None]
    return label if len(ends) < len(running) else {**label, "exp": print_instant(max(ends))}


def signed(label: Label, key: ec.EllipticCurvePrivateKey) -> Label:
    """The label with the signature of its DAG-CBOR, low-S, as 64 bytes (label specification,
    "Signatures"; cryptography specification, "ECDSA Signature Malleability")."""
    digest = sha256(dag_cbor(label)).digest()
    r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(SHA256()))))
    s = min(s, ORDER - s)
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return {**label, "sig": {"$bytes": b64encode(signature).decode().rstrip("=")}}


def dag_cbor(value: bool | int | str | Mapping[str, Any]) -> bytes:
    """DAG-CBOR of what labels are made of: maps, texts, small numbers (RFC 8949; keys by length,
    then by bytes)."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value)
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    pairs = sorted((len(name), name.encode(), dag_cbor(it)) for name, it in value.items())
    return _head(5, len(pairs)) + b"".join(_head(3, n) + name + it for n, name, it in pairs)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    return bytes([major << 5 | 24 + size.bit_length() - 1]) + number.to_bytes(size, "big")


def new_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """A labeler's key, in a file of mode 0600."""
    key = ec.generate_private_key(ec.SECP256K1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_secret(file, pem.decode().strip())
    return key


def read_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """The key in a file; InvalidInput if it isn't one of the curve."""
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256k1":
        raise InvalidInput(f"{file}: expected a PEM file of a secp256k1 key", path=["key"])
    return key


def multikey(key: ec.EllipticCurvePrivateKey) -> str:
    """The public key for the DID document's `#atproto_label` (Multikey: base58btc)."""
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    number, text = int.from_bytes(_SECP256K1_PUB + point, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return f"z{text}"

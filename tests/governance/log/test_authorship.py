"""Signed decisions and keys handed over: what was signed holds, and nothing else."""

import contextlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.log.authorship import (
    check_decision,
    check_handover,
    check_key,
    hand_over,
    parse_key,
    sign_decision,
)
from governance.log.canonical import canonical
from governance.log.errors import LogError, Malformed, Unproven
from governance.log.notes import decode, encode
from governance.log.signers import Algorithm, Signer

SECRET = bytes(range(32))
P, Y8 = 2**255 - 19, 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
DECISION = canonical({"type": "sanction.issued", "version": 1})
OLD, NEW = Signer("log.example", b"o" * 32), Signer("log.example", b"n" * 32)


def test_a_decision_is_signed_as_written_down() -> None:
    signed = sign_decision(SECRET, DECISION)
    key = Ed25519PublicKey.from_public_bytes(decode(signed["key"]))
    key.verify(decode(signed["value"]), b"comity/v1/decision\0" + DECISION)
    assert check_decision(signed, DECISION) == key.public_bytes_raw()


def test_a_signature_is_of_one_decision_by_one_key() -> None:
    signed, other = sign_decision(SECRET, DECISION), sign_decision(bytes(32), DECISION)
    for signature, decision in (
        (signed, DECISION + b" "),
        (signed | {"key": other["key"]}, DECISION),
        (signed | {"value": other["value"]}, DECISION),
        (signed | {"value": encode(b"short")}, DECISION),
    ):
        with pytest.raises(Unproven):
            check_decision(signature, decision)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "signature",
        [],
        {},
        {"key": "AAAA", "value": "AAAA"},
        {"key": encode(bytes(32)), "value": "!"},
        {"key": encode(bytes(32)), "value": None},
        {"key": 1, "value": ""},
        sign_decision(SECRET, DECISION) | {"more": 1},
    ],
    ids=range(9),
)
def test_what_is_no_signature_is_refused(signature: object) -> None:
    with pytest.raises(Malformed):
        check_decision(signature, DECISION)


@pytest.mark.parametrize("y", [0, 1, P - 1, P, P + 1, Y8, P - Y8])
@pytest.mark.parametrize("sign", [0, 1 << 255])
def test_a_key_that_anyone_can_sign_with_is_none(y: int, sign: int) -> None:
    key = (y | sign).to_bytes(32, "little")
    with pytest.raises(Malformed):
        parse_key(encode(key))
    anyones = bytes([1]) + bytes(63)
    accepted = 0
    for message in range(100):
        with contextlib.suppress(InvalidSignature):
            Ed25519PublicKey.from_public_bytes(key).verify(anyones, bytes([message]))
            accepted += 1
    assert accepted


@pytest.mark.parametrize("key", [None, 7, "", "AAAA", encode(bytes(33)), "\ud800"])
def test_what_is_no_key_is_refused(key: object) -> None:
    with pytest.raises(Malformed):
        parse_key(key)


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(Malformed):
        sign_decision(b"short", DECISION)


def test_a_platforms_key_is_proved_as_written_down() -> None:
    private = Ed25519PrivateKey.from_private_bytes(SECRET)
    key = encode(private.public_key().public_bytes_raw())
    told = {"key": key, "platform": "a.example", "replaces": None}
    proof = encode(private.sign(b"comity/v1/key\0" + canonical(told)))
    check_key(key, proof, platform="a.example", replaces=None)
    for platform, replaces in (("b.example", None), ("a.example", key)):
        with pytest.raises(Unproven):
            check_key(key, proof, platform=platform, replaces=replaces)


def test_a_logs_key_hands_over_as_written_down() -> None:
    handover = hand_over(OLD, NEW.verifier())
    key = Ed25519PublicKey.from_public_bytes(OLD.verifier().key)
    key.verify(decode(handover), b"comity/v1/log-key\0" + str(NEW.verifier()).encode())
    check_handover(OLD.verifier(), NEW.verifier(), handover)


def test_a_handover_is_by_one_key_to_one_key() -> None:
    handover = hand_over(OLD, NEW.verifier())
    for old, new in ((NEW, NEW), (OLD, OLD), (OLD, Signer("other.example", NEW.secret))):
        with pytest.raises(Unproven):
            check_handover(old.verifier(), new.verifier(), handover)


def test_a_log_is_not_handed_to_or_by_a_key_that_only_cosigns() -> None:
    handover, witness = hand_over(OLD, NEW.verifier()), Algorithm.COSIGNATURE_V1
    with pytest.raises(LogError):
        check_handover(OLD.verifier(witness), NEW.verifier(), handover)
    with pytest.raises(LogError):
        check_handover(OLD.verifier(), NEW.verifier(witness), handover)

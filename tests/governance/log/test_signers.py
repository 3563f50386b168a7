"""Keys, signatures and cosignatures, against those of other implementations."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from governance.log.errors import LogError, Malformed, Unproven
from governance.log.notes import Note, Signature, encode, parse_note
from governance.log.signers import (
    LATEST,
    Algorithm,
    Signer,
    Verifier,
    cosigned_at,
    parse_verifier,
    signed_by,
)
from tests.governance.log.test_notes import EXAMPLE, NAMES, NOTES, SIGNATURES, TEXTS
from tests.governance.log.vectors import MIRROR, MIRROR_KEY, TESSERA_KEY, VECTORS

EXAMPLE_KEY = (VECTORS / "c2sp-signed-note" / "example.vkey").read_text()
LOG, OTHER, WITNESS = (Signer(name, name[:1].encode() * 32) for name in ("log", "other", "witness"))
TEXT = "log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
NOON = 1_800_000_000
WATCHER = WITNESS.verifier(Algorithm.COSIGNATURE_V1)


def broken(signature: Signature) -> Signature:
    data = bytearray(signature.data)
    data[-1] ^= 1
    return Signature(signature.name, signature.key_id, bytes(data))


def test_the_specifications_example_holds() -> None:
    verifier = parse_verifier(EXAMPLE_KEY)
    assert list(signed_by(parse_note(EXAMPLE), [verifier])) == [verifier]


def test_the_specifications_example_with_another_text_does_not_hold() -> None:
    changed = parse_note(EXAMPLE.replace(b"an example", b"no example"))
    with pytest.raises(Unproven):
        signed_by(changed, [parse_verifier(EXAMPLE_KEY)])


def test_another_implementations_cosignature_holds_and_says_when() -> None:
    verifier = parse_verifier(MIRROR_KEY)
    assert verifier.algorithm is Algorithm.COSIGNATURE_V1
    found = signed_by(parse_note((MIRROR / "checkpoint").read_bytes()), [verifier])
    assert cosigned_at(found[verifier]) == 0x69546780


@pytest.mark.parametrize("text", [EXAMPLE_KEY, MIRROR_KEY, TESSERA_KEY])
def test_other_implementations_keys_are_read_and_written(text: str) -> None:
    assert str(parse_verifier(text)) == text


@given(name=NAMES, key=st.binary(min_size=32, max_size=32), algorithm=st.sampled_from(Algorithm))
def test_keys_are_read_back(name: str, key: bytes, algorithm: Algorithm) -> None:
    verifier = Verifier(name, key, algorithm)
    assert parse_verifier(str(verifier)) == verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+530d903a",
        "name+530d903a+",
        EXAMPLE_KEY + "\n",
        EXAMPLE_KEY.replace("foo", "bar"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.removesuffix("3U2k"),
        "name+530d903a+" + encode(bytes([6]) + bytes(32)),
        "\ud800+530d903a+" + encode(bytes([1]) + bytes(32)),
    ],
    ids=range(11),
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_verifier(text)


@given(st.text() | st.text("+aAQ=/0\n"))
def test_a_text_is_refused_or_written_back(text: str) -> None:
    try:
        verifier = parse_verifier(text)
    except LogError:
        return
    assert str(verifier) == text


@given(TEXTS)
def test_a_signature_is_ed25519_over_the_text(text: str) -> None:
    made = LOG.sign(text)
    key = Ed25519PublicKey.from_public_bytes(LOG.verifier().key)
    key.verify(made.data, text.encode())
    assert LOG.verifier().knows(made)


def test_a_cosignature_is_over_the_lines_of_the_specification() -> None:
    made = WITNESS.cosign(TEXT, at=NOON)
    assert made.data[:8] == NOON.to_bytes(8, "big")
    message = f"cosignature/v1\ntime {NOON}\n{TEXT}".encode()
    Ed25519PublicKey.from_public_bytes(WATCHER.key).verify(made.data[8:], message)
    assert made.key_id == WATCHER.key_id != WITNESS.verifier().key_id


def test_those_who_signed_are_told_and_unknown_ones_ignored() -> None:
    stranger = Signature("log", b"\0\0\0\0", b"anything")
    note = Note(TEXT, (stranger, LOG.sign(TEXT), OTHER.sign(TEXT), WITNESS.cosign(TEXT, at=NOON)))
    absent = Signer("absent", bytes(32)).verifier()
    found = signed_by(note, [absent, LOG.verifier(), WATCHER])
    assert set(found) == {LOG.verifier(), WATCHER}


def test_a_note_that_no_trusted_key_signed_is_refused() -> None:
    note = Note(TEXT, (LOG.sign(TEXT),))
    impostor = Signer("log", b"x" * 32)
    for trusted in ([], [OTHER.verifier()], [impostor.verifier()], [WATCHER]):
        with pytest.raises(Unproven):
            signed_by(note, trusted)


def test_a_known_key_that_fails_spoils_the_note_even_beside_one_that_holds() -> None:
    right, wrong = LOG.sign(TEXT), broken(LOG.sign(TEXT))
    for signatures in ((wrong,), (right, wrong), (wrong, right), (OTHER.sign(TEXT), wrong)):
        with pytest.raises(Unproven):
            signed_by(Note(TEXT, signatures), [LOG.verifier(), OTHER.verifier()])


def test_a_cosignature_holds_at_its_own_time_alone() -> None:
    made = WITNESS.cosign(TEXT, at=NOON)
    later = (NOON + 1).to_bytes(8, "big") + made.data[8:]
    for data in (later, made.data[8:], made.data + b"\0"):
        with pytest.raises(LogError):
            WATCHER.check(TEXT, Signature(made.name, made.key_id, data))


@pytest.mark.parametrize("at", [-1, LATEST + 1, 2**64])
def test_a_time_that_no_cosignature_has_is_refused(at: int) -> None:
    with pytest.raises(Malformed):
        WITNESS.cosign(TEXT, at=at)


def test_a_cosignature_from_beyond_the_latest_time_is_refused() -> None:
    with pytest.raises(Malformed):
        cosigned_at(Signature("w", b"1234", (LATEST + 1).to_bytes(8, "big") + bytes(64)))
    assert cosigned_at(WITNESS.cosign(TEXT, at=LATEST)) == LATEST


@given(NOTES, SIGNATURES, st.binary(min_size=32, max_size=32), st.sampled_from(Algorithm))
def test_a_hostile_signature_raises_our_error_alone(
    note: Note, signature: Signature, key: bytes, algorithm: Algorithm
) -> None:
    verifier = Verifier(signature.name, key, algorithm)
    forged = Signature(signature.name, verifier.key_id, signature.data)
    with pytest.raises(LogError):
        signed_by(Note(note.text, (forged,)), [verifier])


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), bytes(64)])
def test_a_key_of_another_length_is_refused(secret: bytes) -> None:
    with pytest.raises(Malformed):
        Signer("log", secret)
    with pytest.raises(Malformed):
        Verifier("log", secret)


def test_a_signer_does_not_show_its_secret() -> None:
    assert repr(Signer("log", b"s" * 32)) == "Signer(name='log')"

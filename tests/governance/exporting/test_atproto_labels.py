"""Labels of a platform's own labeler: their ends, their negations, and their signatures."""

from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInput
from governance.exporting.atproto_labels import (
    ORDER,
    atproto_labels,
    dag_cbor,
    multikey,
    new_key,
    read_key,
    signed,
)
from tests.builders import DAY, NOW, Team, World, examples

SRC = "did:plc:labelerlabelerlabelerlab"
DID = "did:plc:abcdefghijklmnopqrstuvwx"
KEY = ec.generate_private_key(ec.SECP256K1())


def labels(world: World, team: Team, days: float = 0) -> list[dict[str, Any]]:
    with world.database.reading() as session:
        domain, now = team.platform.domain, NOW + days * DAY
        found = atproto_labels(session, domain, KEY, src=SRC, value="suspended", now=now)
        return [dict(one) for one in found]


def is_signed(label: dict[str, Any]) -> bool:
    """As the label specification says that clients check it: the signature taken out."""
    rest = {name: value for name, value in label.items() if name != "sig"}
    raw = b64decode(label["sig"]["$bytes"] + "==")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    digest = sha256(dag_cbor(rest)).digest()
    KEY.public_key().verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA256())))
    return len(raw) == 64 and s <= ORDER // 2


def unsigned(label: dict[str, Any]) -> dict[str, Any]:
    assert is_signed(label)
    return {name: value for name, value in label.items() if name != "sig"}


def test_an_account_in_time_out_has_a_label_with_its_end(world: World, team: Team) -> None:
    world.issue(team.issuer, subject=DID)
    world.issue(team.issuer)  # known by an acct: alone
    [label] = labels(world, team)
    assert unsigned(label) == {
        "ver": 1,
        "src": SRC,
        "uri": DID,
        "val": "suspended",
        "cts": "2026-03-01T12:00:00.000000Z",
        "exp": "2026-03-08T12:00:00.000000Z",
    }
    assert labels(world, team, 7) == []  # it ran out by itself


def test_a_correction_negates_it(world: World, team: Team) -> None:
    sanction = world.issue(team.issuer, subject=DID)
    world.overturn(team.issuer, sanction, NOW + DAY)
    [label] = labels(world, team, 2)
    cts = "2026-03-02T12:00:00.000000Z"
    expected = {"ver": 1, "src": SRC, "uri": DID, "val": "suspended", "neg": True, "cts": cts}
    assert unsigned(label) == expected


def test_while_another_holds_the_label_stays_until_the_latest_end(world: World, team: Team) -> None:
    world.issue(team.issuer, subject=DID)
    longer = world.issue(team.issuer, subject=DID, expires_at=NOW + 30 * DAY)
    assert labels(world, team)[0]["exp"] == "2026-03-31T12:00:00.000000Z"
    world.lift(team.issuer, longer, NOW + DAY)
    [label] = labels(world, team, 1)
    assert "neg" not in label
    assert label["exp"] == "2026-03-08T12:00:00.000000Z"
    assert label["cts"] == "2026-03-02T12:00:00.000000Z"  # newer than the one it replaces


def test_a_termination_has_a_label_without_an_end(world: World, team: Team) -> None:
    sanction = world.terminate(team.issuer, subject=DID)
    assert labels(world, team) == []
    world.approve(team.issuer_2, sanction)
    assert "exp" not in labels(world, team)[0]


@pytest.mark.parametrize(
    ("value", "hexed"),
    [  # RFC 8949, appendix A
        ({}, "a0"),
        ({"a": 1, "b": 2}, "a2616101616202"),
        ({"a": "A", "b": "B"}, "a26161614161626142"),
        (True, "f5"),
        (False, "f4"),
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (100, "1864"),
        (1000, "1903e8"),
        (1_000_000, "1a000f4240"),
        (1_000_000_000_000, "1b000000e8d4a51000"),
        ("", "60"),
        ("IETF", "6449455446"),
        ("ü", "62c3bc"),
        ({"bb": 1, "c": 2}, "a2616302626262" + "01"),  # shorter keys come first
        ("x" * 24, "7818" + "78" * 24),
    ],
)
def test_dag_cbor(value: Any, hexed: str) -> None:
    assert dag_cbor(value).hex() == hexed


@examples(20)
@given(st.text(max_size=50), st.booleans())
def test_every_signature_is_low_and_holds(text: str, neg: bool) -> None:
    assert is_signed(signed({"ver": 1, "src": SRC, "uri": DID, "val": text, "neg": neg}, KEY))


def test_a_key_is_kept_in_a_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "labeler.pem"
    made = new_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert multikey(read_key(file)) == multikey(made)
    assert multikey(made).startswith("zQ3s")  # as every compressed secp256k1 key
    for wrong in (b"", b"-----BEGIN PRIVATE KEY-----\n", bytes(range(256))):
        file.write_bytes(wrong)
        with pytest.raises(InvalidInput, match="secp256k1"):
            read_key(file)


def test_a_known_key_is_written_as_the_specification_has_it() -> None:
    # The did:key test vectors of the W3C's community group, secp256k1.
    secret = int("9085d2bef69286a6cbb51623c8fa258629945cd55ca705cc4e66700396894e0c", 16)
    key = ec.derive_private_key(secret, ec.SECP256K1())
    assert multikey(key) == "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"

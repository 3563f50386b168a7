"""Commitments: opened by what was committed to, and by nothing else."""

import hmac
import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.log.commitments import Opening, commitments, opening
from governance.log.errors import Malformed, Unproven

SEED = bytes(range(32))


def test_a_commitment_is_made_as_written_down() -> None:
    key = hmac.new(SEED, b"reason", sha256).digest()
    message = b'comity/v1/commit\0["reason","spam"]'
    assert opening(SEED, "reason", "spam").key == key
    assert opening(SEED, "reason", "spam").commitment == hmac.new(key, message, sha256).digest()


def test_a_commitment_stays_what_it_was_when_first_released() -> None:
    made = opening(SEED, "facts", {"z": [None, True, 1], "a": "ü"}).commitment
    assert made.hex() == "d50055e8a5daf8cad3b49b3acf101f8959483551db3caa8ece7575db15732bda"


@given(st.binary(min_size=32, max_size=32), st.text(), st.text())
def test_an_opening_opens_its_own_value_alone(seed: bytes, value: str, other: str) -> None:
    made = opening(seed, "reason", value)
    made.check(made.commitment)
    if value != other:
        with pytest.raises(Unproven):
            Opening("reason", other, made.key).check(made.commitment)


def test_neither_another_field_nor_another_record_opens_it() -> None:
    made = opening(SEED, "reason", "spam")
    for other in (
        opening(SEED, "facts", "spam"),
        opening(bytes(32), "reason", "spam"),
        Opening("facts", "spam", made.key),
    ):
        with pytest.raises(Unproven):
            other.check(made.commitment)


@pytest.mark.parametrize("commitment", [b"", b"short", bytes(32), bytes(33)])
def test_a_commitment_of_any_length_is_only_not_opened(commitment: bytes) -> None:
    with pytest.raises(Unproven):
        opening(SEED, "reason", "spam").check(commitment)


def test_an_opening_does_not_show_its_key() -> None:
    made = opening(SEED, "reason", json.dumps("spam"))
    assert "key" not in repr(made)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_of_another_length_is_refused(seed: bytes) -> None:
    with pytest.raises(Malformed):
        opening(seed, "reason", "spam")


@pytest.mark.parametrize("name", ["", "Grund für"])
def test_a_field_without_an_ascii_name_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        opening(SEED, name, "spam")


def test_a_value_that_no_record_holds_is_refused() -> None:
    with pytest.raises(Malformed):
        _ = opening(SEED, "reason", 0.5).commitment


def test_many_commitments_are_those_that_their_openings_open() -> None:
    disclosed: dict[str, object] = {"reason": "spam ü", "policyReference": {"z": None, "a": "1"}}
    made = commitments(SEED, disclosed)
    assert list(made) == list(disclosed)
    for name, value in disclosed.items():
        opening(SEED, name, value).check(made[name])
    with pytest.raises(Malformed):
        commitments(SEED, {"reason": 0.5})

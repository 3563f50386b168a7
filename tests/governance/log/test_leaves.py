"""Leaves: how a case is named."""

from base64 import b32encode
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from governance.log.leaves import case_id


@given(st.binary(max_size=80))
def test_a_case_is_named_by_its_decisions_hash_in_base32(decision: bytes) -> None:
    expected = b32encode(sha256(decision).digest()).decode().lower()[:26]
    assert case_id(decision) == f"san_{expected}"

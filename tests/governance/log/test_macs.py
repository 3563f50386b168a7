"""Keyed hashes are those of the standard library."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from governance.log.macs import Mac, kept, mac


@given(st.binary(max_size=100), st.lists(st.binary(max_size=200), max_size=3))
def test_a_keyed_hash_is_an_hmac(key: bytes, messages: list[bytes]) -> None:
    several = Mac(key)
    for message in messages:
        expected = hmac.digest(key, message, "sha256")
        assert mac(key, message) == several.digest(message) == expected
        assert kept(key).digest(message) == expected

"""What schemathesis needs to know of this API: its scalars, and what a server error is."""

import schemathesis
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from governance.errors import RefusalCode

OTHERS = {"SYNTAX_ERROR", "BAD_DOCUMENT", "BAD_REQUEST", "LIMIT_EXCEEDED", "BUSY"}
OTHERS |= {"RATE_LIMITED", "QUOTA_EXCEEDED", "TIMEOUT", "UNAVAILABLE"}
SUBJECTS = (
    "acct:rusty_kettle@tidepool.example",
    "https://bulk-invites.example",
    "https://tidepool.example/users/rusty_kettle",
    "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
)
INSTANTS = (
    "2000-02-29T23:59:60Z",
    "2026-01-01T00:00:00+14:00",
    "2100-01-01T00:00:00.123456Z",
    "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+23:59",
)


def any_of(*words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words) | st.text(max_size=30)


def no_server_error(_context: object, response: schemathesis.Response, _case: object) -> None:
    """Whatever was sent, what comes back is data, or errors with a code that is the sender's."""
    assert response.status_code < 500
    for error in response.json().get("errors", []):
        assert error["extensions"]["code"] in OTHERS.union(RefusalCode), error


schemathesis.check(no_server_error)
schemathesis.graphql.scalar("Cursor", any_of("1", "0").map(nodes.String))
schemathesis.graphql.scalar("DateTime", any_of(*INSTANTS).map(nodes.String))
schemathesis.graphql.scalar("Long", st.integers(-(2**64), 2**64).map(nodes.Int))
schemathesis.graphql.scalar("URI", any_of(*SUBJECTS).map(nodes.String))

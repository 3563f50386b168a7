"""The public audits of GraphQL over HTTP, all of them: MUST, SHOULD and MAY."""

import orjson

from tests.api.serving import Demo
from tests.conformance.conftest import HERE, node


def test_every_audit_of_graphql_over_http_passes(served: Demo) -> None:
    printed = node(HERE / "audits.mjs", f"{served.address}/graphql")
    audits = [orjson.loads(line) for line in printed.splitlines()]
    assert len(audits) == 61
    assert [audit for audit in audits if audit["status"] != "ok"] == []

"""Clients that others wrote, against a served node."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import Demo
from tests.conformance.conftest import python_tool
from tests.tools import library

LONG_RUN, SHORT_RUN = 2_000, 25  # examples of each operation
NO_DATABASE = ["--generation-database", "none"]
STATUS = """query Status($subject: URI!) {
  suspensionStatus(subject: $subject) { isSuspended sanctions { id } }
}"""
ISSUE = """mutation Issue($input: IssueSanctionInput!) {
  issueSanction(input: $input) {
    __typename
    ... on SanctionIssued { sanction { id effect } }
    ... on Refusal { code message path }
  }
}"""
WARNING = {
    "issuerReference": "WARNED-BY-GQL",
    "subject": "acct:gql@driftwood.example",
    "measure": "WARNING",
    "ground": "INCOMPATIBLE_CONTENT",
    "groundReference": "Rules, 1",
    "category": "CYBER_VIOLENCE",
    "reason": "You insulted other people.",
    "source": "OWN_INITIATIVE",
    "automation": "NOT_AUTOMATED",
    "isAutomatedDetection": False,
}


@pytest.mark.parametrize("transport", ["HTTPXTransport", "HTTPXAsyncTransport"])
def test_gql_introspects_asks_and_changes(served: Demo, transport: str) -> None:
    gql = library("gql")
    headers = {"Authorization": f"Bearer {served.token}"}
    made = getattr(library("gql.transport.httpx"), transport)
    client = gql.Client(
        transport=made(url=f"{served.address}/graphql", headers=headers),
        fetch_schema_from_transport=True,  # so it introspects, and checks documents itself
    )

    def ask(document: str, **variables: object) -> Any:
        request = gql.gql(document)
        request.variable_values = variables
        return client.execute(request)

    status = ask(STATUS, subject="https://bulk-invites.example")["suspensionStatus"]
    assert status["isSuspended"]
    assert client.schema.type_map["Sanction"].fields["id"]
    first, again = [ask(ISSUE, input=WARNING)["issueSanction"] for _ in range(2)]
    assert first["__typename"] == "SanctionIssued", first
    assert first == again


@pytest.mark.parametrize("who", ["public", "member"])
def test_schemathesis_finds_no_server_error(served: Demo, who: str, tmp_path: Path) -> None:
    profile = os.environ.get("COMITY_HYPOTHESIS_PROFILE")
    examples = LONG_RUN if profile == "fuzz" else SHORT_RUN
    # What is deterministic keeps no database of examples either.
    options = ["--generation-deterministic"] if profile == "ci" else NO_DATABASE
    if who == "member":
        options = [*options, "--header", f"Authorization: Bearer {served.token}"]
    (tmp_path / "schemathesis.toml").write_text('hooks = "tests.conformance.hooks"\n')
    printed = python_tool(
        "schemathesis",
        "run",
        f"{served.address}/graphql",
        *("--checks", "no_server_error", "--max-examples", examples),
        *("--suppress-health-check", "all", "--no-color"),
        *options,
        cwd=tmp_path,
    )
    assert "✅ Fuzzing" in printed, printed

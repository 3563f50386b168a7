"""Others' tools over the published schema: its style, its stability, what Relay makes of it."""

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api.serving import ASKING, ROOT, Demo
from tests.conformance.conftest import HERE, MODULES, node

SCHEMA, RELEASED = ROOT / "schema.graphql", HERE / "released.graphql"
ESLINT = MODULES / "eslint" / "bin" / "eslint.js"
RELAY = MODULES / "relay-compiler" / "cli.js"


def test_the_schema_keeps_to_the_rules_of_graphql_eslint() -> None:
    node(ESLINT, "--max-warnings", 0, "--config", HERE / "eslint.config.mjs", SCHEMA)


def breaking(before: Path, after: Path) -> list[str]:
    changes: list[str] = orjson.loads(node(HERE / "breaking.mjs", before, after))
    return changes


def test_nothing_breaks_since_the_last_release() -> None:
    """What is released takes the place of what was: see the README's "Working on it"."""
    assert breaking(RELEASED, SCHEMA) == []


def test_a_change_that_breaks_clients_is_noticed(tmp_path: Path) -> None:
    changed = tmp_path / "schema.graphql"
    changed.write_text(SCHEMA.read_text().replace("isPermanent: Boolean!", "isPermanent: Boolean"))
    assert breaking(SCHEMA, SCHEMA) == []
    [change] = breaking(SCHEMA, changed)
    assert "SuspensionStatus.isPermanent" in change


@pytest.fixture
def compiled(tmp_path: Path) -> dict[str, str]:
    """Compile the Relay client's screens; return the operations that it would send."""
    shutil.copytree(HERE / "relay", tmp_path / "screens")
    shutil.copy(SCHEMA, tmp_path)
    (tmp_path / "compiled").mkdir()
    (tmp_path / "operations.json").write_text("{}")
    config = {
        "src": "screens",
        "schema": "schema.graphql",
        "language": "javascript",
        "artifactDirectory": "compiled",
        "persistConfig": {"file": "operations.json"},
    }
    (tmp_path / "relay.config.json").write_bytes(orjson.dumps(config))
    node(RELAY, "relay.config.json", cwd=tmp_path)  # what the file names lies beside it
    operations: dict[str, str] = orjson.loads((tmp_path / "operations.json").read_bytes())
    return {text.split()[1].partition("(")[0]: text for text in operations.values()}


def test_what_relay_compiles_is_answered(served: Demo, compiled: dict[str, str]) -> None:
    def ask(name: str, **variables: object) -> Any:
        body = {"query": compiled[name], "variables": variables}
        headers = {"Authorization": f"Bearer {served.token}"}
        answer = ASKING.post(f"{served.address}/graphql", json=body, headers=headers).json()
        assert "errors" not in answer, answer
        return answer["data"]

    home = ask("screensHomeQuery", filter={"effects": ["IN_FORCE"]})["sanctions"]
    assert len(home["edges"]) == 10
    after = home["pageInfo"]["endCursor"]
    more = ask("screensSanctionsPageQuery", first=3, after=after, filter={"effects": ["IN_FORCE"]})
    ids = [edge["node"]["id"] for edge in home["edges"] + more["sanctions"]["edges"]]
    assert len(set(ids)) == 13
    assert len(ask("screensPlatformsPageQuery", last=2)["platforms"]["edges"]) == 2
    assert ask("screensCaseQuery", id=ids[0])["node"]["__typename"] == "Sanction"
    assert "appeals" in ask("screensAppealsPageQuery", id=ids[0], first=1)["node"]
    [lifted] = ask("screensLiftMutation", input={"sanctionId": "san_x", "reason": "x"}).values()
    assert lifted["code"] == "NOT_FOUND"

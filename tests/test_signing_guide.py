"""What the guide to signing prints works, with nothing but the two libraries it names."""

import ast
import re
import runpy
import subprocess
from pathlib import Path

import pytest
from pydantic.alias_generators import to_camel

from governance import decisions
from governance.adopting import TAKEN_OVER
from governance.drafts import SanctionTexts
from governance.log.forms import DECISIONS
from governance.log.kinds import Fields
from governance.log.leaves import parse_leaf
from governance.sanctions import Disclosure, SanctionStatement
from governance.words import EventType
from tests.api.http.outside import Node
from tests.api.serving import command, serving
from tests.builders import LOG_KEY
from tests.signing import BLOCKS, CLIENT

CODE = "\n".join(BLOCKS)
OURS_ALONE = {"base64", "datetime", "hashlib", "hmac", "json", "os", "secrets", "urllib.request"}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Return the guide's code as one file."""
    (tmp_path / "sign.py").write_text(CODE, encoding="utf-8")
    return tmp_path / "sign.py"


def test_the_guide_signs_sends_and_checks(
    database_url: str, tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = tmp_path / "comity.key"
    with Node(database_url, key_file) as node:
        team = node.world.team("tidepool.example")
        monkeypatch.setenv("ADMIN_TOKEN", node.token(team.admin))
        monkeypatch.setenv("TOKEN", node.token(team.issuer))
    monkeypatch.setenv("PLATFORM", "tidepool.example")
    monkeypatch.setenv("LOG_KEY", str(LOG_KEY.verifier()))
    with serving(database_url=database_url, key_file=key_file) as served:
        monkeypatch.setenv("NODE", served.address)
        found = runpy.run_path(str(script))
        where = ("log", "verify", f"{served.address}/log", "--key", str(LOG_KEY.verifier()))
        verified = subprocess.run(command(*where), capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stderr
    assert found["registered"]["signingKey"]["key"] == found["issued"]["logEntry"]["signedBy"]
    leaf = parse_leaf(found["entry"])
    assert (leaf.signed, leaf.case) == (found["data"], found["issued"]["sanction"]["id"])


def test_the_guide_needs_two_libraries_alone() -> None:
    found: set[str] = set()
    for node in ast.walk(ast.parse(CODE)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    assert {name.partition(".")[0] for name in found - OURS_ALONE} == {"cryptography", "rfc8785"}


def test_every_field_and_type_of_the_log_is_written_down() -> None:
    log = (Path(__file__).parent.parent / "docs" / "log.md").read_text(encoding="utf-8")
    ends = {kind.partition(".")[2] for kind in DECISIONS}
    missing = {field for form in DECISIONS.values() for field in _named(form) if field not in log}
    missing |= {end for end in ends if not re.search(rf"[`.]{end}`", log)}
    assert missing == set()


def _named(form: Fields) -> set[str]:
    """As the documentation names them: the fields of a type, and those within them."""
    inner = [_named(kind) for kind in form.kinds.values() if isinstance(kind, Fields)]
    return {f"`{name}`" for name in form.kinds}.union(*inner)


def test_what_is_logged_of_a_sanction_is_its_statement_and_nothing_else() -> None:
    """Its instant of issue is the decision's own, its id follows from it, the rest comes later."""
    told_elsewhere = {"id", "issued_at", "validity", "approved_at", "void_code"}
    assert {*decisions.STATEMENT} == SanctionStatement.model_fields.keys() - told_elsewhere
    assert (
        SanctionTexts.model_fields.keys() < {*decisions.COMMITTED} < Disclosure.model_fields.keys()
    )
    kinds = {decisions.kind_of(event) for event in EventType}
    assert kinds - DECISIONS.keys() == {decisions.kind_of(EventType.NOTICE_DUE)}


def test_the_guide_signs_every_field_of_a_decision() -> None:
    by_node = {"timePrecision", "policyConflicts"}
    assert {*CLIENT["STATEMENT"], *by_node} == {to_camel(name) for name in decisions.STATEMENT}
    committed = {to_camel(name) for name in decisions.COMMITTED}
    assert {*CLIENT["COMMITTED"]} == committed
    assert {to_camel(name) for name in TAKEN_OVER} <= {*CLIENT["TAKEN_OVER"]}

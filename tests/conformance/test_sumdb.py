"""The served log, read by the Go checksum database's own code."""

import os
import subprocess
from pathlib import Path

import pytest

from governance.log.keyfiles import new_signer
from governance.log.notes import encode
from governance.log.tiles import FULL, parse_bundle
from governance.log.tree import leaf_hash, of_leaves, root_hash
from tests.api.serving import ASKING, Demo
from tests.conformance.conftest import HERE
from tests.tools import missing, program

LIBRARIES = Path("/usr/share/gocode")  # where Debian puts golang-golang-x-mod-dev
ADVICE = "it is in Debian's golang-go"


@pytest.fixture(scope="session")
def sumdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the verifier, built."""
    go = program("go", ADVICE)
    if not (LIBRARIES / "src/golang.org/x/mod/sumdb").is_dir():
        missing("golang.org/x/mod isn't installed: it is Debian's golang-golang-x-mod-dev")
    path = tmp_path_factory.mktemp("sumdb")
    told = {"GO111MODULE": "off", "GOPATH": str(LIBRARIES), "GOCACHE": str(path / "cache")}
    built = [go, "build", "-o", str(path / "verify"), str(HERE / "sumdb/main.go")]
    subprocess.run(built, env=os.environ | told, check=True)
    return path / "verify"


class Log:
    """A served log and who checks it."""

    def __init__(self, served: Demo, sumdb: Path) -> None:
        self.address, self._sumdb = served.address, sumdb
        self.prefix = f"{served.address}/log"
        self.key = ASKING.get(f"{self.prefix}/key").text.strip()

    def check(self, *arguments: object, key: str = "") -> subprocess.CompletedProcess[str]:
        told = [str(self._sumdb), self.prefix, key or self.key, *map(str, arguments)]
        return subprocess.run(told, capture_output=True, text=True, check=False)

    def ask(self, document: str) -> dict[str, object]:
        asked = ASKING.post(f"{self.address}/graphql", json={"query": document}).json()["data"]
        found: dict[str, object] = asked["log"]
        return found


@pytest.fixture
def log(served: Demo, sumdb: Path) -> Log:
    """Return the log of the demonstration node."""
    return Log(served, sumdb)


def test_every_entry_leads_to_the_signed_root(log: Log) -> None:
    done = log.check()
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 1_000


def test_another_key_is_not_taken(log: Log) -> None:
    other = new_signer(log.key.split("+")[0]).verifier()
    assert log.check(key=str(other)).returncode == 1


def test_a_proof_file_holds_for_its_entry_alone(log: Log, tmp_path: Path) -> None:
    entry = log.ask("{ log { entry(index: 7) { data proof } } }")["entry"]
    assert isinstance(entry, dict)
    proof, kept, forged = (tmp_path / name for name in ("7.tlog-proof", "7.json", "forged.json"))
    proof.write_text(entry["proof"])
    kept.write_text(entry["data"])
    forged.write_text(entry["data"].replace('"version":1', '"version":2'))
    assert log.check(proof, kept).stdout.startswith("entry 7 is in a tree of ")
    assert log.check(proof, forged).returncode == 1


def test_the_log_continues_an_older_tree(log: Log) -> None:
    newest = ASKING.get(f"{log.prefix}/checkpoint").text.split("\n")
    ask = f"{{ log {{ consistencyProof(from: 500, to: {newest[1]}) {{ hashes }} }} }}"
    found = log.ask(ask)["consistencyProof"]
    assert isinstance(found, dict)
    root = _root_of(log, 500)
    assert log.check(500, root, *found["hashes"]).stdout.endswith("continues one of 500\n")
    assert log.check(501, root, *found["hashes"]).returncode == 1


def _root_of(log: Log, size: int) -> str:
    """The root of an older tree, from its entries."""
    paths = [f"tile/entries/{index:03}" for index in range(size // FULL + 1)]
    bundles = [ASKING.get(f"{log.prefix}/{path}").content for path in paths]
    entries = [entry for bundle in bundles for entry in parse_bundle(bundle)][:size]
    return encode(root_hash(size, of_leaves([leaf_hash(entry) for entry in entries])))

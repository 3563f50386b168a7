"""The lock files hold what pyproject.toml declares, and name no package index."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
NPM = ("tests/conformance", "bench/peers")
KINDS = ("dependencies", "devDependencies", "optionalDependencies")
RUNTIME = "requirements.txt"
DEVELOPMENT = "requirements-dev.txt"
CONFORMANCE = "requirements-conformance.txt"
SPARK = "requirements-spark.txt"
OF_A_GROUP = {CONFORMANCE: "conformance", SPARK: "spark"}


def declared(lock: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    if lock in OF_A_GROUP:
        return [Requirement(line) for line in groups[OF_A_GROUP[lock]]]
    lines = project["project"]["dependencies"] + groups["build"]
    if lock == DEVELOPMENT:
        lines += groups["dev"]
        lines += [
            line for extra in project["project"]["optional-dependencies"].values() for line in extra
        ]
    return [Requirement(line) for line in lines]


def entries(lock: str) -> list[str]:
    """Return the lock's logical lines, each a requirement followed by its hashes."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


def pins(lock: str) -> list[Requirement]:
    return [Requirement(entry.partition(" --hash=")[0]) for entry in entries(lock)]


@pytest.fixture(params=[RUNTIME, DEVELOPMENT, *OF_A_GROUP])
def lock(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_declared_dependency_is_locked_at_a_version_it_allows(lock: str) -> None:
    for dependency in declared(lock):
        name = canonicalize_name(dependency.name)
        versions = [_version(pin) for pin in pins(lock) if canonicalize_name(pin.name) == name]
        assert versions, f"{dependency} is not in {lock}: run `make lock`"
        assert all(map(dependency.specifier.contains, versions)), f"{dependency}: run `make lock`"


def test_every_line_is_a_pin_with_hashes_and_nothing_else(lock: str) -> None:
    for entry in entries(lock):
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; [^:/]+)?( +--hash=sha256:[0-9a-f]{64})+", entry)


def test_no_address_and_no_option_of_an_index(lock: str) -> None:
    assert not re.search(r"://|index|find-links|trusted-host", (ROOT / lock).read_text())


def test_locks_pin_the_same_versions() -> None:
    assert {str(pin) for pin in pins(RUNTIME)} <= {str(pin) for pin in pins(DEVELOPMENT)}
    developed = {(pin.name, _version(pin)) for pin in pins(DEVELOPMENT)}
    for lock in OF_A_GROUP:
        both = {name for name, _ in developed} & {pin.name for pin in pins(lock)}
        assert {(p.name, _version(p)) for p in pins(lock) if p.name in both} <= developed


@pytest.mark.parametrize("folder", NPM)
def test_the_npm_lock_holds_what_its_package_declares_with_hashes(folder: str) -> None:
    package = json.loads((ROOT / folder / "package.json").read_text())
    locked = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    root = locked.pop("")
    declared = {name: at for kind in KINDS for name, at in package.get(kind, {}).items()}
    assert declared == {name: at for kind in KINDS for name, at in root.get(kind, {}).items()}
    assert {name: locked[f"node_modules/{name}"]["version"] for name in declared} == declared
    for name, one in locked.items():
        assert re.fullmatch(r"sha512-[0-9A-Za-z+/]{86}==", one["integrity"]), name


@pytest.mark.parametrize("folder", NPM)
def test_the_npm_lock_names_no_registry(folder: str) -> None:
    assert "omit-lockfile-registry-resolved=true" in (ROOT / folder / ".npmrc").read_text()
    lock = (ROOT / folder / "package-lock.json").read_text()
    assert "://" not in lock  # nor pages that ask for donations, which npm writes: leave them out


def _version(pin: Requirement) -> str:
    (only,) = pin.specifier
    return only.version

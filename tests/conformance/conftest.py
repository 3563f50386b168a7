"""A served demonstration node, and tools that others wrote."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import ROOT, Demo, demonstrating
from tests.tools import missing, program

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
ADVICE = "run `make conformance` on a machine with Node.js 20 or newer"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Yield a demonstration node that is served by a process of its own."""
    with demonstrating(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


def node(script: Path, *arguments: object, cwd: Path = ROOT) -> str:
    """What a script prints that Node runs."""
    if not MODULES.is_dir():
        missing(f"its JavaScript packages aren't installed: {ADVICE}")
    return run(program("node", ADVICE), script, *arguments, cwd=cwd)


def python_tool(name: str, *arguments: object, cwd: Path) -> str:
    """What a program of the dependency group `conformance` prints; it may leave files in cwd."""
    here = Path(sys.executable).parent
    return run(program(here / name, "run `make conformance`"), *arguments, cwd=cwd)


def run(*arguments: object, cwd: Path) -> str:
    """What the program prints; fails with all that it says unless it succeeds."""
    done = subprocess.run(
        list(map(str, arguments)),
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{arguments[0]}:\n{done.stdout}\n{done.stderr}"
    return done.stdout

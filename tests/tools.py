"""Programs that some tests need and not every machine has."""

import importlib
import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest


def program(name: str | Path, advice: str) -> str:
    """The program's path; the test ends here where it isn't installed."""
    return shutil.which(name) or missing(f"{Path(name).name} isn't installed: {advice}")


def library(name: str) -> Any:
    """The module; the test ends here where it isn't installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        missing(f"{name} isn't installed: run `make conformance`")


def missing(what: str) -> NoReturn:
    """Skips the test and says why, unless COMITY_TEST_TOOLS=required: then it fails."""
    if os.environ.get("COMITY_TEST_TOOLS") == "required":
        pytest.fail(what)
    pytest.skip(what)

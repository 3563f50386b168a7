"""Programs that some tests need and not every machine has."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def program(name: str | Path, advice: str) -> str:
    """The program's path; the test ends here where it isn't installed."""
    return shutil.which(name) or missing(f"{Path(name).name} isn't installed: {advice}")


def missing(what: str) -> NoReturn:
    """Skips the test and says why, unless COMITY_TEST_TOOLS=required: then it fails."""
    if os.environ.get("COMITY_TEST_TOOLS") == "required":
        pytest.fail(what)
    pytest.skip(what)

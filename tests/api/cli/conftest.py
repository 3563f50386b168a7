"""The `comity` command, run in this process as a shell would run it."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli import main


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


Comity = Callable[..., Done]


@pytest.fixture
def comity(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Comity:
    """Return the command, in an empty directory and with no settings but the test's."""
    for name in [name for name in os.environ if name.startswith("COMITY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **settings: object) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["comity", *arguments])
            for name, value in settings.items():
                patch.setenv(f"COMITY_{name.upper()}", str(value))
            capsys.readouterr()
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            written = capsys.readouterr()
        assert "Traceback" not in written.err
        return Done(code, written.out, written.err)

    return run


@pytest.fixture
def node(
    comity: Comity, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Comity:
    """Return the command on a migrated database, on each engine."""
    monkeypatch.setenv("COMITY_DATABASE_URL", database_url)
    monkeypatch.setenv("COMITY_KEY_FILE", str(tmp_path / "keys" / "comity.key"))
    assert comity("migrate").code == 0
    return comity

"""The `comity` command, run in this process as a shell would run it."""

import gc
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli import main
from governance.settings import Settings


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
            patch.setattr(gc, "freeze", lambda: None)  # what is garbage here is still to be found
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


@pytest.fixture(scope="session")
def new_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a node's key files; making those takes longer than most tests."""
    folder = tmp_path_factory.mktemp("keys")
    Settings(key_file=folder / "comity.key").make_keys()
    return folder


@pytest.fixture
def node(
    comity: Comity,
    database_url: str,
    new_keys: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Comity:
    """Return the command on a node as `comity migrate` leaves it, on each engine."""
    shutil.copytree(new_keys, tmp_path / "keys")
    monkeypatch.setenv("COMITY_DATABASE_URL", database_url)
    monkeypatch.setenv("COMITY_KEY_FILE", str(tmp_path / "keys" / "comity.key"))
    return comity

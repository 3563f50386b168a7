"""`comity export`: what it makes, what it says, and how it is checked."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from api.console import now
from governance.database import Database
from governance.exporting import verifying
from governance.log.signers import parse_verifier
from governance.membership import add_platform
from governance.settings import read_settings
from tests.api.cli.conftest import Comity
from tests.api.serving import PATIENCE, ROOT, command, environment


def begun(database_url: str) -> str:
    """Adds a platform two days ago; the log's verifier key."""
    log = read_settings().sequencer()
    database = Database(database_url, log)
    with database.writing() as session:
        add_platform(session, "example.social", None, now=now() - timedelta(days=2))
    database.close()
    return str(log.signer.verifier())


def test_days_are_exported_once_and_verify(node: Comity, database_url: str, tmp_path: Path) -> None:
    key, folder = begun(database_url), tmp_path / "exports"
    done = node("export", str(folder), export_folder=folder)
    assert done.code == 0
    assert done.err == "1 days with 1 rows exported; the explanations of 0 made again\n"
    again = node("export", "--since", "2020-01-01", str(folder))
    assert again.err.startswith("0 days with 0 rows exported")
    checked = node("export", "verify", str(folder), "--key", key)
    assert (checked.code, checked.err) == (0, "")
    assert "1 days, 1 rows in each format, up to entry 1" in checked.out
    unknown = node("export", "verify", str(folder))
    assert (unknown.code, "without --key" in unknown.err) == (0, True)


def test_an_interrupted_check_says_that_it_is_none(
    node: Comity, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    key, folder = begun(database_url), tmp_path / "exports"
    node("export", str(folder))
    monkeypatch.setattr(verifying.Edge, "add", interrupted)
    stopped = node("export", "verify", str(folder), "--key", key)
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.err == "interrupted: not everything was checked, and nothing was changed\n"


def test_an_interrupted_export_says_what_stays(
    node: Comity, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    (folder / "manifests").mkdir(parents=True)
    newest = folder / "manifests" / "2026-01-01.note"
    os.mkfifo(newest)  # where an export waits for us
    process = subprocess.Popen(
        command("export", str(folder)),
        cwd=ROOT,
        env=environment(database_url=database_url, key_file=tmp_path / "keys" / "comity.key"),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        writing = _await_reader(newest, process)
        process.send_signal(signal.SIGINT)
        os.close(writing)  # else one that comes just before it reads is seen once it has read
        told = process.communicate(timeout=PATIENCE)[1]
    finally:
        process.kill()
    assert process.returncode == 130
    assert told == "interrupted: what is finished stays; run it again to go on from there\n"


def _await_reader(fifo: Path, process: "subprocess.Popen[str]") -> int:
    """Opens the FIFO for writing as soon as the process reads it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None
        with suppress(OSError):  # nobody reads yet
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.01)
    raise AssertionError("nobody read it")


def test_a_changed_file_fails_the_check(node: Comity, database_url: str, tmp_path: Path) -> None:
    begun(database_url)
    folder = tmp_path / "exports"
    node("export", str(folder))
    next(folder.glob("csv/events/*/*")).write_bytes(b"changed")
    checked = node("export", "verify", str(folder))
    assert checked.code == 1
    assert "isn't the file that was signed" in checked.err


def test_a_broken_manifest_is_named(node: Comity, database_url: str, tmp_path: Path) -> None:
    begun(database_url)
    folder = tmp_path / "exports"
    node("export", str(folder))
    manifest = next(folder.glob("manifests/*.explanations.note"))
    for data in (b"", b"\xff\n", b"comity export v1\n"):
        manifest.write_bytes(data)
        for words in (("export",), ("export", "verify")):
            done = node(*words, str(folder), export_folder=folder)
            assert (done.code, done.out) == (1, "")
            assert manifest.name.removesuffix(".explanations.note") in done.err
            assert "Traceback" not in done.err
    manifest.unlink()
    assert node("export", str(folder), export_folder=folder).code == 0


def test_a_name_is_harmless_on_a_terminal(node: Comity, database_url: str, tmp_path: Path) -> None:
    origin = parse_verifier(begun(database_url)).name
    folder = tmp_path / "exports"
    node("export", str(folder))
    for manifest in folder.glob("manifests/*.note"):
        text = manifest.read_text().replace(origin, "log\x9b31m\u202e")
        manifest.write_text(text)
    assert node("export", "verify", str(folder)).out.startswith("log\ufffd31m\ufffd: 1 days")
    next(folder.glob("csv/events/*/*")).rename(folder / "csv" / "e\x9b31m")
    assert "e\ufffd31m: no manifest names it" in node("export", "verify", str(folder)).err


def test_what_can_not_be_done_is_said(node: Comity, tmp_path: Path) -> None:
    assert "expected a day such as" in node("export", "x", "--since", "yesterday").err
    assert "nosuch" in node("export", "nosuch://there").err
    file = tmp_path / "file"
    file.write_text("")
    refused = node("export", str(file / "below"))
    assert refused.code == 1
    assert "what is finished stays" in refused.err
    assert node("export", "verify", str(file), "--key", "wrong").code != 0


def test_statements_for_the_eus_database(node: Comity, tmp_path: Path) -> None:
    assert node("platform", "add", "mod.example").code == 0
    file = tmp_path / "out.ndjson"
    done = node("export", "dsa-statements", "mod.example", str(file))
    assert (done.code, done.err) == (0, f"0 statements in {file}, 0 not ready\n")
    again = node("export", "dsa-statements", "mod.example", str(file), "--dump")
    assert (again.code, "is there already" in again.err) == (1, True)
    assert "no platform" in node("export", "dsa-statements", "no.example", "x").err
    backwards = "--since", "2026-03-02", "--until", "2026-03-01"
    refused = node("export", "dsa-statements", "mod.example", "x", *backwards)
    assert refused.err == "comity: --until: expected a day that isn't before --since\n"

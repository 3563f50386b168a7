"""`comity demo`: a large world in an empty database, whole or not there at all."""

import signal
import subprocess
import time
from pathlib import Path

from sqlmodel import col, func, select

from governance.database import Database
from governance.errors import Busy
from governance.platforms import Platform
from governance.sanctions import Sanction
from tests.api.cli.conftest import Comity
from tests.api.serving import PATIENCE, ROOT, command, environment

LONG = 10  # times that a writer was busy in a row


def held(database_url: str) -> tuple[int, int]:
    """How many platforms, and sanctions that nobody took over, are in the database."""
    database = Database(database_url)
    try:
        with database.reading() as session:
            platforms = session.exec(select(func.count(col(Platform.id)))).one()
            is_own = col(Sanction.derived_from_id).is_(None)
            return platforms, session.exec(select(func.count()).where(is_own)).one()
    finally:
        database.close()


def test_as_many_sanctions_as_asked_for_and_a_query_to_try(node: Comity, database_url: str) -> None:
    done = node("demo", "--sanctions", "150", "--seed", "3")
    assert (done.code, done.out) == (0, "")
    assert "comity serve" in done.err
    assert "curl -s http://127.0.0.1:8000/graphql -H 'Authorization: Bearer cty_" in done.err
    platforms, sanctions = held(database_url)
    assert platforms == 12
    assert 150 <= sanctions < 170  # some take the place of others, beside the 150


def test_a_world_that_is_there_stays_as_it_is(node: Comity, database_url: str) -> None:
    node("demo", "--sanctions", "1")
    before = held(database_url)
    again = node("demo", "--sanctions", "500", "--seed", "2")
    assert again.code == 0
    assert "there already" in again.err
    assert held(database_url) == before


def test_a_database_in_use_is_refused(node: Comity, database_url: str) -> None:
    node("platform", "add", "example.social")
    done = node("demo", "--sanctions", "1")
    assert (done.code, done.out) == (1, "")
    assert "expected an empty database" in done.err
    assert held(database_url) == (1, 0)


def test_an_interruption_leaves_nothing(node: Comity, database_url: str, tmp_path: Path) -> None:
    key_file = tmp_path / "keys" / "comity.key"
    process = subprocess.Popen(
        command("demo"),
        cwd=ROOT,
        env=environment(database_url=database_url, key_file=key_file),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _await_writer(database_url, process)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=PATIENCE)[1]
    finally:
        process.kill()
    assert process.returncode not in (0, None)
    assert "Traceback" not in told
    assert held(database_url) == (0, 0)


def _await_writer(database_url: str, process: "subprocess.Popen[str]") -> None:
    """Until the process is in the midst of its one long transaction; migrating is a short one."""
    database = Database(database_url, longest_wait=0.01)
    until = time.monotonic() + PATIENCE
    busy = 0
    try:
        while time.monotonic() < until:
            assert process.poll() is None
            try:
                with database.writing():
                    busy = 0
            except Busy:
                busy += 1
                if busy == LONG:
                    return
            time.sleep(0.02)
    finally:
        database.close()
    raise AssertionError("nobody writes")

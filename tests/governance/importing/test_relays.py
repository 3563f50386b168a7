"""Several processes import one file as one would, and stop together."""

import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from governance.database import Database
from governance.errors import Busy
from governance.importing import dsa_statements
from governance.importing.dsa_statements import conclude, import_dsa_statements
from governance.importing.relays import Baton, Stopped, relayed
from governance.importing.runs import Summary
from tests.builders import KEYS, NOW, World
from tests.forking import FORKS, die
from tests.governance.importing.real import dump

ROWS = 23
REMOVED = {"decision_visibility": '["DECISION_VISIBILITY_CONTENT_REMOVED"]'}
SUSPENDED = {"decision_account": "DECISION_ACCOUNT_SUSPENDED"}  # without an end: a record
REFUSED = REMOVED | {"category": "STATEMENT_CATEGORY_UNHEARD_OF"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a dump of many batches, of two platforms, with refused rows and records in it."""
    monkeypatch.setattr(dsa_statements, "TOGETHER", 3)
    kinds = (REMOVED, SUSPENDED, REFUSED, REMOVED)
    rows = [kinds[at % 4] | {"platform_name": f"Platform {at % 2}"} for at in range(ROWS)]
    return dump(tmp_path / "dump.csv", *rows)


def share(url: str, file: Path, baton: Baton) -> Summary:
    """What another process does of an import."""
    dsa_statements.TOGETHER = 3
    with World(url) as world:
        return import_dsa_statements(world.database, KEYS, file, now=NOW, baton=baton)


def killed_at(batch: int, url: str, file: Path, baton: Baton) -> Summary:
    """The same, by a process that is killed in its turn of a batch."""
    turn = baton.turn

    def deadly(at: int) -> object:
        return die() if at == batch else turn(at)

    baton.turn = deadly  # type: ignore[assignment,method-assign]
    return share(url, file, baton)


def refused_at(batch: int, url: str, file: Path, baton: Baton) -> Summary:
    """The same, by a process that can't write in its turn of a batch."""
    turn = baton.turn

    def busy(at: int) -> object:
        if at == batch:
            raise Busy("others kept the writers' turn")
        return turn(at)

    baton.turn = busy  # type: ignore[assignment,method-assign]
    return share(url, file, baton)


def together(
    world: World, file: Path, theirs: Callable[..., Summary] = share, runners: int = 2
) -> Summary:
    mine = partial(import_dsa_statements, world.database, KEYS, file, now=NOW)
    work = partial(theirs, world.database.url, file)
    found = relayed(lambda baton: mine(baton=baton), work, runners=runners, context=FORKS)
    return conclude(found)


def many(url: str, file: Path, baton: Baton) -> Summary:
    """What another process does of an import of large batches."""
    dsa_statements.TOGETHER = 1_000
    with World(url) as world:
        return import_dsa_statements(world.database, KEYS, file, now=NOW, baton=baton)


def logged(database: Database) -> list[str | None]:
    """Whose decisions the log has, in its order; the references in the records'."""
    query = "SELECT issuer_reference FROM sanctions JOIN disclosures ON id = sanction_id"
    with database.engine.connect() as connection:
        return list(connection.scalars(sa.text(f"{query} ORDER BY first_entry")))


@pytest.mark.parametrize("runners", [2, 3])
def test_several_runners_leave_what_one_does(
    world: World, sqlite_template: Path, file: Path, runners: int
) -> None:
    found = together(world, file, runners=runners)
    copy = sqlite_template.with_name("alone.db")
    copy.write_bytes(sqlite_template.read_bytes())
    with World(f"sqlite:///{copy}") as other:
        alone = import_dsa_statements(other.database, KEYS, file, now=NOW)
        assert logged(world.database) == logged(other.database)
    found.ends, alone.ends = [], []
    assert found == alone
    assert found.read == ROWS
    assert found.recorded
    assert len(found.refused) > 3


@pytest.mark.parametrize("batch", [1, 3])
def test_a_killed_runner_stops_all_and_leaves_whole_batches(
    world: World, file: Path, batch: int
) -> None:
    with pytest.raises(Stopped, match="import the same file again"):
        together(world, file, partial(killed_at, batch))
    half = logged(world.database)
    whole = import_again(world, file)
    assert 0 < len(half) < len(whole)
    assert half == whole[: len(half)]
    assert import_again(world, file) == whole


def import_again(world: World, file: Path) -> list[str | None]:
    import_dsa_statements(world.database, KEYS, file, now=NOW)
    return logged(world.database)


def test_why_another_runner_stopped_is_told(world: World, file: Path) -> None:
    with pytest.raises(Busy, match="turn"):
        together(world, file, partial(refused_at, 3))


def test_whoever_starts_stops_the_others(world: World, file: Path) -> None:
    def progress(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    mine = partial(import_dsa_statements, world.database, KEYS, file, now=NOW, progress=progress)
    work = partial(share, world.database.url, file)
    with pytest.raises(KeyboardInterrupt):
        relayed(lambda baton: mine(baton=baton), work, context=FORKS)
    half = logged(world.database)
    whole = import_again(world, file)
    assert 0 < len(half) < len(whole)
    assert half == whole[: len(half)]


def test_nobody_waits_for_a_runner_who_has_much_to_tell(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than fits into what is between them, of which the first hears nothing any more."""
    monkeypatch.setattr(dsa_statements, "TOGETHER", 1_000)
    file = dump(tmp_path / "dump.csv", *[REFUSED] * 3_000)

    def progress(done: int, total: int) -> None:
        if done == total:
            time.sleep(0.5)
            raise KeyboardInterrupt

    mine = partial(import_dsa_statements, world.database, KEYS, file, now=NOW, progress=progress)
    with pytest.raises(KeyboardInterrupt):
        relayed(
            lambda baton: mine(baton=baton), partial(many, world.database.url, file), context=FORKS
        )


def hearing(_baton: Baton) -> Summary:
    """Counts the signal of Ctrl+C among those that a process hears."""
    return Summary(read=signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, []))


def test_ctrl_c_is_for_the_first_process_alone() -> None:
    """A terminal gives it to all; the others stop as the first one does."""
    assert hearing(None).read == 1  # type: ignore[arg-type]
    assert relayed(hearing, hearing).read == 1
    assert hearing(None).read == 1  # type: ignore[arg-type]

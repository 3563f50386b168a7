"""Daily exports: whole or not there, never rewritten, and nothing private in them."""

import gc
import gzip
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import orjson
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from fsspec.implementations.memory import MemoryFileSystem
from sqlmodel import col

from governance import migrations
from governance.entries import LogEntry
from governance.exporting import days as exporting
from governance.exporting.columns import STATEMENTS
from governance.exporting.days import export
from governance.exporting.files import ExportFile, register
from governance.exporting.places import ExportFailed, Folder, place_of
from governance.exporting.verifying import verify
from governance.fields import print_instant
from tests.builders import DAY, HOUR, LOG_KEY, LONG_BEFORE, NOW, World
from tests.forking import answer, die, is_killed
from tests.governance.exporting.conftest import AFTER, FIRST, SERVER, Days

KEY = [LOG_KEY.verifier()]


def rows(files: dict[str, bytes], dataset: str) -> list[dict[str, object]]:
    """The rows of every day, from NDJSON."""
    paths = sorted(path for path in files if path.startswith(f"ndjson/{dataset}/"))
    return [orjson.loads(line) for p in paths for line in gzip.decompress(files[p]).splitlines()]


def test_the_days_hold_what_the_log_holds(days: Days) -> None:
    done = days.export()
    found = days.files()
    manifests = [p for p in found if p.startswith("manifests/") and "explanations" not in p]
    expected = [LONG_BEFORE.date(), FIRST, (NOW + DAY).date(), (NOW + 3 * DAY).date()]
    assert sorted(manifests) == [f"manifests/{day}.note" for day in expected]
    assert done.days == 4
    with days.world.database.reading() as session:
        data = list(session.scalars(sa.select(col(LogEntry.data)).order_by(col(LogEntry.index))))
    events = rows(found, "events")
    assert [event["entry"] for event in events] == data
    assert [event["logIndex"] for event in events] == list(range(len(data)))
    assert [e["type"] for e in events if e["sanctionId"]][-2:] == [
        "APPEAL_DECIDED",
        "SANCTION_OVERTURNED",
    ]
    assert [row["state"] for row in rows(found, "appeals")] == [
        "FILED",
        "ADMITTED",
        "IN_REVIEW",
        "DECIDED",
    ]


def test_a_statement_is_the_sanction_as_it_was_issued(days: Days) -> None:
    days.export()
    [row] = [r for r in rows(days.files(), "statements") if r["sanctionId"] == days.explained]
    stored = days.world.sanction(days.explained)
    assert list(row) == [column.name for column in STATEMENTS.columns]
    assert row["platform"] == "mod.example"
    assert row["issuedAt"] == row["effectiveAt"] == print_instant(stored.issued_at)
    assert row["expiresAt"] == print_instant(NOW + 7 * DAY)
    assert (row["keywords"], row["isAutomatedDetection"], row["permanentBasis"]) == (
        [],
        False,
        None,
    )


def test_the_three_formats_hold_the_same_rows_and_verify(days: Days) -> None:
    days.export()
    found = verify(days.folder, KEY)
    assert found.faults == []
    with days.world.database.reading() as session:
        assert found.entries == session.scalar(sa.select(sa.func.count()).select_from(LogEntry))
    path = days.folder / f"parquet/statements/day={FIRST}/statements.parquet"
    file = pq.ParquetFile(path)
    assert file.schema_arrow.metadata[b"comity.schemaVersion"] == b"1"
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert len(file.read()) == 2


def test_a_day_is_exported_once_it_is_over_and_late_clocks_too(days: Days) -> None:
    midnight = NOW.replace(hour=0) + 4 * DAY
    days.export(midnight + HOUR / 6 - HOUR / 3600)
    assert f"manifests/{(NOW + 3 * DAY).date()}.note" not in days.files()
    assert days.export(midnight + HOUR / 6).days == 1


def test_another_run_changes_nothing(days: Days) -> None:
    days.export()
    before = days.files()
    done = days.export()
    assert (done.days, done.again) == (0, 0)
    assert days.files() == before


def test_since_leaves_out_earlier_days_and_still_verifies(days: Days) -> None:
    days.export(since=FIRST)
    found = days.files()
    assert f"manifests/{LONG_BEFORE.date()}.note" not in found
    assert verify(days.folder, KEY).faults == []
    assert days.export().days == 1  # the one that was left out
    assert verify(days.folder, KEY).faults == []


def test_an_interrupted_run_goes_on_to_the_same_bytes(days: Days) -> None:
    days.export()
    whole = days.files()
    other = Days(days.world, days.team, days.folder.with_name("other"), days.explained)

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            other.export(progress=stop)
    torn = other.folder / ".partial" / "work" / "half"
    torn.parent.mkdir()
    torn.write_text("left by a run that was killed")
    assert other.export().days == 0
    assert other.files() == whole
    assert not torn.exists()


def test_files_without_their_manifest_are_made_again(days: Days) -> None:
    days.export()
    whole = days.files()
    (days.folder / f"manifests/{FIRST}.note").unlink()
    (days.folder / f"csv/events/day={FIRST}/events.csv.gz").write_bytes(b"torn")
    assert days.export().days == 1
    assert days.files() == whole


def test_two_at_once_are_refused(days: Days) -> None:
    with Folder(days.folder).alone(), pytest.raises(ExportFailed, match="another process"):
        days.export()


def test_days_of_another_log_are_not_mixed_with_its_own(lite_days: Days, tmp_path: Path) -> None:
    lite_days.export()
    before = lite_days.files()
    url = f"sqlite:///{tmp_path}/other.db"
    migrations.upgrade(url)
    with World(url) as other:
        other.team("other.example")
        assert other.database.log is not None
        with pytest.raises(ExportFailed, match="it has days of another log"):
            export(other.database, other.database.log, Folder(lite_days.folder), now=AFTER)
    assert lite_days.files() == before


def export_where_all_is_full(url: str, folder: Path) -> str:
    """What is told of it. A limit of the size of files stands for a disk that is full."""
    with World(url) as world:
        log = world.database.log
        assert log is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
        left: list[object] = []
        sys.unraisablehook = left.append
        with pytest.raises(ExportFailed) as told:
            export(world.database, log, Folder(folder), now=AFTER)
        message = str(told.value)
        del told
        gc.collect()
    assert not left
    return message


def test_a_full_disk_is_told_leaves_nothing_torn_and_is_gone_on_from(days: Days) -> None:
    told = answer(export_where_all_is_full, days.world.database.url, days.folder)
    assert told.startswith(f"{days.folder}: the disk is full: what is finished stays")
    assert not (days.folder / ".partial" / "work").exists()
    assert not [path for path in days.files() if "manifests" in path]
    assert days.export().days == 4
    assert verify(days.folder, KEY).faults == []


class Mortal(Folder):
    """Where whoever puts one file more is killed."""

    def __init__(self, path: Path, puts: int) -> None:
        super().__init__(path)
        self.left = puts

    def put(self, file: Path, path: str) -> None:
        if not self.left:
            die()
        self.left -= 1
        super().put(file, path)


def export_until_killed(url: str, folder: Path, puts: int) -> None:
    with World(url) as world:
        log = world.database.log
        assert log is not None
        export(world.database, log, Mortal(folder, puts), now=AFTER)


def test_killed_between_any_two_files_it_goes_on_to_the_same_bytes(days: Days) -> None:
    days.export()
    whole = days.files()
    other = Days(days.world, days.team, days.folder.with_name("other"), days.explained)
    finished = []
    for puts in (0, 4, 9, 15, 35):  # ten a day, then its explanations
        assert is_killed(export_until_killed, days.world.database.url, other.folder, puts)
        there = other.files()
        finished.append(len([path for path in there if path.startswith("manifests/")]))
        assert all(whole[path] == data for path, data in there.items())
    assert finished == [0, 0, 0, 1, 5]
    other.export()
    assert other.files() == whole


def test_what_is_erased_leaves_the_explanations_and_no_day(days: Days) -> None:
    days.export()
    before = days.files()
    told = rows(before, "explanations")
    assert {(row["field"], row["value"]) for row in told} == {
        ("explanation", "Named three neighbours"),
        ("groundReference", "Terms 4.2"),
        ("policyReference", '{"rule":"Spam","version":null,"url":null}'),
        ("subject", SERVER),
    }
    days.world.erase(days.team.admin, "acct:alice@b.example", NOW + 5 * DAY)
    assert days.export().again == 1
    after = days.files()
    assert {row["sanctionId"] for row in rows(after, "explanations")}.isdisjoint({days.explained})
    changed = {path for path in before if after[path] != before[path]}
    assert {path.split("/")[1] for path in changed if "/explanations/" in path} == {"explanations"}
    assert changed == {
        f"{form}/explanations/day={FIRST}/explanations.{ending}"
        for form, ending in (("csv", "csv.gz"), ("ndjson", "ndjson.gz"), ("parquet", "parquet"))
    } | {f"manifests/{FIRST}.explanations.note"}
    assert b"neighbours" not in b"".join(map(unpacked, after.items()))
    assert verify(days.folder, KEY).faults == []
    assert days.export().again == 0


@pytest.mark.parametrize("left", range(1, 5))
def test_an_erasure_is_heeded_wherever_the_run_after_it_was_left(days: Days, left: int) -> None:
    """It tells of two new days and of two days' explanations before those of the newest."""
    later = days.world.issue(
        days.team.issuer, NOW + DAY, explanation="A neighbour", subject="acct:alice@b.example"
    )
    days.export(NOW + 2 * DAY)
    days.world.erase(days.team.admin, "acct:alice@b.example", NOW + 30 * DAY)
    calls = iter(range(left, 0, -1))

    def stop(_done: int, _total: int) -> None:
        if next(calls) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        days.export(NOW + 40 * DAY, progress=stop)
    days.export(NOW + 40 * DAY)
    told = rows(days.files(), "explanations")
    assert {row["sanctionId"] for row in told}.isdisjoint({days.explained, later})
    assert b"eighbour" not in b"".join(map(unpacked, days.files().items()))
    assert verify(days.folder, KEY).faults == []


def unpacked(file: tuple[str, bytes]) -> bytes:
    path, data = file
    if path.endswith(".gz"):
        return gzip.decompress(data)
    return data


def test_nothing_private_is_in_any_file(days: Days) -> None:
    days.export()
    text = b"".join(map(unpacked, days.files().items()))
    for secret in (
        "alice",
        "You threatened",
        "You sent spam",
        "ref-",
        "It wasn't me",
        "Our reasons",
    ):
        assert secret.encode() not in text


def test_an_address_of_fsspec_gets_the_same_files(days: Days) -> None:
    days.export()
    place = place_of("memory://exports/node")
    log = days.world.database.log
    assert log is not None
    export(days.world.database, log, place, now=AFTER)
    fs = fsspec.filesystem("memory")
    found = {p.removeprefix("/exports/node/"): fs.cat_file(p) for p in fs.find("/exports/node")}
    fs.rm("/exports", recursive=True)
    assert found == days.files()


def test_an_address_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ExportFailed, match="nosuch"):
        place_of("nosuch://bucket")
    with pytest.raises(ExportFailed, match="nowhere: its driver stopped with TypeError") as told:
        place_of("generic://alice:secret@nowhere")
    assert "secret" not in str(told.value)
    with pytest.raises(ExportFailed, match="expected a folder"):
        place_of("")  # what a shell makes of a variable that isn't set


@pytest.mark.parametrize(
    "address",
    ["zip://days::/nowhere/out.zip", "tar:///nowhere/out.tar", "data:,secret", "reference://there"],
)
def test_an_address_where_nothing_can_be_moved_is_refused(address: str) -> None:
    """A day would be there while it is half written."""
    scheme = address.partition(":")[0]
    with pytest.raises(ExportFailed, match=f"{scheme}:// can't move files.* such as s3://"):
        place_of(address)


def test_an_address_behind_a_cache_is_taken() -> None:
    place_of("simplecache::memory://exports")


class Faulty(MemoryFileSystem):  # type: ignore[misc]
    """A driver that can't list what is there."""

    protocol = "faulty"

    def ls(self, path: str, detail: bool = True, **_: object) -> None:
        raise NotImplementedError("secret")


def test_what_a_driver_can_not_do_is_told_without_its_words(lite_days: Days) -> None:
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    place, log = place_of("faulty://exports"), lite_days.world.database.log
    assert log is not None
    with pytest.raises(ExportFailed, match="its driver stopped with NotImplementedError"):
        export(lite_days.world.database, log, place, now=AFTER)


def test_a_large_day_is_written_in_batches(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "BATCH", 3)
    days.export()
    assert verify(days.folder, KEY).faults == []


def test_a_large_day_tells_how_far_it_is_and_can_be_left_there(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BATCH", 1)
    told: list[int] = []
    days.export(progress=lambda done, _: told.append(done))
    size = max(told)
    assert told == [*range(1, size + 1)] * 2  # the days, and then their explanations
    whole = days.files()
    other = Days(days.world, days.team, days.folder.with_name("other"), days.explained)
    for left in range(1, 2 * size + 1):
        calls = iter(range(left, 0, -1))

        def stop(_done: int, _total: int, calls: Iterator[int] = calls) -> None:
            if next(calls) == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            other.export(progress=stop)
        assert other.files().items() <= whole.items()
        shutil.rmtree(other.folder)


def test_an_empty_log_has_no_days(database_url: str, tmp_path: Path) -> None:
    with World(database_url) as world:
        assert world.database.log is not None
        done = export(world.database, world.database.log, Folder(tmp_path / "x"), now=AFTER)
    assert (done.days, done.rows) == (0, 0)


def test_the_files_of_the_own_folder_are_written_down_once(days: Days) -> None:
    days.export()
    place = Folder(days.folder)
    assert register(days.world.database, place) == 4 * 12
    assert register(days.world.database, place) == 0
    days.world.erase(days.team.admin, "acct:alice@b.example", NOW + 5 * DAY)
    days.export()
    assert (
        register(days.world.database, place) == 12 + 3
    )  # the day of the erasure, and what it left
    with days.world.database.reading() as session:
        for file in session.scalars(sa.select(ExportFile)):
            data = (days.folder / file.path).read_bytes()
            assert (file.byte_count, len(file.sha256)) == (len(data), 64)

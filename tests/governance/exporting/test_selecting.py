"""Selections as they are made: nothing in them finds anybody, and nothing stops them for good."""

import gzip
import os
import re
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from governance import selections
from governance.database import Database
from governance.exporting import selecting
from governance.exporting.grouping import ROWS, Grouping
from governance.exporting.places import ExportFailed, Folder
from governance.exporting.selecting import GaveUp, Maker, erasures
from governance.selections import Selection
from governance.vocabulary import Category
from governance.words import (
    Automation,
    DurationBucket,
    EndReason,
    ExportFormat,
    Ground,
    Measure,
    Outcome,
    SelectionState,
    Source,
    Validity,
)
from tests.builders import DAY, HOUR, KEYS, NOW, Team, World
from tests.forking import answer, die, is_killed

LATER = NOW + 40 * DAY
WORDS: dict[str, set[Any]] = {
    "subjectKind": {"ACCOUNT"},
    "platform": {"mod.example"},
    "measure": set(Measure),
    "category": set(Category),
    "duration": set(DurationBucket),
    "validity": set(Validity),
    "outcome": set(Outcome),
    "ground": set(Ground),
    "source": set(Source),
    "automation": set(Automation),
    "endReason": set(EndReason),
    "isAppealed": {True, False},
    "detail": set(range(7)),
}
SHAPES = {
    "subject": r"[0-9a-f]{32}",
    "issuedOn": r"\d{4}-\d{2}(-\d{2})?",
    "endedOn": r"\d{4}-\d{2}(-\d{2})?",
}


def everything(_row: Any) -> tuple[sa.ColumnElement[bool], dict[str, Any]]:
    return sa.true(), {}


@dataclass
class Making:
    """A world in which thirteen people were sanctioned twice, and what makes selections of it."""

    world: World
    team: Team
    maker: Maker

    def request(self, now: datetime = LATER, *formats: ExportFormat) -> str:
        given = list(formats) or [ExportFormat.NDJSON]
        return self.world.do(selections.request, self.team.researcher, {}, given, now=now).id

    def made(self, ident: str) -> Selection:
        self.maker.make(ident, everything)
        return self.found(ident)

    def found(self, ident: str) -> Selection:
        with self.world.database.reading() as session:
            return selections.found(session, ident)

    def path(self, selection: Selection, name: str = "rows.ndjson.gz") -> Path:
        return self.maker.place.path / selection.id / str(selection.generation) / name

    def rows(self, selection: Selection) -> list[dict[str, Any]]:
        lines = gzip.decompress(self.path(selection).read_bytes()).splitlines()
        return [orjson.loads(line) for line in lines]


@pytest.fixture
def making(database_url: str, tmp_path: Path) -> Iterator[Making]:
    """Yield the same on each engine."""
    yield from _making(database_url, tmp_path)


@pytest.fixture
def lite_making(sqlite_url: str, tmp_path: Path) -> Iterator[Making]:
    """Yield the same on SQLite, for what has nothing to do with the database."""
    yield from _making(sqlite_url, tmp_path)


def _making(url: str, folder: Path) -> Iterator[Making]:
    with World(url) as world:
        team = world.team("mod.example")
        people: list[dict[str, Any]] = [
            {"subject": f"acct:alice{n}@b.example", "explanation": "Named three neighbours"}
            for n in range(13)
        ]  # in the order of time, which never goes back
        first = [world.issue(team.issuer, case_reference="case-alice", **one) for one in people]
        for one in people:
            world.issue(team.issuer, NOW + HOUR, category=Category.SCAMS_AND_FRAUD, **one)
        for appeal in [world.in_review(team, ident, NOW + 2 * DAY) for ident in first]:
            world.decide(team.reviewer, appeal, Outcome.OVERTURNED, NOW + 3 * DAY)
        place = folder / "selections"
        place.mkdir()
        assert world.database.log is not None
        maker = Maker(world.database, KEYS, world.database.log, Folder(place), lambda: LATER)
        yield Making(world, team, maker)


def test_every_column_holds_codes_days_and_pseudonyms_alone(making: Making) -> None:
    rows = making.rows(making.made(making.request()))
    assert len(rows) == 26
    assert {*WORDS, *SHAPES} == {column.name for column in ROWS.columns}
    for row in rows:
        for name, value in row.items():
            if value is None:
                continue
            if name in WORDS:
                assert value in WORDS[name], (name, value)
            else:
                assert re.fullmatch(SHAPES[name], value), (name, value)


def test_no_private_text_is_in_anything_that_is_kept(making: Making) -> None:
    selection = making.made(making.request(LATER, *ExportFormat))
    found = [path for path in making.maker.place.path.rglob("*") if path.is_file()]
    text = b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in found
    )
    for secret in (b"alice", b"san_", b"apl_", b"neighbours", b"threatened", b"Terms", b"ref-"):
        assert secret not in text
    names = {path.name for path in found} - {"lock"}
    assert names == {"rows.parquet", "rows.csv.gz", "rows.ndjson.gz", "manifest.note"}
    assert selection.row_count == 26


def test_a_row_says_what_was_known_when_the_day_began(making: Making) -> None:
    for now, validity, outcome in (
        (NOW + DAY, "STANDING", None),
        (NOW + 3 * DAY, "STANDING", None),  # overturned at noon of that day
        (NOW + 4 * DAY, "OVERTURNED", "OVERTURNED"),
    ):
        rows = making.rows(making.made(making.request(now)))
        violent = [row for row in rows if row["category"] == "VIOLENCE"]
        assert {(row["validity"], row["outcome"]) for row in violent} == {(validity, outcome)}
        assert {row["isAppealed"] for row in violent} == {now >= NOW + 3 * DAY}
        assert {row["endedOn"] for row in violent} == {"2026-03-04" if outcome else None}
        assert {row["issuedOn"] for row in rows} == {"2026-03-01"}


def test_nothing_that_happens_on_a_day_is_in_a_selection_of_it(making: Making) -> None:
    """Else two selections of one day would differ by whom the public log says it happened to."""
    world, team, begun = making.world, making.team, NOW + 4 * DAY
    of_today = begun + HOUR
    people = [f"acct:bob{n}@b.example" for n in range(12)]
    held = [world.issue(team.issuer, NOW + 3 * DAY, subject=one) for one in people]
    pending = [
        world.terminate(team.issuer, NOW + 3 * DAY, subject=f"acct:carol{n}@b.example")
        for n in range(12)
    ]
    appeal = world.in_review(team, held[0], NOW + 3 * DAY)
    before = making.rows(making.made(making.request(begun)))
    world.shorten(team.issuer, held[1], of_today + HOUR, of_today)
    world.lift(team.issuer, held[2], of_today)
    world.void(team.issuer, held[3], of_today)
    world.overturn(team.issuer, held[4], of_today)
    world.in_review(team, held[5], of_today)
    world.issue(team.issuer, of_today, supersedes=held[0], subject=people[0])
    world.approve(team.issuer_2, pending[0], of_today)
    formats = ExportFormat.NDJSON, ExportFormat.CSV
    assert making.rows(making.made(making.request(of_today + HOUR, *formats))) == before
    assert world.appeal(appeal).sanction_id != held[0]
    assert making.rows(making.made(making.request(begun + DAY))) != before


def test_another_nodes_key_gives_other_pseudonyms(lite_making: Making) -> None:
    subjects = {row["subject"] for row in lite_making.rows(lite_making.made(lite_making.request()))}
    other = replace(lite_making.maker, keys=replace(KEYS, secret=bytes([1] * 32)))
    ident = lite_making.request(LATER, ExportFormat.NDJSON, ExportFormat.CSV)
    other.make(ident, everything)
    others = {row["subject"] for row in lite_making.rows(lite_making.found(ident))}
    assert len(others) == len(subjects) == 13
    assert not others & subjects


def test_statements_grow_with_batches_and_not_with_rows(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    engine = making.world.database.engine
    for number, batch in enumerate((100, 26, 13)):
        monkeypatch.setattr(selecting, "BATCH", batch)
        ident = making.request(LATER + number * DAY)
        told: list[str] = []

        def note(*given: Any, told: list[str] = told) -> None:
            if "disclosures" in given[2]:
                told.append(given[2])

        sa.event.listen(engine, "before_cursor_execute", note)
        assert making.made(ident).row_count == 26
        sa.event.remove(engine, "before_cursor_execute", note)
        counts.append(len(told))
    assert counts == [2, 2, 3]  # and the last finds nothing more


def test_one_that_is_given_up_while_it_is_made_leaves_nothing(
    lite_making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selecting, "BATCH", 5)
    ident = lite_making.request()
    looks = iter(range(100))

    def check() -> None:
        if next(looks) == 2:
            with lite_making.world.database.writing() as session:
                selections.give_up(session, selections.found(session, ident))

    with pytest.raises(GaveUp):
        replace(lite_making.maker, check=check).make(ident, everything)
    assert list(lite_making.maker.place.path.glob("*sel_*")) == []
    assert lite_making.found(ident).state is SelectionState.CANCELLED


def test_what_is_erased_while_it_is_made_is_seen_afterwards(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selecting, "BATCH", 20)
    ident = making.request()
    looks = iter(range(100))

    def check() -> None:
        if next(looks) == 1:
            making.world.erase(making.team.admin, "acct:alice1@b.example", LATER)

    replace(making.maker, check=check).make(ident, everything)
    selection = making.found(ident)
    with making.world.database.reading() as session:
        assert erasures(session) != selection.erasures


def make_until_killed(url: str, folder: Path, ident: str, looks: int) -> None:
    left = iter(range(looks))

    def check() -> None:
        if next(left, None) is None:
            die()

    selecting.BATCH = 5
    with World(url) as world:
        log = world.database.log
        assert log is not None
        place = Folder(folder)
        Maker(world.database, KEYS, log, place, datetime.now, check).make(ident, everything)


def test_killed_anywhere_it_goes_on_to_the_same_bytes(
    lite_making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = lite_making.made(lite_making.request())
    expected = lite_making.path(whole).read_bytes()
    lite_making.world.do(
        lambda session: selections.give_up(session, selections.found(session, whole.id))
    )
    ident = lite_making.request()
    url, folder = lite_making.world.database.url, lite_making.maker.place.path
    read = []
    for at in (0, 2, 3, 1):  # looks until it is killed, each time further on
        assert is_killed(make_until_killed, url, folder, ident, at)
        selection = lite_making.found(ident)
        assert selection.state is SelectionState.RUNNING
        assert not (lite_making.maker.place.path / ident).exists()
        read.append(selection.rows_read)
    assert read == [0, 10, 25, 26]
    monkeypatch.setattr(selecting, "BATCH", 5)
    finished = lite_making.made(ident)
    assert lite_making.path(finished).read_bytes() == expected
    assert sorted(p.name for p in lite_making.maker.place.path.iterdir()) == sorted(
        [".partial", whole.id, ident]
    )


def make_where_all_is_full(url: str, folder: Path, ident: str) -> str:
    """What is told of it. A limit of the size of files stands for a disk that is full."""
    group = Grouping.group

    def then_full(self: Grouping, as_of: date, check: Callable[[], None] = print) -> None:
        group(self, as_of, check)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))

    Grouping.group = then_full  # type: ignore[method-assign]
    with World(url) as world:
        log = world.database.log
        assert log is not None
        with pytest.raises(ExportFailed) as told:
            Maker(world.database, KEYS, log, Folder(folder), datetime.now).make(ident, everything)
    return str(told.value)


def test_a_full_disk_is_told_leaves_nothing_torn_and_is_gone_on_from(
    lite_making: Making,
) -> None:
    ident = lite_making.request()
    url, folder = lite_making.world.database.url, lite_making.maker.place.path
    told = answer(make_where_all_is_full, url, folder, ident)
    assert told.startswith(f"{folder}: the disk is full: what is finished stays")
    assert lite_making.found(ident).state is SelectionState.RUNNING
    assert list(folder.rglob("rows.*")) == []
    assert lite_making.made(ident).row_count == 26


def test_what_lost_power_left_behind_is_begun_anew(lite_making: Making) -> None:
    ident = lite_making.request()
    with pytest.raises(KeyboardInterrupt):
        replace(lite_making.maker, check=_interrupt).make(ident, everything)
    [scratch] = lite_making.maker.place.path.glob(f".{ident}.*")
    scratch.write_bytes(b"no database at all" * 1_000)
    with pytest.raises(ExportFailed):
        lite_making.maker.make(ident, everything)
    assert lite_making.made(ident).row_count == 26


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_a_folder_that_is_written_to_elsewhere_is_left_alone(lite_making: Making) -> None:
    ident = lite_making.request()
    with lite_making.maker.place.alone(), pytest.raises(ExportFailed, match="another process"):
        lite_making.made(ident)
    assert lite_making.found(ident).state is SelectionState.WAITING


def test_files_are_nobody_elses(lite_making: Making) -> None:
    selection = lite_making.made(lite_making.request())
    assert os.stat(lite_making.path(selection).parents[1]).st_mode & 0o777 == 0o700


def test_a_database_knows_its_selections_again(lite_making: Making) -> None:
    ident = lite_making.made(lite_making.request()).id
    again = Database(lite_making.world.database.url)
    with again.reading() as session:
        assert [one.id for one in selections.ready(session)] == [ident]
    again.close()

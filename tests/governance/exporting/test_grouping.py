"""Groups: every row is told as exactly as ten subjects share it, and whole groups or none."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.exporting.grouping import ROWS, TOLD, Grouping
from governance.rules.research import FEWEST, LEVELS
from tests.builders import examples

AS_OF = date(2026, 3, 15)
Found = tuple[str, bool, dict[str, Any]]


def row(**changes: Any) -> dict[str, Any]:
    plain = {
        "subjectKind": "ACCOUNT", "issuedOn": "2026-02-17", "measure": "WARNING",
        "category": "SCAMS", "platform": "mod.example", "duration": "NONE",
        "validity": "STANDING", "isAppealed": False, "outcome": None, "ground": "ILLEGAL_CONTENT",
        "source": "NOTICE", "automation": "FULLY", "endedOn": "2026-02-18", "endReason": "EXPIRED",
    }  # fmt: skip
    return plain | changes


def people(count: int, *, fits: bool = True, name: str = "s", **changes: Any) -> list[Found]:
    return [(f"{name}{n}", fits, row(**changes)) for n in range(count)]


@pytest.fixture
def told(tmp_path: Path) -> Callable[[Iterable[Found]], list[dict[str, Any]]]:
    """Return what is told of rows."""

    def tell(found: Iterable[Found]) -> list[dict[str, Any]]:
        path = tmp_path / "scratch"
        path.unlink(missing_ok=True)
        with Grouping(path) as grouping:
            grouping.add(list(found), "san_z", 1)
            grouping.group(AS_OF)
            rows = [one for batch in grouping.batches() for one in batch["rows"]]
            assert grouping.counts()[:2] == (len(rows), len({one["subject"] for one in rows}))
        return rows

    return tell


Tell = Callable[[Iterable[Found]], list[dict[str, Any]]]


def test_it_can_be_left_before_any_level_and_is_grouped_anew(tmp_path: Path) -> None:
    with Grouping(tmp_path / "scratch") as grouping:
        grouping.add(people(FEWEST), "san_z", 1)
        for left in range(len(LEVELS)):
            looks = iter(range(left, -1, -1))

            def check(looks: Iterator[int] = looks) -> None:
                if next(looks) == 0:
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                grouping.group(AS_OF, check)
            assert grouping.counts() == (0, 0, FEWEST)
        grouping.group(AS_OF)
        assert grouping.counts() == (FEWEST, FEWEST, 0)


def test_what_ten_share_is_told_to_the_day(told: Tell) -> None:
    rows = told(people(FEWEST))
    assert [one["subject"] for one in rows] == sorted(f"s{n}" for n in range(FEWEST))
    assert {one["detail"] for one in rows} == {6}
    assert rows[0] == {"subject": "s0", "detail": 6, **row()}
    assert list(rows[0]) == [column.name for column in ROWS.columns]


def test_what_nine_share_is_not_told(told: Tell) -> None:
    assert told(people(FEWEST - 1)) == []


def test_one_subject_ten_times_is_one(told: Tell) -> None:
    assert told([("s", True, row())] * FEWEST) == []


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"issuedOn": "2026-02-03"}, 5),
        ({"endedOn": "2026-02-19"}, 5),
        ({"endedOn": None, "endReason": None}, 4),
        ({"source": "OWN_INITIATIVE"}, 4),
        ({"validity": "OVERTURNED"}, 3),
        ({"isAppealed": True, "outcome": "UPHELD"}, 3),
        ({"platform": "other.example"}, 2),
        ({"category": "VIOLENCE"}, 1),
        ({"measure": "CONTENT_REMOVED"}, 0),
    ],
)
def test_what_tells_a_few_apart_is_dropped_for_all(
    told: Tell, changes: dict[str, Any], detail: int
) -> None:
    rows = told([*people(5), *people(5, name="t", **changes)])
    assert {one["detail"] for one in rows} == {detail}
    assert len({tuple(one[name] for name in TOLD) for one in rows}) == 1
    assert len(rows) == FEWEST


def test_what_differs_in_its_kind_or_its_month_is_never_one_group(told: Tell) -> None:
    assert told([*people(9), *people(9, name="t", subjectKind="CONTENT")]) == []
    assert told([*people(9), *people(9, name="t", issuedOn="2026-01-17")]) == []


def test_of_the_running_month_only_days_that_ten_share_are_told(told: Tell) -> None:
    assert {one["detail"] for one in told(people(FEWEST, issuedOn="2026-03-14"))} == {6}
    later = [*people(5, issuedOn="2026-03-14"), *people(5, name="t", issuedOn="2026-03-13")]
    assert told(later) == []
    assert told(people(FEWEST, issuedOn="2026-03-15")) == []


def test_a_group_that_fits_only_in_part_is_left_out_as_a_whole(told: Tell) -> None:
    some = [*people(30), *people(1, fits=False, name="t")]
    assert told(some) == []
    assert len(told([*some, *people(FEWEST, issuedOn="2026-01-17")])) == FEWEST


def test_two_selections_never_differ_by_fewer_than_ten_subjects(told: Tell) -> None:
    everybody = [*people(14), *people(12, name="t", platform="other.example")]
    whole = {one["subject"] for one in told(everybody)}
    for left_out in range(len(everybody)):
        found = [(s, place != left_out, r) for place, (s, _, r) in enumerate(everybody)]
        difference = whole - {one["subject"] for one in told(found)}
        assert len(difference) >= FEWEST


def test_rows_come_in_an_order_that_says_nothing_of_what_is_hidden(told: Tell) -> None:
    exact = [found for day in (10, 12) for found in people(FEWEST, issuedOn=f"2026-02-{day}")]
    rare = [("s0", True, row(issuedOn="2026-02-11")), *people(9, name="t", issuedOn="2026-02-20")]
    days = [one["issuedOn"] for one in told([*exact, *rare]) if one["subject"] == "s0"]
    assert days == ["2026-02", "2026-02-10", "2026-02-12"]


WORDS = st.sampled_from(["a", "b"])
ANY = st.builds(
    row,
    issuedOn=st.sampled_from(["2026-01-05", "2026-02-05", "2026-02-06", "2026-03-14"]),
    subjectKind=st.sampled_from(["ACCOUNT", "ACCOUNT", "ACCOUNT", "CONTENT"]),
    measure=WORDS, category=WORDS, platform=WORDS, validity=WORDS, source=WORDS,
    outcome=st.none() | WORDS,
)  # fmt: skip
FOUND = st.tuples(st.integers(0, 60).map(str), st.booleans() | st.just(True), ANY)


@examples(60)
@given(st.lists(FOUND, max_size=300))
def test_everything_told_is_shared_by_ten(tmp_path_factory: Any, found: list[Found]) -> None:
    path = tmp_path_factory.mktemp("g") / "scratch"
    with Grouping(path) as grouping:
        grouping.add(found, "san_z", len(found))
        grouping.group(AS_OF)
        rows = [one for batch in grouping.batches() for one in batch["rows"]]
        counts = grouping.counts()
    assert rows == sorted(rows, key=lambda one: [(v is not None, v) for v in one.values()])
    shared: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
    for one in rows:
        shared[tuple(one[name] for name in ("detail", *TOLD))].add(one["subject"])
    assert all(len(subjects) >= FEWEST for subjects in shared.values())
    fitting = Counter(subject for subject, fits, _ in found if fits)
    assert not Counter(str(one["subject"]) for one in rows) - fitting
    assert counts == (len(rows), len({r["subject"] for r in rows}), fitting.total() - len(rows))
    for subject, _, original in found:  # nobody is told more exactly than ten share
        for detail, level in enumerate(LEVELS):
            same = {s for s, _, r in found if level.told(r) == level.told(original)}
            if len(same) < FEWEST:
                key = (detail, *level.told(original).values())
                assert subject not in shared.get(key, set())


def test_what_was_added_stays_when_the_process_is_killed(tmp_path: Path) -> None:
    first = Grouping(tmp_path / "scratch")
    first.add(people(FEWEST), "san_k", FEWEST)
    with Grouping(tmp_path / "scratch") as again:  # the other one never ended well
        assert again.place() == ("san_k", FEWEST)
        again.group(AS_OF)
        again.group(AS_OF)  # and once more, as after a stop in the midst of it
        assert again.counts() == (FEWEST, FEWEST, 0)


def test_the_file_is_nobody_elses_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "scratch"
    with Grouping(path) as grouping:
        assert path.stat().st_mode & 0o777 == 0o600
        grouping.remove()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(sqlite3.ProgrammingError):
        grouping.place()

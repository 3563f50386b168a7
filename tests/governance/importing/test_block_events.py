"""The history of lists, replayed with its own dates."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.errors import InvalidInput
from governance.importing.block_events import import_block_events, list_domain
from governance.importing.runs import Summary
from governance.words import EndReason, Measure, PolicyConflict, Validity
from tests.builders import DAY, KEYS, NOW, World
from tests.governance.importing.real import LISTS, block_list, disclosures, sanctions

HEADER = "source_list,at,commit,event,domain,old_severity,old_comment,new_severity,new_comment"
REAL = LISTS / "fediverse_block_events.csv"
LATER = datetime(2026, 11, 23, tzinfo=UTC)


def replayed(world: World, folder: Path, *rows: str, publish_comments: bool = False) -> Summary:
    file = block_list(folder / "events.csv", *rows, header=HEADER)
    return import_block_events(
        world.database, KEYS, file, now=NOW, publish_comments=publish_comments
    )


def event(
    day: int, kind: str, severity: str = "", comment: str = "", domain: str = "a.example"
) -> str:
    at = f"2025-01-{day:02d}T10:00:00+02:00"
    return f"one.example,{at},c{day},{kind},{domain},,,{severity},{comment}"


def instant(day: int) -> datetime:
    return datetime(2025, 1, day, 8, tzinfo=UTC)


def test_a_block_is_recorded_with_its_own_date_and_never_binds(
    world: World, tmp_path: Path
) -> None:
    rows = [event(1, "add", "suspend"), event(2, "snapshot", "noop", domain="b.example")]
    summary = replayed(world, tmp_path, *rows)
    assert (summary.issued, summary.recorded) == (0, 2)
    for number, record in enumerate(sanctions(world).values(), 1):
        assert not record.is_binding
        assert PolicyConflict.OUTSIDE_DECISION in record.policy_conflicts
        assert (record.issued_at, record.recorded_at) == (instant(number), NOW)


def test_removals_and_changes_of_severity_end_at_their_own_dates(
    world: World, tmp_path: Path
) -> None:
    rows = [
        event(1, "add", "silence"),
        event(3, "change", "suspend"),
        event(5, "remove"),
        event(7, "add", "suspend"),
    ]
    summary = replayed(world, tmp_path, *reversed(rows))
    assert (summary.recorded, summary.superseded, summary.lifted) == (3, 1, 1)
    first, second, third = sanctions(world).values()
    assert (first.validity, first.ends_at) == (Validity.SUPERSEDED, instant(3))
    assert (second.supersedes_id, second.measure) == (first.id, Measure.SERVER_SUSPENDED)
    assert (second.end_reason, second.ends_at) == (EndReason.LIFTED, instant(5))
    assert (third.issued_at, third.ends_at) == (instant(7), None)
    with world.database.reading() as session:
        told = (
            session.connection()
            .exec_driver_sql("select type from events order by position")
            .scalars()
        )
        assert list(told) == [
            "SANCTION_ISSUED",
            "SANCTION_SUPERSEDED",
            "SANCTION_ISSUED",
            "SANCTION_LIFTED",
            "SANCTION_ISSUED",
        ]


def test_a_changed_comment_changes_nothing_and_is_counted(world: World, tmp_path: Path) -> None:
    summary = replayed(
        world, tmp_path, event(1, "add", "suspend", "spam"), event(2, "change", "suspend", "more")
    )
    assert (summary.recorded, summary.unchanged) == (1, 1)
    assert "1 events changed a comment alone, which changes nothing." in summary.notes
    [kept] = disclosures(world).values()
    assert (kept.facts, kept.explanation) == ("spam", None)


def test_comments_are_published_only_when_asked_for(world: World, tmp_path: Path) -> None:
    replayed(world, tmp_path, event(1, "add", "suspend", "spam"), publish_comments=True)
    [kept] = disclosures(world).values()
    assert (kept.facts, kept.explanation) == (None, "spam")


def test_the_same_history_again_changes_nothing(world: World) -> None:
    first = import_block_events(world.database, KEYS, REAL, now=LATER)
    before = world.snapshot()
    again = import_block_events(world.database, KEYS, REAL, now=LATER + DAY)
    assert world.snapshot() == before
    done = first.recorded + first.lifted + first.unchanged
    assert (again.unchanged, again.recorded, again.lifted) == (done, 0, 0)
    assert again.refused == first.refused
    assert first.read == done + len(first.refused) == 90


def test_a_longer_history_goes_on_where_the_first_ended(world: World, tmp_path: Path) -> None:
    rows = [event(1, "add", "silence"), event(3, "change", "suspend"), event(5, "remove")]
    replayed(world, tmp_path, *rows[:1])
    summary = replayed(world, tmp_path, *rows)
    assert (summary.unchanged, summary.recorded, summary.lifted) == (1, 1, 1)
    first, second = sanctions(world).values()
    assert second.supersedes_id == first.id


def test_a_dry_run_counts_the_same_and_leaves_nothing(world: World) -> None:
    before = world.snapshot()
    rehearsed = import_block_events(world.database, KEYS, REAL, now=LATER, dry_run=True)
    assert world.snapshot() == before
    real = import_block_events(world.database, KEYS, REAL, now=LATER)
    rehearsed.is_dry_run = False
    assert rehearsed == real


BAD = [
    (event(2, "add", "suspend", domain="ex***le.org"), "domain"),
    (event(2, "add", "suspend", domain="cf"), "domain"),
    (event(2, "add", "#severity"), "severity"),
    (event(2, "vanish", "suspend"), "event"),
    (event(2, "remove"), "event"),
    (event(2, "add", "suspend").replace("2025-01-02T10:00:00+02:00", "2025-01-02"), "at"),
    (event(2, "add", "suspend").replace("2025", "2099"), "at"),
    (event(2, "add", "suspend").replace("one.example", ""), "source_list"),
    ("too,few", "line"),
]


def test_bad_events_are_refused_alone(world: World, tmp_path: Path) -> None:
    rows = [row for row, _ in BAD]
    summary = replayed(world, tmp_path, *rows, event(1, "add", "suspend", domain="good.example"))
    refused = [(r.line, r.field) for r in summary.refused]
    assert refused == [(line, field) for line, (_, field) in enumerate(BAD, 2)]
    assert (summary.read, summary.recorded) == (len(BAD) + 1, 1)


def test_a_file_of_something_else_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="source_list"):
        import_block_events(
            world.database, KEYS, block_list(tmp_path / "list", "a.example,suspend"), now=NOW
        )


@pytest.mark.parametrize(
    ("source", "domain"),
    [
        ("mastodon.social", "mastodon.social"),
        ("_unified_tier0", "unified-tier0.block-list.invalid"),
        ("iftas-dni", "iftas-dni.block-list.invalid"),
    ],
)
def test_a_list_without_a_domain_gets_one_that_is_nobodys(source: str, domain: str) -> None:
    assert list_domain(source) == domain


def test_a_name_without_letters_still_gets_a_domain() -> None:
    assert list_domain("列表").endswith(".block-list.invalid")

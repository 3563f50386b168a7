"""Statements of the EU's database in all the shapes its dumps have."""

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.errors import InvalidInput
from governance.importing.dsa_rows import platform_domain
from governance.importing.dsa_statements import HEADERS, V2, import_dsa_statements
from governance.importing.runs import Summary
from governance.vocabulary import Category, Keyword
from governance.words import Automation, Measure, PolicyConflict, Precision, Source
from tests.builders import DAY, KEYS, NOW, World
from tests.governance.importing.real import (
    DSA,
    UUID,
    disclosures,
    dump,
    sanctions,
)

TIKTOK = DSA / "sor_tiktok_2024-11-23_full_v1.csv"
REMOVED = {"decision_visibility": '["DECISION_VISIBILITY_CONTENT_REMOVED"]'}
SUSPENDED = {"decision_account": "DECISION_ACCOUNT_SUSPENDED"}
ONE = UUID.format(1)


def taken(world: World, file: Path, **options: Any) -> Summary:
    return import_dsa_statements(world.database, KEYS, file, now=NOW, **options)


def test_the_ten_minutes_that_the_format_cannot_say_are_a_day(world: World) -> None:
    assert taken(world, TIKTOK).issued == 10
    reference = "6798d88d-1aae-4257-8471-7ca451791742#CONTENT_OTHER"
    made = sanctions(world)[reference]
    day = datetime(2024, 11, 23, tzinfo=UTC)
    assert made.time_precision is Precision.DAY
    assert (made.effective_at, made.expires_at) == (day, day + DAY)
    assert "10 minutes" in str(disclosures(world)[reference].other_measure)


@pytest.mark.parametrize("name", sorted(path.name for path in DSA.glob("sor_*")))
def test_the_same_real_file_again_changes_nothing(world: World, name: str) -> None:
    first = taken(world, DSA / name)
    assert first.issued == first.read
    assert not first.refused
    before = world.snapshot()
    again = import_dsa_statements(world.database, KEYS, DSA / name, now=NOW + DAY)
    assert world.snapshot() == before
    assert again.unchanged == first.issued


def test_several_restrictions_are_several_sanctions_of_one_case(
    world: World, tmp_path: Path
) -> None:
    statement = {
        "decision_visibility": '["DECISION_VISIBILITY_CONTENT_DISABLED","OTHER"]',
        "decision_visibility_other": "Shown to nobody",
        "decision_monetary": "DECISION_MONETARY_SUSPENSION",
        "end_date_monetary_restriction": "2024-12-01 00:00:00",
        "decision_provision": "DECISION_PROVISION_PARTIAL_SUSPENSION",
        "end_date_service_restriction": "2024-12-02 00:00:00",
        "decision_account": "DECISION_ACCOUNT_SUSPENDED",
        "end_date_account_restriction": "2024-12-03 00:00:00",
    }
    summary = taken(world, dump(tmp_path / "dump.csv", statement))
    made = sanctions(world)
    assert (summary.read, summary.issued) == (1, 5)
    assert {reference: s.expires_at and s.expires_at.day for reference, s in made.items()} == {
        f"{ONE}#ACCOUNT_SUSPENDED": 4,
        f"{ONE}#CONTENT_DISABLED": None,
        f"{ONE}#CONTENT_OTHER": None,
        f"{ONE}#MONETIZATION_SUSPENDED": 2,
        f"{ONE}#SERVICE_RESTRICTED": 3,
    }
    kept = disclosures(world).values()
    assert {d.case_reference for d in kept} == {ONE}
    assert {d.subject for d in kept} == {f"urn:uuid:{ONE}"}


CONFLICTS = [
    (SUSPENDED, PolicyConflict.END_REQUIRED),
    ({**SUSPENDED, "end_date_account_restriction": "2025-11-22"}, PolicyConflict.TOO_LONG),
    ({"decision_account": "TERMINATED"}, PolicyConflict.PERMANENCE_NOT_ALLOWED),
    ({"decision_provision": "TOTAL_TERMINATION"}, PolicyConflict.MEASURE_NOT_OFFERED),
    ({"decision_monetary": "TERMINATION"}, PolicyConflict.MEASURE_NOT_OFFERED),
]


def test_what_conflicts_with_the_policy_becomes_a_record(world: World, tmp_path: Path) -> None:
    summary = taken(world, dump(tmp_path / "dump.csv", *(row for row, _ in CONFLICTS)))
    assert (summary.issued, summary.recorded) == (0, len(CONFLICTS))
    for made, (_, conflict) in zip(sanctions(world).values(), CONFLICTS, strict=True):
        assert not made.is_binding
        assert {PolicyConflict.OUTSIDE_DECISION, conflict} <= set(made.policy_conflicts)


def test_conduct_is_the_day_of_the_content_or_else_of_the_restriction(
    world: World, tmp_path: Path
) -> None:
    taken(
        world,
        dump(
            tmp_path / "dump.csv",
            {**REMOVED, "content_date": "2024-11-20 00:00:00"},
            {**REMOVED, "content_date": "2024-11-20 13:30:00"},
            REMOVED,
        ),
    )
    spans = [(s.conduct_from, s.conduct_to) for s in sanctions(world).values()]
    day = datetime(2024, 11, 20, tzinfo=UTC)
    half_past_one = day.replace(hour=13, minute=30)
    to_midnight = DAY - timedelta(microseconds=1)
    assert spans == [
        (day, day + to_midnight),
        (half_past_one, half_past_one),
        (day + 2 * DAY, day + 2 * DAY + to_midnight),
    ]


def test_what_the_row_lacks_is_recorded_as_not_stated(world: World, tmp_path: Path) -> None:
    taken(world, dump(tmp_path / "dump.csv", REMOVED))
    [kept] = disclosures(world).values()
    assert (kept.ground_reference, kept.reason) == ("not stated", "not stated")
    assert kept.facts == (
        "Not stated by the source: source_type, territorial_scope, content_type, content_date."
    )


def test_texts_stay_private_unless_they_are_to_be_published(world: World, tmp_path: Path) -> None:
    statement = {
        **REMOVED,
        "decision_facts": "What happened",
        "incompatible_content_ground": "Rule 3",
        "incompatible_content_explanation": "You did it",
        "source_type": "SOURCE_TRUSTED_FLAGGER",
        "source_identity": "A person",
        "territorial_scope": '["DE","FR"]',
        "content_type": '["CONTENT_TYPE_TEXT"]',
        "content_date": "2024-11-20 00:00:00",
    }
    taken(world, dump(tmp_path / "quiet.csv", statement))
    taken(world, dump(tmp_path / "loud.csv", statement, start=2), publish_comments=True)
    quiet, loud = sorted(disclosures(world).values(), key=lambda d: str(d.issuer_reference))
    assert (quiet.facts, quiet.explanation) == ("Ground: Rule 3\n\nWhat happened", None)
    assert (loud.facts, loud.explanation) == (None, "What happened")
    assert (quiet.ground_reference, loud.ground_reference) == ("not stated", "Rule 3")
    assert quiet.reason == "You did it"
    assert "A person" not in repr(world.snapshot())
    made = sanctions(world)[f"{ONE}#CONTENT_REMOVED"]
    assert made.source is Source.TRUSTED_FLAGGER
    assert made.territorial_scope == ["DE", "FR"]


@pytest.mark.parametrize(
    ("category", "keywords", "expected"),
    [
        ("SCOPE_OF_PLATFORM_SERVICE", "", (Category.OTHER_VIOLATION_TC, [])),
        (
            "PORNOGRAPHY_OR_SEXUALIZED_CONTENT",
            "",
            (Category.OTHER_VIOLATION_TC, [Keyword.ADULT_SEXUAL_MATERIAL]),
        ),
        (
            "STATEMENT_CATEGORY_NON_CONSENSUAL_BEHAVIOUR",
            '["KEYWORD_ONLINE_BULLYING_INTIMIDATION","KEYWORD_STALKING"]',
            (Category.CYBER_VIOLENCE, [Keyword.CYBER_BULLYING_INTIMIDATION, Keyword.STALKING]),
        ),
        (
            "STATEMENT_CATEGORY_UNSAFE_AND_ILLEGAL_PRODUCTS",
            "['DANGEROUS_TOYS', 'PHISHING']",
            (Category.UNSAFE_AND_PROHIBITED_PRODUCTS, [Keyword.UNSAFE_PRODUCTS, Keyword.OTHER]),
        ),
    ],
)
def test_first_version_codes_become_second_version_ones(
    world: World,
    tmp_path: Path,
    category: str,
    keywords: str,
    expected: tuple[Category, list[Keyword]],
) -> None:
    statement = {**REMOVED, "category": category, "category_specification": keywords}
    taken(world, dump(tmp_path / "dump.csv", statement))
    [made] = sanctions(world).values()
    assert (made.category, made.keywords) == expected


@pytest.mark.parametrize("has_header", [True, False])
def test_full_and_light_dumps_of_both_versions_are_read(
    world: World, tmp_path: Path, has_header: bool
) -> None:
    for number, columns in enumerate(HEADERS.values()):
        file = dump(
            tmp_path / "dump.csv", REMOVED, SUSPENDED, columns=columns, start=1 + 2 * number
        )
        if not has_header:
            file.write_text(file.read_text().partition("\n")[2])
        summary = taken(world, file)
        assert (summary.read, summary.issued, summary.recorded) == (2, 1, 1)


def test_stripped_prefixes_and_slashed_dates_are_read(world: World) -> None:
    taken(world, DSA / "sor_global_2025-12-06_processed.csv")
    made = sanctions(world)["0e6a3e3d-b859-4a67-b99e-d606e507c6c2#CONTENT_DISABLED"]
    assert made.effective_at == datetime(2025, 12, 5, tzinfo=UTC)
    assert made.content_date == datetime(2025, 12, 3, tzinfo=UTC)
    assert (made.automation, made.is_automated_detection) == (Automation.FULLY, True)
    assert (made.content_language, len(made.territorial_scope)) == ("de", 30)


def test_archives_of_archives_are_read_and_lines_named_by_file(
    world: World, tmp_path: Path
) -> None:
    for number in (1, 2):
        good, bad = REMOVED, {**REMOVED, "category": "NEW"}
        file = dump(tmp_path / f"{number}.csv", good, bad, start=10 * number)
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as archive:
            archive.write(file, f"part-{number}.csv")
    with zipfile.ZipFile(tmp_path / "day.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in (1, 2):
            archive.write(tmp_path / f"{number}.zip", f"sor-{number}.zip")
    steps: list[tuple[int, int]] = []
    summary = taken(world, tmp_path / "day.zip", progress=lambda *step: steps.append(step))
    assert (summary.read, summary.issued) == (4, 2)
    assert [str(row) for row in summary.refused] == [
        f"sor-{number}.zip/part-{number}.csv, line 3: category: "
        "expected a code of category, got 'NEW'"
        for number in (1, 2)
    ]
    assert steps[-1][0] == steps[-1][1] == (tmp_path / "day.zip").stat().st_size


BAD = [
    ({"uuid": "1"}, "uuid"),
    ({"decision_visibility": ""}, "decision_visibility"),
    ({"decision_visibility": "VANISHED"}, "decision_visibility"),
    ({"category": ""}, "category"),
    ({"category_specification": '["KEYWORD_NEW"]'}, "category_specification"),
    ({"automated_decision": ""}, "automated_decision"),
    ({"content_date": "yesterday"}, "content_date"),
    ({"content_date": "2024-02-30"}, "content_date"),
    ({"end_date_visibility_restriction": "9999-12-31"}, "end_date_visibility_restriction"),
    ({"end_date_visibility_restriction": "2024-11-21"}, "end_date_visibility_restriction"),
    ({"application_date": "", "created_at": ""}, "application_date"),
    (
        dict.fromkeys(("application_date", "created_at"), "2036-01-02 00:00:00")
        | {"end_date_visibility_restriction": ""},
        "created_at",
    ),
    ({"territorial_scope": '["DE","XX"]'}, "territorial_scope"),
    ({"content_language": "1"}, "content_language"),
    ({"platform_name": " "}, "platform_name"),
    ({"decision_facts": "x" * 5_001}, "decision_facts"),
    ({"decision_facts": "a\0b"}, "line"),
]


def test_bad_statements_are_refused_alone(world: World, tmp_path: Path) -> None:
    bad = [{**REMOVED, **changes} for changes, _ in BAD]
    summary = taken(world, dump(tmp_path / "dump.csv", *bad, REMOVED))
    refused = [(row.line, row.field) for row in summary.refused]
    assert refused == [(line, field) for line, (_, field) in enumerate(BAD, 2)]
    assert (summary.read, summary.issued) == (len(BAD) + 1, 1)


def test_the_same_statement_with_another_body_is_refused(world: World, tmp_path: Path) -> None:
    taken(world, dump(tmp_path / "dump.csv", REMOVED))
    before = world.snapshot()
    summary = taken(world, dump(tmp_path / "dump.csv", {**REMOVED, "decision_facts": "other"}))
    assert [(row.line, row.field) for row in summary.refused] == [(2, "uuid")]
    assert world.snapshot() == before


def test_a_dry_run_counts_the_same_and_leaves_nothing(world: World) -> None:
    before = world.snapshot()
    rehearsed = taken(world, TIKTOK, dry_run=True)
    assert world.snapshot() == before
    rehearsed.is_dry_run = False
    assert rehearsed == taken(world, TIKTOK)


def test_a_file_of_something_else_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="platform_name"):
        taken(world, dump(tmp_path / "dump.csv", REMOVED, columns=V2[:4]))


def test_platforms_known_by_name_get_domains_that_are_nobodys() -> None:
    assert platform_domain("TikTok") == "tiktok.dsa.invalid"
    assert platform_domain("Chrome Web Store") == "chrome-web-store.dsa.invalid"
    alike = {platform_domain(name) for name in ("Booking.com", "Booking com", "Booking!com", "店")}
    assert len(alike) == 4


def test_measures_say_which_kind_of_subject(world: World, tmp_path: Path) -> None:
    taken(world, dump(tmp_path / "dump.csv", {**REMOVED, **SUSPENDED}))
    kinds = {s.measure: s.subject_kind.value for s in sanctions(world).values()}
    assert kinds == {Measure.CONTENT_REMOVED: "CONTENT", Measure.ACCOUNT_SUSPENDED: "ACCOUNT"}

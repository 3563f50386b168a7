"""The demonstration follows the published figures: they add up, and the made world is near them."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

import pytest
from sqlmodel import col, select

from governance import demo
from governance.appeals import Appeal
from governance.database import Database
from governance.demonstration import cases, figures
from governance.demonstration.decisions import Inventor
from governance.demonstration.history import PAST, History, instants
from governance.demonstration.plans import (
    DECIDE,
    DECIDE_AS_GUEST,
    FILING,
    HOUR,
    LONGEST_REVIEW,
)
from governance.demonstration.stage import Case, Plan
from governance.requesting import Request
from governance.rules.policy import CONTENT_MEASURES
from governance.settings import Keys
from governance.vocabulary import Category
from governance.words import Measure, Outcome, Source
from tests.builders import sequencer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPORTS = Path(__file__).parents[1] / "data" / "reports"
WHOLE = 20_000


def published(name: str) -> list[dict[str, str]]:
    with (REPORTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def total(rows: list[dict[str, str]], *columns: str) -> int:
    return sum(int(row[column] or 0) for row in rows for column in columns)


OWN_INITIATIVE = published("parts_5_and_6_2025H2.csv")
TOTALS = [row for row in OWN_INITIATIVE if row["category"] == "TOTAL"]
COMPLAINTS = published("part_7_2025H2.csv")
VISIBILITY = {
    Measure.CONTENT_REMOVED: "vis_removal",
    Measure.CONTENT_OTHER: "vis_other",
    Measure.CONTENT_DEMOTED: "vis_demoted",
    Measure.CONTENT_AGE_RESTRICTED: "vis_age_restricted",
    Measure.CONTENT_DISABLED: "vis_disable",
}
KINDS = [
    (figures.OF_CONTENT, "remove or disable", tuple(VISIBILITY.values())),
    (figures.OF_ACCOUNTS, "an account", ("account_suspension", "account_termination")),
    (figures.OF_SERVICE, "the service", ("service_suspension", "service_termination")),
    (
        figures.OF_MONEY,
        "monetise",
        ("monetary_suspension", "monetary_termination", "monetary_other"),
    ),
]


@pytest.mark.parametrize("category", sorted(figures.CATEGORIES))
def test_the_categories_are_the_published_ones_added_up(category: Category) -> None:
    rows = [r for r in OWN_INITIATIVE if r["category"] == f"STATEMENT_CATEGORY_{category}"]
    summed = figures.Measures(total(rows, "measures"), total(rows, "automated"))
    assert figures.CATEGORIES[category] == summed


def test_the_restrictions_of_content_are_the_published_ones_added_up() -> None:
    assert {m: total(TOTALS, column) for m, column in VISIBILITY.items()} == figures.VISIBILITY
    assert total(TOTALS, "vis_interaction_restricted", "vis_labelled") == 0


@pytest.mark.parametrize(("stated", "indicator", "columns"), KINDS)
def test_the_complaints_are_the_published_ones_added_up(
    stated: figures.Complaints, indicator: str, columns: tuple[str, ...]
) -> None:
    rows = [r for r in COMPLAINTS if indicator in r["indicator"]]

    def scope(*names: str) -> list[dict[str, str]]:
        return [r for r in rows if r["scope"] in names]

    assert stated.measures == total(TOTALS, *columns)
    assert stated.lodged == total(scope("Total number"), "value")
    assert stated.upheld == total(scope("Decisions upheld"), "value")
    assert stated.reversed == total(
        scope("Decisions reversed", "Decisions partially reversed"), "value"
    )
    hours = [float(r["value"]) for r in scope("Median time")]
    assert stated.median_hours == pytest.approx(median(hours), abs=0.001)


def test_the_disputes_are_the_published_ones_added_up() -> None:
    rows = [r for r in COMPLAINTS if "disputes" in r["indicator"]]
    summed = {
        outcome: total([r for r in rows if r["scope"] == scope], "value")
        for outcome, scope in (
            (Outcome.UPHELD, "Decisions upheld"),
            (Outcome.OVERTURNED, "Decisions reversed"),
        )
    }
    assert summed == figures.DISPUTES


# The whole world's script; nothing of it needs a database.


@pytest.fixture(scope="module")
def script() -> list[Case]:
    invent = Inventor(Random(1))
    made = list(cases.every_kind(invent, NOW))
    made += History(invent, NOW).cases(WHOLE - sum(len(case.requests) for case in made))
    return made


@pytest.fixture(scope="module")
def decisions(script: list[Case]) -> list[tuple[Request, Plan]]:
    """Those of chance: every measure's samples and records of others' decisions left out."""
    chance = [case for case in script if case.at < NOW - timedelta(days=60)]
    return [(r, plan) for case in chance for r, plan in case.requests if not r.is_outside]


def appealed(plan: Plan) -> bool:
    return any(step in FILING for _, step in plan)


def test_the_whole_world_has_as_many_sanctions_as_asked_for(script: list[Case]) -> None:
    assert sum(len(case.requests) for case in script) == WHOLE


def test_the_categories_are_in_the_published_shares(
    decisions: list[tuple[Request, Plan]],
) -> None:
    # A termination's category follows from its basis.
    drafts = [r.draft for r, _ in decisions if r.draft.permanent_basis is None]
    made = Counter(draft.category for draft in drafts)
    assert set(made) == set(Category)
    for share, category in figures.categories():
        assert made[category] / len(drafts) == pytest.approx(share, abs=0.03)


def test_machines_detect_the_published_share(decisions: list[tuple[Request, Plan]]) -> None:
    drafts = [r.draft for r, _ in decisions]
    own = [draft for draft in drafts if draft.source is Source.OWN_INITIATIVE]
    detected = sum(draft.is_automated_detection for draft in own)
    assert detected / len(own) == pytest.approx(figures.OVERALL.detection, abs=0.03)
    assert sum(draft.is_automated_detection for draft in drafts) == detected


def test_content_is_restricted_in_the_published_ways(
    decisions: list[tuple[Request, Plan]],
) -> None:
    made = Counter(r.draft.measure for r, _ in decisions)
    together = sum(made[measure] for measure in CONTENT_MEASURES)
    for share, measure in figures.content_measures():
        assert made[measure] / together == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize(
    ("about", "tolerance"),
    [
        (figures.OF_CONTENT, 0.01),
        (figures.OF_ACCOUNTS, 0.015),
        (figures.OF_SERVICE, 0.08),
        (figures.OF_MONEY, 0.12),
    ],
)
def test_people_appeal_at_the_published_rates(
    decisions: list[tuple[Request, Plan]], about: figures.Complaints, tolerance: float
) -> None:
    plans = [plan for r, plan in decisions if figures.complaints(r.draft.measure) is about]
    share = sum(appealed(plan) for plan in plans) / len(plans)
    assert share == pytest.approx(about.rate, abs=tolerance)


@pytest.mark.parametrize("about", [figures.OF_CONTENT, figures.OF_ACCOUNTS])
def test_appeals_take_the_published_time_to_decide(
    decisions: list[tuple[Request, Plan]], about: figures.Complaints
) -> None:
    deciding = {*DECIDE.values(), *DECIDE_AS_GUEST.values()}
    took = []
    for request, plan in decisions:
        moves = [step for _, step in plan]
        filed = [n for n, step in enumerate(moves) if step in FILING]
        decided = [n for n, step in enumerate(moves) if step in deciding]
        if filed and decided and figures.complaints(request.draft.measure) is about:
            passing = plan[filed[0] + 1 : decided[-1] + 1]
            took.append(sum((delay for delay, _ in passing), timedelta()) / HOUR)
    assert median(took) == pytest.approx(about.median_hours, rel=0.5)
    assert max(took) <= LONGEST_REVIEW / HOUR


def test_decisions_follow_the_published_week_and_the_assumed_day() -> None:
    made = instants(Random(1), NOW, WHOLE)
    weekdays, hours = Counter(at.weekday() for at in made), Counter(at.hour for at in made)
    assert made == sorted(made)
    assert made[0] > NOW - PAST
    assert made[-1] < NOW
    for day, volume in enumerate(figures.WEEKDAYS):
        share = volume / sum(figures.WEEKDAYS)
        assert weekdays[day] / WHOLE == pytest.approx(share, abs=0.015)
    for hour, volume in enumerate(figures.HOURS):
        assert hours[hour] / WHOLE == pytest.approx(volume / sum(figures.HOURS), abs=0.015)
    assert sum(at > NOW - PAST / 2 for at in made) > WHOLE / 2


# What use cases made of it, smaller.


@pytest.fixture
def db(database_url: str, tmp_path: Path) -> Iterator[Database]:
    database = Database(database_url, sequencer(tmp_path))
    yield database
    database.close()


def test_appeals_end_in_the_published_shares(db: Database) -> None:
    demo.load(db, Keys(b"k" * 32), now=NOW, sanctions=2_500)
    with db.reading() as session:
        # Those of the first months, and not the samples of every kind.
        appeals = session.exec(
            select(Appeal).where(col(Appeal.filed_at) < NOW - timedelta(days=60))
        ).all()
    outcomes = Counter(appeal.outcome for appeal in appeals)
    decided = outcomes[Outcome.UPHELD] + outcomes[Outcome.OVERTURNED]
    expected = (figures.OF_ACCOUNTS.reversal + figures.OF_CONTENT.reversal) / 2
    assert decided >= 50
    assert outcomes[Outcome.OVERTURNED] / decided == pytest.approx(expected, abs=0.15)

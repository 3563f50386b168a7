"""Transparency reports: the template's rows, figures from the records, blanks where they end."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from governance import reporting
from governance.complaints import ABOUT, COMPLAINTS, DISPUTES, hours
from governance.errors import RefusalCode
from governance.exporting.templates import FOLDER, Part, filled, keys, read, template
from governance.periods import Period
from governance.reporting import Reported, report
from governance.vocabulary import Category, Keyword
from governance.words import (
    AppealMove,
    Automation,
    Ground,
    InadmissibleCode,
    Measure,
    Outcome,
    Source,
)
from tests.builders import DAY, HOUR, MICRO, NOW, Team, World, refused

REAL = Path(__file__).parents[1] / "data" / "reports" / "tiktok_2026H1_7_appeals_and_recidivism.csv"
DAYS = "2026-03-01/2026-03-31"
PERIOD = Period.of_days(DAYS)
LATER = PERIOD.end + 60 * DAY


@pytest.fixture
def team(world: World) -> Team:
    """Return the platform that reports."""
    return world.team("mod.example")


def reported(
    world: World, part: Part = Part.APPEALS, period: Period = PERIOD, now: datetime = LATER
) -> Reported:
    with world.database.reading() as session:
        found = report(session, "mod.example", period, part, now=now)
    assert found is not None
    return found


def figures(world: World, part: Part = Part.APPEALS) -> dict[tuple[str, str], str]:
    """The figures of a part that aren't blank."""
    return read(reported(world, part).text)[3]


def appealed(
    world: World, team: Team, outcome: Outcome, took: timedelta, **changes: object
) -> None:
    issued = world.issue(team.issuer, NOW, expires_at=NOW + 60 * DAY, **changes)
    appeal = world.in_review(team, issued, NOW + DAY)
    end = NOW + 40 * DAY if outcome is Outcome.REDUCED else None
    world.decide(team.reviewer, appeal, outcome, NOW + DAY + took, end)


def test_the_part_has_the_rows_of_the_template_in_its_order(world: World, team: Team) -> None:
    text = reported(world).text
    header, *rows = csv.reader(io.StringIO(text))
    blank = template(Part.APPEALS)
    assert header == list(blank.columns)
    assert len(rows) == 47
    for row, one in zip(rows, blank.rows, strict=True):
        assert (row[0], row[3:6], row[7]) == (one[0], list(one[3:6]), one[7])
        assert row[1:3] == ["mod.example", DAYS]


def test_complaints_are_counted_by_what_they_are_about_and_by_outcome(
    world: World, team: Team
) -> None:
    appealed(world, team, Outcome.UPHELD, 2 * HOUR)
    appealed(world, team, Outcome.OVERTURNED, 4 * HOUR)
    appealed(world, team, Outcome.REDUCED, 90 * timedelta(minutes=1))
    content = {"subject": "https://b.example/1", "subject_kind": "CONTENT"}
    appealed(world, team, Outcome.OVERTURNED, 6 * HOUR, measure=Measure.CONTENT_REMOVED, **content)
    appealed(world, team, Outcome.UPHELD, 8 * HOUR, measure=Measure.SERVICE_RESTRICTED)
    told = figures(world)
    visibility, service, account, money = ABOUT
    assert told[COMPLAINTS, "Total number"] == "5"
    assert told[COMPLAINTS, "Decisions upheld"] == "2"
    assert told[COMPLAINTS, "Decisions partially reversed"] == "1"
    assert told[COMPLAINTS, "Decisions reversed"] == "2"
    assert told[COMPLAINTS, "Median time"] == "4"  # hours
    assert told[account, "Total number"] == "3"
    assert told[account, "Median time"] == "2"
    assert told[visibility, "Decisions reversed"] == "1"
    assert told[service, "Median time"] == "8"
    assert told[money, "Total number"] == "0"
    assert (money, "Median time") not in told  # of nothing, which is not 0


def test_what_the_records_do_not_hold_is_blank_and_never_0(world: World, team: Team) -> None:
    appealed(world, team, Outcome.UPHELD, HOUR)
    told = figures(world)
    for indicator, _ in set(keys(Part.APPEALS)) - set(told):
        assert any(
            word in indicator
            for word in ("newly imposed", "not to take action", "manifestly", "monetise", "dispute",
                         "visibility", "the service")
        )  # fmt: skip
    for indicator in {i for i, _ in keys(Part.APPEALS) if "not to take action" in i}:
        assert not [key for key in told if key[0] == indicator]


def test_a_complaint_without_a_decision_on_the_substance_is_omitted(
    world: World, team: Team
) -> None:
    refusal = {"code": InadmissibleCode.UNFOUNDED}
    for move, by, fields in (
        (AppealMove.REFUSE, team.reviewer, refusal),
        (AppealMove.WITHDRAW, team.admin, {}),
    ):
        issued = world.issue(team.issuer, NOW, expires_at=NOW + 60 * DAY)
        appeal = world.file(team.admin, issued, NOW + DAY).appeal_id
        world.move(by, appeal, move, NOW + 2 * DAY, **fields)
    waiting = world.issue(team.issuer, NOW, expires_at=NOW + 60 * DAY)
    lapsed = world.in_review(team, waiting, NOW + DAY)
    world.move(team.reviewer, lapsed, AppealMove.ASK, NOW + 2 * DAY, message="What was it?")
    world.file(team.admin, world.issue(team.issuer, NOW, expires_at=NOW + 60 * DAY), NOW + DAY)
    told = figures(world)
    assert told[COMPLAINTS, "Total number"] == "4"
    assert told[COMPLAINTS, "Decision omitted"] == "3"
    assert (COMPLAINTS, "Median time") not in told


def test_only_what_was_filed_within_the_period_counts(world: World, team: Team) -> None:
    issued = [world.issue(team.issuer, NOW, expires_at=NOW + 60 * DAY) for _ in range(2)]
    world.file(team.admin, issued[0], PERIOD.end - timedelta(microseconds=1))
    world.file(team.admin, issued[1], PERIOD.end)
    assert figures(world)[COMPLAINTS, "Total number"] == "1"
    april = reported(world, period=Period.of_days("2026-04-01/2026-04-30")).text
    assert read(april)[3][COMPLAINTS, "Total number"] == "1"


def test_another_platforms_complaints_are_not_counted(world: World, team: Team) -> None:
    appealed(world, world.team("other.example"), Outcome.UPHELD, HOUR)
    assert figures(world)[COMPLAINTS, "Total number"] == "0"


def test_disputes_before_outside_bodies(world: World, team: Team) -> None:
    issued = [world.issue(team.issuer, NOW, expires_at=NOW + 60 * DAY) for _ in range(2)]
    brought = [world.in_review(team, one, NOW + DAY) for one in issued]
    for appeal in brought:
        world.decide(team.reviewer, appeal, Outcome.UPHELD, NOW + 2 * DAY)
    for appeal in brought:
        world.move(team.admin, appeal, AppealMove.ESCALATE, NOW + 3 * DAY)
    for appeal, outcome, implemented in zip(
        brought, (Outcome.UPHELD, Outcome.OVERTURNED), (None, NOW + 8 * DAY), strict=True
    ):
        final = {"outcome": outcome, "implemented_at": implemented}
        world.move(team.reviewer, appeal, AppealMove.RECORD_FINAL, NOW + 8 * DAY, **final)
    told = figures(world)
    assert told[DISPUTES, "Total number"] == "2"
    assert told[DISPUTES, "Decisions upheld"] == told[DISPUTES, "Decisions reversed"] == "1"
    assert told[DISPUTES, "Median time"] == str(5 * 24)
    assert told[DISPUTES, "Percentage of outcomes implemented"] == "0.5"
    assert (DISPUTES, "Decision omitted") not in told


def test_measures_are_counted_by_category_and_restriction(world: World, team: Team) -> None:
    illegal: dict[str, Any] = {
        "ground": Ground.ILLEGAL_CONTENT,
        "category": Category.ANIMAL_WELFARE,
    }
    world.issue(team.issuer, **illegal, keywords=[Keyword.ANIMAL_HARM])
    world.issue(team.issuer, **illegal, is_automated_detection=True)
    world.issue(team.issuer, **illegal, source=Source.TRUSTED_FLAGGER)
    world.issue(team.issuer, automation=Automation.FULLY)
    world.issue(team.issuer, measure=Measure.WARNING, expires_at=None)
    world.void(team.issuer, world.issue(team.issuer))
    told = figures(world, Part.OWN_INITIATIVE_ILLEGAL)
    measured = "Number of measures taken at the provider's own initiative"
    welfare = "STATEMENT_CATEGORY_ANIMAL_WELFARE"
    assert told["TOTAL", measured] == told[welfare, measured] == "2"
    assert told[f"{welfare}/KEYWORD_ANIMAL_HARM", measured] == "1"
    assert told[welfare, "Account restriction Suspension"] == "2"
    solely = "Number of measures taken after detection with solely automated means"
    assert told[welfare, solely] == "1"
    assert told["STATEMENT_CATEGORY_VIOLENCE", measured] == "0"
    terms = figures(world, Part.OWN_INITIATIVE_TERMS)
    assert terms["STATEMENT_CATEGORY_VIOLENCE", measured] == "1"
    notices = figures(world, Part.NOTICES)
    law = "Number of actions taken on the basis of the law"
    assert notices[welfare, law] == notices[welfare, f"{law} (Trusted Flagger notices)"] == "1"
    assert (welfare, "Number of notices received") not in notices
    automated = figures(world, Part.AUTOMATED)
    by_machines = "Number of measures solely taken by automated means"
    assert automated[by_machines, "Total number"] == "1"
    assert automated["Number of measures not taken by automated means", "Total number"] == "3"


@pytest.mark.parametrize("part", Part)
def test_a_filled_part_reads_back(part: Part) -> None:
    values = {key: str(place) for place, key in enumerate(keys(part))}
    text = filled(part, "mod.example", DAYS, values)
    assert read(text) == (part, "mod.example", DAYS, values)
    blank = (FOLDER / f"{part}.csv").read_text(encoding="utf-8-sig")
    assert text.count("\n") == len(list(csv.reader(io.StringIO(blank))))


def test_a_published_report_of_a_real_service_is_of_the_same_shape() -> None:
    part, service, period, values = read(REAL.read_text())
    assert (part, service, period) == (Part.APPEALS, "TikTok", "2026-01-01/2026-06-30")
    assert values[COMPLAINTS, "Total number"] == "14589660"
    assert values[DISPUTES, "Percentage of outcomes implemented"] == "0.21"
    assert read(filled(part, service, period, values)) == (part, service, period, values)


@pytest.mark.parametrize(
    ("minutes", "told"),
    [([], None), ([0], "0"), ([60], "1"), ([1], "0.016667"), ([30, 90], "1"), ([48 * 60], "48")],
)
def test_hours_are_hours(minutes: list[int], told: str | None) -> None:
    assert hours(timedelta(minutes=m) for m in minutes) == told


def test_a_published_report_stays_and_the_next_is_another_version(world: World, team: Team) -> None:
    appealed(world, team, Outcome.UPHELD, HOUR)
    first = world.do(reporting.publish, "mod.example", PERIOD, now=LATER)
    assert (first.version, first.published_at) == (1, LATER)
    issued = world.issue(team.issuer, NOW + 20 * DAY, expires_at=NOW + 60 * DAY)
    world.file(team.admin, issued, NOW + 21 * DAY)
    assert figures(world)[COMPLAINTS, "Total number"] == "1"
    assert world.do(reporting.publish, "mod.example", PERIOD, now=LATER + DAY).version == 2
    found = reported(world)
    assert (found.version, read(found.text)[3][COMPLAINTS, "Total number"]) == (
        2,
        "2",
    )


def test_a_period_that_is_not_over_is_not_published(world: World, team: Team) -> None:
    with refused(world, RefusalCode.INVALID_INPUT):
        world.do(reporting.publish, "mod.example", PERIOD, now=PERIOD.end - HOUR)
    with refused(world, RefusalCode.NOT_FOUND):
        world.do(reporting.publish, "no.example", PERIOD, now=LATER)


def test_of_a_period_that_has_not_begun_nothing_is_told(world: World, team: Team) -> None:
    for part in Part:
        assert read(reported(world, part, now=PERIOD.start - MICRO).text)[3] == {}
        assert "0" in read(reported(world, part, now=PERIOD.start).text)[3].values()


def counted_elsewhere(values: dict[tuple[str, str], str], domain: str = "mod.example") -> str:
    return filled(Part.APPEALS, domain, DAYS, values)


def test_figures_counted_elsewhere_fill_the_blanks(world: World, team: Team) -> None:
    indicator = next(i for i, _ in keys(Part.APPEALS) if "unfounded notices" in i)
    for value in ("12", "13"):
        text = counted_elsewhere({(indicator, "Total number"): value})
        assert world.do(reporting.add_figures, text, now=LATER)[2] == 1
        assert figures(world)[indicator, "Total number"] == value


def test_shares_and_medians_from_elsewhere_may_have_decimals(world: World, team: Team) -> None:
    accurate = "Accuracy of the automated means - Precision"
    for part, key in (
        (Part.AUTOMATED, (accurate, "Total number")),
        (Part.NOTICES, ("TOTAL", "Median time to take action")),
    ):
        assert key in keys(part)
        text = filled(part, "mod.example", DAYS, {key: "0.97"})
        world.do(reporting.add_figures, text, now=LATER)
        assert figures(world, part)[key] == "0.97"


def test_figures_that_the_records_hold_or_that_are_none_are_refused(
    world: World, team: Team
) -> None:
    indicator = next(i for i, _ in keys(Part.APPEALS) if "unfounded notices" in i)
    none = ("many", "-1", "NaN", "Infinity", "1e3", "1_000", "1,5", "1.5", "\u0663")
    wrong_values = [{(indicator, "Total number"): value} for value in none]
    for values in ({(COMPLAINTS, "Total number"): "9"}, *wrong_values):
        with refused(world, RefusalCode.INVALID_INPUT):
            world.do(reporting.add_figures, counted_elsewhere(values), now=LATER)
    text = counted_elsewhere({(indicator, "Total number"): "1"})
    for wrong in ("", "a,b\n1,2\n", text.replace("Decisions reversed", "Decisions"), text[:-60]):
        with refused(world, RefusalCode.INVALID_INPUT):
            world.do(reporting.add_figures, wrong, now=LATER)
    with refused(world, RefusalCode.INVALID_INPUT):
        world.do(reporting.add_figures, text.replace(DAYS, "2026-03"), now=LATER)
    with refused(world, RefusalCode.NOT_FOUND):
        stranger = counted_elsewhere({(indicator, "Total number"): "1"}, "no.example")
        world.do(reporting.add_figures, stranger, now=LATER)

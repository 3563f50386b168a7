"""Statements for the EU's database: ready by all its rules, nothing private, and back again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlmodel import Session, select

from governance.exporting.dsa_rules import _CODES as CODES
from governance.exporting.dsa_rules import DECISIONS, problems
from governance.exporting.dsa_statements import Ready, platform_of, statements, write
from governance.importing.dsa_statements import import_dsa_statements
from governance.sanctions import Sanction
from governance.vocabulary import ContentType
from governance.words import Ground, Measure, Outcome, Source
from tests.builders import DAY, HOUR, KEYS, NOW, Team, World

ENUMS = orjson.loads((Path(__file__).parents[2] / "data/dsa/tdb_enums_v2.json").read_bytes())
MIDNIGHT = NOW.replace(hour=0)
CONTENT: dict[str, Any] = {
    "measure": Measure.CONTENT_REMOVED,
    "subject": "https://b.example/posts/1",
    "subject_kind": "CONTENT",
    "content_type": [ContentType.TEXT, ContentType.IMAGE],
    "content_date": MIDNIGHT - 9 * DAY,
    "content_language": "de-AT",
    "territorial_scope": ["DE", "AT"],
}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    """Yield an empty world; which rules hold has nothing to do with the engine."""
    with World(sqlite_url) as world:
        yield world


@pytest.fixture
def team(world: World) -> Team:
    """Return the platform that states its reasons."""
    return world.team("mod.example")


def stated(world: World, **days: Any) -> list[Ready]:
    with world.database.reading() as session:
        platform = platform_of(session, "mod.example")
    assert platform is not None
    return list(statements(world.database, platform, **({"since": None, "until": None} | days)))


def explained(world: World, team: Team, **changes: Any) -> str:
    return world.issue(team.issuer, explanation="Called for a lynching", **changes)


def test_the_codes_are_those_of_the_database() -> None:
    for name, codes in CODES.items():
        assert codes <= set(ENUMS["enums"][name]), name
        missing = set(ENUMS["enums"][name]) - codes
        # A restriction of ours is a suspension of the service or its end, partly or wholly.
        assert name in ("decision_provision", "content_language") or not missing, missing


def test_a_time_out_is_stated(world: World, team: Team) -> None:
    sanction_id = explained(world, team, expires_at=NOW + 7 * DAY, facts="Alice wrote it")
    [ready] = stated(world)
    assert ready.problems == []
    assert ready.told == {
        "decision_account": "DECISION_ACCOUNT_SUSPENDED",
        "end_date_account_restriction": f"{NOW + 7 * DAY:%Y-%m-%d}",
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": "Terms 4.2",
        "incompatible_content_explanation": "Called for a lynching",
        "category": "STATEMENT_CATEGORY_VIOLENCE",
        "content_type": ["CONTENT_TYPE_OTHER"],
        "content_type_other": "Account",
        "content_date": ready.told["content_date"],
        "application_date": f"{NOW:%Y-%m-%d}",
        "decision_facts": "Called for a lynching",
        "source_type": "SOURCE_VOLUNTARY",
        "automated_detection": "No",
        "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED",
        "puid": sanction_id,
    }
    text = orjson.dumps(ready.told)
    for private in (b"Alice", b"You threatened", b"elsewhere.example", b"ref-"):
        assert private not in text


def test_content_is_stated_with_what_is_known_of_it(world: World, team: Team) -> None:
    explained(world, team, **CONTENT, expires_at=None, ground=Ground.ILLEGAL_CONTENT)
    [ready] = stated(world)
    assert ready.problems == []
    assert ready.told["decision_visibility"] == ["DECISION_VISIBILITY_CONTENT_REMOVED"]
    assert ready.told["illegal_content_legal_ground"] == "Terms 4.2"
    assert ready.told["content_language"] == "DE"
    assert ready.told["territorial_scope"] == ["AT", "DE"]
    assert "incompatible_content_ground" not in ready.told
    assert "end_date_visibility_restriction" not in ready.told


def test_the_last_day_is_the_last_with_the_restriction(world: World, team: Team) -> None:
    explained(world, team, effective_at=NOW, expires_at=MIDNIGHT + 2 * DAY)
    explained(world, team, effective_at=NOW, expires_at=NOW + HOUR / 6)
    ends = [ready.told["end_date_account_restriction"] for ready in stated(world)]
    assert sorted(ends) == [f"{NOW:%Y-%m-%d}", f"{NOW + DAY:%Y-%m-%d}"]


@pytest.mark.parametrize("measure", [m for m in Measure if m is not Measure.WARNING])
def test_every_restriction_has_its_code(world: World, team: Team, measure: Measure) -> None:
    with world.database.reading() as session:
        stored = world.sanction(explained(world, team))
        told = _statement(session, stored, measure)
    assert sum(name in told for name in DECISIONS) == 1
    assert problems(told) == []


def _statement(session: Session, like: Sanction, measure: Measure) -> dict[str, Any]:
    from governance.exporting.dsa_statements import statement
    from governance.sanctions import Disclosure

    held = session.get(Disclosure, like.id)
    told = statement(Sanction(**(like.model_dump() | {"measure": measure})), held)
    assert told is not None
    return told


def test_warnings_and_voided_decisions_are_not_stated(world: World, team: Team) -> None:
    explained(world, team, measure=Measure.WARNING, expires_at=None)
    world.void(team.issuer, explained(world, team))
    kept = explained(world, team)
    world.decide(team.reviewer, world.in_review(team, kept), Outcome.OVERTURNED)
    assert [ready.sanction_id for ready in stated(world)] == [kept]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"explanation": None}, "decision_facts: it is required"),
        ({"explanation": None}, "incompatible_content_explanation: it is required"),
        ({**CONTENT, "content_type": [], "expires_at": None}, "content_type: it is required"),
        ({"content_date": MIDNIGHT - 20_000 * DAY}, "content_date: expected 2000-01-01 or"),
    ],
)
def test_what_the_database_would_refuse_is_not_ready(
    world: World, team: Team, changes: dict[str, Any], said: str
) -> None:
    world.issue(team.issuer, **({"explanation": "Called for a lynching"} | changes))
    [ready] = stated(world)
    assert any(problem.startswith(said) for problem in ready.problems), ready.problems


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("category", "STATEMENT_CATEGORY_PORNOGRAPHY", "isn't a code of it"),
        ("territorial_scope", ["XX"], "isn't a code of it"),
        ("content_language", "de", "isn't a code of it"),
        ("puid", "a b", "expected letters"),
        ("puid", "x" * 501, "at most 500"),
        ("decision_facts", "x" * 5_001, "at most 5,000"),
        ("application_date", "2019-12-31", "expected 2020-01-01 or a day after"),
        ("application_date", "2038-01-02", "expected 2038-01-01 or a day before"),
        ("content_date", "1999-12-31", "expected 2000-01-01 or a day after"),
        ("end_date_account_restriction", "2038-01-02", "expected 2038-01-01 or a day before"),
        ("decision_ground_reference_url", "https://", "expected the address of a page"),
        ("decision_ground_reference_url", "https://a b", "expected the address of a page"),
        ("decision_ground_reference_url", "https://[a/", "expected the address of a page"),
        ("end_date_account_restriction", "2021-01-01", "not before application_date"),
        ("category_specification", ["KEYWORD_OTHER"], "category_specification_other"),
        ("decision_account", None, "at least one restriction"),
        ("automated_decision", None, "it is required"),
    ],
)
def test_each_rule_of_the_database_is_checked(
    world: World, team: Team, field: str, value: Any, said: str
) -> None:
    explained(world, team)
    [ready] = stated(world)
    assert any(said in problem for problem in problems(ready.told | {field: value}))


def test_the_first_and_the_last_days_fit(world: World, team: Team) -> None:
    explained(world, team)
    [ready] = stated(world)
    days = {"content_date": "2000-01-01", "application_date": "2020-01-01"}
    ends = {"end_date_account_restriction": "2038-01-01"}
    page = {"decision_ground_reference_url": "https://mod.example/rules#4"}
    assert problems(ready.told | days | ends | page) == []


def test_requests_hold_a_hundred_statements_at_most(
    world: World, team: Team, tmp_path: Path
) -> None:
    for _ in range(102):
        explained(world, team)
    world.issue(team.issuer)
    count, refused = write(stated(world), "Mod", tmp_path / "out.ndjson", is_dump=False)
    lines = (tmp_path / "out.ndjson").read_bytes().splitlines()
    assert [len(orjson.loads(line)["statements"]) for line in lines] == [100, 2]
    assert (count, len(refused)) == (102, 1)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_days_are_both_included(world: World, team: Team) -> None:
    for later in range(3):
        explained(world, team, now=NOW + later * DAY)
    day = (NOW + DAY).date()
    assert len(stated(world, since=day, until=day)) == 1
    assert len(stated(world, since=day)) == 2


def test_the_dump_comes_back_by_the_import(database_url: str, tmp_path: Path) -> None:
    with World(database_url) as world:
        _comes_back(world, world.team("mod.example"), tmp_path)


def _comes_back(world: World, team: Team, tmp_path: Path) -> None:
    whole = {"effective_at": MIDNIGHT + DAY, "expires_at": MIDNIGHT + 9 * DAY}
    explained(world, team, **whole, source=Source.TRUSTED_FLAGGER, content_date=MIDNIGHT - DAY)
    explained(world, team, **CONTENT, expires_at=None)
    file = tmp_path / "dump.csv"
    assert write(stated(world), "Mod", file, is_dump=True) == (2, [])
    later = NOW + 30 * DAY
    summary = import_dsa_statements(world.database, KEYS, file, now=later)
    assert (summary.read, summary.refused) == (2, [])
    with world.database.reading() as session:
        rows = session.exec(select(Sanction)).all()
    ours = {s.measure: s for s in rows if s.platform_id == team.platform.id}
    theirs = {s.measure: s for s in rows if s.platform_id != team.platform.id}
    assert ours.keys() == theirs.keys()
    same = ("ground", "category", "keywords", "source", "automation", "is_automated_detection")
    for measure, one in ours.items():
        other = theirs[measure]
        assert [getattr(one, n) for n in same] == [getattr(other, n) for n in same]
        assert one.expires_at == other.expires_at
        assert sorted(one.territorial_scope) == sorted(other.territorial_scope)

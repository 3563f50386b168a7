"""Selections over HTTP: a project asks, waits and reads; nobody else does."""

import re
from hashlib import sha256
from typing import Any

import orjson
import pytest

from governance.log.notes import parse_note
from governance.log.signers import signed_by
from governance.rules import research
from tests.api.http.conftest import Lines
from tests.api.http.selections.conftest import ALL, ASK, CANCEL, LIST, Study
from tests.builders import DAY, HOUR, LOG_KEY, Team


def test_a_project_asks_waits_and_fetches(study: Study) -> None:
    asked = study.ask(**ALL)["selection"]
    assert (asked["state"], asked["progress"], asked["files"]) == ("WAITING", 0, [])
    assert asked["manifestUrl"] is asked["rowCount"] is asked["expiresAt"] is None
    assert study.keeper.make()
    made = study.found(asked["id"])
    assert (made["state"], made["progress"], made["problem"]) == ("READY", 1, None)
    assert (made["rowCount"], made["subjectCount"], made["withheldCount"]) == (22, 12, None)
    assert made["expiresAt"] == study.node.at(research.KEPT)
    assert {file["format"] for file in made["files"]} == {"PARQUET", "CSV", "NDJSON"}
    for file in made["files"]:
        response = study.node.client.get(file["url"])
        assert response.status_code == 200
        assert sha256(response.content).hexdigest() == file["sha256"]
        assert len(response.content) == file["byteCount"]
        assert response.headers["cache-control"] == "private, no-store"
    note = parse_note(study.node.client.get(made["manifestUrl"]).content)
    signed_by(note, [LOG_KEY.verifier()])
    heading, told = note.text.splitlines()
    assert heading == "comity selection v1"
    assert {f["sha256"] for f in orjson.loads(told)["files"]} == {
        f["sha256"] for f in made["files"]
    }


def test_repeat_sanctions_are_seen_and_people_are_not(study: Study) -> None:
    rows = study.rows(study.asked(**ALL))
    subjects = [row["subject"] for row in rows]
    assert sorted(map(subjects.count, set(subjects))) == [1] * 2 + [2] * 10
    assert subjects == sorted(subjects)
    text = orjson.dumps(rows).decode()
    for secret in ("person", "host.example", "san_", "acct:", "neighbours", "threatened", "case-"):
        assert secret not in text
    assert "12:00" not in text
    days = {day for row in rows for day in (row["issuedOn"], row["endedOn"]) if day}
    assert days
    assert not [day for day in days if not re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", day)]


def test_pseudonyms_are_a_projects_own_and_the_same_each_time(study: Study) -> None:
    subjects = {row["subject"] for row in study.rows(study.asked(**ALL))}
    suspended = study.asked(**ALL, filter={"measures": ["ACCOUNT_SUSPENDED"]})
    assert {row["subject"] for row in study.rows(suspended)} == subjects
    other = study.node.world.member(study.team, *study.by.roles)
    others = {row["subject"] for row in study.rows(study.asked(other, **ALL))}
    assert len(others) == len(subjects) == 12
    assert not others & subjects


def test_a_selection_is_its_projects_alone(study: Study) -> None:
    made = study.asked(**ALL)
    node, ident = study.node, made["id"]
    other = node.world.member(study.team, *study.by.roles)
    by_id = "query($i: ID!) { node(id: $i) { __typename id } }"
    for by in (None, other, study.team.admin, study.team.reader):
        assert node.data(LIST, None, by)["selections"] == {"totalCount": 0, "nodes": []}
        assert node.data(by_id, {"i": ident}, by)["node"] is None
    cancelled = node.data(CANCEL, {"i": {"selectionId": ident}}, other)["cancelSelection"]
    assert cancelled == {
        "__typename": "Refusal",
        "code": "NOT_FOUND",
        "path": ["input", "selectionId"],
    }
    assert node.data(by_id, {"i": ident}, study.by)["node"] == {
        "__typename": "Selection",
        "id": ident,
    }


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"filter": {"subject": "https://spam.example"}}, ["input", "filter", "subject"]),
        ({"filter": {"subject": "acct:a@b.example"}}, ["input", "filter", "subject"]),
        ({"filter": {"issuedAfter": "2026-03-01"}}, ["input", "filter", "issuedAfter"]),
        ({"filter": {"issuedBefore": "yesterday"}}, ["input", "filter", "issuedBefore"]),
        ({"filter": {"endedAfter": "20260301"}}, ["input", "filter", "endedAfter"]),
        ({"filter": {"endedBefore": "1772323200"}}, ["input", "filter", "endedBefore"]),
        ({"filter": {"languages": ["x y"]}}, ["input", "filter", "languages"]),
        (
            {
                "filter": {
                    "issuedAfter": "2026-03-02T00:00:00Z",
                    "issuedBefore": "2026-03-01T00:00:00Z",
                }
            },
            ["input", "filter", "issuedBefore"],
        ),
        ({"filter": {"platform": "not a domain"}}, ["input", "filter", "platform"]),
        ({"formats": []}, ["input", "formats"]),
    ],
)
def test_a_bad_wish_is_refused_by_its_field(
    lite_study: Study, given: dict[str, Any], path: list[str]
) -> None:
    before = lite_study.node.records()
    refused = lite_study.ask(**given)
    assert refused["code"] == "INVALID_INPUT"
    assert refused["path"] == path
    assert lite_study.node.records() == before


FILTERS: list[dict[str, Any]] = [
    {}, {"platform": "mod.example"}, {"measures": ["ACCOUNT_SUSPENDED"]},
    {"measures": ["ACCOUNT_SUSPENDED", "SERVICE_RESTRICTED"], "subjectKinds": ["ACCOUNT"]},
    {"categories": ["VIOLENCE"], "effects": ["ENDED"], "endReasons": ["EXPIRED"]},
    {"validities": ["STANDING"], "grounds": ["INCOMPATIBLE_CONTENT"], "isBinding": True},
    {"automations": ["NOT_AUTOMATED"], "sources": ["OWN_INITIATIVE"], "isAppealed": False},
    {"durations": ["UP_TO_7_DAYS"], "issuedAfter": "2026-03-01T00:00:00Z"},
    {"issuedBefore": "2026-03-02T00:00:00+00:00", "endedAfter": "2026-03-08T00:00:00Z"},
    {"issuedAfter": "2026-03-01T00:00:00Z", "issuedBefore": "2026-03-02T00:00:00Z"},
]  # fmt: skip
OTHERS: list[dict[str, Any]] = [
    {"platform": "host.example"}, {"measures": ["WARNING"]}, {"keywords": ["HATE_SPEECH"]},
    {"languages": ["de", "en"]}, {"effects": ["IN_FORCE"]}, {"isAppealed": True},
    {"endedBefore": "2026-03-01T00:00:00Z"}, {"issuedAfter": "2026-03-02T00:00:00Z"},
]  # fmt: skip


def test_every_part_of_a_filter_is_asked(study: Study) -> None:
    for given in [*FILTERS, *OTHERS]:
        made = study.asked(filter=given)
        query = "query($f: SanctionFilter) { sanctions(filter: $f) { totalCount } }"
        counted = study.node.data(query, {"f": given})["sanctions"]["totalCount"]
        assert (counted or None) == made["rowCount"], given
        assert bool(counted) is (given in FILTERS)
        study.node.data(CANCEL, {"i": {"selectionId": made["id"]}}, study.by)
        study.node.clock.forward(2 * HOUR)


def test_a_project_has_only_so_many_at_once_and_a_day(
    lite_study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(research, "MOST_A_DAY", 3)
    wishes = [{"filter": {"categories": [word]}} for word in ("VIOLENCE", "SCAMS_AND_FRAUD")]
    for wish in wishes:
        assert lite_study.ask(**wish)["__typename"] == "SelectionChanged"
    refused = lite_study.ask()
    assert refused["code"] == "QUOTA_EXCEEDED"
    assert "under way" in refused["message"]
    assert lite_study.keeper.make()
    assert lite_study.ask()["__typename"] == "SelectionChanged"
    assert lite_study.keeper.make()
    other_format = {"formats": ["CSV"]}
    assert "24 hours" in lite_study.ask(**other_format)["message"]
    other = lite_study.node.world.member(lite_study.team, *lite_study.by.roles)
    assert lite_study.ask(other)["__typename"] == "SelectionChanged"
    lite_study.node.clock.forward(DAY)
    assert lite_study.ask(**other_format)["__typename"] == "SelectionChanged"


def test_the_same_again_on_a_day_is_the_same(lite_study: Study) -> None:
    made = lite_study.asked(**ALL)
    again = lite_study.ask(formats=["CSV", "NDJSON", "PARQUET"])["selection"]
    assert (again["id"], again["state"]) == (made["id"], "READY")
    lite_study.node.data(CANCEL, {"i": {"selectionId": made["id"]}}, lite_study.by)
    assert lite_study.ask(**ALL)["selection"]["id"] != made["id"]
    lite_study.node.clock.forward(DAY)
    assert lite_study.ask(**ALL)["selection"]["asOf"] > made["asOf"]


def test_more_bytes_than_a_project_may_keep_are_not_made(
    lite_study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governance.exporting.selecting.MOST_BYTES", 3)
    made = lite_study.asked()
    assert (made["state"], made["files"]) == ("FAILED", [])
    assert made["problem"] == "its files are larger than a project may keep: ask for less"
    assert list(lite_study.node.settings.selection_path.glob("*sel_*")) == []
    monkeypatch.undo()
    assert lite_study.asked()["state"] == "READY"
    monkeypatch.setattr(research, "MOST_BYTES", 3)
    assert "bytes" in lite_study.ask(formats=["CSV"])["message"]


def test_what_was_issued_today_is_in_tomorrows(lite_study: Study) -> None:
    for n in range(12):
        lite_study.issue(f"acct:late{n}@host.example", category="SCAMS_AND_FRAUD")
    of_today = {"categories": ["SCAMS_AND_FRAUD"]}
    assert lite_study.asked(filter=of_today)["rowCount"] is None
    lite_study.node.clock.forward(DAY)
    assert lite_study.asked(filter=of_today)["rowCount"] == 12


def test_what_a_platform_keeps_to_itself_is_in_none(lite_study: Study) -> None:
    for n in range(12):
        lite_study.issue(f"acct:own{n}@host.example", audience="OWN", category="SCAMS_AND_FRAUD")
    lite_study.node.clock.forward(DAY)
    made = lite_study.asked(filter={"categories": ["SCAMS_AND_FRAUD"]})
    assert (made["rowCount"], made["withheldCount"]) == (None, None)


def test_every_request_and_fetch_is_logged_without_what_is_in_it(
    lite_study: Study, lines: Lines
) -> None:
    made = lite_study.asked()
    lite_study.node.client.get(made["files"][0]["url"])
    assert [line["state"] for line in lines.of("selection")] == ["WAITING", "READY"]
    assert {line["selection"] for line in lines.of("selection")} == {made["id"]}
    [fetched] = lines.of("selection fetched")
    assert fetched["selection"] == made["id"]
    assert "signature" not in lines.text


def test_researchers_alone_ask(lite_study: Study) -> None:
    team: Team = lite_study.team
    for by in (team.reader, team.admin, team.issuer, team.reviewer):
        assert lite_study.ask(by)["code"] == "FORBIDDEN"
    answer = lite_study.node.answer(ASK, {"i": {}})
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

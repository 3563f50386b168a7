"""Selections over HTTP: a project asks, waits, fetches by signed links; nobody else does."""

import gzip
import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlmodel import select

from api.research import making
from api.research.making import Keeper
from governance.log.notes import parse_note
from governance.log.signers import signed_by
from governance.membership import add_member, revoke_token
from governance.platforms import Token
from governance.rules import research
from governance.words import Role
from tests.api.http.conftest import Lines
from tests.api.http.outside import Node
from tests.builders import DAY, HOUR, LOG_KEY, NOW, Team

PATIENCE = 30  # seconds
FIELDS = """id state progress requestedAt asOf generation madeAt expiresAt problem rowCount
  subjectCount withheldCount manifestUrl files { format url sha256 byteCount }"""
ASK = f"""mutation($i: ExportSelectionInput!) {{ exportSelection(input: $i) {{ __typename
  ... on SelectionChanged {{ selection {{ {FIELDS} }} }} ... on Refusal {{ code path message }}
}} }}"""
CANCEL = """mutation($i: CancelSelectionInput!) { cancelSelection(input: $i) { __typename
  ... on SelectionChanged { selection { state } } ... on Refusal { code path } } }"""
LIST = f"{{ selections {{ totalCount nodes {{ {FIELDS} }} }} }}"
ISSUE = """mutation($all: [IssueSanctionInput!]!) { issueSanctions(input: { sanctions: $all }) {
  results { ... on SanctionIssued { sanction { id } } } } }"""
BODY = {"explanation": "Named three neighbours", "reason": "You threatened somebody"}
ALL = {"formats": ["PARQUET", "CSV", "NDJSON"]}


class Study:
    """A node whose platform suspended twelve accounts some days ago, one of them twice."""

    def __init__(self, node: Node) -> None:
        self.node, self.team = node, node.world.team("mod.example")
        node.world.team("host.example")
        self.accounts = [f"acct:person{n}@host.example" for n in range(12)]
        more = [{"subject": account} for account in self.accounts]
        more += [{"subject": a, "measure": "SERVICE_RESTRICTED"} for a in self.accounts[:10]]
        batch = [node.body(**BODY, **one) for one in more]
        results = node.data(ISSUE, {"all": batch}, self.team.issuer)["issueSanctions"]["results"]
        issued = [result["sanction"]["id"] for result in results]
        self.ids, self.again = issued[:12], issued[12:]
        node.clock.forward(10 * DAY)
        self.keeper = Keeper(node.world.database, node.settings, node.clock)
        self.by = self.team.researcher

    def issue(self, subject: str, **changes: Any) -> str:
        told = self.node.issue(self.team.issuer, subject=subject, **{**BODY, **changes})
        sanction_id: str = told["sanction"]["id"]
        return sanction_id

    def ask(self, by: Any = None, **given: Any) -> dict[str, Any]:
        found = self.node.data(ASK, {"i": given}, by or self.by)["exportSelection"]
        assert isinstance(found, dict)
        return found

    def asked(self, by: Any = None, **given: Any) -> dict[str, Any]:
        """A selection that was asked for and made."""
        ident = self.ask(by, **given)["selection"]["id"]
        assert self.keeper.make()
        return self.found(ident, by)

    def found(self, ident: str, by: Any = None) -> dict[str, Any]:
        nodes = self.node.data(LIST, None, by or self.by)["selections"]["nodes"]
        [found] = [one for one in nodes if one["id"] == ident]
        assert isinstance(found, dict)
        return found

    def rows(self, selection: dict[str, Any]) -> list[dict[str, Any]]:
        [file] = [f for f in selection["files"] if f["format"] == "NDJSON"]
        data = gzip.decompress(self.node.client.get(file["url"]).content)
        return [orjson.loads(line) for line in data.splitlines()]


@pytest.fixture
def study(still: None, node: Node) -> Study:
    """Return a study on each engine."""
    return Study(node)


@pytest.fixture
def lite_study(still: None, lite: Node) -> Study:
    """Return a study on SQLite, for what has nothing to do with the database."""
    return Study(lite)


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
    assert "T" not in {c for row in rows for c in (row["issuedOn"], row["endedOn"] or "")}


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
    ("part", "other"),
    [
        ("signature=", "signature=0"),
        ("until=", "until=9"),
        ("until=", "until=x"),
        ("?until", "?before"),
        ("rows.parquet", "manifest.note"),
        ("rows.parquet", "..%2f..%2fcomity.key"),
        ("/sel_", "/sel_a"),
    ],
)
def test_a_link_that_the_node_did_not_sign_opens_nothing(
    lite_study: Study, part: str, other: str
) -> None:
    url = lite_study.asked()["files"][0]["url"]
    assert lite_study.node.client.get(url).status_code == 200
    assert lite_study.node.client.get(url.replace(part, other)).status_code == 404


def test_a_link_ends_after_a_day_and_another_is_had_by_asking(lite_study: Study) -> None:
    made = lite_study.asked()
    url = made["files"][0]["url"]
    lite_study.node.clock.forward(DAY - timedelta(seconds=1))
    assert lite_study.node.client.get(url).status_code == 200
    lite_study.node.clock.forward(timedelta(seconds=1))
    assert lite_study.node.client.get(url).status_code == 404
    again = lite_study.found(made["id"])["files"][0]["url"]
    assert lite_study.node.client.get(again).status_code == 200


def test_a_link_is_dead_once_its_project_may_not_ask_any_more(study: Study) -> None:
    made, node, domain = study.asked(), study.node, study.team.platform.domain
    urls = made["files"][0]["url"], made["manifestUrl"]

    def statuses() -> set[int]:
        return {node.client.get(url).status_code for url in urls}

    def change(*roles: Role) -> None:
        node.world.do(add_member, domain, "researcher", list(roles), now=NOW)

    def revoke() -> None:
        with node.world.database.writing() as session:
            own = select(Token).where(Token.member_id == study.by.member_id)
            for token in session.exec(own):
                revoke_token(session, token.id, now=NOW)

    change(Role.READER)
    assert statuses() == {404}
    change(Role.READER, Role.RESEARCHER)
    assert statuses() == {200}
    revoke()
    assert statuses() == {404}
    node.token(study.by)
    assert statuses() == {200}


def test_a_link_is_dead_once_the_last_token_of_its_project_is_over(study: Study) -> None:
    token = study.node.token(study.by, 10 * DAY + HOUR)
    url = study.asked(token)["files"][0]["url"]
    study.node.clock.forward(HOUR - timedelta(seconds=1))
    assert study.node.client.get(url).status_code == 200
    study.node.clock.forward(timedelta(seconds=1))
    assert study.node.client.get(url).status_code == 404


def test_a_file_is_fetched_in_pieces(lite_study: Study) -> None:
    url = lite_study.asked()["files"][0]["url"]
    client = lite_study.node.client
    whole = client.get(url)
    part = client.get(url, headers={"Range": "bytes=4-99"})
    assert (part.status_code, part.content) == (206, whole.content[4:100])
    tag = {"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
    assert part.content + client.get(url, headers=tag).content == whole.content[4:]


def test_files_go_after_a_week_and_the_request_stays(lite_study: Study) -> None:
    made = lite_study.asked()
    folder = lite_study.node.settings.selection_path
    lite_study.node.clock.forward(research.KEPT)
    assert lite_study.keeper.renew() == 0
    over = lite_study.found(made["id"])
    assert (over["state"], over["files"], over["manifestUrl"]) == ("EXPIRED", [], None)
    assert list(folder.glob("*sel_*")) == []


def test_a_cancelled_selection_is_dead_at_once_and_its_files_go(lite_study: Study) -> None:
    made = lite_study.asked()
    url, node = made["files"][0]["url"], lite_study.node
    cancelled = node.data(CANCEL, {"i": {"selectionId": made["id"]}}, lite_study.by)
    assert cancelled["cancelSelection"]["selection"] == {"state": "CANCELLED"}
    assert node.client.get(url).status_code == 404
    lite_study.keeper.renew()
    assert list(node.settings.selection_path.glob("*sel_*")) == []
    again = node.data(CANCEL, {"i": {"selectionId": made["id"]}}, lite_study.by)["cancelSelection"]
    assert again["code"] == "CONFLICT"


def test_an_erasure_is_taken_out_of_what_was_ready(study: Study) -> None:
    made = study.asked(**ALL)
    rows = study.rows(made)
    study.node.world.erase(study.team.admin, study.accounts[0], study.node.clock.now)
    assert study.keeper.renew() == 1
    assert study.node.client.get(made["files"][0]["url"]).status_code == 404
    waiting = study.found(made["id"])
    assert (waiting["state"], waiting["generation"], waiting["files"]) == ("WAITING", 1, [])
    assert study.keeper.make()
    again = study.found(made["id"])
    assert (again["state"], again["generation"]) == ("READY", 1)
    assert (again["asOf"], again["expiresAt"]) == (made["asOf"], made["expiresAt"])
    gone = {row["subject"] for row in rows} - {row["subject"] for row in study.rows(again)}
    assert len(gone) >= 1  # and the nine that shared a row with nobody else any more
    assert study.keeper.renew() == 0
    folder = study.node.settings.selection_path
    text = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not [name for name in gone if name.encode() in text]


def test_an_erasure_counts_though_the_record_fits_no_more(study: Study) -> None:
    made = study.asked(**ALL, filter={"validities": ["STANDING"]})
    world, now = study.node.world, study.node.clock.now
    world.overturn(study.team.issuer, study.ids[11], now)
    assert study.keeper.renew() == 0
    world.erase(study.team.admin, study.accounts[11], now)
    assert study.keeper.renew() == 1
    assert study.node.client.get(made["files"][0]["url"]).status_code == 404


def test_an_erasure_while_another_process_makes_it_is_seen(study: Study) -> None:
    ident, node = study.ask()["selection"]["id"], study.node
    looks = count(1)

    def check() -> None:
        if next(looks) == 3:  # its rows are read
            node.world.erase(study.team.admin, study.accounts[0], node.clock.now)
            assert study.keeper.renew() == 0

    assert Keeper(node.world.database, node.settings, node.clock, check).make()
    assert study.found(ident)["state"] == "READY"
    assert study.keeper.renew() == 1


class Spins(BaseException):
    """It is tried without an end."""


@pytest.mark.parametrize("at", ["before anything is read", "while it is read"])
def test_what_can_not_be_made_is_given_up(lite_study: Study, at: str) -> None:
    ident, node = lite_study.ask()["selection"]["id"], lite_study.node
    broken = {
        "before anything is read": "UPDATE sanctions SET redacted_at = 'soon'",
        "while it is read": """UPDATE selections SET wanted = '{"issuedAfter": "then"}'""",
    }
    node.world.do(lambda session: session.execute(sa.text(broken[at])))
    looks = count()

    def check() -> None:
        if next(looks) > 20:
            raise Spins

    assert Keeper(node.world.database, node.settings, node.clock, check).make()
    found = lite_study.found(ident)
    assert (found["state"], found["files"]) == ("FAILED", [])
    assert found["problem"].startswith("the node couldn't make it")
    assert lite_study.ask()["selection"]["id"] != ident


def test_files_that_are_lost_are_made_again(lite_study: Study) -> None:
    made = lite_study.asked()
    for path in lite_study.node.settings.selection_path.rglob("manifest.note"):
        path.unlink()
    assert lite_study.keeper.renew() == 1
    assert lite_study.keeper.make()
    again = lite_study.found(made["id"])
    assert again["files"][0]["sha256"] == made["files"][0]["sha256"]
    assert lite_study.node.client.get(again["files"][0]["url"]).status_code == 200


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"filter": {"subject": "https://spam.example"}}, ["input", "filter", "subject"]),
        ({"filter": {"subject": "acct:a@b.example"}}, ["input", "filter", "subject"]),
        ({"filter": {"issuedAfter": "2026-03-01"}}, ["input", "filter", "issuedAfter"]),
        ({"filter": {"issuedBefore": "yesterday"}}, ["input", "filter", "issuedBefore"]),
        ({"filter": {"languages": ["x y"]}}, ["input", "filter", "languages"]),
        ({"filter": {"platform": "not a domain"}}, None),
        ({"formats": []}, ["input", "formats"]),
    ],
)
def test_a_bad_wish_is_refused_by_its_field(
    lite_study: Study, given: dict[str, Any], path: list[str] | None
) -> None:
    before = lite_study.node.records()
    refused = lite_study.ask(**given)
    assert refused["code"] == "INVALID_INPUT"
    assert path is None or refused["path"] == path
    assert lite_study.node.records() == before


FILTERS: list[dict[str, Any]] = [
    {}, {"platform": "mod.example"}, {"measures": ["ACCOUNT_SUSPENDED"]},
    {"measures": ["ACCOUNT_SUSPENDED", "SERVICE_RESTRICTED"], "subjectKinds": ["ACCOUNT"]},
    {"categories": ["VIOLENCE"], "effects": ["ENDED"], "endReasons": ["EXPIRED"]},
    {"validities": ["STANDING"], "grounds": ["INCOMPATIBLE_CONTENT"], "isBinding": True},
    {"automations": ["NOT_AUTOMATED"], "sources": ["OWN_INITIATIVE"], "isAppealed": False},
    {"durations": ["UP_TO_7_DAYS"], "issuedAfter": "2026-03-01T00:00:00Z"},
    {"issuedBefore": "2026-03-02T00:00:00+00:00", "endedAfter": "2026-03-08T00:00:00Z"},
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


@pytest.fixture
def serving(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """Yield a node that makes selections by itself."""
    monkeypatch.setattr(making, "EVERY", timedelta(seconds=0.1))
    monkeypatch.setattr(making, "LOOK", timedelta(seconds=0.3))
    with Node(database_url, tmp_path / "comity.key") as node:
        yield node


def test_a_server_makes_renews_and_lets_go_by_itself(serving: Node) -> None:
    study = Study(serving)
    ident = study.ask()["selection"]["id"]

    def until(state: str, generation: int) -> None:
        end = time.monotonic() + PATIENCE
        while (found := study.found(ident)) and (found["state"], found["generation"]) != (
            state,
            generation,
        ):
            assert time.monotonic() < end, found
            time.sleep(0.05)

    until("READY", 0)
    serving.world.erase(study.team.admin, study.accounts[0], serving.clock.now)
    until("READY", 1)
    serving.clock.forward(8 * DAY)
    until("EXPIRED", 2)


def test_researchers_alone_ask(lite_study: Study) -> None:
    team: Team = lite_study.team
    for by in (team.reader, team.admin, team.issuer, team.reviewer):
        assert lite_study.ask(by)["code"] == "FORBIDDEN"
    answer = lite_study.node.answer(ASK, {"i": {}})
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
